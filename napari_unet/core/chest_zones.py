"""Zones of a frontal chest X-ray around the two lungs of a mask: heart, dome, hilum, apex and others."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np
from scipy import ndimage

from napari_unet.core.lung_sides import split_left_right
from napari_unet.core.masks import part_sizes
from napari_unet.core.resize import thinned

BORDER = 0.02  # width of the band around the lungs, in widths of the chest
_SMALLER = 0.05  # of the larger lung: with a smaller second one there is no chest to measure
_SPINE = 0.06  # half of the spine's strip, in half widths of the chest
_APEX = 0.15  # height above which a lung is apex: 0 is the highest apex, 1 the lowest costophrenic corner
_BESIDE = 0.08  # how far the apex reaches beyond the lungs, in widths of the chest
_HEART = 0.42  # height below which what lies between the lungs is the heart; above it is the hilum
_LEVEL = 0.12  # in heights: a lung that ends so much higher than the other is hidden below, not short
_BELOW = 0.05  # in heights: how far lung may reach below the hull of what is visible
_UPPER = 0.45  # above this height, the inner borders of the lungs are equally far from the spine
_TILT = 0.25  # columns per row: no chest is turned further
_SHARED = 0.5  # of the height: where fewer rows than that cross both lungs, nothing says how it is turned
_NODES = 160  # rows that the midline is fitted to
_LARGEST = 256  # pixels of the longer side on which zones are told apart


class Zone(IntEnum):
    """Where a pixel is; the values of `ChestZones.zones`."""

    LUNG = 0
    BORDER = 1
    HEART = 2
    DOME = 3
    HILUM = 4
    APEX = 5
    FIELD = 6
    OUTSIDE = 7
    SPINE = 8

    @property
    def words(self) -> str:
        """As in "the lung behind the heart"."""
        return _WORDS[self]


_WORDS = {
    Zone.LUNG: "in the lungs",
    Zone.BORDER: "along the border",
    Zone.HEART: "behind the heart",
    Zone.DOME: "behind the dome of the diaphragm",
    Zone.HILUM: "at the hilum",
    Zone.APEX: "at the apex",
    Zone.FIELD: "in opaque parts of the lung field",
    Zone.OUTSIDE: "outside the lungs",
    Zone.SPINE: "over the spine",
}


@dataclass(frozen=True)
class ChestZones:
    """The zones around a mask with two lungs.

    zones : uint8 (Y, X), values of Zone. lungs : bool (Y, X), the mask. width : of the chest between its
    outermost lung borders, in columns. aspect : height of a pixel in columns.
    """

    zones: np.ndarray
    lungs: np.ndarray
    width: float
    aspect: float = 1.0

    @cached_property
    def distance(self) -> np.ndarray:
        """float (Y, X): from the lungs, in widths of the chest; 0 inside."""
        return _distance(self.lungs, self.aspect) / self.width


def at_zone_size(mask: np.ndarray) -> np.ndarray:
    """A mask (Y, X) of any size as it is divided into zones: some of its rows and columns."""
    return thinned(mask, _LARGEST)


def chest_zones(mask: np.ndarray, aspect: float = 1.0) -> ChestZones | None:
    """Divide a frontal chest X-ray into zones, by the two lungs of a mask.

    Every pixel is in one zone, the first of these that applies:

    - LUNG: the mask. BORDER: within 2 % of the chest's width from it.
    - SPINE: a strip along the chest's midline, inside the ribs.
    - APEX: the upper 15 % of the chest's height and what is above, within 8 % of its width from the lungs.
    - OUTSIDE: outside the ribs, which are the convex hull of both lungs and of their mirror images, and 5 %
      of the height below it. So a lung that is hidden by an effusion still has its side of the chest. Also
      what lies between the lungs and higher than the hilum.
    - DOME: below the visible base of a lung. Between the lungs, base means the level of its inner lower
      corner (cardiophrenic angle).
    - HILUM and HEART: between the inner borders of the lungs, above and below 42 % of the height.
    - FIELD: what is left inside the ribs: lung that is not in the mask, for example because it is opaque.

    The numbers were fixed on `cxr/children` val, `cxr/covid` adapt and `cxr/montgomery` val, from reference
    masks and those of cxr-lung, before any model was trained that uses them. The zones are the same whichever
    lung is the patient's left, so nothing is assumed about sides.

    Parameters
    ----------
    mask : ndarray of bool, shape (Y, X)
    aspect : float
        Height of a pixel divided by its width.

    Returns
    -------
    ChestZones or None
        None if the mask does not have two lungs.
    """
    chest = _Chest.of(mask.astype(bool), aspect)
    return None if chest is None else ChestZones(chest.zones(), chest.lungs, chest.width, aspect)


@dataclass(frozen=True)
class _Chest:
    """Landmarks. sides : the largest part of the lung on the image's left, and on its right.

    top, bottom : rows of the highest apex and the lowest corner. middle : column of the midline in each row.
    """

    lungs: np.ndarray
    sides: tuple[np.ndarray, np.ndarray]
    aspect: float
    top: int
    bottom: int
    middle: np.ndarray
    width: float

    @classmethod
    def of(cls, mask: np.ndarray, aspect: float) -> _Chest | None:
        labels = split_left_right(mask)
        if not all((labels == side).any() for side in (1, 2)):
            return None
        left, right = sides = _largest(labels == 1), _largest(labels == 2)
        small, large = sorted(int(side.sum()) for side in sides)
        shared = np.flatnonzero(left.any(axis=1) & right.any(axis=1))
        if small < _SMALLER * large or not len(shared):
            return None
        rows = np.flatnonzero((left | right).any(axis=1))
        top, bottom = int(rows[0]), int(rows[-1])
        outer, inner = _extent(left), _extent(right)
        upper = shared[shared - top < _UPPER * (bottom - top)]
        middles = [(upper, (outer[1] + inner[0])[upper] / 2), (shared, (outer[0] + inner[1])[shared] / 2)]
        at, between = (np.concatenate(side) for side in zip(*middles, strict=True))
        slope = _slope(at, between) if len(shared) > _SHARED * len(rows) else 0.0
        middle = slope * np.arange(len(mask)) + float(np.median(between - slope * at))
        reach = max(
            float(np.abs(side - middle)[one.any(axis=1)].max())
            for side, one in ((outer[0], left), (inner[1], right))
        )
        return cls(mask, sides, aspect, top, bottom, middle, 2 * reach + 1)

    def zones(self) -> np.ndarray:
        rows, columns = np.indices(self.lungs.shape)
        height = (rows - self.top) / max(self.bottom - self.top, 1)
        across = (columns - self.middle[:, None]) / (self.width / 2)
        beside = _distance(self.lungs, self.aspect) / self.width
        zones = np.full(self.lungs.shape, Zone.FIELD, np.uint8)
        between = self._between()
        zones[between] = Zone.HILUM
        zones[between & (height > _HEART)] = Zone.HEART
        zones[self._below()] = Zone.DOME
        inside = self._inside_ribs()
        zones[(between & (height < _APEX)) | ~inside] = Zone.OUTSIDE
        zones[(height < _APEX) & (beside <= _BESIDE)] = Zone.APEX
        zones[(np.abs(across) < _SPINE) & inside] = Zone.SPINE
        zones[beside <= BORDER] = Zone.BORDER
        zones[self.lungs] = Zone.LUNG
        return zones

    def _between(self) -> np.ndarray:
        """From the inner border of each lung to the midline; above and below a lung, as at its end."""
        columns = np.arange(self.lungs.shape[1])
        found = np.zeros(self.lungs.shape, bool)
        for k, side in enumerate(self.sides):
            rows = np.flatnonzero(side.any(axis=1))
            border = _extent(side)[1 - k]
            near = np.interp(np.arange(len(border)), rows, border[rows])[:, None]
            middle = self.middle[:, None]
            found |= (
                (columns > near) & (columns <= middle) if k == 0 else (columns < near) & (columns > middle)
            )
        return found

    def _below(self) -> np.ndarray:
        """Below the visible base of the lung on the same side of the midline."""
        height, width = self.lungs.shape
        rows, columns = np.arange(height)[:, None], np.arange(width)
        found = np.zeros(self.lungs.shape, bool)
        corners = [self._corner(k) for k in (0, 1)]
        lowest = max(row for row, _ in corners)
        for k, (row, column) in enumerate(corners):
            side = self.sides[k]
            hidden = lowest - row > _LEVEL * (self.bottom - self.top)
            level = lowest if hidden else row
            base = np.where(side.any(axis=0), len(side) - 1 - side[::-1].argmax(axis=0), level)
            medial = columns >= column if k == 0 else columns <= column
            limit = np.where(medial, level, np.maximum(base, level) if hidden else base)
            own = columns <= self.middle[:, None] if k == 0 else columns > self.middle[:, None]
            found |= own & (rows > limit)
        return found

    def _corner(self, side: int) -> tuple[int, int]:
        """(row, column) of a lung's inner lower corner: the point farthest down and towards the spine."""
        rows, columns = np.nonzero(self.sides[side])
        inwards = (columns - self.middle[rows]) * (1 if side == 0 else -1)
        k = int(np.argmax(rows * self.aspect + inwards))
        return int(rows[k]), int(columns[k])

    def _inside_ribs(self) -> np.ndarray:
        from scipy.spatial import ConvexHull, QhullError  # which no card needs in order to be read

        rows, columns = np.nonzero(self.sides[0] | self.sides[1])
        points = np.stack([rows, columns], axis=1).astype(float)
        mirrored = np.stack([rows, 2 * self.middle[rows] - columns], axis=1)
        try:
            hull = ConvexHull(np.concatenate([points, mirrored]))
        except QhullError:  # lungs without an area, as a line of pixels has none
            return self.lungs.copy()
        y, x = np.indices(self.lungs.shape)
        below = _BELOW * (self.bottom - self.top)
        inside = np.ones(self.lungs.shape, bool)
        for down, aside, offset in hull.equations:
            inside &= down * y + aside * x + offset <= max(0.0, down * below)
        return inside


def _largest(mask: np.ndarray) -> np.ndarray:
    labels, sizes = part_sizes(mask)
    return np.asarray(labels == int(sizes.argmax()))


def _extent(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(first, last column) of each row; of a row without mask (0, Y − 1)."""
    return mask.argmax(axis=1), mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)


def _slope(rows: np.ndarray, columns: np.ndarray) -> float:
    """Of the line through most of these points, in columns per row."""
    from scipy.stats import theilslopes  # half a second, which no card needs in order to be read

    some = slice(None, None, max(1, len(rows) // _NODES))
    if len(set(rows[some])) < 2:
        return 0.0
    with np.errstate(invalid="ignore"):  # of its error, which nobody asks for
        slope = theilslopes(columns[some], rows[some]).slope
    return float(np.clip(slope, -_TILT, _TILT))


def _distance(mask: np.ndarray, aspect: float) -> np.ndarray:
    return np.asarray(ndimage.distance_transform_edt(~mask, sampling=(aspect, 1.0)))
