"""Training volumes that look different in each epoch, changed before slices are cut out of them."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.orientation import OPPOSITE, axes_towards
from napari_unet.core.raster import AIR_HU, Modality, Raster, modality_of
from napari_unet.core.training_pair import TrainingPair
from napari_unet.models.card import ModelCard
from napari_unet.training import ct_changes
from napari_unet.training.augment_config import VolumeConfig
from napari_unet.training.config import TrainingConfig
from napari_unet.training.ct_disease import diseased
from napari_unet.training.ct_kinds import TEST_SEEDS, Degree, Kind
from napari_unet.training.pairs import read_pair
from napari_unet.training.samples import Samples, labelled

_STANDING = ("S", "P", "L")  # where Z, Y, X lead for `ct_disease`
_SECOND = 0.25  # chance of another disease beside the first
_THINNEST, _THICKEST = 0.5, 10.0  # mm


def changed_volume(
    raster: Raster,
    labels: np.ndarray,
    slices: Sequence[int],
    neighbours: int,
    config: VolumeConfig,
    rng: np.random.Generator,
) -> tuple[Raster, np.ndarray, tuple[int, ...]]:
    """A CT as another patient and another scanner might have made it, with its labels.

    slices : those that are wanted, with `neighbours` on each side. What comes back is a stack that holds them
    one after the other, each between its neighbours at their new distance, and where they are in it. Raises
    UserError if the image is not a CT volume that says where it lies.
    """
    spacing, turn = standing(raster)
    pixels = raster.pixels
    if _drawn(rng, config.disease):
        pixels, labels = (part[turn] for part in _ill(pixels[turn], labels[turn], spacing, config.kinds, rng))
    hu = pixels.astype(np.float32)
    if _drawn(rng, config.metal):
        hu = _metal(hu, spacing, rng)
    distance = thickness = 1.0  # in slices
    if _drawn(rng, config.spacing):
        distance = float(np.exp(rng.uniform(np.log(_THINNEST), np.log(_THICKEST)))) / spacing[0]
        thickness = max(1.0, distance)
    steps = np.arange(-neighbours, neighbours + 1) * distance
    places = (np.asarray(slices, float)[:, None] + steps).ravel()
    hu = ct_changes.slices_at(hu, places, thickness)
    drawn = ct_changes.slices_at(labels, places, 1, nearest=True)
    hu, drawn = _scanner(hu, drawn, spacing, config, rng)
    stack = replace(
        raster,
        pixels=np.clip(np.rint(hu), -1024, 3071).astype(np.int16),
        spacing_mm=(distance * spacing[0], *spacing[1:]),
        affine=None,
        frame=None,
        notes=(),
    )
    middles = range(neighbours, len(places), len(steps))
    return stack, drawn, tuple(middles)


def _scanner(
    hu: np.ndarray,
    labels: np.ndarray,
    spacing: tuple[float, float, float],
    config: VolumeConfig,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Kernel, dose, calibration and field of view of another scanner."""
    if _drawn(rng, config.kernel):
        sharper = rng.random() < 0.5
        amount = rng.uniform(0.4, 2) if sharper else -1
        hu = ct_changes.other_kernel(hu, amount, rng.uniform(0.8, 1.6 if sharper else 3), spacing[1:])
    if _drawn(rng, config.noise):
        strength = float(np.exp(rng.uniform(np.log(10), np.log(120))))
        hu = ct_changes.low_dose(hu, strength, float(rng.choice([0, 0.5, 1])), rng)
    if _drawn(rng, config.shift):
        hu = ct_changes.other_calibration(hu, rng.uniform(0.96, 1.04), rng.uniform(-25, 25))
    if _drawn(rng, config.cut):
        centre = (float(rng.uniform(0.42, 0.58)), float(rng.uniform(0.42, 0.58)))
        inside = ct_changes.inside_circle(hu.shape, centre, float(rng.uniform(0.3, 0.5)))
        kept = labels * inside
        if set(np.unique(kept)) == set(np.unique(labels)):  # never a whole lung
            hu, labels = np.where(inside, hu, np.float32(-1024)), kept
    return hu, labels


