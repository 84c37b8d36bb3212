"""Simulated lung disease: what changes, where, and what the mask then holds."""

from __future__ import annotations

import numpy as np
import pytest
from ct_phantom import LEFT, RIGHT, SPACING_MM, chest_ct
from scipy import ndimage

from napari_unet.training.ct_disease import Diseased, diseased
from napari_unet.training.ct_kinds import TEST_SEEDS, Degree, Kind

_TAKEN_OUT = (Kind.EFFUSION, Kind.PNEUMOTHORAX)


@pytest.fixture(scope="module")
def chest() -> tuple[np.ndarray, np.ndarray]:
    return chest_ct()


def _ill(chest: tuple[np.ndarray, np.ndarray], kind: Kind, degree: Degree, seed: int = 3) -> Diseased:
    return diseased(*chest, SPACING_MM, kind, degree, seed)


@pytest.mark.parametrize("degree", Degree)
@pytest.mark.parametrize("kind", Kind)
def test_only_the_lungs_and_their_border_change(
    chest: tuple[np.ndarray, np.ndarray], kind: Kind, degree: Degree
) -> None:
    pixels, labels = chest
    found = _ill(chest, kind, degree)
    changed = found.pixels != pixels
    near = ndimage.binary_dilation(labels > 0, np.ones((3, 3, 3), bool), iterations=2)
    assert changed[labels > 0].mean() > 0.005
    assert not changed[~near].any()
    outside = changed & (labels == 0)
    assert (pixels[outside] < 0).all()  # partly lung, never the wall itself
    assert (found.labels[labels == 0] == 0).all()
    assert set(np.unique(found.labels[labels == RIGHT])) <= {0, RIGHT}
    if kind not in _TAKEN_OUT:
        assert np.array_equal(found.labels, labels)


@pytest.mark.parametrize("kind", Kind)
def test_the_same_arguments_give_the_same_volume_and_other_seeds_another(
    chest: tuple[np.ndarray, np.ndarray], kind: Kind
) -> None:
    first, again, other = (_ill(chest, kind, Degree.MODERATE, seed) for seed in (5, 5, 6))
    assert first.pixels.tobytes() == again.pixels.tobytes()
    assert first.labels.tobytes() == again.labels.tobytes()
    assert not np.array_equal(first.pixels, other.pixels)


def test_its_input_stays_as_it_is(chest: tuple[np.ndarray, np.ndarray]) -> None:
    before = [array.copy() for array in chest]
    for kind in Kind:
        _ill(chest, kind, Degree.SEVERE)
    assert all(np.array_equal(old, new) for old, new in zip(before, chest, strict=True))


@pytest.mark.parametrize("kind", Kind)
def test_severe_is_more_than_mild(chest: tuple[np.ndarray, np.ndarray], kind: Kind) -> None:
    def much(degree: Degree) -> float:
        changes = [
            np.abs(_ill(chest, kind, degree, seed).pixels.astype(float) - chest[0]).sum() for seed in range(4)
        ]
        return float(np.mean(changes))

    assert much(Degree.MILD) < much(Degree.MODERATE) < much(Degree.SEVERE)


@pytest.mark.parametrize("seed", range(4))
def test_fluid_sinks_to_the_back_and_is_no_lung(chest: tuple[np.ndarray, np.ndarray], seed: int) -> None:
    pixels, labels = chest
    found = _ill(chest, Kind.EFFUSION, Degree.MODERATE, seed)
    fluid = (labels > 0) & (found.labels == 0)
    for side in (RIGHT, LEFT):
        here = fluid & (labels == side)
        share = here.sum() / (labels == side).sum()
        if not here.any():
            assert np.array_equal(found.pixels[labels == side], pixels[labels == side])
            continue
        assert 0.15 < share < 0.42
        assert np.nonzero(here)[1].mean() > np.nonzero(found.labels == side)[1].mean() + 5
    inside = ndimage.binary_erosion(fluid)
    assert -10 < found.pixels[inside].mean() < 35


@pytest.mark.parametrize("seed", range(4))
def test_the_air_of_a_pneumothorax_lies_in_front_and_the_lung_becomes_denser(
    chest: tuple[np.ndarray, np.ndarray], seed: int
) -> None:
    pixels, labels = chest
    found = _ill(chest, Kind.PNEUMOTHORAX, Degree.MODERATE, seed)
    air = (labels > 0) & (found.labels == 0)
    (side,) = np.unique(labels[air])
    kept = found.labels == side
    assert 0.12 < air.sum() / (labels == side).sum() < 0.48
    assert np.nonzero(air)[1].mean() < np.nonzero(kept)[1].mean() - 5
    assert found.pixels[ndimage.binary_erosion(air)].mean() < -950
    assert found.pixels[kept].mean() > pixels[kept].mean() + 30
    assert np.array_equal(found.pixels[labels == 3 - side], pixels[labels == 3 - side])


