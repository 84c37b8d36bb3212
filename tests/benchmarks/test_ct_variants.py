"""Variants of a CT: the labels move with what they mark."""

from __future__ import annotations

import numpy as np
import pytest
from ct_phantom import SPACING_MM, chest_ct

from benchmarks.ct_variants import (
    SIDES_UNUSUAL,
    Variant,
    cut,
    disease_variants,
    one_collapsed,
    one_lung,
    thick,
    turned,
    variants,
)
from napari_unet.core.labels import LEFT, RIGHT
from napari_unet.core.raster import Modality, Raster
from napari_unet.training.ct_kinds import Degree, Kind


@pytest.fixture(scope="module")
def chest() -> tuple[Raster, np.ndarray]:
    pixels, labels = chest_ct()
    affine = np.diag([*SPACING_MM, 1.0])
    affine[:3, 3] = -50, -100, -120
    return Raster(pixels, SPACING_MM, affine=affine, modality=Modality.CT, row_direction="L"), labels


def _centre_mm(raster: Raster, labels: np.ndarray, side: int) -> np.ndarray:
    assert raster.affine is not None
    index = np.argwhere(labels == side).mean(axis=0)
    return np.asarray(raster.affine[:3, :3] @ index + raster.affine[:3, 3])


@pytest.mark.parametrize("axes", [(0,), (2,), (1, 2), (0, 1)])
def test_another_order_with_a_right_header_is_the_same_patient(
    chest: tuple[Raster, np.ndarray], axes: tuple[int, ...]
) -> None:
    raster, labels = turned(*chest, axes)
    assert not np.array_equal(raster.pixels, chest[0].pixels)
    assert raster.row_direction == ("R" if 2 in axes else "L")
    for side in (RIGHT, LEFT):
        assert _centre_mm(raster, labels, side) == pytest.approx(_centre_mm(*chest, side))
        assert raster.pixels[labels == side].mean() == pytest.approx(chest[0].pixels[chest[1] == side].mean())


def test_a_patient_who_is_really_mirrored_has_the_right_lung_on_the_right(
    chest: tuple[Raster, np.ndarray],
) -> None:
    raster, labels = turned(*chest, (2,), header=False)
    right, left = (_centre_mm(raster, labels, side)[2] for side in (RIGHT, LEFT))
    assert right < left  # X leads to the patient's left
    assert (labels == RIGHT).sum() == (chest[1] == LEFT).sum()  # what was the left lung, beside the heart
    assert raster.row_direction == "L"


def test_a_lung_that_is_gone_has_fluid_in_its_place(chest: tuple[Raster, np.ndarray]) -> None:
    raster, labels = one_lung(*chest, LEFT)
    assert np.array_equal(labels == LEFT, chest[1] == LEFT) and not (labels == RIGHT).any()
    assert raster.pixels[chest[1] == RIGHT].mean() == pytest.approx(15, abs=3)
    assert np.array_equal(raster.pixels[chest[1] != RIGHT], chest[0].pixels[chest[1] != RIGHT])


def test_a_lung_that_has_collapsed_is_small_and_the_other_one_is_as_it_was(
    chest: tuple[Raster, np.ndarray],
) -> None:
    raster, labels = one_collapsed(*chest, LEFT)
    assert np.array_equal(labels == LEFT, chest[1] == LEFT)
    assert 0 < (labels == RIGHT).sum() < 0.5 * (chest[1] == RIGHT).sum()
    assert np.array_equal(raster.pixels[chest[1] == LEFT], chest[0].pixels[chest[1] == LEFT])


@pytest.mark.parametrize("thickness_mm", [0.5, 4.0, 10.0])
def test_slices_of_another_thickness_stay_in_their_place(
    chest: tuple[Raster, np.ndarray], thickness_mm: float
) -> None:
    raster, labels = thick(*chest, thickness_mm)
    assert raster.shape == labels.shape and len(labels) <= 140
    assert raster.spacing_mm == (thickness_mm, *SPACING_MM[1:])
    assert raster.affine is not None and chest[0].affine is not None
    assert raster.affine[:3, 0] == pytest.approx([thickness_mm, 0, 0])
    z = len(labels) // 2
    height = raster.affine[0, 0] * z + raster.affine[0, 3]
    same = (height - chest[0].affine[0, 3]) / SPACING_MM[0]
    assert (labels[z] == chest[1][round(same)]).mean() > 0.97
    if thickness_mm == 4:
        assert np.array_equal(labels, chest[1])


def test_what_is_cut_off_is_no_lung(chest: tuple[Raster, np.ndarray]) -> None:
    raster, labels = cut(*chest, 0.3)
    outside = (raster.pixels == -1024).all(axis=0)
    assert (chest[1] > 0)[:, outside].any() and not labels[:, outside].any()
    assert np.array_equal(labels[:, ~outside], chest[1][:, ~outside])


def test_all_variants_have_a_name_of_their_own_and_give_a_volume_with_labels(
    chest: tuple[Raster, np.ndarray],
) -> None:
    found = list(variants())
    assert len({(one.group, one.name) for one in found}) == len(found) == 42
    for one in found:
        if one.name == "0.5 mm":
            continue
        raster, labels = one.change(*chest)
        assert raster.shape == labels.shape
        assert labels.dtype == np.uint8 and set(np.unique(labels)) <= {0, RIGHT, LEFT}
        assert raster.spacing_mm is not None and raster.affine is not None
    assert [one.name for one in found if one.says is not None] == ["really mirrored"]


def test_disease_has_a_seed_for_each_degree_and_is_the_same_each_time(
    chest: tuple[Raster, np.ndarray],
) -> None:
    found: list[Variant] = list(disease_variants(Kind.MASS))
    assert [one.name for one in found] == list(Degree)
    first, again = (found[1].change(*chest) for _ in range(2))
    assert np.array_equal(first[0].pixels, again[0].pixels)
    assert not np.array_equal(first[0].pixels, chest[0].pixels)


def test_disease_lies_in_the_patient_in_any_order_of_pixels(chest: tuple[Raster, np.ndarray]) -> None:
    effusion = next(disease_variants(Kind.EFFUSION)).change
    raster, labels = effusion(*chest)
    other, other_labels = turned(*effusion(*turned(*chest, (0, 1))), (0, 1))
    assert np.array_equal(labels, other_labels)
    assert np.array_equal(raster.pixels, other.pixels)


def test_what_must_be_said_of_unusual_sides() -> None:
    assert SIDES_UNUSUAL.search("The heart lies on the right: situs inversus or a wrong header.")
    assert not SIDES_UNUSUAL.search("Slices 3 to 5 were missing.")
