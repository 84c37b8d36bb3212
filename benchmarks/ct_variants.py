"""The same CT as other scanners, headers and patients would give it, with the labels that it then has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from napari_unet.core.labels import LEFT, RIGHT
from napari_unet.core.orientation import OPPOSITE
from napari_unet.core.raster import Raster
from napari_unet.training import ct_changes
from napari_unet.training.ct_disease import diseased
from napari_unet.training.ct_kinds import TEST_SEEDS, Degree, Kind
from napari_unet.training.volumes import standing

Changed = tuple[Raster, np.ndarray]
SIDES_UNUSUAL = re.compile("situs inversus|wrong side|other side|mirrored", re.IGNORECASE)
_MOST_SLICES = 140
_FLUID_HU = 15


@dataclass(frozen=True)
class Variant:
    """A change of a CT. says : what the model's notes must match, None if there is nothing to say."""

    group: str
    name: str
    change: Callable[[Raster, np.ndarray], Changed]
    says: re.Pattern[str] | None = None


def variants() -> Iterator[Variant]:
    """All of them, in the order of the table."""
    yield Variant("as it is", "as it is", lambda raster, labels: (raster, labels))
    yield from _positions()
    for kept, side in ((LEFT, "right"), (RIGHT, "left")):
        yield Variant("one lung", f"{side} lung gone", partial(one_lung, kept=kept))
        yield Variant("one lung", f"{side} lung collapsed", partial(one_collapsed, kept=kept))
    yield from _scanners()
    for kind in Kind:
        yield from disease_variants(kind)


def disease_variants(kind: Kind) -> Iterator[Variant]:
    """One kind in three degrees, each with its own seed of the test sets."""
    for k, degree in enumerate(Degree):

        def change(raster: Raster, labels: np.ndarray, degree: Degree = degree, seed: int = k) -> Changed:
            return ill(raster, labels, kind, degree, TEST_SEEDS[10 * list(Kind).index(kind) + seed])

        yield Variant(f"simulated {kind}".replace("_", " "), degree, change)


def turned(raster: Raster, labels: np.ndarray, axes: tuple[int, ...], header: bool = True) -> Changed:
    """Pixels stored the other way round along some axes (0 Z, 1 Y, 2 X); `header` says so, or does not.

    If it does, nothing has changed but the order. If it does not, the patient is mirrored, and what was the
    right lung lies where the left one is.
    """
    assert raster.affine is not None
    pixels, labels = np.flip(raster.pixels, axes), np.flip(labels, axes)
    if not header:
        if len(axes) % 2:
            labels = np.where(labels == RIGHT, LEFT, np.where(labels == LEFT, RIGHT, labels))
        return replace(raster, pixels=pixels.copy(), frame=None), labels.astype(np.uint8)
    flip = np.eye(4)
    for axis in axes:
        flip[axis, axis], flip[axis, 3] = -1, raster.shape[axis] - 1
    towards = raster.row_direction
    if 2 in axes and towards is not None:
        towards = OPPOSITE[towards]
    affine = raster.affine @ flip
    return replace(raster, pixels=pixels.copy(), affine=affine, row_direction=towards, frame=None), labels


def one_lung(raster: Raster, labels: np.ndarray, kept: int) -> Changed:
    """The other lung was taken out and fluid has filled its place."""
    rng = np.random.default_rng(TEST_SEEDS[900])
    gone = (labels > 0) & (labels != kept)
    fluid = np.rint(rng.normal(_FLUID_HU, 15, int(gone.sum()))).astype(raster.pixels.dtype)
    pixels = raster.pixels.copy()
    pixels[gone] = fluid
    return replace(raster, pixels=pixels, frame=None), np.where(gone, 0, labels).astype(np.uint8)


def one_collapsed(raster: Raster, labels: np.ndarray, kept: int) -> Changed:
    """The other lung has shrunk to its hilum, with air around it: a severe pneumothorax."""
    other = np.where(labels == kept, 0, labels).astype(np.uint8)
    raster, other = ill(raster, other, Kind.PNEUMOTHORAX, Degree.SEVERE, TEST_SEEDS[910 + kept])
    return raster, np.where(labels == kept, kept, other).astype(np.uint8)


def ill(raster: Raster, labels: np.ndarray, kind: Kind, degree: Degree, seed: int) -> Changed:
    """With simulated disease, drawn in the patient as the affine has it."""
    spacing, turn = standing(raster)
    found = diseased(raster.pixels[turn], labels[turn], spacing, kind, degree, seed)
    return replace(raster, pixels=found.pixels[turn].copy(), frame=None), found.labels[turn].copy()


