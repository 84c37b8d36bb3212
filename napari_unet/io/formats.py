"""The door between files and rasters: picks the family of a file by its content and hands over."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.raster import Raster
from napari_unet.io.names import (
    is_readable_image,
    list_images,
    list_images_and_masks,
    stem,
    suffix_of,
)
from napari_unet.io.pictures import read_picture, read_picture_mask, write_png

__all__ = [
    "is_readable_image",
    "list_images",
    "list_images_and_masks",
    "read_mask",
    "read_raster",
    "stem",
    "write_mask",
    "write_png",
]


def read_raster(path: Path) -> Raster:
    """One file as a raster. Raises UserError, with the file's name, for anything that cannot be read."""
    family = _family(path)
    if family == "picture":
        return read_picture(path)
    raise UserError(f"{path.name} is not an image of a known kind.", "Open PNG, JPEG, TIFF, NIfTI or DICOM.")


def read_mask(path: Path) -> np.ndarray:
    """A mask file as labels, (Y, X) or (Z, Y, X), in the order in which `read_raster` shows its image."""
    if _family(path) == "picture":
        return read_picture_mask(path)
    raise UserError(f"{path.name} is not a mask of a known kind.", "Use PNG, TIFF or NIfTI.")


def write_mask(path: Path, mask: np.ndarray, like: Raster) -> Path:
    """Writes a mask of the raster `like`; the suffix of `path` decides the format. Returns `path`.

    mask : bool (written as 0/255) or labels 0, 1, 2, ... of the shape of `like`.
    Raises UserError if the format does not fit or if `path` is the image itself.
    """
    if mask.shape != like.shape:
        raise ValueError(f"the mask has shape {mask.shape}, its image {like.shape}")
    _keep_input(path, like)
    if suffix_of(path).lower() != ".png":
        raise UserError(f"Masks are not saved as {suffix_of(path) or 'files without a suffix'}.", "Use .png.")
    if mask.ndim != 2:
        raise UserError("A PNG holds one image, not a stack.", "Save the mask as .tif or .nii.gz.")
    return write_png(path, _smallest(mask))


def _smallest(mask: np.ndarray) -> np.ndarray:
    if mask.dtype == bool:
        return mask
    highest = int(mask.max(initial=0))
    if int(mask.min(initial=0)) < 0 or highest > np.iinfo(np.uint16).max:
        raise UserError("Labels must lie in 0 to 65535 to be saved.")
    return mask.astype(np.uint8 if highest <= np.iinfo(np.uint8).max else np.uint16)


def _keep_input(path: Path, like: Raster) -> None:
    if path.exists() and like.source and os.path.exists(like.source) and os.path.samefile(path, like.source):
        raise UserError(f"{path.name} is the image itself and is not overwritten.", "Choose another name.")


def _family(path: Path) -> str:
    try:
        with path.open("rb") as file:
            start = file.read(132)
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist.", "Check the name.") from error
    except IsADirectoryError as error:
        raise UserError(f"{path} is a folder.", "Open one image in it.") from error
    except OSError as error:
        raise UserError(
            f"{path.name} cannot be read ({error.strerror}).", "Check that you may open it."
        ) from error
    if not start:
        raise UserError(f"{path.name} is empty (0 bytes).", "Copy or export it once more.")
    if start.startswith((b"\x89PNG", b"\xff\xd8\xff")):
        return "picture"
    return ""
