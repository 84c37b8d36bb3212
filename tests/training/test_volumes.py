"""Training volumes that look different in each epoch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from ct_phantom import SPACING_MM, chest_ct
from net_fakes import TINY, card

from napari_unet.core.errors import UserError
from napari_unet.core.events import EpochEnded
from napari_unet.core.input_rule import InputRule
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.label_set import RIGHT_AND_LEFT
from napari_unet.core.raster import Modality, Raster
from napari_unet.core.steps import run
from napari_unet.core.training_pair import TrainingPair
from napari_unet.models.card import NetSpec
from napari_unet.models.output import Output
from napari_unet.training.augment_config import VolumeConfig
from napari_unet.training.config import TrainingConfig
from napari_unet.training.ct_kinds import Kind
from napari_unet.training.recipe import DataConfig, Recipe
from napari_unet.training.run import train_model
from napari_unet.training.samples import labelled
from napari_unet.training.volumes import ChangedVolumes, changed_volume

CARD = card(
    name="ct",
    net=NetSpec(arguments={**TINY, "channels": 3, "classes": 2}),
    input=InputRule(size=(32, 32), neighbours=1),
    intensity=IntensityRule("window", -1024, 400),
    outputs=(Output(labels=RIGHT_AND_LEFT, swaps=RIGHT_AND_LEFT.mirrored),),
)
_ALL = VolumeConfig(disease=1, spacing=1, kernel=1, noise=1, shift=1, cut=1, metal=1)


def _ct() -> tuple[Raster, np.ndarray]:
    pixels, labels = chest_ct()
    affine = np.diag([*SPACING_MM, 1.0])
    return Raster(pixels, SPACING_MM, affine=affine, modality=Modality.CT, row_direction="L"), labels


def _turned(raster: Raster, labels: np.ndarray) -> tuple[Raster, np.ndarray]:
    """The same patient, stored feet last, front below and mirrored."""
    assert raster.affine is not None
    flip = np.diag([-1.0, -1.0, -1.0, 1.0])
    flip[:3, 3] = np.subtract(raster.shape, 1)
    turned = replace(raster, pixels=raster.pixels[::-1, ::-1, ::-1], affine=raster.affine @ flip)
    return turned, labels[::-1, ::-1, ::-1]


def _rng(seed: int = 4) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_without_any_change_slices_and_neighbours_are_those_of_the_volume() -> None:
    raster, labels = _ct()
    wanted = [10, 20, 47]
    stack, drawn, middles = changed_volume(raster, labels, wanted, 1, VolumeConfig(), _rng())
    assert middles == (1, 4, 7)
    assert np.array_equal(
        stack.pixels, np.clip(raster.pixels, -1024, 3071)[[9, 10, 11, 19, 20, 21, 46, 47, 47]]
    )
    assert np.array_equal(drawn[list(middles)], labels[wanted])


def test_all_changes_together_keep_sizes_and_are_the_same_for_the_same_seed() -> None:
    raster, labels = _ct()
    before = raster.pixels.copy()
    first, again, other = (changed_volume(raster, labels, range(48), 2, _ALL, _rng(k)) for k in (4, 4, 5))
    assert first[0].shape == first[1].shape == (48 * 5, 96, 96)
    assert first[0].pixels.dtype == np.int16
    assert np.array_equal(first[0].pixels, again[0].pixels)
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0].pixels, other[0].pixels)
    assert np.array_equal(raster.pixels, before)


def test_disease_is_drawn_in_the_patient_however_the_volume_is_stored() -> None:
    config = VolumeConfig(disease=1, kinds=(Kind.EFFUSION,))
    raster, labels = _ct()
    turned, turned_labels = _turned(raster, labels)
    stack, drawn, _ = changed_volume(raster, labels, range(48), 0, config, _rng())
    other, other_drawn, _ = changed_volume(turned, turned_labels, range(48), 0, config, _rng())
    assert (drawn != labels).any()
    assert np.array_equal(stack.pixels, other.pixels[::-1, ::-1, ::-1])
    assert np.array_equal(drawn, other_drawn[::-1, ::-1, ::-1])


def test_only_the_kinds_that_are_named_are_drawn() -> None:
    raster, labels = _ct()
    config = VolumeConfig(disease=1, kinds=(Kind.MASS, Kind.GROUND_GLASS))
    for seed in range(6):
        stack, drawn, _ = changed_volume(raster, labels, range(48), 0, config, _rng(seed))
        assert (stack.pixels != raster.pixels).any()
        assert np.array_equal(drawn, labels)  # neither takes anything out of the lung


def test_other_distances_between_slices() -> None:
    raster, labels = _ct()
    config, distances = VolumeConfig(spacing=1), []
    for seed in range(8):
        stack, _, middles = changed_volume(raster, labels, range(48), 1, config, _rng(seed))
        assert stack.spacing_mm is not None and stack.spacing_mm[1:] == SPACING_MM[1:]
        distances.append(stack.spacing_mm[0])
        assert len(middles) == 48
    assert min(distances) < 2 < 6 < max(distances)
    assert all(0.5 <= distance <= 10 for distance in distances)


def test_what_is_cut_off_is_no_lung() -> None:
    raster, labels = _ct()
    stack, drawn, _ = changed_volume(raster, labels, range(48), 0, VolumeConfig(cut=1), _rng(1))
    cut = (stack.pixels == -1024).all(axis=0)
    assert cut.any()
    assert not drawn[:, cut].any()
    assert np.array_equal(drawn[:, ~cut], labels[:, ~cut])


def _volumes(
    config: VolumeConfig, slices: tuple[int, ...], raster: Raster, labels: np.ndarray
) -> ChangedVolumes:
    pair = TrainingPair("a", raster, labels, revision="1", label_set=CARD.output.labels)
    return ChangedVolumes([pair], [slices], CARD, config, seed=0)


def test_an_epoch_is_the_same_whenever_it_comes_and_unlike_the_others() -> None:
    volumes = _volumes(_ALL, (5, 20, 30), *_ct())
    first, second, again = volumes(1), volumes(2), volumes(1)
    assert first.images.shape == (3, 3, 48, 48)
    assert first.masks.shape == (3, 2, 48, 48)
    assert np.array_equal(first.images, again.images) and np.array_equal(first.masks, again.masks)
    assert not np.array_equal(first.images, second.images)


def test_unchanged_volumes_are_the_samples_themselves() -> None:
    raster, labels = _ct()
    pair = TrainingPair("a", raster, labels, slices=(5, 20, 47), revision="1")
    plain = labelled([pair], CARD, oversize=True)
    assert plain.slices == (5, 20, 47)
    same = _volumes(VolumeConfig(), (5, 20, 47), raster, labels)(1)
    assert np.array_equal(same.images, plain.images)
    assert np.array_equal(same.masks, plain.masks)


def test_a_recipe_trains_with_them_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    for place in ("images", "masks"):
        (tmp_path / place).mkdir()
    lines = ["file,patient,split"]
    for name, split in (("a.nii.gz", "train"), ("b.nii.gz", "val")):
        lps = np.diag([-6.0, -6.0, 12.0, 1.0])
        pixels, labels = chest_ct((16, 48, 48), seed=len(lines))
        nib.save(nib.Nifti1Image(pixels.transpose(2, 1, 0), lps), tmp_path / "images" / name)
        nib.save(nib.Nifti1Image(labels.transpose(2, 1, 0), lps), tmp_path / "masks" / name)
        lines.append(f"{name},{name[0]},{split}")
    (tmp_path / "manifest.csv").write_text("\n".join(lines))
    training = TrainingConfig(epochs=4, batch=16, check_every=4, volumes=VolumeConfig(disease=1, noise=1))
    recipe = Recipe(
        "ct",
        (DataConfig(str(tmp_path)),),
        CARD.input,
        CARD.net,
        labels=CARD.output.labels,
        intensity=CARD.intensity,
        training=training,
    )
    whole = run(train_model(recipe, tmp_path / "whole", device="cpu"))
    broken = train_model(recipe, tmp_path / "broken", device="cpu")
    next(event for event in broken if isinstance(event, EpochEnded) and event.epoch == 2)
    broken.close()
    again = run(train_model(recipe, tmp_path / "broken", device="cpu"))
    assert whole.sha256 == again.sha256
    plain = replace(recipe, training=replace(training, volumes=VolumeConfig()))
    other = run(train_model(plain, tmp_path / "plain", device="cpu"))
    assert other.sha256 != whole.sha256


@pytest.mark.parametrize("what", ["image", "no place", "sagittal", "X-ray"])
def test_what_is_no_ct_volume_of_axial_slices_is_refused(what: str) -> None:
    raster, labels = _ct()
    assert raster.affine is not None
    wrong = {
        "image": replace(raster, pixels=raster.pixels[0], spacing_mm=SPACING_MM[1:], affine=None),
        "no place": replace(raster, affine=None),
        "sagittal": replace(raster, affine=raster.affine[[2, 0, 1, 3]]),
        "X-ray": replace(raster, modality=Modality.DX),
    }[what]
    with pytest.raises(UserError, match="not a CT volume of axial slices"):
        changed_volume(wrong, labels, [3], 1, _ALL, _rng())
    with pytest.raises(UserError, match=r"training\.volumes"):
        _volumes(_ALL, (3,), wrong, labels if what != "image" else labels[0])


def test_the_settings_are_checked() -> None:
    with pytest.raises(ValueError, match=r"volumes\.metal"):
        VolumeConfig(metal=1.5)
    assert not VolumeConfig().any
    assert VolumeConfig(cut=0.1).any
