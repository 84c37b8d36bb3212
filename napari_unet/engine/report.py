"""What the child does with an exception: a plain sentence for the person, the traceback for the log.

No patient data in the log: no argument is written, and text that came with the arguments (names of files and
layers) is struck out of the messages.
"""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO

from napari_unet.core.errors import UserError, is_out_of_memory
from napari_unet.core.source import Source
from napari_unet.engine.messages import Run
from napari_unet.io.names import composed, stem

_log = logging.getLogger("napari_unet.engine")


def open_log(folder: Path) -> TextIO | None:
    """Let tracebacks go to `folder`/engine.log (1 MB, three older ones).

    Returns an open file for the stack of a crash, or None if the folder cannot be written to.
    """
    _log.propagate = False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(folder / "engine.log", "a", 1_000_000, 3, encoding="utf-8", delay=True)
        handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(message)s"))
        _log.addHandler(handler)
        return (folder / "engine-crash.log").open("a", encoding="utf-8")
    except OSError:
        _log.addHandler(logging.NullHandler())
        return None


def as_user_error(error: BaseException, run: Run) -> UserError:
    """What to say to the person. Anything but a UserError is written to the log."""
    if isinstance(error, UserError):
        return UserError(error.problem, error.remedy)
    _log.error("the job %r failed\n%s", run.kind, _without(_texts(run.arguments), error))
    if is_out_of_memory(error):
        return UserError("Memory ran out.", "Close other programs, or use a smaller image or the CPU.")
    if isinstance(error, ImportError):
        return UserError(
            f"A package is missing or broken ({error.name or error}).",
            "Run `napari-unet-lung doctor`; it says what to do.",
        )
    return UserError(
        f"Something went wrong unexpectedly ({type(error).__name__}).",
        f"Please report it with the last lines of {_log_path()}; they contain no image and no name.",
    )


def log_unreadable(error: Exception) -> None:
    """A message from the parent cannot be read. Where in the code, not what was in it."""
    place = "".join(traceback.format_tb(error.__traceback__))
    _log.error("unreadable message: %s\n%s", type(error).__name__, place)


def _texts(value: object) -> Iterator[str]:
    """Every text in the arguments, and for paths also the name and its stem, however they are composed."""
    if isinstance(value, str | Path):
        path = Path(value)
        for text in (str(value), path.name, path.stem, stem(path)):
            yield from (text, composed(text))
    elif isinstance(value, Source):
        yield from _texts((value.path, *value.files))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(key)
            yield from _texts(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _texts(item)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _texts(getattr(value, field.name))


def _without(texts: Iterator[str], error: BaseException) -> str:
    trace = "".join(traceback.format_exception(error))
    words = sorted({text for text in texts if text.strip()}, key=len, reverse=True)
    if not words:
        return trace
    return re.sub(rf"(?<![^\W_])({'|'.join(map(re.escape, words))})(?![^\W_])", "<argument>", trace)


def _log_path() -> str:
    paths = [handler.baseFilename for handler in _log.handlers if isinstance(handler, RotatingFileHandler)]
    return paths[0] if paths else "the terminal"
