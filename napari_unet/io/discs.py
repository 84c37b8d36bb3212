"""Discs and zip files of hospitals: what on them is no image of the patient, and which images they lack."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

from napari_unet.core.errors import UserError
from napari_unet.io.content import is_dicom
from napari_unet.io.dicomdir import listed_in
from napari_unet.io.names import MISSING, PICTURE, is_picture
from napari_unet.io.unpacked import unpacked_into

_NAMES = ("DICOMDIR", "dicomdir", "DICOMDIR;1")
_DEEPEST = 8  # folders of a disc inside each other, as DICOM allows


def passed_over(files: Sequence[Path]) -> dict[str, list[Path]]:
    """Of files, the pictures that lie on a disc or in a zip file with DICOM images of them; by the reason.

    They are icons of a viewer program or copies for people without one. A disc is what lies below a DICOMDIR.
    Images that this lists and that are not there come too, if all the others are among the files.
    """
    place_of = cache(partial(_place_of, cache(index_in)))
    pictures: dict[Path, list[Path]] = defaultdict(list)
    others: dict[Path, list[Path]] = defaultdict(list)
    for file in files:
        place = place_of(file.parent)
        if place is not None:
            (pictures if is_picture(file) else others)[place].append(file)
    found: dict[str, list[Path]] = {PICTURE: [], MISSING: []}
    for place, images in others.items():
        if pictures[place] and any(map(is_dicom, images)):
            found[PICTURE] += pictures[place]
        found[MISSING] += _missing(place, set(images))
    return {reason: several for reason, several in found.items() if several}


def index_in(folder: Path) -> Path | None:
    """The DICOMDIR of a folder, if it has one."""
    return next((path for name in _NAMES if (path := folder / name).is_file()), None)


def _place_of(index_of: Callable[[Path], Path | None], folder: Path) -> Path | None:
    """The folder of the disc or the unpacked zip file that `folder` is in; None if it is in none."""
    above = (folder, *folder.parents[: _DEEPEST - 1])
    return unpacked_into(folder) or next(filter(index_of, above), None)


def _missing(place: Path, files: set[Path]) -> list[Path]:
    index = index_in(place)
    try:
        left = [file for file in listed_in(index) if file not in files] if index else []
    except UserError:
        return []
    return [] if any(file.is_file() for file in left) else left
