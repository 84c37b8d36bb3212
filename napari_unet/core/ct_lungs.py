"""The two lungs of a CT, cleaned together: each part of them has one side, unless it truly joins both.

A network says of each voxel whether it is right or left lung. Alone, it may give a corner of one lung to the
other; looked at together, the lungs say themselves where that is. Sides are never exchanged here.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from napari_unet.core.masks import MaskRule, bounding_box, clean, fill_holes, neighbours, part_sizes

_CORNER = 0.1  # a label with less than this share of the other one's volume may be a corner of that lung,
_JOINED = 0.12  # and is, if more than this share of its surface lies against it


def clean_lungs(
    labels: np.ndarray, values: tuple[int, int], rule: MaskRule, spacing_mm: tuple[float, ...] | None = None
) -> np.ndarray:
    """`labels`, uint8 (Z, Y, X), after `rule`: a new array that holds 0 and the two `values` alone.

    Holes are filled in for both lungs together and get the label that is nearest. Of each label the largest
    piece stays as it is; a smaller one that touches only the other label becomes that. If one label is but a
    corner of the other lung, there is one lung. Then parts and smoothing, of each lung by itself, as `rule`
    says. spacing_mm : as for `clean`.
    """
    cleaned = np.zeros(labels.shape, np.uint8)
    both = np.isin(labels, values)
    box = bounding_box(both)
    if box is None:
        return cleaned
    inner = np.where(both[box], labels[box], np.uint8(0))
    if rule.fill_holes:
        inner = _filled(inner)
    inner = _one_side_per_part(inner, values)
    alone = replace(rule, fill_holes=False, smoothing=0.0)
    result = np.zeros_like(inner)
    for value in values:
        result[clean(inner == value, alone)] = value
    cleaned[box] = result
    if rule.smoothing:
        smooth = replace(rule, fill_holes=False, largest_parts=0)
        first, second = (clean(cleaned == value, smooth, spacing_mm) for value in values)
        kept = np.where(first | second, cleaned, 0)
        cleaned = np.where((kept == 0) & first, values[0], np.where((kept == 0) & second, values[1], kept))
    return cleaned.astype(np.uint8, copy=False)


def _filled(labels: np.ndarray) -> np.ndarray:
    """With the holes of both lungs together, which get the label of the nearest voxel."""
    holes = fill_holes(labels > 0) & (labels == 0)
    pieces, count = ndimage.label(holes)
    filled = labels.copy()
    for number, box in enumerate(ndimage.find_objects(pieces, count), start=1):
        around = tuple(slice(max(0, b.start - 1), b.stop + 1) for b in box)
        hole, beside = pieces[around] == number, labels[around]
        known = beside > 0
        rim = ndimage.binary_dilation(hole) & known
        if len(found := np.unique(beside[rim])) == 1:
            filled[around][hole] = found[0]
        else:
            near = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
            filled[around][hole] = beside[tuple(axis[hole] for axis in near)]
    return filled


def _one_side_per_part(labels: np.ndarray, values: tuple[int, int]) -> np.ndarray:
    """Pieces that belong to the other lung get its label."""
    result = labels.copy()
    for value, other in (values, values[::-1]):
        pieces, sizes = part_sizes(labels == value)
        touching = _labels_against(pieces, labels == other)
        touching[sizes.argmax()] = False
        if touching.any():
            result[touching[pieces]] = other
    small, large = sorted(values, key=lambda value: np.count_nonzero(result == value))
    if _is_corner(result == small, result == large):
        result[result == small] = large
    return result


def _labels_against(pieces: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """bool, for each label of `pieces` (0 first): whether it has a voxel with a face against `mask`."""
    found = np.zeros(int(pieces.max()) + 1, bool)
    for one, other in neighbours(pieces.ndim):
        found[pieces[one][mask[other]]] = True
        found[pieces[other][mask[one]]] = True
    found[0] = False
    return found


def _is_corner(small: np.ndarray, large: np.ndarray) -> bool:
    """Whether what is `small` is a part of the same lung as what is `large`."""
    volume = np.count_nonzero(small)
    if not volume or volume >= _CORNER * np.count_nonzero(large):
        return False
    surface = against = 0
    for one, other in neighbours(small.ndim):
        for a, b in ((one, other), (other, one)):
            surface += int(np.count_nonzero(small[a] & ~small[b]))
            against += int(np.count_nonzero(small[a] & large[b]))
    return bool(surface and against > _JOINED * surface)
