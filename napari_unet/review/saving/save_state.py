"""What the window says about saving, and about what went wrong with it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from traceback import format_tb

from napari_unet.core.errors import IN_THE_LOG, UserError
from napari_unet.review.faults import explained

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Saved:
    """Everything is on the disk. at : when, UTC."""

    at: datetime


@dataclass(frozen=True)
class Saving:
    """`waiting` pieces of work are on their way to the disk."""

    waiting: int


@dataclass(frozen=True)
class Unsaved:
    """Writing failed and is tried again by itself; nothing is lost while the window is open.

    rescue : folder outside the project that holds the strokes meanwhile, or None.
    """

    problem: UserError
    waiting: int
    rescue: Path | None


SaveState = Saved | Saving | Unsaved


def in_words(error: Exception) -> UserError:
    """Any error, for people."""
    if isinstance(error, UserError):
        return error
    if isinstance(error, OSError):
        return explained(error)
    return UserError("Something went wrong while saving.", IN_THE_LOG)


def log_bug(what: str, error: Exception) -> None:
    """Where it happened, without the error's own words: they may name a file."""
    _log.error("%s: %s\n%s", what, type(error).__name__, "".join(format_tb(error.__traceback__)))
