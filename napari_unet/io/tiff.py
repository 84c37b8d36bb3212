"""TIFF: strips or tiles, 1 to 64 bit, pages as slices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.frames import Turned
from napari_unet.core.labels import IGNORE, LEFT, RIGHT
from napari_unet.core.raster import Raster
from napari_unet.io.atomic import atomic_write
from napari_unet.io.grey import MaskValues, grey_from_channels, in_colour, mask_from_channels
from napari_unet.io.tiff_spacing import spacing_of_tiff
from napari_unet.io.upright import TAG, orientation_of, turned_notes, upright, upright_raster

Grey = Callable[[np.ndarray, str], np.ndarray]
_SHOWN = "White is stored as 0 in this TIFF: what viewers show as white was taken as the mask."
_STORED = "White is stored as 0 in this TIFF, but it contains label numbers: they were kept as they are."


def read_tiff(path: Path) -> Raster:
    """A TIFF file as a raster: one page is (Y, X), several of one size are (Z, Y, X), never channels.

    Upright as the orientation tag asks. The spacing is known only from OME's physical sizes and from ImageJ's
    calibration in a unit of length (io/tiff_spacing.py). The resolution tags alone are not used: scanners and
    photo programs write the dots per inch of a printer there. Where white is 0 (PhotometricInterpretation),
    the raster is inverted; one bit is 0/255.
    """
    with _opened(path) as file:
        pixels, page = _pixels(file, path.name, labels=False)
        spacing = spacing_of_tiff(file, page, pixels.ndim)
    raster = Raster(
        pixels.astype(np.uint8) * 255 if pixels.dtype == bool else pixels,
        spacing_mm=spacing.mm,
        spacing_source=spacing.source,
        inverted=True if page.photometric.name == "MINISWHITE" else None,
        source=str(path),
        notes=spacing.notes,
    )
    return upright_raster(raster, _orientation(page))


def read_tiff_mask(path: Path) -> MaskValues:
    """The numbers of a mask, as viewers show it: upright, and what is white is lung, also where 0 is white.

    There, label numbers (1 and 2, which viewers show as white as the background) stay as they are stored. A
    coloured palette gives the stored numbers.
    """
    notes: list[str] = []

    def grey(channels: np.ndarray, name: str) -> np.ndarray:
        found = mask_from_channels(channels, name)
        notes.extend(found.notes)
        return found.values

    with _opened(path) as file:
        pixels, page = _pixels(file, path.name, labels=True, grey=grey)
    if page.photometric.name == "MINISWHITE":
        stored, pixels = pixels, _as_shown(pixels)
        notes.append(_STORED if stored is pixels else _SHOWN)
    orientation = _orientation(page)
    return MaskValues(upright(pixels, orientation), (*notes, *turned_notes(orientation)))


def turned_of_tiff(path: Path) -> Turned | None:
    """How `read_tiff` turns this file; None if it does not."""
    with _opened(path) as file:
        page = file.pages[0]
        depth = len(file.pages)
        orientation = _orientation(page)
        shape = (page.imagelength, page.imagewidth)
        return None if orientation == 1 else Turned(orientation, shape if depth == 1 else (depth, *shape))


def write_tiff(path: Path, pixels: np.ndarray, like: Raster) -> Path:
    """Writes bool (as 0/255), uint8, uint16 or float32, with the spacing as ImageJ's calibration."""
    data = pixels.astype(np.uint8) * 255 if pixels.dtype == bool else pixels
    return _write(path, data, like)


def write_tiff_slices(path: Path, slices: Iterable[np.ndarray], like: Raster) -> Path:
    """As `write_tiff`, for the slices (Y, X) of a stack in turn, float32."""
    return _write(path, iter(slices), like, shape=like.shape, dtype=np.float32)


