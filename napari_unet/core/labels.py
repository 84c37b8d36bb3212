"""What the numbers in a mask mean: the one module that knows which values are lung and which are ignored.

A mask in this program is labels: 0 background, RIGHT and LEFT lung (RIGHT also where the sides are
not distinguished), IGNORE where nobody could say. What is in a file, or in an array from elsewhere, becomes
labels by `label_map`, or by `file_labels` where only these labels are of use.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from napari_unet.core.errors import UserError

IGNORE = 255
"""Label of pixels that training and scores leave out: nobody could say what is there."""

RIGHT, LEFT = 1, 2

_COUNTED = 1 << 16
_WHOLE = 0.05  # a number is taken for the whole number that is no farther than this
_QUIET = 1e-3  # departures up to this are rounding errors and not worth a note
_SMALL = 32  # whole numbers up to this number labels; grey edges have larger ones between
_NEAR = 0.02  # of the brightest plateau: values no farther from a plateau belong to it
_REST = 0.01  # of the pixels of the brightest plateau may form plateaus of other values
_EXACT = 1e-4  # of the brightest plateau: what float masks depart from their two values
_RIM = 0.8  # a label around another one over more than this share of its edge is one that resizing left
_SHORTEST_RIM = 16  # pixels; rims that are shorter say nothing


@dataclass(frozen=True)
class MaskLabels:
    """Labels of a mask, an unsigned integer array, and sentences about what was assumed in reading it.

    sides : the file says of each lung which one it is, also where there is only one.
    """

    labels: np.ndarray
    notes: tuple[str, ...] = ()
    sides: bool = False


class NotLabels(UserError):
    """The values are not those of a mask; the words name no file."""


def lung(labels: np.ndarray) -> np.ndarray:
    """bool, True where `labels` holds lung: neither background nor to be ignored. Any shape; bool stays."""
    if labels.dtype == bool:
        return labels
    if labels.dtype == np.uint8 and labels.ndim:  # in one pass: 0 becomes 255, and IGNORE 254
        return np.asarray(labels - np.uint8(1) < IGNORE - 1)
    return np.asarray((labels > 0) & (labels != IGNORE))


def ignored(*masks: np.ndarray) -> np.ndarray | None:
    """bool, True where any of these masks (labels of one shape) is to be ignored; None if nowhere."""
    found = None
    for labels in masks:
        if labels.dtype != bool and (here := labels == IGNORE).any():
            found = here if found is None else found | here
    return found


def strays(labels: np.ndarray) -> tuple[int, ...]:
    """The values in `labels` that mean nothing here: neither background, lung nor IGNORE. Ascending."""
    odd = (labels > LEFT) & (labels != IGNORE) if labels.dtype != bool else np.zeros(0, bool)
    if labels.dtype.kind == "i":
        odd |= labels < 0
    return tuple(values_in(labels[odd])) if odd.any() else ()


def values_in(labels: np.ndarray) -> list[int]:
    """The different values of an integer or bool array, ascending."""
    if labels.size and int(labels.min()) >= 0 and int(labels.max()) < _COUNTED:  # no need to sort them
        seen = np.zeros(_COUNTED, bool)
        seen[labels.view(np.uint8) if labels.dtype == bool else labels] = True
        return [int(value) for value in np.flatnonzero(seen)]
    return [int(value) for value in np.unique(labels)]


def as_bytes(values: np.ndarray) -> np.ndarray:
    """Labels as masks hold them, one byte per pixel: uint8. Raises UserError for a label that does not fit.

    values : any integer dtype and shape, or bool.
    """
    if values.dtype != np.uint8 and values.size:
        low, high = int(values.min()), int(values.max())
        if low < 0 or high > IGNORE:
            raise UserError(
                f"A mask cannot hold label {low if low < 0 else high}.",
                "Choose one of the labels under Paint in the Correct dock.",
            )
    return values.astype(np.uint8, copy=False)


def named(values: list[int] | tuple[int, ...]) -> str:
    """At most five of them, in words: "1, 2, 3"."""
    return ", ".join(map(str, values[:5])) + (", ..." if len(values) > 5 else "")


def file_labels(values: np.ndarray, lossy: bool = False) -> MaskLabels:
    """`label_map` where only background, lung and IGNORE are of use: labels uint8. Else raises UserError."""
    found = label_map(values, lossy)
    if unknown := strays(found.labels):
        every = [value for value in values_in(found.labels) if value]
        raise _refused(f"The mask holds the values {named(every if len(every) < 6 else unknown)}.")
    return MaskLabels(found.labels.astype(np.uint8), (*found.notes, *_rim_notes(found.labels)))


def array_labels(values: np.ndarray) -> MaskLabels:
    """`label_map` of an array that may be painted, where 255 may mean "not sure" beside no other label.

    If all pixels are 255, they are to be ignored; if some are, they are lung, and a note says so. A stray
    label stays as it is, also where it is the only one.
    """
    whole = whole_numbers(values)
    odd = () if whole is None else strays(whole)
    if whole is not None and odd and min(odd) > 0 and max(odd) <= _SMALL:
        return MaskLabels(as_bytes(whole))
    if values.size and (values == IGNORE).all():
        return MaskLabels(np.full(values.shape, IGNORE, np.uint8))
    found = label_map(values)
    if not (values == IGNORE).any() or (found.labels == IGNORE).any() or found.notes:
        return found
    note = f"{IGNORE} was the only label, so it was read as lung, not as “not sure”."
    return MaskLabels(found.labels, (note,))


def label_map(values: np.ndarray, lossy: bool = False) -> MaskLabels:
    """The numbers of a mask from elsewhere, any shape and numeric dtype, as labels.

    In this order:

    1. bool becomes 0 and 1. Numbers within 0.05 of whole ones are these.
    2. One value above 0 other than 2 (0/255, 0/65535) becomes 1.
    3. Whole numbers up to 32, and IGNORE beside them, are labels.
    4. Two plateaus, 0 and another value, with other values only where one goes over into the other (a mask
       that was resized, or saved as JPEG) are cut at half, and a note says so.
    5. Other whole numbers are labels if each of them fills an area of its own, IGNORE not among them.

    lossy : the file does not keep small numbers (JPEG), so that 3. does not hold. Raises UserError with the
    values for anything else: negative numbers, nan, several grey plateaus with soft edges, probabilities.
    """
    if values.dtype == bool:
        return MaskLabels(values.astype(np.uint8))
    if values.dtype.kind not in "uif":
        raise _refused(f"The mask holds {values.dtype} values.")
    whole = whole_numbers(values)
    if whole is None:
        return _cut(_bytes(values)) or _refuse(values)
    off = float(np.abs(values - whole).max(initial=0)) if whole is not values else 0.0
    rounded = f"Its values were up to {off:.2g} off whole numbers and were rounded."
    notes = (rounded,) if off > _QUIET else ()
    present = values_in(whole)
    positive = [value for value in present if value > 0]
    if lossy and not (positive and positive[-1] > _SMALL):
        holds = f"with values up to {positive[-1]}" if positive else "that is black all over"
        raise NotLabels(
            f"The mask is a JPEG or WebP {holds}; these do not keep small numbers.",
            "Save it once more as PNG, TIFF or NIfTI.",
        )
    if not present or present[0] >= 0:
        if len(positive) <= 1 and positive != [LEFT]:
            return MaskLabels((whole > 0).astype(np.uint8), notes)
        if all(value <= _SMALL or value == IGNORE for value in positive) and positive[0] != IGNORE:
            return MaskLabels(whole.astype(np.uint8), notes)
    if (cut := _cut(whole)) is not None:
        return cut
    if IGNORE in positive or present[0] < 0 or not _areas(whole):
        return _refuse(whole)
    return MaskLabels(whole.astype(np.min_scalar_type(positive[-1])), notes)


def whole_numbers(values: np.ndarray) -> np.ndarray | None:
    """`values` if they are integers or bool, else the nearest whole numbers; None if one is too far.

    Raises UserError for nan.
    """
    if values.dtype.kind != "f":
        return values
    if not np.isfinite(values).all():
        raise _refused("The mask holds values that are not numbers (NaN or infinite).")
    whole = np.rint(values)
    off = float(np.abs(values - whole).max(initial=0))
    near = off <= max(_WHOLE, 1e-6 * float(np.abs(whole).max(initial=0)))
    return whole.astype(np.int32 if np.abs(whole).max(initial=0) < 1 << 31 else np.int64) if near else None


def _bytes(values: np.ndarray) -> np.ndarray:
    """0..1 in steps of 1/255, which was a byte once, as that byte; anything else as it is."""
    bytes_ = np.rint(values * 255)
    return bytes_.astype(np.int16) if np.abs(bytes_ - values * 255).max() < 0.01 else values


def _cut(values: np.ndarray) -> MaskLabels | None:
    """A mask of two values with soft edges, cut at half; None if it is none."""
    highest, lowest = float(values.max(initial=0)), float(values.min(initial=0))
    if values.ndim < 2 or highest <= 0 or lowest < -highest / 2:
        return None
    spread = _spread(values, 5)
    flat = values[spread <= _NEAR * highest]
    bright = flat[flat > highest / 2]
    if not len(bright):
        return None
    top = float(np.median(bright))
    near = _NEAR * top
    high = np.abs(flat - np.asarray(top, np.float64)) <= near
    other = np.count_nonzero(~high & (np.abs(flat - np.float64(0)) > near))
    own = np.count_nonzero((spread == 0) & (values != 0) & (values <= near))  # a label such as 1
    if max(other, own) > _REST * np.count_nonzero(high) or not (flat <= near).any():
        return None
    inside = values > top / 2
    ends = np.where(inside, values >= top - near, values <= near)
    if ends.mean() < 0.5 or ends[inside].mean() < 0.5:
        return None
    if values.dtype.kind == "f" and lowest >= 0 and highest <= 1:  # a probability seldom reaches 0 and 1
        exact = (np.abs(flat) <= _EXACT * top) | (np.abs(flat - top) <= _EXACT * top)
        if exact.mean() < 0.95:
            return None
    label = LEFT if round(top, 6) == LEFT else RIGHT
    between = np.count_nonzero((values != 0) & (values != top))
    note = (
        f"It is not a clean two-value mask: {between:,} pixels are neither 0 nor {top:g}, as after resizing "
        f"or in a JPEG. Those above {top / 2:g} were taken as lung."
    )
    return MaskLabels(np.where(inside, label, 0).astype(np.uint8), (note,))


def _spread(values: np.ndarray, side: int) -> np.ndarray:
    """The range of the values around each pixel, in plane."""
    window = (1,) * (values.ndim - 2) + (side, side)
    return np.asarray(ndimage.maximum_filter(values, window) - ndimage.minimum_filter(values, window))


def _areas(whole: np.ndarray) -> bool:
    """Whether the values are labels, each with areas of its own, and not the steps of soft edges."""
    if whole.ndim < 2:
        return False
    flat = _spread(whole, 3) == 0
    values, pixels = np.unique(whole[whole > 0], return_counts=True)
    of_flat = dict(zip(*np.unique(whole[flat], return_counts=True), strict=True))
    scattered = sum(n for value, n in zip(values, pixels, strict=True) if of_flat.get(value, 0) < n / 10)
    return bool(scattered <= 0.003 * pixels.sum())


def _rim_notes(labels: np.ndarray) -> tuple[str, ...]:
    """What is said of a mask whose label 1 lies around label 2 as the edge that resizing makes of 0 and 2."""
    left = labels == LEFT
    if labels.ndim < 2 or not left.any() or not (labels == RIGHT).any():
        return ()
    around = np.zeros(labels.shape, bool)
    for axis in (-2, -1):
        grown, of = np.moveaxis(around, axis, 0), np.moveaxis(left, axis, 0)
        grown[1:] |= of[:-1]
        grown[:-1] |= of[1:]
    around &= ~left
    rim = np.count_nonzero(around)
    if rim < _SHORTEST_RIM or np.count_nonzero(labels[around] == RIGHT) <= _RIM * rim:
        return ()
    return (
        "Label 1 lies all around label 2, as an edge does after resizing: look whether right and left are "
        "what they should be.",
    )


def _refuse(values: np.ndarray) -> MaskLabels:
    different = np.unique(values)
    low, high = float(different[different != 0][0]), float(different[-1])
    if values.dtype.kind == "f":
        raise _refused(
            f"The values of the mask are not whole numbers: {len(different):,} different ones from "
            f"{float(different[0]):.4g} to {high:.4g}, as in a probability map."
        )
    more = f" ({np.count_nonzero(different):,} from {low:g} to {high:g})" if len(different) > 6 else ""
    raise _refused(f"The mask holds the values {named([int(value) for value in different if value])}{more}.")


def _refused(problem: str) -> NotLabels:
    return NotLabels(
        problem, "Use 0 and one other value, or 1 for the right and 2 for the left lung (255: to be ignored)."
    )
