"""What a person opens in napari at once: files, or the images in a folder, and what is refused among them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from napari_unet.io.dicom_sets import Series, series_among
from napari_unet.io.names import list_images


def files_of(given: Sequence[Path]) -> list[Path]:
    """Files as they are, and in place of folders the images directly in them."""
    return [file for one in given for file in (list_images(one) if one.is_dir() else [one])]


def refuse_series(given: Sequence[Path]) -> None:
    """Raises UserError if several files of one series of CT or MR are among those that are opened at once."""
    for series in _series(tuple(files_of(given))):
        raise series.refusal


@lru_cache(maxsize=1)
def _series(files: tuple[Path, ...]) -> tuple[Series, ...]:
    """Kept, as napari asks for each of the files in turn."""
    return tuple(series_among(files)) if len(files) > 1 else ()
