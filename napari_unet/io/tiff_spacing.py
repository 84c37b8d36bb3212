"""How large a pixel of a TIFF file is: what microscopes (OME) and ImageJ write, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import Any
from xml.etree import ElementTree

_MM_PER_UNIT = {"m": 1000.0, "dm": 100.0, "cm": 10.0, "mm": 1.0, "millimeter": 1.0}
_MM_PER_UNIT |= {"nm": 1e-6, "nanometer": 1e-6}
_MM_PER_UNIT |= dict.fromkeys(("um", "µm", "μm", "micron", "microns", "micrometer"), 1e-3)
_MM_PER_UNIT |= dict.fromkeys(("inch", "inches", "in", '"'), 25.4)
_NO_SLICE_DISTANCE = "The file gives the pixel size but not the distance between slices: sizes are in pixels."


@dataclass(frozen=True)
class TiffSpacing:
    """mm : one per axis, or None. source : where it was found, in words. notes : see Raster."""

    mm: tuple[float, ...] | None = None
    source: str = ""
    notes: tuple[str, ...] = ()


def spacing_of_tiff(file: Any, page: Any, ndim: int) -> TiffSpacing:
    """The spacing of an open TiffFile, whose image begins at `page` and has `ndim` axes, as it is stored."""
    if file.ome_metadata:
        return _of_ome(file.ome_metadata, ndim)
    spacing = _of_imagej(file.imagej_metadata or {}, page, ndim)
    return TiffSpacing(spacing, "ImageJ calibration") if spacing else TiffSpacing()


def _of_imagej(imagej: dict[str, Any], page: Any, ndim: int) -> tuple[float, ...] | None:
    """Pixels per unit in the tags, slice distance (1 if absent) in ImageJ's text."""
    mm = _mm(imagej.get("unit"))
    if mm is None:
        return None
    units = [_mm(imagej["yunit"]) if "yunit" in imagej else mm, mm]
    try:
        tags = [page.tags[tag].value for tag in ("YResolution", "XResolution")]
        spacing = [(unit or nan) * below / above for unit, (above, below) in zip(units, tags, strict=True)]
        if ndim == 3:
            depth = _mm(imagej["zunit"]) if "zunit" in imagej else mm
            spacing.insert(0, (depth or nan) * abs(float(imagej.get("spacing", 1.0))))
    except (KeyError, ZeroDivisionError, TypeError, ValueError):
        return None
    return _sound(spacing)


def _of_ome(text: str, ndim: int) -> TiffSpacing:
    """PhysicalSizeX, -Y and -Z of the image; the unit that is not given is µm, as OME says."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return TiffSpacing()
    pixels = next((part for part in root.iter() if part.tag.rpartition("}")[2] == "Pixels"), None)
    if pixels is None:
        return TiffSpacing()
    sizes = [_ome_size(pixels, axis) for axis in "ZYX"[-ndim:]]
    if sizes[0] is None and ndim == 3 and None not in sizes[1:]:
        return TiffSpacing(notes=(_NO_SLICE_DISTANCE,))
    spacing = _sound(sizes)
    return TiffSpacing(spacing, "OME physical size") if spacing else TiffSpacing()


def _ome_size(pixels: Any, axis: str) -> float | None:
    mm = _mm(pixels.get(f"PhysicalSize{axis}Unit", "µm"))
    try:
        return None if mm is None else mm * float(pixels.get(f"PhysicalSize{axis}", ""))
    except ValueError:
        return None


def _mm(unit: object) -> float | None:
    """How many mm a unit of length is, by its name; None for "pixel" and all that is not a length."""
    return _MM_PER_UNIT.get(str(unit).strip().lower().replace("\\u00b5", "µ"))


def _sound(spacing: list[Any]) -> tuple[float, ...] | None:
    known = all(length is not None and 0 < length < float("inf") for length in spacing)
    return tuple(map(float, spacing)) if known else None
