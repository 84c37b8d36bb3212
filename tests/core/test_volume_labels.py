"""Volumes are cleaned on the network's grid and drawn at the image's size, and nothing is lost on the way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_unet.core.label_set import RIGHT_AND_LEFT
from napari_unet.core.masks import MaskRule
from napari_unet.core.prediction import Prediction, in_bytes
from napari_unet.core.resize import resized
from napari_unet.core.volume_labels import any_label, likeliest_labels, with_cleaned

VALUES = (1, 2, 5)
grids = arrays(np.uint8, (3, 6, 7))
thresholds = st.floats(0.01, 0.99)


@given(grids, thresholds)
def test_bytes_and_floats_have_the_same_labels(grid: np.ndarray, threshold: float) -> None:
    floats = grid * np.float32(1 / 255)
    total = floats.sum(axis=0)
    assume((np.abs(total - threshold) > 1e-6).all())  # sums of floats are rounded
    found = likeliest_labels(grid, VALUES, threshold)
    np.testing.assert_array_equal(found, likeliest_labels(floats, VALUES, threshold))
    expected = np.array(VALUES)[floats.argmax(axis=0)] * (total >= threshold)
    np.testing.assert_array_equal(found, expected)


@given(grids)
def test_the_probability_of_any_label_is_their_sum_and_no_more_than_1(grid: np.ndarray) -> None:
    found = any_label(grid)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, np.minimum(grid.astype(int).sum(axis=0), 255))
    floats = any_label(grid * np.float32(1 / 255))
    assert floats.dtype == np.float32 and floats.max() <= 1
    np.testing.assert_allclose(floats, found / 255, atol=1e-6)
    np.testing.assert_array_equal(any_label(grid[:1]), grid[0])


@pytest.mark.parametrize("factor", [1, 2, 2.7])
def test_no_gap_is_left_between_labels_that_touch_at_any_size(factor: float) -> None:
    """Where the network is sure of both but not which of them, and where enlarged maps mix them."""
    maps = np.zeros((2, 1, 20, 40), np.float32)
    maps[0, :, 2:-2, 4:20], maps[1, :, 2:-2, 20:36] = 1, 1
    maps[:, :, 2:-2, 19:21] = 0.5
    size = (round(20 * factor), round(40 * factor))
    rule = MaskRule(per_slice=False)
    found = Prediction(maps, shape=(1, *size), label_set=RIGHT_AND_LEFT, rule=rule, threshold=0.6)
    row = found.labels()[0, size[0] // 2]
    inside = np.flatnonzero(row)
    assert row[inside[0] : inside[-1] + 1].all() and set(row) == {0, 1, 2}
    assert found.foreground[0, size[0] // 2, size[1] // 2] == pytest.approx(1)


def test_what_is_no_number_is_no_label() -> None:
    grid = np.array([[[np.nan, 0.9]], [[0.9, np.nan]], [[0.1, 0.1]]], np.float32)
    assert not likeliest_labels(grid, VALUES, 0.5).any()


@given(grids, arrays(np.uint8, (6, 7), elements=st.sampled_from([0, *VALUES])), thresholds)
def test_the_maps_say_what_was_cleaned(grid: np.ndarray, cleaned: np.ndarray, threshold: float) -> None:
    for one in (grid, grid * np.float32(1 / 255)):
        raw = likeliest_labels(one, VALUES, threshold)
        maps = with_cleaned(one, VALUES, raw, cleaned)
        np.testing.assert_array_equal(likeliest_labels(maps, VALUES, threshold), cleaned)
        np.testing.assert_array_equal(maps[:, raw == cleaned], one[:, raw == cleaned])
        assert with_cleaned(one, VALUES, raw, raw) is one


def spheres(size: int = 48, specks: bool = True) -> np.ndarray:
    """float32 (2, Z, y, x): two soft spheres, in each a hole, and specks of the one far from it."""
    z, y, x = np.mgrid[: size // 2, :size, :size]
    maps = []
    for c in (0.28, 0.72):
        far = np.sqrt((2 * z - size / 2) ** 2 + (y - size / 2) ** 2 + (x - c * size) ** 2)
        maps.append(1 / (1 + np.exp(far - size / 5)))
    found = np.array(maps, np.float32)
    if specks:
        found[:, size // 4, size // 2 - 1 : size // 2 + 2, round(0.28 * size)] = 0.05
        found[0, 3:6, 3:8, 3:8] = 0.9
        found[0, size // 4, size // 2, round(0.72 * size)] = 1  # a speck of the right lung in the left one
        found[1, size // 4, size // 2, round(0.72 * size)] = 0
    return found


@pytest.mark.parametrize("as_bytes", [False, True])
@pytest.mark.parametrize("factor", [0.75, 1, 2, 2.7])
def test_parts_and_holes_are_those_of_the_volume_without_specks(factor: float, as_bytes: bool) -> None:
    """Where the rule has nothing to do, the mask is the threshold of the enlarged maps, to the pixel."""
    maps, clean = spheres(), spheres(specks=False)
    size = (round(48 * factor),) * 2
    found = Prediction(
        in_bytes(maps) if as_bytes else maps,
        shape=(24, *size),
        label_set=RIGHT_AND_LEFT,
        rule=MaskRule(largest_parts=1, per_slice=False),
        spacing_mm=(2.0, 1 / factor, 1 / factor),
    ).labels()
    enlarged = resized(in_bytes(clean) if as_bytes else clean, size)
    expected = (enlarged.argmax(axis=0) + 1) * (any_label(enlarged) >= 0.5)
    np.testing.assert_array_equal(found[[*range(12), *range(13, 24)]], expected[[*range(12), *range(13, 24)]])
    touched = found[12] != expected[12]  # beside the holes that were filled in
    assert touched.mean() < 0.01 and not (found[12][touched] == 0).any()


def test_slabs_are_the_labels_and_a_volume_is_drawn_in_turn() -> None:
    one = Prediction(spheres(), label_set=RIGHT_AND_LEFT, rule=MaskRule(per_slice=False), shape=(24, 60, 60))
    slabs = one.label_slabs()
    assert next(slabs).shape == (60, 60)
    np.testing.assert_array_equal(np.stack(list(one.label_slabs())), one.labels())
    assert one.is_volume and not Prediction(spheres()[:, 0], label_set=RIGHT_AND_LEFT).is_volume


def test_smoothing_goes_by_the_millimetres_of_the_grid() -> None:
    rule = MaskRule(smoothing=3.0, per_slice=False)
    coarse = Prediction(spheres(), label_set=RIGHT_AND_LEFT, rule=rule, spacing_mm=(2.0, 1.0, 1.0))
    fine = Prediction(
        spheres(), shape=(24, 96, 96), label_set=RIGHT_AND_LEFT, rule=rule, spacing_mm=(2.0, 0.5, 0.5)
    )
    same = resized((coarse.labels() > 0)[None].astype(np.float32), (96, 96))[0]
    different = (same >= 0.5) != fine.mask()
    assert different.mean() < 0.01
