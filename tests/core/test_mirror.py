"""The other lung as a mirror image, about a midline that the image shows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_unet.core.labels import IGNORE
from napari_unet.core.mirror import midline, mirror_lung

SHAPE = (60, 80)


def one_lung(columns: slice = slice(10, 30), label: int = 1) -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint8)
    labels[15:50, columns] = label
    labels[40:50, columns.start : columns.start + 5] = 0  # not its own mirror image
    return labels


def mirrored(labels: np.ndarray, *rest: object) -> np.ndarray:
    new = labels.copy()
    mirror_lung(labels, *rest).apply(new)  # type: ignore[arg-type]
    return new


def test_a_lung_is_mirrored_about_the_middle() -> None:
    labels = one_lung()
    new = mirrored(labels, "right", "L")
    assert np.array_equal(new, labels | labels[:, ::-1])


def test_where_columns_run_to_the_right_the_other_lung_is_taken() -> None:
    labels = one_lung()
    assert np.array_equal(mirrored(labels, "left", "R"), labels | labels[:, ::-1])
    assert np.array_equal(mirrored(labels, "right", "R"), labels)  # there is no right lung


def test_the_old_lung_makes_way_and_labels_of_the_sides_are_kept() -> None:
    labels = one_lung() | one_lung(slice(60, 64), label=2)
    labels[30, 65] = IGNORE
    new = mirrored(labels, "right", "L")
    expected = np.where(labels == 1, 1, np.where(labels[:, ::-1] == 1, 2, 0))
    expected[30, 65] = IGNORE
    assert np.array_equal(new, expected)


def test_the_lung_that_is_mirrored_stays_even_across_the_midline() -> None:
    labels = one_lung(slice(10, 50), label=2)
    new = mirrored(labels, "left", None)
    assert np.array_equal(new == 2, labels == 2)


@settings(max_examples=20, deadline=None)
@given(st.integers(-12, 12), st.integers(0, 99), st.sampled_from([1, 3]))
def test_the_midline_of_a_symmetric_image_is_found_wherever_it_lies(shift, seed, factor) -> None:
    half = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(60, 80)), 3)
    image = np.hstack([half[:, ::-1], half])[:, 40 - shift : 120 - shift]
    image = np.kron(image, np.ones((factor, factor)))
    middle = (image.shape[1] - 1) / 2 + shift * factor
    assert abs(midline(image) - middle) <= factor
    assert abs(midline(image * 100 + 7) - middle) <= factor


def test_an_image_that_says_nothing_has_its_midline_in_the_middle() -> None:
    assert midline(np.zeros(SHAPE)) == 39.5
    assert midline(np.zeros((5, 1))) == 0


def test_with_an_image_the_mirror_stands_on_its_midline() -> None:
    half = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(60, 80)), 3)
    image = np.hstack([half[:, ::-1], half])[:, 35:115]  # 5 columns to the right of the middle
    labels = one_lung()
    new = mirrored(labels, "right", "L", image)
    expected = labels.copy()
    expected[:, 10:] |= labels[:, ::-1][:, :-10]
    assert np.array_equal(new, expected)


def test_a_side_is_left_or_right() -> None:
    with pytest.raises(ValueError, match="left"):
        mirror_lung(one_lung(), "both", None)  # type: ignore[arg-type]