def thick(raster: Raster, labels: np.ndarray, thickness_mm: float) -> Changed:
    """Slices of another thickness and the same distance, about the middle of the lungs, 140 at most."""
    assert raster.spacing_mm is not None and raster.affine is not None
    step = thickness_mm / raster.spacing_mm[0]
    there = np.flatnonzero(labels.any(axis=(1, 2)))
    count = min(_MOST_SLICES, int((len(labels) - 1) // step) + 1)
    middle = float(there.mean()) if count == _MOST_SLICES else (len(labels) - 1) / 2
    first = max(0.0, middle - (count - 1) / 2 * step)
    places = first + step * np.arange(count)
    pixels = np.rint(ct_changes.slices_at(raster.pixels, places, max(1.0, step))).astype(np.int16)
    affine = raster.affine.copy()
    affine[:3, 3] += first * affine[:3, 0]
    affine[:3, 0] *= step
    spacing = (thickness_mm, *raster.spacing_mm[1:])
    changed = replace(raster, pixels=pixels, spacing_mm=spacing, affine=affine, frame=None)
    return changed, ct_changes.slices_at(labels, places, 1, nearest=True)


def cut(raster: Raster, labels: np.ndarray, radius: float) -> Changed:
    """A round field of view of this radius, as a share of the width, a little off the middle."""
    inside = ct_changes.inside_circle(raster.shape, (0.5, 0.52), radius)
    pixels = np.where(inside, raster.pixels, -1024).astype(np.int16)
    return replace(raster, pixels=pixels, frame=None), (labels * inside).astype(np.uint8)


def _positions() -> Iterator[Variant]:
    """Other orders of the same voxels, and one patient who is really mirrored."""
    for name, axes in (
        ("prone: turned about the body's axis", (1, 2)),
        ("feet first: slices the other way round", (0,)),
        ("mirrored order of pixels", (2,)),
        ("upside down and back to front", (0, 1)),
    ):
        yield Variant("position", name, partial(turned, axes=axes))
    yield Variant("position", "really mirrored", partial(turned, axes=(2,), header=False), SIDES_UNUSUAL)


def _scanners() -> Iterator[Variant]:
    """Thickness, dose, kernel, calibration, field of view, metal."""
    for thickness in (0.5, 1.0, 5.0, 10.0):
        yield Variant("slices", f"{thickness:g} mm", partial(thick, thickness_mm=thickness))
    for hu in (40.0, 80.0, 120.0):
        yield Variant("dose", f"noise of {hu:g} HU", _on_values(_noisy(hu)))
    yield Variant("kernel", "sharp", _on_values(lambda hu, mm: ct_changes.other_kernel(hu, 1.2, 1.4, mm)))
    yield Variant("kernel", "soft", _on_values(lambda hu, mm: ct_changes.other_kernel(hu, -1, 2.0, mm)))
    for offset in (-25.0, 25.0):
        yield Variant("calibration", f"{offset:+g} HU", _on_values(_shifted(offset)))
    for radius in (0.4, 0.33):
        yield Variant("field of view", f"{2 * radius:.0%} of the width", partial(cut, radius=radius))
    yield Variant("metal", "with streaks, on a third of the slices", _on_values(_metal))


def _shifted(by: float) -> Callable[[np.ndarray, tuple[float, float]], np.ndarray]:
    return lambda values, mm: ct_changes.other_calibration(values, 1, by)


def _noisy(hu: float) -> Callable[[np.ndarray, tuple[float, float]], np.ndarray]:
    return lambda values, mm: ct_changes.low_dose(values, hu, 0.5, np.random.default_rng(TEST_SEEDS[901]))


def _metal(hu: np.ndarray, pixel_mm: tuple[float, float]) -> np.ndarray:
    """A pacemaker's size of metal in front of the left lung."""
    body = np.argwhere(hu[len(hu) // 2] > -300)
    y = int(np.quantile(body[:, 0], 0.15))
    x = int(np.quantile(body[:, 1], 0.65))
    rng = np.random.default_rng(TEST_SEEDS[902])
    return ct_changes.with_metal(hu, (len(hu) // 2, y, x), 12, len(hu) // 3, 500, pixel_mm, rng)


def _on_values(
    change: Callable[[np.ndarray, tuple[float, float]], np.ndarray],
) -> Callable[[Raster, np.ndarray], Changed]:
    """A change of HU alone."""

    def changed(raster: Raster, labels: np.ndarray) -> Changed:
        assert raster.spacing_mm is not None
        hu = change(raster.pixels.astype(np.float32), (raster.spacing_mm[1], raster.spacing_mm[2]))
        return replace(raster, pixels=np.clip(np.rint(hu), -1024, 3071).astype(np.int16), frame=None), labels

    return changed
