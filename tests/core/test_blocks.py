from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.core.blocks import block_means

SIZES = st.integers(1, 30)


@given(SIZES, SIZES, st.data())
def test_the_mean_of_all_blocks_is_that_of_the_image(height: int, width: int, data: st.DataObject) -> None:
    rows, columns = data.draw(st.integers(1, height)), data.draw(st.integers(1, width))
    image = np.random.default_rng(height * width).normal(size=(2, height, width))
    means = block_means(image, rows, columns)
    assert means.shape == (2, rows, columns)
    np.testing.assert_allclose(means.mean(axis=(1, 2)), image.mean(axis=(1, 2)), atol=1e-9)


@given(SIZES, SIZES, st.integers(1, 4))
def test_enlarging_and_taking_blocks_gives_the_image_back(height: int, width: int, times: int) -> None:
    image = np.random.default_rng(height + width).normal(size=(height, width))
    large = image.repeat(times, axis=0).repeat(times, axis=1)
    np.testing.assert_allclose(block_means(large, height, width), image, atol=1e-9)


def test_a_block_may_end_within_a_pixel() -> None:
    np.testing.assert_allclose(block_means(np.array([[0.0], [3.0], [9.0]]), 2, 1), [[1.0], [7.0]])


def test_more_blocks_than_pixels() -> None:
    with pytest.raises(ValueError, match="3 pixels"):
        block_means(np.zeros((3, 9)), 4, 4)
