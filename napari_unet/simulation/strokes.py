"""A simulated hand with a brush: it corrects a mask towards a reference, stroke by stroke.

Each stroke goes along the middle of the largest place that is wrong, over a bounded length. The brush is
about as wide as that place, within the bounds of a `Hand`; its rim follows the true border, with a tremble.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import ndimage
from skimage.graph import MCP

_TOUCHING = np.ones((3, 3), bool)
_RIM = 2.0  # pixels: thinner places are nobody's concern
_DEEP = 0.45  # of the greatest depth: what counts as the middle of a place
_SPARE = 0.2  # share of the line along which the brush may reach over the true border


@dataclass(frozen=True)
class Hand:
    """How somebody paints. Lengths are shares of the image's longer side (about 400 mm of a chest X-ray).

    smallest, largest : radius of the brush. longest : length of one stroke. tremble : how far the line strays
    (standard deviation). enough : Dice at which the mask is left.
    """

    smallest: float = 0.01
    largest: float = 0.04
    longest: float = 0.25
    tremble: float = 0.004
    enough: float = 0.97

    def __post_init__(self) -> None:
        if not 0 < self.smallest <= self.largest < 1:
            raise ValueError(f"brushes of radius {self.smallest} to {self.largest} cannot be")
        if not 0 < self.longest <= 1 or not 0 <= self.tremble < 1 or not 0 < self.enough < 1:
            raise ValueError("longest must lie in 0..1, tremble in 0..1 and enough between 0 and 1")


@dataclass(frozen=True)
class Stroke:
    """path : (N, 2) rows and columns of the brush's centre. adds : it paints lung, otherwise it erases.

    radius : of the brush, in pixels.
    """

    path: np.ndarray
    adds: bool
    radius: float


class Correction:
    """One mask on its way to a reference. mask, reference : bool (Y, X); `mask` is copied.

    ignore : bool (Y, X) or None, True where nobody could say: such pixels are not mistakes and do not count.

    strokes : made so far, also those that were undone at once because they made the mask worse. pixels : that
    changed in strokes that stayed. length : of all strokes, in pixels.
    Raises ValueError if the shapes differ or there is nothing in the reference.
    """

    def __init__(
        self,
        mask: np.ndarray,
        reference: np.ndarray,
        hand: Hand,
        seed: int = 0,
        ignore: np.ndarray | None = None,
    ) -> None:
        if mask.shape != reference.shape or not reference.any():
            raise ValueError(f"{mask.shape} cannot be corrected towards {reference.shape}, or that is empty")
        self.mask, self.reference = mask.astype(bool), np.array(reference, bool)
        self.hand = hand
        self.strokes = self.pixels = 0
        self.length = 0.0
        self._rng = np.random.default_rng(seed)
        self._side = max(mask.shape)
        self._counted = np.ones(mask.shape, bool) if ignore is None else ~ignore.astype(bool)
        self.reference &= self._counted
        self._beyond = {  # how deep a pixel lies on its own side of the true border
            True: ndimage.distance_transform_edt(self.reference | ~self._counted).astype(np.float32),
            False: ndimage.distance_transform_edt(~self.reference).astype(np.float32),
        }
        self._left_alone = ~self._counted
        self._both = int(np.count_nonzero(self.mask & self.reference))
        self._sum = int(np.count_nonzero(self.mask & self._counted)) + int(np.count_nonzero(self.reference))

    @property
    def dice(self) -> float:
        """Dice of the mask as it is now."""
        return 2 * self._both / self._sum

    @property
    def done(self) -> bool:
        """Whether the mask is good enough."""
        return self.dice >= self.hand.enough

    def finish(self, most: int = 300) -> bool:
        """Paint until the mask is good enough; False if it is not after `most` strokes, or nothing helps."""
        while not self.done and self.strokes < most:
            stroke = self.next_stroke()
            if stroke is None:
                break
            self.paint(stroke)
        return self.done

    def next_stroke(self) -> Stroke | None:
        """Along the largest place that is wrong; None if all that is left is thin, or was tried in vain."""
        found = None
        for adds in (True, False):
            wrong = (self.reference & ~self.mask) if adds else (self.mask & ~self.reference)
            place = _largest(wrong & ~self._left_alone)
            if place is not None and (found is None or place.pixels > found[1].pixels):
                found = adds, place
        if found is None:
            return None
        adds, place = found
        line = place.middle()
        widest = float(place.depth.max())
        low, high = self.hand.smallest * self._side, self.hand.largest * self._side
        radius = min(max(low, widest), high)
        line = self._stretch(line, np.minimum(place.at(line), radius))
        centres, room = self._inwards(line, adds, radius)
        fitting = min(radius, max(low, float(np.quantile(room, _SPARE))))
        if fitting < radius:
            radius = fitting
            centres, _ = self._inwards(line, adds, radius)
        return Stroke(self._trembling(centres), adds, radius)

    def paint(self, stroke: Stroke) -> bool:
        """Draw a stroke. Where it does more harm than good it is undone, and the place left alone: False."""
        self.strokes += 1
        self.length += float(np.hypot(*np.diff(stroke.path, axis=0).T).sum()) if len(stroke.path) > 1 else 0.0
        box, covered = touched(stroke, self.mask.shape)
        changed = covered & (self.mask[box] != stroke.adds)
        counted = changed & self._counted[box]
        right = int(np.count_nonzero(counted & (self.reference[box] == stroke.adds)))
        count = int(np.count_nonzero(counted))
        if 2 * right <= count:
            self._left_alone[box] |= covered
            return False
        self.mask[box][changed] = stroke.adds
        sign = 1 if stroke.adds else -1
        self._sum += sign * count
        self._both += right if stroke.adds else right - count
        self.pixels += count
        return True

    def _stretch(self, line: np.ndarray, worth: np.ndarray) -> np.ndarray:
        """The part of the line, not longer than a stroke, that covers most of what is wrong."""
        steps = np.hypot(*np.diff(line, axis=0).T) if len(line) > 1 else np.zeros(0)
        along = np.concatenate([[0.0], np.cumsum(steps)])
        ends = np.searchsorted(along, along + self.hand.longest * self._side, side="right")
        total = np.concatenate([[0.0], np.cumsum(worth)])
        start = int(np.argmax(total[ends] - total[: len(line)]))
        return line[start : ends[start]]

    def _inwards(self, line: np.ndarray, adds: bool, radius: float) -> tuple[np.ndarray, np.ndarray]:
        """(the line moved so far in that the brush does not reach over the true border, the room there)."""
        depth = self._beyond[adds]
        centres = line.astype(np.float64)
        for _ in range(int(np.ceil(radius))):
            rows, columns = self._pixels(centres)
            short = depth[rows, columns] < radius
            if not short.any():
                break
            centres[short] += _uphill(depth, rows[short], columns[short])
        return centres, depth[self._pixels(centres)]

    def _pixels(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rows, columns = np.rint(points).astype(int).T
        height, width = self.mask.shape
        return np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)

    def _trembling(self, line: np.ndarray) -> np.ndarray:
        noise = self._rng.normal(size=(len(line) + 20, 2))
        smooth = ndimage.gaussian_filter1d(noise, 4, axis=0, mode="nearest")[10:-10]
        scale = self.hand.tremble * self._side * np.sqrt(2 * 4 * np.sqrt(np.pi))  # back to unit variance
        return np.asarray(line + smooth * scale)


def touched(stroke: Stroke, shape: tuple[int, ...]) -> tuple[tuple[slice, slice], np.ndarray]:
    """(box, bool of its shape): the pixels within the brush's radius of the line."""
    margin = int(np.ceil(stroke.radius)) + 1
    low = np.floor(stroke.path.min(axis=0)).astype(int) - margin
    high = np.ceil(stroke.path.max(axis=0)).astype(int) + margin + 1
    away = np.ones(high - low, bool)
    points = [stroke.path[:1]]
    for one, two in pairwise(stroke.path):
        points.append(np.linspace(one, two, int(np.abs(two - one).max() * 2) + 2))
    rows, columns = np.rint(np.concatenate(points) - low).astype(int).T
    away[rows, columns] = False
    covered = ndimage.distance_transform_edt(away) <= stroke.radius
    box = tuple(slice(max(0, a), max(0, min(b, size))) for a, b, size in zip(low, high, shape, strict=True))
    inner = tuple(slice(part.start - a, part.stop - a) for part, a in zip(box, low, strict=True))
    return (box[0], box[1]), covered[inner]


