"""The way between files and rasters: passes a file to the reader of its family."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.frames import DicomFrame, Frame, NiftiFrame, Turned
from napari_unet.core.geometry import Geometry, on_grid_of
from napari_unet.core.label_set import LUNGS, LabelSet
from napari_unet.core.labels import MaskLabels, label_map, whole_numbers
from napari_unet.core.labels_in_file import labels_in_file
from napari_unet.core.prediction import in_bytes
from napari_unet.core.raster import Raster
from napari_unet.core.source import Source
from napari_unet.io.dicom import read_dicom
from napari_unet.io.dicom_frames import is_multi_frame
from napari_unet.io.dicom_seg_masks import instances_of, read_seg_mask
from napari_unet.io.dicom_seg_read import is_seg, read_seg
from napari_unet.io.dicom_series import geometry_of_series, read_series
from napari_unet.io.dicomdir import refuse_index
from napari_unet.io.grey import MaskValues
from napari_unet.io.kinds import family_of
from napari_unet.io.memory import memory_for
from napari_unet.io.names import (
    is_mask_name,
    is_readable_image,
    list_images,
    list_images_and_masks,
    stem,
    suffix_of,
)
from napari_unet.io.nifti import (
    geometry_of_file,
    geometry_of_frame,
    read_nifti,
    write_nifti,
)
from napari_unet.io.overlay import write_overlay
from napari_unet.io.pictures import read_picture, read_picture_mask, turned_of_picture, write_png
from napari_unet.io.tiff import read_tiff, read_tiff_mask, turned_of_tiff, write_tiff, write_tiff_slices
from napari_unet.io.upright import notes_on_turned

__all__ = [
    "geometry_of",
    "is_mask_name",
    "is_readable_image",
    "list_images",
    "list_images_and_masks",
    "mask_suffix",
    "read_labels",
    "read_mask",
    "read_raster",
    "stem",
    "suffix_for",
    "write_mask",
    "write_overlay",
    "write_png",
    "write_probability",
]
_A_255TH = float(np.nextafter(np.float32(1 / 255), np.float32(0)))  # 255 of them are never more than 1


def read_raster(image: Path | Source) -> Raster:
    """Read an image from a file, or from the files of a series.

    Parameters
    ----------
    image : Path or Source
        A PNG, JPEG, BMP, GIF, WebP, JPEG 2000, TIFF, NIfTI or DICOM file, recognised by its content, or the
        files of a DICOM series.

    Returns
    -------
    Raster
        Pixels (Y, X) or (Z, Y, X), with what the header says.

    Raises
    ------
    UserError
        If it cannot be read; with the name of the file.
    """
    source = Source.of(image)
    if source.is_series:
        with memory_for(source.path):
            return read_series(source)
    path = source.first
    readers = {"picture": read_picture, "tiff": read_tiff, "nifti": read_nifti, "dicom": read_dicom}
    refuse_index(path)
    with memory_for(path):
        family = family_of(path)
        if family == "dicom" and is_multi_frame(path):
            return read_series(source)
        return readers[family](path)


def read_mask(path: Path) -> np.ndarray:
    """The numbers of a mask file, (Y, X) or (Z, Y, X), in the order in which `read_raster` shows its image.

    Whole numbers as they are stored, whatever they mean; what they mean says `read_labels`. Raises UserError
    as `read_raster`, and for values that are not whole numbers.
    """
    whole = whole_numbers(_mask_values(path).values)
    if whole is None:
        raise UserError(f"{path.name} is not a mask: its values are not whole numbers.", "Choose a mask.")
    return whole


def read_labels(
    path: Path,
    any_label: bool = False,
    of: Path | Source | Raster | None = None,
    labels: LabelSet = LUNGS,
) -> MaskLabels:
    """A mask file as labels, with what was assumed: the one way in which masks from elsewhere are read.

    0 is background, 255 to be ignored, the others are `labels`: of lungs 1 is lung or the right one, 2 the
    left one. any_label : other numbers are welcome too. of : the image, or another mask of it, on whose grid
    the labels are requested.
    Raises UserError as `read_raster`; NotLabels, with the values, if they are not those of a mask (see
    core.labels); MisplacedMask if it does not lie where its image does (see core.geometry), was drawn before
    its image was turned upright (see io.upright), or refers to other images (see io.dicom_seg_masks).
    """
    if is_seg(path):
        seg = read_seg_mask(path, labels, any_label)
        return seg.whole() if of is None else seg.on(instances_of(of), geometry_of(of))
    values, notes, lossy = _mask_values(path)
    found = label_map(values, lossy) if any_label else labels_in_file(values, labels, lossy)
    if of is None:
        return MaskLabels(found.labels, (*notes, *found.notes))
    mask, moved = on_grid_of(found.labels, geometry_of(path), geometry_of(of))
    turned = notes_on_turned(mask.shape, turned_of(of)) if turned_of(path) is None else ()
    return MaskLabels(mask, (*notes, *found.notes, *moved, *turned))


def turned_of(image: Path | Source | Raster) -> Turned | None:
    """How an image or mask was turned upright, for files by the header alone; None if it was not."""
    if isinstance(image, Raster):
        return image.frame if isinstance(image.frame, Turned) else None
    source = Source.of(image)
    readers = {"picture": turned_of_picture, "tiff": turned_of_tiff}
    reader = None if source.is_series else readers.get(family_of(source.first))
    return None if reader is None else reader(source.first)


def geometry_of(image: Path | Source | Raster) -> Geometry | None:
    """Where an image or a mask lies, for files by the header alone; None without affine, NIfTI and series."""
    if not isinstance(image, Raster):
        source = Source.of(image)
        family = "series" if source.is_series else family_of(source.first)
        if family == "series" or (family == "dicom" and is_multi_frame(source.first)):
            return geometry_of_series(source)
        if is_seg(source.first):
            return read_seg(source.first).geometry
        return geometry_of_file(source.first) if family == "nifti" else None
    if isinstance(image.frame, NiftiFrame) and image.frame.shown_shape == image.shape:
        return geometry_of_frame(image.frame)
    if image.affine is None or image.pixels.ndim != 3:
        return None
    depth, height, width = image.shape
    return Geometry((depth, height, width), image.affine)


def mask_suffix(like: Raster) -> str:
    """The suffix of `like`'s mask if none is asked for, see `suffix_for`."""
    return suffix_for(like.frame, like.pixels.ndim)


