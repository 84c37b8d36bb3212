"""What the numbers of a mask mean: values of files and arrays as labels, lung, ignored and stray labels."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from scipy import ndimage

from napari_unet.core.errors import UserError
from napari_unet.core.labels import (
    IGNORE,
    LEFT,
    RIGHT,
    array_labels,
    file_labels,
    ignored,
    label_map,
    lung,
    strays,
    values_in,
)

CASES = Path(__file__).parents[1] / "data" / "cases"
HARD = np.asarray(Image.open(CASES / "mask_hard.png"))
PARTS, _ = ndimage.label(HARD > 0)
TWO = np.where(PARTS == 1, RIGHT, np.where(PARTS > 1, LEFT, 0)).astype(np.uint8)
BELOW = np.where(np.arange(len(HARD))[:, None] > 128, IGNORE, 1) * (HARD > 0)  # half lung, half not sure


def as_jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def resized(pixels: np.ndarray, share: float, how: Image.Resampling) -> np.ndarray:
    size = tuple(round(length * share) for length in pixels.shape[::-1])
    return np.asarray(Image.fromarray(pixels.astype(np.uint8)).resize(size, how))


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0, 255], [0, 1]),
        ([0, 1], [0, 1]),
        ([0, 7], [0, 1]),
        ([0, 2], [0, 2]),
        ([0, 1, 2], [0, 1, 2]),
        ([0, 1, IGNORE], [0, 1, IGNORE]),
        ([0, 1, 2, IGNORE], [0, 1, 2, IGNORE]),
        ([0], [0]),
        ([False, True], [0, 1]),
    ],
)
def test_values_in_files_as_labels(values: list[int], labels: list[int]) -> None:
    found = file_labels(np.array([values]))
    assert found.labels.dtype == np.uint8 and found.labels.tolist() == [labels]
    assert not found.notes


@pytest.mark.parametrize("values", [[0, 1, 3], [0, -1], [0, 128, 255], [0, 1, 2, 3, 4, 5, 6]])
def test_values_that_nobody_knows_are_refused(values: list[int]) -> None:
    with pytest.raises(UserError, match="holds the values"):
        file_labels(np.array([values], np.int32))


@pytest.mark.parametrize(
    "how", [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS]
)
@pytest.mark.parametrize("share", [0.25, 0.7, 2, 4])
def test_a_resized_mask_is_cut_at_half_and_that_is_said(share: float, how: Image.Resampling) -> None:
    pixels = resized(HARD, share, how)
    for values, half in ((pixels, 127.5), (pixels.astype(np.uint16) * 257, 32767.5), (pixels / 255, 127.5)):
        found = file_labels(values)
        assert np.array_equal(found.labels, pixels > 127)
        assert f"above {half:g} were taken as lung" in found.notes[0]


@pytest.mark.parametrize("quality", [10, 30, 60, 75, 90, 95])
@pytest.mark.parametrize("value", [255, 200])
def test_a_mask_in_a_jpeg_is_cut_at_half(quality: int, value: int) -> None:
    mask = (HARD > 0).astype(np.uint8)
    found = file_labels(as_jpeg(mask * np.uint8(value), quality), lossy=True)
    assert np.count_nonzero(found.labels != mask) < 50
    assert found.notes


@pytest.mark.parametrize("order", [1, 3])
def test_a_mask_that_was_interpolated_in_floats(order: int) -> None:
    values = ndimage.zoom((HARD > 0).astype(np.float32), 1.5, order=order)
    found = file_labels(values)
    assert np.array_equal(found.labels, values > 0.5)
    assert found.notes


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(as_jpeg(TWO * np.uint8(100), 90), id="0/100/200 in a JPEG"),
        pytest.param(as_jpeg(TWO * np.uint8(127), 75), id="0/127/254 in a JPEG"),
        pytest.param(resized(TWO * np.uint8(100), 2, Image.Resampling.BILINEAR), id="0/100/200 resized"),
        pytest.param(as_jpeg(BELOW.astype(np.uint8), 90), id="lung 1 and not sure 255 in a JPEG"),
        pytest.param(resized(BELOW, 2, Image.Resampling.BILINEAR), id="lung 1 and not sure 255 resized"),
        pytest.param(ndimage.zoom(TWO.astype(float), 1.5, order=1), id="1 and 2 interpolated"),
        pytest.param(np.where(TWO == 2, 255, TWO * 128), id="0/128/255"),
        pytest.param(TWO * np.uint8(100), id="0/100/200"),
        pytest.param(
            1 / (1 + np.exp(-12 * (ndimage.gaussian_filter(HARD / 255, 3) - 0.5))), id="probability"
        ),
        pytest.param(np.where(HARD, np.nan, 0), id="nan"),
        pytest.param(np.where(HARD, -1, 0), id="negative"),
        pytest.param(np.asarray(Image.open(CASES / "orientation2.jpg").convert("L")), id="an X-ray"),
    ],
)
def test_what_cannot_be_known_is_refused_with_the_values(values: np.ndarray) -> None:
    with pytest.raises(UserError, match=r"values .*\d|numbers") as error:
        file_labels(values)
    assert "0 and one other value" in error.value.remedy


def test_a_jpeg_keeps_no_small_labels() -> None:
    with pytest.raises(UserError, match="do not keep small numbers"):
        file_labels(as_jpeg(TWO, 95), lossy=True)


@pytest.mark.parametrize("quality", [10, 30, 50])
def test_a_black_jpeg_may_have_held_small_labels_and_is_no_empty_mask(quality: int) -> None:
    black = as_jpeg((HARD > 0).astype(np.uint8), quality)
    assert not black.any()
    with pytest.raises(UserError, match="black all over; these do not keep small numbers"):
        file_labels(black, lossy=True)


@given(arrays(np.uint8, (6, 7), elements=st.sampled_from([0, 1, 2, IGNORE])), st.floats(-0.01, 0.01))
def test_labels_near_whole_numbers_are_these_numbers(labels: np.ndarray, off: float) -> None:
    exact = file_labels(labels)
    near = file_labels(labels * (1 + 1e-6) + off)
    assert np.array_equal(exact.labels, near.labels)
    assert any("rounded" in note for note in near.notes) == (
        np.abs(labels * (1 + 1e-6) + off - labels).max() > 1e-3
    )


def test_a_volume_is_read_like_an_image() -> None:
    soft = ndimage.zoom(np.stack([HARD] * 3), (1, 0.5, 0.5), order=1)
    assert np.array_equal(file_labels(soft).labels, soft > 127)


@pytest.mark.parametrize("values", [[1, 2, 3], [10, 11, 12, 13, 14], [1, 3, IGNORE]])
def test_other_labels_are_welcome_where_they_are_asked_for(values: list[int]) -> None:
    mask = np.zeros((30, 20 * len(values)), np.int16)
    for place, value in enumerate(values):
        mask[5:25, 20 * place + 3 : 20 * place + 17] = value
    assert np.array_equal(label_map(mask).labels, mask)
    with pytest.raises(UserError, match=f"values .*{values[1]}"):
        file_labels(mask)


def test_many_labels_that_fill_areas_are_labels_and_steps_of_an_edge_are_not() -> None:
    mask = np.kron(np.arange(48, dtype=np.uint16).reshape(6, 8) * 3, np.ones((9, 9), np.uint16))
    assert np.array_equal(label_map(mask).labels, mask)
    with pytest.raises(UserError, match="values"):
        label_map(np.tile(np.arange(200, dtype=np.uint8), (50, 1)))


def test_an_edge_of_one_around_two_is_said() -> None:
    edged = resized(np.where(HARD, 2, 0), 2, Image.Resampling.BILINEAR)
    assert set(np.unique(edged)) == {0, 1, 2}
    assert "all around label 2" in file_labels(edged).notes[0]
    assert not file_labels(TWO).notes


def test_255_alone_in_a_painted_array_is_lung_and_said() -> None:
    values = np.array([[0, IGNORE]], np.uint8)
    assert array_labels(values).labels.tolist() == [[0, 1]]
    assert "not as “not sure”" in array_labels(values).notes[0]
    assert array_labels(values[:, 1:]).labels.tolist() == [[IGNORE]]
    assert not array_labels(np.array([[0, 1, IGNORE]])).notes
    assert array_labels(np.array([[0, 3]])).labels.tolist() == [[0, 3]]  # a painted stray is not lung


@given(arrays(np.uint8, (5, 6)), arrays(np.uint8, (5, 6), elements=st.sampled_from([0, 1, 2, IGNORE])))
def test_what_is_lung_what_is_ignored_and_what_means_nothing(
    any_values: np.ndarray, labels: np.ndarray
) -> None:
    assert not strays(labels)
    assert set(strays(any_values)) == set(np.unique(any_values).tolist()) - {0, 1, 2, IGNORE}
    assert np.array_equal(lung(labels), np.isin(labels, (1, 2)))
    left_out = ignored(labels, any_values)
    expected = (labels == IGNORE) | (any_values == IGNORE)
    assert (left_out is None and not expected.any()) or np.array_equal(left_out, expected)
    assert values_in(any_values) == values_in(any_values.astype(np.int32)) == np.unique(any_values).tolist()


def test_strays_outside_of_a_byte() -> None:
    assert strays(np.array([[-1, 0, 1, 255, 256, 300]], np.int32)) == (-1, 256, 300)
    assert not lung(np.zeros((2, 2), bool)).any() and lung(np.ones((2, 2), bool)).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
def test_lung_is_all_but_background_and_not_sure_in_every_dtype(dtype: type) -> None:
    values = np.arange(256).astype(dtype)
    assert lung(values).tolist() == [0 < value < IGNORE for value in range(256)]