@dataclass(frozen=True)
class _Place:
    """Where a mask is wrong. depth : distance to its border, 0 elsewhere, in a box that begins at `start`."""

    depth: np.ndarray
    start: tuple[int, int]
    pixels: int

    def middle(self) -> np.ndarray:
        """(N, 2) pixels of the image from one end to the other, as deep inside as they can be."""
        parts, _ = ndimage.label(self.depth >= _DEEP * self.depth.max(), _TOUCHING)
        deep = parts == np.argmax(np.bincount(parts[parts > 0]))
        (rows, columns) = ndimage.find_objects(deep.astype(np.uint8))[0]
        deep, depth = np.pad(deep[rows, columns], 1), np.pad(self.depth[rows, columns], 1)
        cost = np.where(deep, 1 / np.maximum(depth, 1) ** 2, -1.0)
        end = tuple(np.argwhere(deep)[0])
        for _ in range(2):  # the farthest from anywhere is one end, the farthest from there the other
            walk = MCP(cost)
            away, _ = walk.find_costs([end])
            end = np.unravel_index(np.argmax(np.where(deep, away, -1)), away.shape)
            path = np.array(walk.traceback(end))
        return np.asarray(path - 1 + (rows.start + self.start[0], columns.start + self.start[1]))

    def at(self, line: np.ndarray) -> np.ndarray:
        """The depth along a line."""
        rows, columns = (line - self.start).T
        return np.asarray(self.depth[rows, columns])


def _largest(wrong: np.ndarray) -> _Place | None:
    """The largest place in `wrong` (bool (Y, X)) that is not thin everywhere."""
    filled = ndimage.find_objects(wrong.astype(np.uint8))
    if not filled:
        return None
    box = filled[0]
    depth = ndimage.distance_transform_edt(np.pad(wrong[box], 1))[1:-1, 1:-1]
    parts, count = ndimage.label(depth >= _RIM, _TOUCHING)
    if not count:
        return None
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    largest = int(np.argmax(sizes))
    inner = ndimage.find_objects(parts, largest)[largest - 1]
    here = np.where(parts[inner] == largest, depth[inner], 0)
    start = (box[0].start + inner[0].start, box[1].start + inner[1].start)
    return _Place(here, start, int(sizes[largest]))


def _uphill(depth: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(N, 2) steps of one pixel to where `depth` rises most; 0 on its ridges."""
    height, width = depth.shape
    slope = np.stack(
        [
            depth[np.minimum(rows + 1, height - 1), columns] - depth[np.maximum(rows - 1, 0), columns],
            depth[rows, np.minimum(columns + 1, width - 1)] - depth[rows, np.maximum(columns - 1, 0)],
        ],
        axis=1,
    ).astype(np.float64)
    steep = np.hypot(*slope.T)[:, None]
    return np.asarray(np.where(steep > 0.5, slope / np.maximum(steep, 1e-9), 0.0))