def suffix_for(frame: Frame | None, axes: int) -> str:
    """The suffix of a mask of an image with that frame and so many axes.

    .nii.gz for NIfTI and DICOM series, which lie somewhere in the patient; else .png or, for stacks, .tif.
    """
    if isinstance(frame, NiftiFrame) or (isinstance(frame, DicomFrame) and axes == 3):
        return ".nii.gz"
    return ".png" if axes == 2 else ".tif"


def write_mask(path: Path, mask: np.ndarray, like: Raster) -> Path:
    """Writes a mask of the raster `like`; the suffix of `path` decides the format. Returns `path`.

    mask : bool (written as 0/255; in NIfTI 0/1) or labels 0, 1, 2, ... of the shape of `like`.
    TIFF and NIfTI carry the spacing; NIfTI has the order and the affine of the image's own file, or of a
    DICOM series the affine that follows from its positions.
    Raises UserError if the format does not fit, if `path` is the image itself, or if it cannot be written.
    """
    if mask.dtype == bool:
        return _write(path, mask, like)
    highest = int(mask.max(initial=0))
    if mask.dtype.kind not in "ui" or int(mask.min(initial=0)) < 0 or highest > np.iinfo(np.uint16).max:
        raise UserError("Labels must be whole numbers from 0 to 65535 to be saved.")
    return _write(path, mask.astype(np.uint8 if highest <= np.iinfo(np.uint8).max else np.uint16), like)


def write_probability(path: Path, probability: np.ndarray | Iterable[np.ndarray], like: Raster) -> Path:
    """As `write_mask`, for values 0..1, an array of the shape of `like` or its slices (Y, X) in turn.

    float32 in TIFF and, of a 2D image, in NIfTI. A volume is 8-bit in NIfTI, with a scale of 1/255 in the
    header: programs read 0 to 1, at most 1/510 off. Of a volume, no more than a slice is in memory as floats.
    """
    flat = isinstance(probability, np.ndarray) and probability.ndim == 2
    planes = (np.asarray(one, np.float32) for one in ([probability] if flat else probability))
    if like.pixels.ndim == 2:
        (only,) = planes
        return _write(path, only, like)
    if suffix_of(path).lower() in (".tif", ".tiff"):
        _refuse_own_image(path, like)
        return write_tiff_slices(path, planes, like)
    shown = np.empty(like.shape, np.uint8)
    for plane, values in zip(shown, planes, strict=True):
        plane[...] = in_bytes(values)
    return _write(path, shown, like, scale=_A_255TH)


def _mask_values(path: Path) -> MaskValues:
    family = family_of(path)
    with memory_for(path):
        if family == "picture":
            return read_picture_mask(path)
        if family == "tiff":
            return read_tiff_mask(path)
        raster = read_raster(path)
        return MaskValues(raster.pixels, raster.notes)


def _refuse_own_image(path: Path, like: Raster) -> None:
    there = like.source and os.path.exists(path) and os.path.exists(like.source)
    if there and os.path.samefile(path, like.source):
        raise UserError(f"{path.name} is the image itself and is not overwritten.", "Choose another name.")


def _write(path: Path, pixels: np.ndarray, like: Raster, scale: float = 1.0) -> Path:
    """scale : of the values in NIfTI, where it is not 1."""
    if pixels.shape != like.shape:
        raise ValueError(f"the mask has shape {pixels.shape}, its image {like.shape}")
    _refuse_own_image(path, like)
    match suffix_of(path).lower():
        case ".png" if pixels.ndim == 3 or pixels.dtype.kind == "f":
            raise UserError("PNG cannot store stacks or probabilities.", "Save it as .tif or .nii.gz.")
        case ".png":
            return write_png(path, pixels)
        case ".tif" | ".tiff":
            return write_tiff(path, pixels, like)
        case ".nii" | ".nii.gz":
            return write_nifti(path, pixels, like, scale)
        case other:
            raise UserError(f'Masks are not saved as "{other}".', "Use .png, .tif or .nii.gz.")
