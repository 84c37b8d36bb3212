"""What a person opens in napari at once: files, or the images in a folder, and what is refused among them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from napari_unet.io.dicom_sets import Series, series_among
from napari_unet.io.names import list_images


def files_of(given: Sequence[Path]) -> list[Path]:
    """Files as they are, and in place of folders the images directly in them."""
    return [file for one in given for file in (list_images(one) if one.is_dir() else [one])]


def refuse_series(given: Sequence[Path]) -> None:
    """Raises UserError if several files of one series of CT or MR are opened at once."""
    for series in _series(tuple(files_of(_opened_together() or given))):
        raise series.refusal


@lru_cache(maxsize=1)
def _series(files: tuple[Path, ...]) -> tuple[Series, ...]:
    """Kept, as napari asks for each of the files in turn."""
    return tuple(series_among(files)) if len(files) > 1 else ()


def _opened_together() -> list[Path]:
    """All files that the person opens at once, of which napari hands over one at a time; [] if unknown.

    They stand in the call of napari's `ViewerModel.open` that led here, and nowhere else: a reader hears of
    the second slice of a series when the first one is a layer already.
    """
    frame = sys._getframe().f_back
    while frame is not None:
        if (frame.f_code.co_name, frame.f_globals.get("__name__")) == _NAPARI_OPENS:
            paths = frame.f_locals.get("paths_") or ()
            return [Path(one) for one in paths if isinstance(one, (str, os.PathLike))]
        frame = frame.f_back
    return []


_NAPARI_OPENS = ("open", "napari.components.viewer_model")
