"""The fixed machine on which a fine-tune is measured."""

from __future__ import annotations

import numpy as np

from benchmarks.other_machine import overexposed


def ramp(height: int = 96, width: int = 192) -> np.ndarray:
    """Greys 0 to 255 from top to bottom."""
    return np.rint(np.linspace(0, 255, height))[:, None].repeat(width, 1).astype(np.uint8)


def test_it_is_the_same_each_time_and_leaves_the_image_alone():
    image = ramp()
    kept = image.copy()
    first, second = overexposed(image), overexposed(image)
    assert np.array_equal(first, second) and np.array_equal(image, kept)
    assert first.shape == image.shape and first.dtype == np.uint8


def test_bright_greys_are_pressed_together_and_dark_ones_pulled_apart():
    seen = overexposed(ramp())[:, 1::4].mean(axis=1)  # between the stripes or on them, always alike
    assert (np.diff(seen[4:-4]) >= 0).all()
    dark, bright = seen[32] - seen[8], seen[88] - seen[64]
    assert dark > 4 * bright


def test_a_flat_image_shows_48_stripes():
    columns = overexposed(np.full((96, 192), 128, np.uint8))[0].astype(int)
    assert (np.diff(columns) > 0).sum() == 48 and columns[0] < columns[-1]


def test_a_sharp_edge_is_blurred_by_a_share_of_the_shorter_side():
    def width(side: int) -> int:
        image = np.zeros((side, side), np.uint8)
        image[side // 2 :] = 255
        column = overexposed(image)[:, side * 3 // 4 // 48 * 48 + side // 48 - 1].astype(int)
        return int(((column > 0.1 * column.max()) & (column < 0.9 * column.max())).sum())

    assert 1 < width(192) < width(768)


def test_a_black_image_stays_black():
    assert not overexposed(np.zeros((64, 64), np.uint8)).any()
