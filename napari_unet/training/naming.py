"""What a new model is called."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import count

from pydantic import ValidationError

from napari_unet.core.auto import RESERVED
from napari_unet.core.errors import UserError
from napari_unet.models.card import ModelCard
from napari_unet.models.library import ModelLibrary

_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}(-\d+)?$")
_LONGEST = 48
_WINDOWS = {"CON", "PRN", "AUX", "NUL", *(f"{port}{k}" for port in ("COM", "LPT") for k in range(1, 10))}
"""Names of devices there, whatever follows the first dot. ".partial" is what is not written to its end."""


def free_name(library: ModelLibrary, parent: str) -> str:
    """The parent's name without a date, today's date, and a number where that is taken already."""
    plain = f"{_DATED.sub('', parent)[:_LONGEST]}-{datetime.now(UTC).date().isoformat()}"
    taken = _taken(library)
    return next(
        name
        for name in (plain if k == 1 else f"{plain}-{k}" for k in count(1))
        if name.casefold() not in taken
    )


def check_name(library: ModelLibrary, name: str) -> None:
    """Raises UserError if a model cannot be called `name`, or one is: a model is never overwritten."""
    try:
        ModelCard(name=name)
        allowed = not name.endswith(".partial") and name.split(".")[0].upper() not in _WINDOWS
        allowed &= name.casefold() not in RESERVED
    except ValidationError:
        allowed = False
    if not allowed:
        raise UserError(
            f"{name!r} cannot be the name of a model.", "Use letters, digits, '.', '_' and '-', at most 64."
        )
    if name.casefold() in _taken(library):
        raise UserError(f"There is a model named {name} already.", "Choose another name.")


def _taken(library: ModelLibrary) -> set[str]:
    """Names that differ only in case are the same: some file systems cannot distinguish them."""
    folders = library.own.iterdir() if library.own.is_dir() else ()
    return {entry.card.name.casefold() for entry in library.list()} | {f.name.casefold() for f in folders}
