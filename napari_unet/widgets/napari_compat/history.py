"""Of a Labels layer: its steps of undo, and edits that are one of them.

napari reports strokes only, by the event `paint`.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableSequence
from contextlib import contextmanager, suppress
from typing import Any

from napari.layers import Labels

Step = list[Any]
"""What one undo takes back: atoms as `stroke_log.change_of` reads them."""


def undo_steps(layer: Labels) -> MutableSequence[Step]:
    """The steps that undo would take back, the last one last: napari's own list, to be changed too."""
    return layer._undo_history


def redo_steps(layer: Labels) -> MutableSequence[Step]:
    """The steps that redo would make again, the next one last: napari's own list."""
    return layer._redo_history


def is_painting(layer: Labels) -> bool:
    """Whether a stroke is under way: what is done now would become a part of it. False if it is not known."""
    return bool(getattr(layer, "_block_history", False))


def end_failed_step(layer: Labels) -> None:
    """What was changed before a `block_history` failed is a step: napari would add it to the next one."""
    staged, done = layer._staged_history, layer._undo_history
    if staged and not (done and done[-1] is staged):
        with suppress(Exception):  # a listener that fails again
            layer._commit_staged_history()
    layer._staged_history = []


@contextmanager
def one_step(layer: Labels) -> Iterator[None]:
    """All edits in it are one step of undo, also where something fails: napari would carry it on then."""
    try:
        with layer.block_history():
            yield
    except Exception:
        end_failed_step(layer)
        raise
