"""Checks of a lung mask in a volume: what a second look should go to first. They do not diagnose.

Of large slices every n-th pixel is looked at: what is worth a look is larger.
"""

from __future__ import annotations

from math import prod

import numpy as np

from napari_unet.core.blocks import in_blocks
from napari_unet.core.check_parts import CheckResult, Code, adult_size, border, both_sides, extra_parts, holes
from napari_unet.core.field_edge import EDGE_MM, cut_mm
from napari_unet.core.labels import LEFT, lung
from napari_unet.core.lung_measures import CUT_MM2
from napari_unet.core.lung_sides import sides_and_parts
from napari_unet.core.masks import bounding_box, part_sizes
from napari_unet.core.resize import thinned, thinning
from napari_unet.core.wording import listed

_LONGEST = 256  # pixels of a slice's longer side that are looked at
_RATIO = (0.5, 1.4)  # left to right: usually 0.8 to 0.9 (the heart lies left), less after surgery or collapse
_VOLUME_ML = (500.0, 10_000.0)  # both lungs of an adult, collapsed to overinflated
_AIR_HU = -970  # mean of a block of air; of lung tissue, emphysema aside, it is not so low
_BLOCK_MM = 4.0  # side of these blocks: noise of single voxels is far larger
_AIR_ML = 5.0  # of joined blocks; a trachea holds about 30 mL


def check_volume(
    mask: np.ndarray,
    spacing_mm: tuple[float, ...] | None = None,
    row_direction: str | None = None,
    pixels: np.ndarray | None = None,
) -> tuple[CheckResult, ...]:
    """Return what should be looked at in the lungs of a volume.

    Parameters
    ----------
    mask : ndarray of shape (Z, Y, X)
        Labels, 1 the patient's right lung and 2 the left one, or bool: then geometry tells the sides. Labels
        of a set that does not tell them are for the caller to make bool of.
    spacing_mm, row_direction
        As in Raster. Size, cut ends and air are judged only where the spacing is known.
    pixels : ndarray of shape (Z, Y, X), optional
        The image in HU; without it nothing is said of air.

    Returns
    -------
    tuple of CheckResult
        () if all looks as it should.
    """
    if spacing_mm is not None and len(spacing_mm) != mask.ndim:
        raise ValueError(f"spacing {spacing_mm} does not fit shape {mask.shape}")
    small = thinned_slices(mask)
    marked = lung(small)
    box = bounding_box(marked)
    if box is None:
        return (CheckResult(Code.NO_LUNG, "No lung is marked."),)
    told = small.dtype != bool
    if told:
        left = int(np.count_nonzero(small == LEFT))
        right, parts = int(np.count_nonzero(marked)) - left, part_sizes(marked[box])[1]
    else:
        right, left, parts = sides_and_parts(marked, row_direction)
    step = thinning(mask.shape, _LONGEST)
    coarse = spacing_mm and (spacing_mm[0], *(mm * step for mm in spacing_mm[1:]))
    found = [
        both_sides(right, left, row_direction, _RATIO, told),
        extra_parts(parts, right + left),
        holes(marked[box], right + left),
        border(np.asarray(marked.any(axis=0))) or _field(marked, pixels, coarse),
        _gap(marked),
        _ends(marked, coarse),
        adult_size(right + left, coarse, _VOLUME_ML),
        _air(mask, pixels, spacing_mm),
    ]
    return tuple(result for result in found if result is not None)


def thinned_slices(mask: np.ndarray) -> np.ndarray:
    """Every n-th row and column of a volume (Z, Y, X), as many as are looked at here."""
    return np.ascontiguousarray(thinned(mask, _LONGEST))


def _gap(marked: np.ndarray) -> CheckResult | None:
    """Slices without lung between slices with some."""
    there = np.asarray(marked.any(axis=(1, 2)))
    inside = np.flatnonzero(there)
    without = np.flatnonzero(~there[inside[0] : inside[-1]]) + inside[0]
    if not len(without):
        return None
    one = len(without) == 1
    return CheckResult(
        Code.GAP,
        f"{len(without)} slice{'' if one else 's'} within the lungs {'has' if one else 'have'} no lung "
        f"marked, {'slice' if one else 'the first is slice'} {without[0] + 1}.",
    )


def _field(
    marked: np.ndarray, pixels: np.ndarray | None, spacing_mm: tuple[float, ...] | None
) -> CheckResult | None:
    """The edge of a round field of view; `border` looks at that of the array."""
    if pixels is None or spacing_mm is None:
        return None
    slices = zip(marked, thinned(pixels, _LONGEST), strict=True)
    if not any(cut_mm(lungs, plane, spacing_mm[1:]) > EDGE_MM for lungs, plane in slices if lungs.any()):
        return None
    return CheckResult(
        Code.BORDER, "A lung reaches the edge of the field of view: part of it may be cut off."
    )


def _ends(marked: np.ndarray, spacing_mm: tuple[float, ...] | None) -> CheckResult | None:
    if spacing_mm is None:
        return None
    areas = {name: marked[z].sum() * prod(spacing_mm[1:]) for name, z in (("first", 0), ("last", -1))}
    cut = [name for name, area in areas.items() if area > CUT_MM2]
    if not cut:
        return None
    return CheckResult(
        Code.CUT_OFF, f"The lungs go on beyond the {listed(cut)} slice: their volume is larger than measured."
    )


def _air(
    mask: np.ndarray, pixels: np.ndarray | None, spacing_mm: tuple[float, ...] | None
) -> CheckResult | None:
    """Parts of the mask that hold air and no tissue: trachea, bowel, a pneumothorax, a bulla."""
    if pixels is None or spacing_mm is None:
        return None
    steps = tuple(max(1, round(_BLOCK_MM / mm)) for mm in spacing_mm)
    depth = steps[0]
    blocks = [
        _air_blocks(mask[z : z + depth], pixels[z : z + depth], steps[1:])
        for z in range(0, len(mask) - depth + 1, depth)
    ]
    if not blocks:
        return None
    sizes = part_sizes(np.stack(blocks))[1] * prod(spacing_mm) * prod(steps) / 1000
    large = sizes[sizes >= _AIR_ML]
    if not len(large):
        return None
    return CheckResult(
        Code.AIR,
        f"{large.sum():,.0f} mL of the mask hold air without tissue: trachea, bowel, pneumothorax or bulla?",
    )


def _air_blocks(mask: np.ndarray, pixels: np.ndarray, steps: tuple[int, ...]) -> np.ndarray:
    """bool (y, x): blocks of some slices that lie in the mask, and whose mean is that of air."""
    whole = in_blocks(lung(mask), steps).all(axis=(0, 2, 4))
    mean = in_blocks(pixels, steps).mean(axis=(0, 2, 4), dtype=np.float32)
    return np.asarray(whole & (mean < _AIR_HU))
