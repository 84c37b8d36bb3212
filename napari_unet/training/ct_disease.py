"""Simulated lung disease on CT volumes, with the mask that the protocol asks for.

In: aerated, consolidated, collapsed and fibrotic lung, tumour within the lung. Out: pleural fluid, the air of
a pneumothorax. The shapes are drawn within the lungs of a reference; what lies outside of them (chest wall,
mediastinum, diaphragm) stays as it is, but for the pixels of the border that are partly lung.

These are simulations: they show places, densities and textures as real disease has them, not real disease.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from napari_unet.core.labels import LEFT, RIGHT
from napari_unet.core.masks import bounding_box
from napari_unet.training.ct_fields import Space, scan_noise
from napari_unet.training.ct_kinds import Degree, Kind

_MARGIN_MM = 8.0
_RIM_HU = (-850.0, -30.0)  # pixels just outside of the mask that are partly lung
_FAT_HU = -150.0  # above it, only the pixels that touch the mask are
_AIR, _TISSUE = -1000.0, 40.0
_LOWEST, _HIGHEST = -1024, 3071


@dataclass(frozen=True)
class Diseased:
    """pixels : int16 HU (Z, Y, X). labels : uint8, as the protocol says: 0, 1 right, 2 left lung."""

    pixels: np.ndarray
    labels: np.ndarray


_SHARE = {  # of the lung, or of both lungs, that is changed
    Kind.CONSOLIDATION: ((0.06, 0.15), (0.25, 0.4), (0.55, 0.85)),
    Kind.EFFUSION: ((0.05, 0.12), (0.2, 0.35), (0.45, 0.7)),
    Kind.GROUND_GLASS: ((0.1, 0.2), (0.3, 0.5), (0.6, 0.9)),
    Kind.FIBROSIS: ((0.06, 0.14), (0.2, 0.35), (0.4, 0.6)),
    Kind.PNEUMOTHORAX: ((0.05, 0.12), (0.2, 0.4), (0.55, 0.8)),
}
_MASS_RADIUS_MM = ((9.0, 14.0), (18.0, 26.0), (30.0, 42.0))
_BOTH_LUNGS = {  # chance
    Kind.CONSOLIDATION: 0.25,
    Kind.EFFUSION: 0.4,
    Kind.GROUND_GLASS: 0.75,
    Kind.FIBROSIS: 0.95,
    Kind.MASS: 0.0,
    Kind.PNEUMOTHORAX: 0.0,
}


def diseased(
    pixels: np.ndarray,
    labels: np.ndarray,
    spacing_mm: tuple[float, float, float],
    kind: Kind,
    degree: Degree,
    seed: int,
) -> Diseased:
    """A volume with one kind of disease; the same arguments give the same bytes.

    Parameters
    ----------
    pixels : ndarray of shape (Z, Y, X)
        HU. Z points to the head, Y to the back, X to the patient's left; the patient lies on the back, so
        that Y is also where fluid sinks. A few slices will do.
    labels : ndarray of shape (Z, Y, X)
        0, 1 = right lung, 2 = left lung.
    spacing_mm : tuple of float
        In the order of the axes.
    kind, degree, seed
        What to draw, how much of it, and which of all possible ones.

    Returns
    -------
    Diseased
        Unchanged copies if there is no lung.
    """
    if pixels.ndim != 3 or pixels.shape != labels.shape:
        raise ValueError(f"expected a volume with its labels, got {pixels.shape} and {labels.shape}")
    degree_index = list(Degree).index(degree)
    rng = np.random.default_rng([seed, list(Kind).index(kind), degree_index])
    out = np.array(np.rint(pixels) if pixels.dtype.kind == "f" else pixels, np.int16)
    truth = labels.astype(np.uint8)
    there = [side for side in (RIGHT, LEFT) if (labels == side).any()]
    if not there:
        return Diseased(out, truth)
    both = rng.random() < _BOTH_LUNGS[kind]
    first = int(rng.integers(len(there)))
    for side in there if both else [there[first]]:
        _change(out, truth, side, spacing_mm, kind, degree_index, rng)
    return Diseased(out, truth)


@dataclass
class _Lung:
    """One lung while it is changed. hu : float32, changed in place. out : bool, no longer lung."""

    hu: np.ndarray
    out: np.ndarray
    space: Space
    support: np.ndarray
    noise: np.ndarray
    side: int
    degree: int
    share: float

    @property
    def rng(self) -> np.random.Generator:
        return self.space.rng

    def one_of(self, *ranges: tuple[float, float]) -> float:
        """A random number of the range for this degree."""
        return float(self.rng.uniform(*ranges[self.degree]))

    def fill(self, weight: np.ndarray, hu: float | np.ndarray, noisy: bool = True) -> None:
        """Replaces `weight` (0..1) of each pixel by matter of `hu`, with noise like the scan's."""
        weight = np.asarray(weight * self.support, np.float32)
        target = hu + self.noise if noisy else hu
        self.hu += weight * (target - self.hu)

    def below_mm(self) -> np.ndarray:
        """Coarse: how far under the top of the lung."""
        z = self.space.position_mm(0)
        top = z[self.space.coarse.any(axis=(1, 2)), 0, 0].max()
        return np.asarray(top - z, np.float32)


