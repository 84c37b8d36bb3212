"""Each check of a volume on a mask made to fail it, and none on a sound one."""

from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core.checks import check_labels, check_mask
from napari_unet.core.volume_checks import check_volume

SPACING = (5.0, 1.5, 1.5)


def chest() -> np.ndarray:
    """uint8 (40, 200, 200): lungs of 2.4 and 2.0 L at SPACING."""
    labels = np.zeros((40, 200, 200), np.uint8)
    labels[4:36, 50:150, 30:97] = 1
    labels[4:36, 60:145, 102:168] = 2
    return labels


def codes(labels: np.ndarray, pixels: np.ndarray | None = None) -> list[str]:
    return [str(result.code) for result in check_volume(labels, SPACING, "L", pixels)]


def test_sound_lungs_with_and_without_sides_have_no_result() -> None:
    assert codes(chest()) == codes(chest() > 0) == []
    assert check_mask(chest(), SPACING, "L") == ()


def test_no_lung_and_a_missing_one() -> None:
    assert codes(chest() * 0) == codes(np.zeros((0, 64, 64), np.uint8)) == ["no-lung"]
    labels = chest()
    labels[labels == 2] = 0
    assert "missing-lung" in codes(labels) and "missing-lung" in codes(labels > 0)


def test_a_lung_alone_is_the_one_of_its_label() -> None:
    alone = np.where(chest() == 1, 1, 0).astype(np.uint8)[:, :, ::-1]
    (result,) = check_volume(alone, None, "L")
    assert result.text == "Only the right lung is marked, the left one is missing."
    (result,) = check_volume(alone > 0, None, "L")
    assert result.text.startswith("Only the left lung is marked")


def test_the_labels_tell_the_sides_and_not_the_place() -> None:
    labels = chest()
    labels[:, 62:] = np.where(labels[:, 62:] == 2, 0, labels[:, 62:])
    (result,) = check_volume(labels, SPACING)
    assert str(result.code) == "ratio" and result.text.startswith("The left lung is only 2%")
    assert "assumed" not in result.text
    (result,) = check_volume(labels[:, :, ::-1], SPACING)
    assert result.text.startswith("The left lung is only")


def test_slices_without_lung_between_others() -> None:
    labels = chest()
    labels[10] = 0
    parts, result = check_volume(labels, SPACING)
    assert str(parts.code) == "extra-parts"  # each lung is in two
    assert result.text == "1 slice within the lungs has no lung marked, slice 11."
    labels[12:14] = 0
    assert check_volume(labels, SPACING)[-1].text.startswith(
        "3 slices within the lungs have no lung marked, the first is slice 11."
    )


def test_a_scan_that_ends_in_the_lungs_and_a_field_that_cuts_them() -> None:
    (result,) = check_volume(chest()[4:], SPACING)
    assert str(result.code) == "cut-off" and "beyond the first slice" in result.text
    (result,) = check_volume(chest()[4:36], SPACING)
    assert "beyond the first and last slice" in result.text
    assert codes(chest()[:, :, 30:]) == ["border"]


@pytest.mark.parametrize("factor", [0.05, 3.0])
def test_a_volume_that_no_adult_has(factor: float) -> None:
    assert [str(r.code) for r in check_volume(chest(), tuple(factor * mm for mm in SPACING))][-1] == "volume"
    assert "volume" not in [str(r.code) for r in check_volume(chest(), None)]


def test_parts_and_holes() -> None:
    labels = chest()
    labels[4:6, 10:40, 10:40] = 1
    labels[20, 100:110, 50:60] = 0
    assert codes(labels) == ["extra-parts", "holes"]


def test_air_without_tissue_is_told_and_noise_is_not() -> None:
    labels = chest()
    noise = np.random.default_rng(0).normal(0, 40, labels.shape)
    pixels = np.where(labels > 0, -860 + noise, 40).astype(np.int16)
    assert codes(labels, pixels) == []
    pixels[5:15, 60:70, 90:97] = -1000 + noise[5:15, 60:70, 90:97]  # 1.6 cm² of trachea over 5 cm: 7.9 mL
    (result,) = check_volume(labels, SPACING, "L", pixels)
    assert str(result.code) == "air" and "mL of the mask hold air without tissue" in result.text
    labels[5:15, 60:70, 90:97] = 0
    assert codes(labels, pixels) == []


def test_of_large_slices_every_other_pixel_is_enough() -> None:
    large = chest().repeat(3, axis=1).repeat(3, axis=2)
    assert check_volume(large, (5.0, 0.5, 0.5), "L") == ()


def test_codes_of_a_volume_and_of_a_stack_of_x_rays() -> None:
    labels = chest()[4:36]
    assert check_labels(labels, SPACING, "L") == ("cut-off",)
    assert "cut-off" not in check_labels(labels, SPACING, "L", per_slice=True)
    pixels = np.where(labels > 0, -1000, 40).astype(np.int16)
    assert check_labels(labels, SPACING, "L", pixels=pixels) == ("cut-off", "air")
