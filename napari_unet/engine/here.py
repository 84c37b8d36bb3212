"""The engine of a program without a window, in its own process: the command line, a worker of a cluster.

What needs torch is asked of it, and not imported.
"""

from __future__ import annotations

from collections.abc import Generator
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_unet.engine import LocalEngine


@cache
def engine(threads: int | None = None) -> LocalEngine:
    """One for the whole program. threads : for torch; None leaves it as it is."""
    from napari_unet.engine import LocalEngine

    return LocalEngine(threads=threads)


def steps(kind: str, /, **arguments: Any) -> Generator[Any, None, Any]:
    """One job of the engine as steps: its events; what it returns, and what it raises. Ctrl+C cancels it."""
    return engine().submit(kind, **arguments).events()