def _change(
    pixels: np.ndarray,
    truth: np.ndarray,
    side: int,
    spacing_mm: tuple[float, float, float],
    kind: Kind,
    degree: int,
    rng: np.random.Generator,
) -> None:
    """Changes one lung of the volume in place."""
    box = bounding_box(truth == side)
    assert box is not None
    margins = [round(_MARGIN_MM / step) for step in spacing_mm]
    box = tuple(
        slice(max(0, part.start - margin), part.stop + margin)
        for part, margin in zip(box, margins, strict=True)
    )
    hu, own = pixels[box].astype(np.float32), truth[box] == side
    touching = ndimage.binary_dilation(own, ndimage.generate_binary_structure(3, 3))
    near = ndimage.binary_dilation(touching)
    rim = (near & (hu < _FAT_HU)) | (touching & (hu < _RIM_HU[1]))
    rim &= (hu > _RIM_HU[0]) & (truth[box] == 0)
    low, high = _SHARE[kind][degree] if kind in _SHARE else (0.0, 0.0)
    lung = _Lung(
        hu=hu.copy(),
        out=np.zeros(own.shape, bool),
        space=Space(own, spacing_mm, rng),
        support=(own | rim).astype(np.float32),
        noise=scan_noise(hu, rng),
        side=side,
        degree=degree,
        share=float(rng.uniform(low, high)),
    )
    _KINDS[kind](lung)
    lowest = max(_LOWEST, float(hu.min()))
    new = np.clip(np.rint(lung.hu), lowest, _HIGHEST).astype(np.int16)
    pixels[box] = np.where(lung.hu == hu, pixels[box], new)
    truth[box][lung.out & own] = 0


def _consolidation(lung: _Lung) -> None:
    """Pneumonia or collapse: lobar or patchy, air in the bronchi."""
    space = lung.space
    low = lung.below_mm() + space.position_mm(1)
    centre = space.point((low - low.min()) + 20)
    lobar = lung.rng.uniform(0.5, 1.5)
    field = space.noise(16) - lobar * space.from_mm(centre) / 35
    level, outer = (space.level(field, share) for share in (lung.share, min(0.98, 1.5 * lung.share)))
    halo = space.above(field, (level + outer) / 2, max(0.4, level - outer))
    patchy = field + lung.rng.uniform(0.2, 0.6) * space.noise(5)
    dense = space.above(patchy, level, float(lung.rng.uniform(0.25, 0.7)))
    if lung.rng.random() < 0.8:
        dense *= 1 - 0.9 * space.tubes(7, float(lung.rng.uniform(1.3, 2.2)))
    lung.fill(lung.rng.uniform(0.1, 0.35) * halo, _TISSUE, noisy=False)
    grain = space.fine(space.noise(5)) * 8
    lung.fill(dense * np.float32(lung.rng.uniform(0.92, 1)), lung.rng.uniform(20, 60) + grain)


def _ground_glass(lung: _Lung) -> None:
    """Some of the air is replaced; vessels stay visible."""
    space, rng = lung.space, lung.rng
    field = space.noise(14) + 0.4 * space.noise(5)
    field = field - rng.uniform(0, 1.2) * space.inside_mm / 12 + rng.uniform(-0.3, 1) * lung.below_mm() / 120
    where = space.above(field, space.level(field, lung.share), 0.5)
    amount = lung.one_of((0.15, 0.25), (0.2, 0.35), (0.3, 0.5))
    uneven = 1 + 0.2 * space.fine(space.noise(5))
    lung.fill(np.clip(amount * uneven * where, 0, 0.8), _TISSUE, noisy=False)


def _effusion(lung: _Lung) -> None:
    """Fluid that has sunk to the back, with a meniscus; the lung before it is compressed."""
    space, rng = lung.space, lung.rng
    meniscus = rng.uniform(8, 22) * np.exp(-space.inside_mm / rng.uniform(5, 10))
    field = space.position_mm(1) + rng.uniform(0.05, 0.3) * lung.below_mm() + meniscus
    field = np.broadcast_to(field, space.coarse.shape)
    level = space.level(field, lung.share)
    band = lung.one_of((4, 8), (8, 18), (15, 35))
    uneven = field + 0.25 * band * space.noise(9)
    collapsed = space.above(uneven, level - band / 2, band) * (1 - 0.8 * space.tubes(9, 1.5))
    lung.fill(0.12 * lung.share + 0.9 * np.clip(1.6 * collapsed, 0, 1), rng.uniform(40, 80))
    fluid = space.above(field, level, float(rng.uniform(2, 4)))
    lung.fill(fluid, rng.uniform(0, 25))
    lung.out |= fluid >= 0.5


