"""Smooth random fields, distances and textures in a volume, in mm: what simulated disease is made of.

Shapes are computed on a coarse grid of about 4 mm and interpolated, which is quick and leaves smooth borders.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from napari_unet.core.masks import neighbours

_COARSE_MM = 4.0
_SOFT_TISSUE = (-20.0, 120.0)  # HU; where the scan's own noise is measured
_SAMPLE = 100_000  # so many voxels say what the noise is
_NARROWEST = 0.3  # voxels; noise of a smaller width is white


@dataclass(frozen=True)
class Space:
    """The grid of a part of a volume, and random fields on it.

    lung : bool (Z, Y, X), Z towards the head, Y towards the back, X towards the patient's left.
    spacing_mm : of the voxels, in that order. rng : everything random comes from it.
    """

    lung: np.ndarray
    spacing_mm: tuple[float, float, float]
    rng: np.random.Generator

    @cached_property
    def factors(self) -> tuple[int, ...]:
        """How many voxels of each axis are one of the coarse grid."""
        return tuple(max(1, round(_COARSE_MM / step)) for step in self.spacing_mm)

    @cached_property
    def coarse_mm(self) -> np.ndarray:
        """Spacing of the coarse grid."""
        return np.multiply(self.factors, self.spacing_mm)

    @cached_property
    def coarse(self) -> np.ndarray:
        """bool: where most of a coarse voxel is lung."""
        ends = [-n % factor for n, factor in zip(self.lung.shape, self.factors, strict=True)]
        padded = np.pad(self.lung, [(0, end) for end in ends])
        blocks = [size for n, f in zip(padded.shape, self.factors, strict=True) for size in (n // f, f)]
        large = padded.reshape(blocks).mean(axis=(1, 3, 5), dtype=np.float32) >= 0.5
        return np.asarray(large if large.any() else padded.reshape(blocks).any(axis=(1, 3, 5)))

    @cached_property
    def inside_mm(self) -> np.ndarray:
        """Coarse: how far a point of the lung is from its surface; 0 outside."""
        padded = np.pad(self.coarse, 1)
        found = ndimage.distance_transform_edt(padded, sampling=self.coarse_mm)[1:-1, 1:-1, 1:-1]
        return np.asarray(np.maximum(found - self.coarse_mm.min() / 2, 0), np.float32)

    def position_mm(self, axis: int) -> np.ndarray:
        """Coarse: the coordinate along an axis, in a shape that broadcasts."""
        shape = [1, 1, 1]
        shape[axis] = -1
        steps = np.arange(self.coarse.shape[axis], dtype=np.float32) * np.float32(self.coarse_mm[axis])
        return steps.reshape(shape)

    def from_mm(self, point: np.ndarray) -> np.ndarray:
        """Coarse: the distance from a point."""
        squares = [(self.position_mm(axis) - np.float32(point[axis])) ** 2 for axis in range(3)]
        return np.asarray(np.sqrt(squares[0] + squares[1] + squares[2]), np.float32)

    def noise(self, width_mm: float) -> np.ndarray:
        """Coarse: a smooth random field of mean 0 and deviation 1; `width_mm` is that of its Gaussian."""
        white = self.rng.standard_normal(self.coarse.shape).astype(np.float32)
        smooth = ndimage.gaussian_filter(white, width_mm / self.coarse_mm, mode="wrap")
        return np.asarray((smooth - smooth.mean()) / max(float(smooth.std()), 1e-6), np.float32)

    def level(self, field: np.ndarray, share: float) -> float:
        """The value that `field` exceeds in `share` of the lung."""
        return float(np.quantile(field[self.coarse], 1 - share))

    def point(self, weight: np.ndarray) -> np.ndarray:
        """A random point of the lung in mm, drawn with a coarse `weight`; anywhere if that is 0."""
        weight = np.where(self.coarse, weight, 0).ravel().astype(float)
        weight = weight if weight.sum() > 0 else self.coarse.ravel().astype(float)
        drawn = self.rng.choice(weight.size, p=weight / weight.sum())
        return np.asarray(np.multiply(np.unravel_index(drawn, self.coarse.shape), self.coarse_mm))

    def fine(self, field: np.ndarray) -> np.ndarray:
        """A coarse field on the volume's own grid, linear in between, float32."""
        for axis, (count, factor) in enumerate(zip(self.lung.shape, self.factors, strict=True)):
            field = _interpolated(field, axis, count, factor)
        return field

    def above(self, field: np.ndarray, level: float, soft: float) -> np.ndarray:
        """0..1 on the volume's own grid: where a coarse field exceeds `level`, over a width of `soft`."""
        return np.asarray(np.clip((self.fine(field) - np.float32(level)) / np.float32(soft) + 0.5, 0, 1))

    def tubes(self, width_mm: float, radius_mm: float) -> np.ndarray:
        """0..1: winding tubes, where two random fields are both near 0, as bronchi wind."""
        first, second = self.fine(self.noise(width_mm)), self.fine(self.noise(width_mm))
        return np.asarray(np.clip(1.5 - np.hypot(first, second) * np.float32(width_mm / radius_mm), 0, 1))

    def walls(self, where: np.ndarray, cell_mm: float, wall_mm: float) -> np.ndarray:
        """0..1: the walls between cells of random places (Worley 1996: F2 - F1); 0 outside of `where`."""
        found = np.zeros(where.shape, np.float32)
        at = np.argwhere(where) * np.asarray(self.spacing_mm)
        if not len(at):
            return found
        low, high = at.min(axis=0) - cell_mm, at.max(axis=0) + cell_mm
        count = max(4, round(float(np.prod((high - low) / cell_mm))))
        tree = cKDTree(self.rng.uniform(low, high, (count, 3)))
        near, _ = tree.query(at, k=2)
        found[where] = np.clip(1.5 - (near[:, 1] - near[:, 0]) / wall_mm, 0, 1)
        return found