def test_consolidation_is_as_dense_as_tissue_and_ground_glass_is_not(
    chest: tuple[np.ndarray, np.ndarray],
) -> None:
    aerated = ndimage.binary_erosion(chest[1] > 0) & (chest[0] < -700)

    def now(kind: Kind) -> np.ndarray:
        return _ill(chest, kind, Degree.SEVERE).pixels[aerated]

    assert (now(Kind.CONSOLIDATION) > -50).mean() > 0.2
    assert (now(Kind.GROUND_GLASS) > -50).mean() < 0.01
    assert ((now(Kind.GROUND_GLASS) > -750) & (now(Kind.GROUND_GLASS) < -300)).mean() > 0.3


@pytest.mark.parametrize("seed", range(4))
def test_a_mass_is_one_part_that_touches_the_border(chest: tuple[np.ndarray, np.ndarray], seed: int) -> None:
    found = _ill(chest, Kind.MASS, Degree.MODERATE, seed)
    dense = (found.pixels > -100) & (chest[0] < -500) & (chest[1] > 0)
    parts, _ = ndimage.label(dense)
    sizes = np.bincount(parts.ravel())[1:]
    largest = parts == 1 + sizes.argmax()
    assert sizes.max() > 0.9 * sizes.sum()
    assert (ndimage.binary_dilation(largest, iterations=2) & (chest[1] == 0)).any()


def test_fibrosis_lies_under_the_pleura_and_lower(chest: tuple[np.ndarray, np.ndarray]) -> None:
    labels = chest[1]
    depth = ndimage.distance_transform_edt(labels > 0, sampling=SPACING_MM)
    change = np.abs(_ill(chest, Kind.FIBROSIS, Degree.MODERATE).pixels.astype(float) - chest[0])
    deep, shallow = (labels > 0) & (depth > 20), (labels > 0) & (depth < 8) & (depth > 3)
    assert change[shallow].mean() > 3 * change[deep].mean()


def test_new_matter_has_the_scans_own_noise() -> None:
    for noise in (8.0, 40.0):
        chest = chest_ct(noise=noise)
        found = _ill(chest, Kind.EFFUSION, Degree.SEVERE)
        fluid = ndimage.binary_erosion((chest[1] > 0) & (found.labels == 0), iterations=2)
        assert found.pixels[fluid].std() == pytest.approx(noise, rel=0.25)


@pytest.mark.parametrize("kind", Kind)
def test_a_few_slices_will_do(chest: tuple[np.ndarray, np.ndarray], kind: Kind) -> None:
    slab = tuple(array[20:23] for array in chest)
    found = _ill(slab, kind, Degree.SEVERE)
    assert found.pixels.shape == slab[0].shape
    assert (found.pixels != slab[0]).any()


def test_one_lung_alone_is_changed() -> None:
    pixels, labels = chest_ct()
    alone = np.where(labels == LEFT, labels, 0).astype(np.uint8)
    found = diseased(pixels, alone, SPACING_MM, Kind.CONSOLIDATION, Degree.SEVERE, 1)
    assert (found.pixels != pixels)[alone > 0].any()
    assert not (found.pixels != pixels)[labels == RIGHT].any()


def test_without_a_lung_nothing_changes(chest: tuple[np.ndarray, np.ndarray]) -> None:
    found = diseased(chest[0], np.zeros_like(chest[1]), SPACING_MM, Kind.MASS, Degree.SEVERE, 0)
    assert np.array_equal(found.pixels, chest[0])
    assert not found.labels.any()


def test_labels_of_another_size_are_an_error(chest: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(ValueError, match="volume with its labels"):
        diseased(chest[0], chest[1][1:], SPACING_MM, Kind.MASS, Degree.MILD, 0)


def test_the_words_and_seeds_of_test_sets_are_fixed() -> None:
    assert [str(kind) for kind in Kind] == [
        *("consolidation", "effusion", "ground_glass", "fibrosis", "mass", "pneumothorax"),
    ]
    assert [str(degree) for degree in Degree] == ["mild", "moderate", "severe"]
    assert range(1_000_000, 1_001_000) == TEST_SEEDS
