"""Whether the labels of a mask say what they are to say: no strays, right and left each in its own lung."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from napari_unet.core.label_set import LUNGS, LabelSet
from napari_unet.core.labels import LEFT, RIGHT, lung, named
from napari_unet.core.lung_sides import split_left_right
from napari_unet.core.masks import part_sizes

_OWN = 0.7  # of a lung must have its label; the cut between touching lungs may be off by some of it
_COARSE = (24, 256, 256)  # slices, rows and columns that are enough to see which label lies where
_FACE = 0.25  # of its surface a lung shares with the other one where they touch in front: less than this
_APART = 0.95  # of each label must lie on its side of a line if there are no two lungs to go by


MIXED = "Labels 1 and 2 (right and left lung) lie in the same lung."


def stray_words(values: tuple[int, ...], labels: LabelSet = LUNGS) -> str:
    """A sentence about values that mean nothing in this set."""
    one = len(values) == 1
    said = f"Label {values[0]} means nothing" if one else f"Labels {named(values)} mean nothing"
    return f"{said} in a lung mask." if labels.of_lungs else f"{said} here: there are {labels.in_words()}."


def remedy(labels: LabelSet = LUNGS) -> str:
    """What is to be done about pixels with a label that does not fit."""
    return f"Paint these pixels again with {labels.all_in_words()}."


def label_problem(
    mask: np.ndarray,
    row_direction: str | None = None,
    per_slice: bool = False,
    sides: bool = True,
    labels: LabelSet = LUNGS,
) -> str:
    """What is wrong with the values of a mask, in a sentence; "" if nothing is.

    mask : integers (Y, X) or (Z, Y, X). row_direction : as in Raster. per_slice : a stack of X-rays, each
    an image of its own. sides : whether right and left are looked at, as in a mask of whole lungs; of other
    `labels` they are not.
    """
    if unknown := labels.strays(mask):
        return stray_words(unknown, labels)
    if not sides or not labels.of_lungs:
        return ""
    slices = mask if per_slice and mask.ndim == 3 else mask[np.newaxis]
    return MIXED if any(sides_mixed(part, row_direction, labels.tells_sides) for part in slices) else ""


def sides_mixed(labels: np.ndarray, row_direction: str | None = None, told: bool = False) -> bool:
    """Whether RIGHT and LEFT are both there and do not separate the lungs; as `label_problem`.

    A mask with one label for both lungs, of which somebody painted a part with LEFT, is mixed. Lungs whose
    labels are swapped are not. told : the set tells sides. In a volume of such labels it does not matter
    where they lie, as a lung may cross the midline, only whether one goes on in the other.
    """
    steps = (max(1, n // enough) for n, enough in zip(labels.shape, _COARSE[-labels.ndim :], strict=True))
    labels = labels[tuple(slice(None, None, step) for step in steps)]
    right, left = labels == RIGHT, labels == LEFT
    if not right.any() or not left.any():
        return False
    if told and labels.ndim == 3:
        return _goes_on(right, left) or _goes_on(left, right)
    where = split_left_right(lung(labels), row_direction, per_slice=False)
    halves = [where == side for side in (RIGHT, LEFT)]
    if all(half.any() for half in halves):
        shares = [np.count_nonzero(left & half) / np.count_nonzero(half) for half in halves]
        return not (min(shares) <= 1 - _OWN and max(shares) >= _OWN)
    return not _apart(right, left)


def _goes_on(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether much of one label lies in parts that share much of their surface with the other label."""
    parts, sizes = part_sizes(one)
    surface, shared = (one & ndimage.binary_dilation(beside) for beside in (~one, other))
    counts = [np.bincount(parts[where], minlength=len(sizes)) for where in (surface, shared)]
    wide = counts[1] > _FACE * counts[0]
    return bool(sizes[wide].sum() > (1 - _OWN) * sizes.sum())


def _apart(right: np.ndarray, left: np.ndarray) -> bool:
    """Whether two labels do not touch and lie on two sides of a line from top to bottom."""
    if (ndimage.binary_dilation(left) & right).any():
        return False
    others = tuple(range(left.ndim - 1))
    columns = (np.count_nonzero(mask, axis=others) for mask in (right, left))
    shares = [np.cumsum(pixels) / pixels.sum() for pixels in columns]
    one, two = (np.minimum(a, 1 - b).max() for a, b in (shares, shares[::-1]))
    return bool(max(one, two) >= _APART)
