"""A file that an export makes: never over another one, and nothing is begun that cannot end."""

from __future__ import annotations

import zipfile
from pathlib import Path

from napari_unet.core.errors import UserError

_SAME_EACH_TIME = (1980, 1, 1, 0, 0, 0)


def check_new_file(path: Path) -> None:
    """Raises UserError if there is something at `path` already, or no folder to put it in."""
    if path.exists() or path.is_symlink():
        raise UserError(f"There is a file {path} already.", "Choose another name; nothing is overwritten.")
    if not path.parent.is_dir():
        raise UserError(
            f"The folder {path.parent} does not exist.", "Create it first, or choose another one."
        )


def check_same(name: str, off: float, most: float) -> None:
    """Raises UserError if what was written of a model gives results that are `off` by more than `most`."""
    if not off <= most:
        raise UserError(
            f"The copy of {name} does not do what the model does (off by {off:.2g}).",
            "Report this to the developers of the plugin.",
        )


def add_bytes(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """One member without date and owner: the same content gives the same zip file. Stored, not compressed."""
    archive.writestr(zipfile.ZipInfo(name, _SAME_EACH_TIME), content)