def _ill(
    pixels: np.ndarray,
    labels: np.ndarray,
    spacing: tuple[float, float, float],
    kinds: tuple[Kind, ...],
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels and labels as `diseased` takes them, with one disease, or two."""
    for _ in range(2 if rng.random() < _SECOND else 1):
        kind = (kinds or tuple(Kind))[int(rng.integers(len(kinds or Kind)))]
        degree = list(Degree)[int(rng.integers(len(Degree)))]
        seed = int(rng.integers(TEST_SEEDS.start))
        ill = diseased(pixels, labels, spacing, kind, degree, seed)
        pixels, labels = ill.pixels, ill.labels
    return pixels, labels


def _metal(hu: np.ndarray, spacing: tuple[float, float, float], rng: np.random.Generator) -> np.ndarray:
    """One to three pieces somewhere in the body."""
    for _ in range(int(rng.integers(1, 4))):
        z = int(rng.integers(len(hu)))
        body = np.argwhere(hu[z] > AIR_HU)
        if not len(body):
            continue
        y, x = body[int(rng.integers(len(body)))]
        hu = ct_changes.with_metal(
            hu,
            (z, int(y), int(x)),
            float(rng.uniform(2, 9)),
            max(1, round(float(rng.uniform(5, 40)) / spacing[0])),
            float(rng.uniform(100, 600)),
            spacing[1:],
            rng,
        )
    return hu


def standing(raster: Raster) -> tuple[tuple[float, float, float], tuple[slice, ...]]:
    """The spacing of a CT volume of axial slices, and the index that turns it for `diseased`, and back.

    Raises UserError if it is no such volume.
    """
    towards = axes_towards(raster.affine)
    ways = [] if towards is None else zip(towards, _STANDING, strict=True)
    turn = [{wanted: 1, OPPOSITE[wanted]: -1}.get(way) for way, wanted in ways]
    if (
        raster.pixels.ndim != 3
        or modality_of(raster) is not Modality.CT
        or not (turn and all(turn))
        or not raster.spacing_mm
    ):
        raise UserError(
            "The recipe changes volumes, and one of its images is not a CT volume of axial slices whose "
            "header says where it lies.",
            "Leave `training.volumes` out, or use such volumes only.",
        )
    z, y, x = raster.spacing_mm
    return (z, y, x), tuple(slice(None, None, step) for step in turn)


def _drawn(rng: np.random.Generator, chance: float) -> bool:
    return bool(rng.random() < chance)


class ChangedVolumes:
    """The volumes of a recipe, read once; called with an epoch, what a network trains with in it.

    slices : of each pair those that train, the same ones in each epoch. Raises UserError if one of them is
    not a CT volume of axial slices.
    """

    def __init__(
        self,
        pairs: Sequence[TrainingPair],
        slices: Sequence[Sequence[int]],
        card: ModelCard,
        config: VolumeConfig,
        seed: int,
    ) -> None:
        self._pairs, self._slices = list(pairs), [tuple(some) for some in slices]
        self._card, self._config, self.seed = card, config, seed
        self._read = [read_pair(pair, card)[:2] for pair in pairs]
        for raster, _ in self._read:
            standing(raster)

    def seeded(self, seed: int) -> ChangedVolumes:
        """The same volumes, not read again, with other changes."""
        other = copy.copy(self)
        other.seed = seed
        return other

    def __call__(self, epoch: int) -> Samples:
        """Depends on the seed and the number of the epoch alone."""
        return labelled(self.pairs(epoch), self._card, oversize=True)

    def pairs(self, epoch: int) -> list[TrainingPair]:
        """The pairs with changed images and labels, in memory."""
        found = []
        for k, (pair, (raster, labels), slices) in enumerate(
            zip(self._pairs, self._read, self._slices, strict=True)
        ):
            rng = np.random.default_rng([self.seed, epoch, k])
            stack, drawn, middles = changed_volume(
                raster, labels, slices, self._card.input.neighbours, self._config, rng
            )
            revision = f"epoch {epoch}"  # its labels are final
            found.append(replace(pair, image=stack, mask=drawn, slices=middles, revision=revision))
        return found


def changing(
    pairs: Sequence[TrainingPair], train: Samples, card: ModelCard, config: TrainingConfig
) -> ChangedVolumes | None:
    """What renews `train`, the samples of `pairs`, in each epoch; None if the recipe changes no volumes."""
    if not config.volumes.any:
        return None
    slices: list[list[int]] = [[] for _ in pairs]
    for origin, z in zip(train.origins, train.slices, strict=True):
        slices[origin].append(z)
    return ChangedVolumes(pairs, slices, card, config.volumes, config.seed)
