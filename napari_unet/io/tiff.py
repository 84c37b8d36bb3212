"""TIFF: strips or tiles, 1 to 64 bit, pages as slices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.raster import Raster
from napari_unet.io.atomic import atomic_write
from napari_unet.io.grey import grey_from_channels

_MM_PER_UNIT = {"mm": 1.0, "millimeter": 1.0, "cm": 10.0, "m": 1000.0, "nm": 1e-6, "nanometer": 1e-6}
_MM_PER_UNIT |= dict.fromkeys(("um", "µm", "μm", "\\u00B5m", "micron", "microns", "micrometer"), 1e-3)


def read_tiff(path: Path) -> Raster:
    """A TIFF file as a raster: one page is (Y, X), several of one size are (Z, Y, X), never channels.

    The spacing is known only from ImageJ's calibration in a unit of length. The resolution tags in inch or cm
    are not used: scanners and photo programs write the dots per inch of a printer there. Where white is 0
    (PhotometricInterpretation), the raster is inverted; one bit is 0/255.
    """
    pixels, page, calibration = _read(path, labels=False)
    spacing = _spacing(calibration, page, pixels.ndim)
    return Raster(
        pixels.astype(np.uint8) * 255 if pixels.dtype == bool else pixels,
        spacing_mm=spacing,
        spacing_source="ImageJ calibration" if spacing else "",
        inverted=True if page.photometric.name == "MINISWHITE" else None,
        source=str(path),
    )


def read_tiff_mask(path: Path) -> np.ndarray:
    """A mask as labels: the stored numbers, also where 0 is shown white, and those of a coloured palette."""
    return _read(path, labels=True)[0]


def write_tiff(path: Path, pixels: np.ndarray, like: Raster) -> Path:
    """Writes bool (as 0/255), uint8, uint16 or float32, with the spacing as ImageJ's calibration."""
    import tifffile

    data = pixels.astype(np.uint8) * 255 if pixels.dtype == bool else pixels
    metadata: dict[str, Any] = {"axes": "YX" if data.ndim == 2 else "ZYX"}
    resolution = None
    if like.spacing_mm is not None:
        *depth, height, width = like.spacing_mm
        resolution = (1 / width, 1 / height)
        metadata |= {"unit": "mm"} | ({"spacing": depth[0]} if depth else {})
    with atomic_write(path) as partial:
        tifffile.imwrite(
            partial, data, imagej=True, compression="zlib", resolution=resolution, metadata=metadata
        )
    return path


def _read(path: Path, labels: bool) -> tuple[np.ndarray, Any, dict[str, Any]]:
    """Pixels, the first page and ImageJ's metadata."""
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            whole = [series for series in file.series if not _is_extra(series.keyframe)]
            if len(whole) != 1:
                raise UserError(
                    f"{path.name} holds {len(whole)} images of different sizes or kinds.",
                    "Save the one that you need by itself.",
                )
            page, axes = whole[0].keyframe, whole[0].axes
            pixels = _grey_stack(whole[0].asarray(), axes, page, path.name, labels)
            return pixels.astype(pixels.dtype.newbyteorder("="), copy=False), page, file.imagej_metadata or {}
    except (UserError, MemoryError):
        raise
    except Exception as error:  # decoders of damaged files raise nearly anything
        if "imagecodecs" in str(error):
            raise UserError(
                f"{path.name} is compressed in a way that needs another package.",
                "Run: pip install imagecodecs",
            ) from error
        raise UserError(
            f"{path.name} is damaged, incomplete or of an unknown kind of TIFF.", "Export it once more."
        ) from error


def _is_extra(page: Any) -> bool:
    """Thumbnails and transparency masks are not the image."""
    return bool(page.is_reduced or page.is_mask)


def _grey_stack(pixels: np.ndarray, axes: str, page: Any, name: str, labels: bool) -> np.ndarray:
    """The array of a TIFF series as (Y, X) or (Z, Y, X)."""
    if page.photometric.name not in ("MINISWHITE", "MINISBLACK", "RGB", "YCBCR", "PALETTE"):
        raise UserError(f"{name} is a colour picture, not a radiograph.", "Save it as a grey image.")
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
    return grey_from_channels(pixels, name) if colour else np.ascontiguousarray(pixels)


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


def _spacing(imagej: dict[str, Any], page: Any, ndim: int) -> tuple[float, ...] | None:
    """ImageJ's calibration in mm: pixels per unit in the tags, slice distance (1 if absent) in its text."""
    mm = _MM_PER_UNIT.get(str(imagej.get("unit", "")).lower().replace("\\u00b5", "µ"))
    if mm is None:
        return None
    try:
        per_unit = [page.tags[tag].value for tag in ("YResolution", "XResolution")]
        spacing = [mm * below / above for above, below in per_unit]
    except (KeyError, ZeroDivisionError, TypeError, ValueError):
        return None
    if ndim == 3:
        spacing.insert(0, mm * float(imagej.get("spacing", 1.0)))
    return tuple(spacing) if all(0 < length < np.inf for length in spacing) else None