def _fibrosis(lung: _Lung) -> None:
    """Reticulation, honeycombs and wide bronchi under the pleura, more of it towards the base."""
    space, rng = lung.space, lung.rng
    field = -space.inside_mm / 11 + rng.uniform(0.5, 1.5) * lung.below_mm() / 110 + 0.5 * space.noise(14)
    where = space.above(field, space.level(field, lung.share), 0.6)
    cell = float(rng.uniform(5, 10))
    walls = space.walls((where > 0.05) & (lung.support > 0), cell, float(rng.uniform(1.2, 2)))
    lung.fill(where * np.float32(lung.one_of((0.1, 0.2), (0.12, 0.28), (0.2, 0.4))), _TISSUE, noisy=False)
    if lung.degree:
        cysts = where * (1 - walls) * space.above(field, space.level(field, 0.5 * lung.share), 0.6)
        lung.fill(0.8 * cysts, rng.uniform(-950, -880))
    lung.fill(where * walls * np.float32(lung.one_of((0.4, 0.6), (0.5, 0.8), (0.6, 0.9))), _TISSUE)
    lung.fill(0.8 * where * space.tubes(10, lung.one_of((1, 1.5), (1.5, 2.5), (2, 3.5))), -930)


def _mass(lung: _Lung) -> None:
    """A lobulated tumour that touches the pleura."""
    space, rng = lung.space, lung.rng
    radius = lung.one_of(*_MASS_RADIUS_MM)
    below = np.broadcast_to(lung.below_mm(), space.coarse.shape)
    height = float(below[space.coarse].max())
    deep = space.inside_mm
    near_wall = (deep >= 0.1 * radius) & (deep <= 0.6 * radius) & (below > 0.1 * height)
    centre = space.point(near_wall & (below < 0.9 * height))
    away = space.from_mm(centre)
    field = radius - away + 0.22 * radius * space.noise(max(5.0, 0.35 * radius)) + 1.5 * space.noise(4)
    tumour = space.above(field, 0.0, 3.0)
    dead = np.clip(1 - space.fine(away) / (0.6 * radius), 0, 1) * rng.uniform(0, 40)
    lung.fill(0.2 * space.above(field, -0.15 * radius, 0.3 * radius), _TISSUE)
    lung.fill(tumour, rng.uniform(30, 70) - dead)


def _pneumothorax(lung: _Lung) -> None:
    """Air before the lung, which shrinks towards its hilum and becomes denser."""
    space, rng = lung.space, lung.rng
    hilum = _hilum(space, lung.side)
    inward = lung.one_of((0.1, 0.3), (0.35, 0.6), (0.65, 0.9))
    y, top = space.position_mm(1), 20 * np.exp(-space.inside_mm / 8)
    field = (1 - inward) * -y + inward * space.from_mm(hilum) + (0.3 + inward) * top + 3 * space.noise(22)
    level = space.level(field, lung.share)
    air = space.above(field, level, 2.5)
    squeezed = 1 + (1 / (1 - lung.share) - 1) * rng.uniform(0.6, 1)
    even = ndimage.gaussian_filter(lung.hu, np.divide(0.5 * min(squeezed - 1, 4), space.spacing_mm))
    denser = np.minimum((even - _AIR) * squeezed + _AIR, np.maximum(lung.hu, 60))
    lung.fill(space.lung, denser, noisy=False)
    if lung.degree:
        core = space.above(-space.from_mm(hilum), -lung.one_of((0, 1), (10, 30), (25, 50)), 20)
        lung.fill(core * np.float32(rng.uniform(0.3, 0.9)), _TISSUE)
    pleura = np.clip(1.2 - np.abs(space.fine(field) - level - 1.2) / 1.2, 0, 1)
    inside = space.lung.astype(np.float32)
    lung.fill(air * inside, _AIR + 12)
    lung.fill(0.35 * pleura * inside, _TISSUE, noisy=False)
    lung.out |= air >= 0.5


def _hilum(space: Space, side: int) -> np.ndarray:
    """The point in mm where bronchi enter: on the medial surface at half height."""
    z, y, x = (axis * step for axis, step in zip(np.nonzero(space.coarse), space.coarse_mm, strict=True))
    middle = np.abs(z - np.median(z)) <= 0.15 * float(np.ptp(z))
    behind = middle & (np.abs(y - np.median(y[middle])) <= 0.2 * float(np.ptp(y[middle])))
    medial = x[behind].max() if side == RIGHT else x[behind].min()
    return np.array([np.median(z), np.median(y[middle]), medial])


_KINDS: dict[Kind, Callable[[_Lung], None]] = {
    Kind.CONSOLIDATION: _consolidation,
    Kind.EFFUSION: _effusion,
    Kind.GROUND_GLASS: _ground_glass,
    Kind.FIBROSIS: _fibrosis,
    Kind.MASS: _mass,
    Kind.PNEUMOTHORAX: _pneumothorax,
}
