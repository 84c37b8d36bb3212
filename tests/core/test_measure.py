"""Units only where they are known, and numbers that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core.measure import measure
from napari_unet.core.raster import Modality


@pytest.fixture
def pair() -> np.ndarray:
    """The patient's right lung, 20 x 10, on the image's left; the left one, 20 x 8."""
    mask = np.zeros((40, 60), bool)
    mask[10:30, 10:20] = True
    mask[10:30, 40:48] = True
    return mask


def test_areas_and_ratio_in_mm(pair: np.ndarray) -> None:
    one = measure(pair, (0.5, 0.2), "L")
    assert (one.pixels, one.right_pixels, one.left_pixels) == (360, 200, 160)
    assert one.area_mm2 == pytest.approx(36.0)
    assert (one.right_mm2, one.left_mm2) == (pytest.approx(20.0), pytest.approx(16.0))
    assert one.ratio == pytest.approx(0.8)
    assert one.volume_ml is None and one.mean_hu is None and not one.sides_assumed


def test_without_spacing_nothing_is_guessed(pair: np.ndarray) -> None:
    one = measure(pair)
    assert (one.area_mm2, one.right_mm2, one.left_mm2, one.ratio, one.volume_ml) == (None,) * 5
    assert one.pixels == 360


def test_labels_that_are_known_are_counted_as_they_are(pair: np.ndarray) -> None:
    labels = np.where(pair, 2, 0).astype(np.uint8)
    labels[10:12, 10:20] = 1
    one = measure(pair, row_direction="L", labels=labels)
    assert (one.pixels, one.right_pixels, one.left_pixels) == (360, 20, 340)


def test_a_flipped_image_swaps_the_sides(pair: np.ndarray) -> None:
    one = measure(pair, (1.0, 1.0), "R")
    assert (one.right_pixels, one.left_pixels, one.ratio) == (160, 200, pytest.approx(1.25))


def test_one_lung_has_no_ratio_if_the_right_one_is_missing(pair: np.ndarray) -> None:
    left_only = pair.copy()
    left_only[:, :30] = False
    one = measure(left_only, (1.0, 1.0), "L")
    assert (one.right_mm2, one.left_mm2, one.ratio) == (0.0, 160.0, None)
    right_only = pair & ~left_only
    assert measure(right_only, (1.0, 1.0), "L").ratio == 0.0


@pytest.mark.parametrize("shape", [(8, 8), (3, 8, 8)])
@pytest.mark.parametrize("known", [True, False])
def test_no_lung_is_a_valid_result(shape: tuple[int, ...], known: bool) -> None:
    one = measure(np.zeros(shape, bool), (1.0,) * len(shape) if known else None, "L")
    assert one.pixels == 0 and one.ratio is None
    assert one.area_mm2 == (0.0 if known and len(shape) == 2 else None)


def test_a_ct_has_a_volume_and_a_mean_hu(pair: np.ndarray) -> None:
    volume = np.stack([pair] * 5)
    pixels = np.where(volume, -800.0, 40.0)
    pixels[0, 10, 10] = np.nan
    one = measure(volume, (5.0, 2.0, 1.0), "L", pixels, Modality.CT)
    assert one.volume_ml == pytest.approx(360 * 5 * 10 / 1000)
    assert one.right_ml == pytest.approx(one.right_pixels * 10 / 1000)
    assert one.left_ml == pytest.approx(one.left_pixels * 10 / 1000)
    assert one.mean_hu == pytest.approx(-800.0)
    assert one.area_mm2 is None


def test_hu_are_only_those_of_a_ct(pair: np.ndarray) -> None:
    pixels = np.ones(pair.shape)
    assert measure(pair, pixels=pixels, modality=Modality.DX).mean_hu is None
    assert measure(pair, modality=Modality.CT).mean_hu is None
    assert measure(~pair & pair, pixels=pixels, modality=Modality.CT).mean_hu is None


def test_a_stack_of_radiographs_is_no_volume(pair: np.ndarray) -> None:
    alone = pair.copy()
    alone[:, 30:] = False
    one = measure(np.stack([pair, np.roll(alone, 10, 1)]), (1.0, 1.0, 1.0), "L", modality=Modality.DX)
    assert one.volume_ml is None and one.area_mm2 is None
    assert (one.right_pixels, one.left_pixels) == (400, 160)


def test_shapes_must_agree(pair: np.ndarray) -> None:
    with pytest.raises(ValueError, match="spacing"):
        measure(pair, (1.0, 1.0, 1.0))
    with pytest.raises(ValueError, match="differ in shape"):
        measure(pair, pixels=np.zeros((3, 3)))