def scan_noise(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """float32 (Z, Y, X): noise of the strength and grain that a scan's own soft tissue has.

    Grain: of Gaussian-filtered white noise with the deviation s, neighbours correlate by exp(-1 / (4 s²)).
    """
    volume = pixels.astype(np.float32)
    mean = ndimage.uniform_filter(volume, (1, 5, 5))
    calm = (mean > _SOFT_TISSUE[0]) & (mean < _SOFT_TISSUE[1])
    calm = ndimage.binary_erosion(calm, np.ones((1, 3, 3), bool))
    rest = volume - mean
    if np.count_nonzero(calm) < 500:
        return (10 * rng.standard_normal(volume.shape)).astype(np.float32)
    deviation = 1.4826 * float(np.median(np.abs(rest[calm])))  # edges and vessels do not count
    calm &= np.abs(rest) < 4 * deviation
    white = rng.standard_normal(volume.shape).astype(np.float32)
    widths = [_grain(rest, calm, axis) for axis in range(3)]
    grained = ndimage.gaussian_filter(white, widths, truncate=3.0, mode="wrap")
    return np.asarray(grained * (deviation / max(float(grained.std()), 1e-6)), np.float32)


def _grain(rest: np.ndarray, calm: np.ndarray, axis: int) -> float:
    """Width in voxels of the Gaussian that gives neighbours along `axis` the correlation of `rest`."""
    if rest.shape[axis] < 2:
        return 0.0
    first, second = neighbours(3)[axis]
    both = calm[first] & calm[second]
    step = max(1, np.count_nonzero(both) // _SAMPLE)
    a, b = rest[first][both][::step], rest[second][both][::step]
    if len(a) < 100:
        return 0.0
    correlation = float(np.corrcoef(a, b)[0, 1])
    width = np.sqrt(-1 / (4 * np.log(np.clip(correlation, 1e-3, 0.9))))
    return float(width) if width > _NARROWEST else 0.0


def _interpolated(field: np.ndarray, axis: int, count: int, factor: int) -> np.ndarray:
    """`field` with `count` voxels along `axis`; a coarse voxel's value is that of the middle of its block."""
    if factor == 1:
        return np.asarray(field.take(np.arange(count), axis=axis), np.float32)
    at = np.clip((np.arange(count) + 0.5) / factor - 0.5, 0, field.shape[axis] - 1)
    low = np.minimum(at.astype(np.intp), max(field.shape[axis] - 2, 0))
    share = (at - low).astype(np.float32).reshape([-1 if k == axis else 1 for k in range(3)])
    high = np.minimum(low + 1, field.shape[axis] - 1)
    below, above = field.take(low, axis=axis), field.take(high, axis=axis)
    return np.asarray(below + share * (above - below), np.float32)