def _write(path: Path, data: Any, like: Raster, **options: Any) -> Path:
    import tifffile

    metadata: dict[str, Any] = {"axes": "YX" if like.pixels.ndim == 2 else "ZYX"}
    resolution = None
    if like.spacing_mm is not None:
        *depth, height, width = like.spacing_mm
        resolution = (1 / width, 1 / height)
        metadata |= {"unit": "mm"} | ({"spacing": depth[0]} if depth else {})
    with atomic_write(path) as partial:
        tifffile.imwrite(
            partial,
            data,
            imagej=True,
            compression="zlib",
            resolution=resolution,
            metadata=metadata,
            **options,
        )
    return path


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The TiffFile. What is wrong with it becomes a UserError, also while it is read."""
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            yield file
    except (UserError, MemoryError):
        raise
    except Exception as error:  # decoders of damaged files raise nearly anything
        if "imagecodecs" in str(error):
            raise UserError(
                f"{path.name} is compressed in a way that needs another package.",
                "Run: pip install imagecodecs",
            ) from error
        raise UserError(
            f"{path.name} is damaged, incomplete or an unknown kind of TIFF.", "Export it again."
        ) from error


def _pixels(file: Any, name: str, labels: bool, grey: Grey = grey_from_channels) -> tuple[np.ndarray, Any]:
    """The pixels as they are stored, (Y, X) or (Z, Y, X), and the first page. grey : of several channels."""
    whole = [series for series in file.series if not _is_extra(series.keyframe)]
    if len(whole) != 1:
        raise UserError(
            f"{name} contains {len(whole)} images of different sizes or kinds.",
            "Save the one that you need separately.",
        )
    page, axes = whole[0].keyframe, whole[0].axes
    pixels = _grey_stack(whole[0].asarray(), axes, page, name, labels, grey)
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False), page


def _orientation(page: Any) -> int:
    tag = page.tags.get(TAG)
    return 1 if tag is None else orientation_of(int(tag.value))


def _as_shown(stored: np.ndarray) -> np.ndarray:
    """A mask in which 0 is white with white as its highest value; label numbers stay as they are."""
    if stored.dtype == bool:
        return ~stored
    if stored.dtype.kind != "u":
        return stored
    white = np.iinfo(stored.dtype).max
    values = np.unique(stored)
    labels = values[values > 0]
    if values[-1] <= white // 2 or (labels[0] <= LEFT and np.isin(labels, (RIGHT, LEFT, IGNORE)).all()):
        return stored
    return white - stored


def _is_extra(page: Any) -> bool:
    """Thumbnails and transparency masks are not the image."""
    return bool(page.is_reduced or page.is_mask)


def _grey_stack(pixels: np.ndarray, axes: str, page: Any, name: str, labels: bool, grey: Grey) -> np.ndarray:
    """The array of a TIFF series as (Y, X) or (Z, Y, X)."""
    if page.photometric.name not in ("MINISWHITE", "MINISBLACK", "RGB", "YCBCR", "PALETTE"):
        raise in_colour(name)
    kept = [a for a, length in zip(axes, pixels.shape, strict=True) if length > 1 or a in "YX"]
    pixels = pixels.reshape([n for a, n in zip(axes, pixels.shape, strict=True) if a in kept])
    colour = next((a for a in kept if a == "S" or (a == "C" and pixels.shape[kept.index("C")] == 3)), None)
    stack = [a for a in kept if a not in ("Y", "X", colour)]
    if len(stack) > 1 or "C" in stack:
        sizes = " x ".join(f"{n} ({a})" for a, n in zip(kept, pixels.shape, strict=True))
        raise UserError(
            f"{name} has the axes {sizes}.",
            "Save one channel and one time point of it: an image or a stack of slices.",
        )
    order = [*stack, "Y", "X", *([colour] if colour else [])]
    pixels = pixels.transpose([kept.index(a) for a in order])
    if page.photometric.name == "PALETTE":
        return _from_palette(pixels, page.colormap, name, labels)
    return grey(pixels, name) if colour else np.ascontiguousarray(pixels)


def _from_palette(indices: np.ndarray, palette: np.ndarray, name: str, labels: bool) -> np.ndarray:
    """Looks the grey values up (8 bit where they fit); coloured palettes are for labels only."""
    used = palette.T[: int(indices.max(initial=0)) + 1]
    try:
        grey = grey_from_channels(used[np.newaxis], name)[0]
    except UserError:
        if labels:
            return np.ascontiguousarray(indices)
        raise
    table = grey if (grey % 257).any() else (grey // 257).astype(np.uint8)
    return np.asarray(table[indices])
