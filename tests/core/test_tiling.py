"""Laws of the tile plan: every pixel once, and exactly the whole image's result."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_unet.core.events import TileDone
from napari_unet.core.tiling import TilePlan, predict_tiled


def run(steps: Generator[TileDone, None, np.ndarray]) -> tuple[np.ndarray, list[TileDone]]:
    events = []
    while True:
        try:
            events.append(next(steps))
        except StopIteration as stop:
            return stop.value, events


def small_unet(image: np.ndarray, depth: int) -> np.ndarray:
    """A U-Net's skeleton on whole numbers: 3-wide sums with zero padding, max-pooling, up-sampling, skips."""

    def block(x: np.ndarray) -> np.ndarray:
        weights = np.arange(1.0, 1.0 + 3**x.ndim).reshape((3,) * x.ndim)
        return ndimage.correlate(x, weights, mode="constant") % 251

    x = block(image.astype(np.float64))
    if depth == 0:
        return x
    paired = x.reshape([n for side in x.shape for n in (side // 2, 2)])
    deep = small_unet(paired.max(axis=tuple(range(1, 2 * x.ndim, 2))), depth - 1)
    for axis in range(x.ndim):
        deep = np.repeat(deep, 2, axis=axis)
    return block(x + deep)


def whole(image: np.ndarray, plan: TilePlan, depth: int) -> np.ndarray:
    ends = [(0, padded - n) for padded, n in zip(plan.padded_shape, image.shape, strict=True)]
    return small_unet(np.pad(image, ends, mode="edge"), depth)[tuple(map(slice, image.shape))]


def radius(depth: int) -> int:
    """Receptive radius of `small_unet`: one pixel per block and level, and a pooling cell."""
    return 2 * (2 ** (depth + 1) - 1) + 2**depth


plans: Any = st.builds(
    lambda shape, stride, core, halo: TilePlan(tuple(shape), core * stride, halo * stride, stride),
    st.lists(st.integers(1, 41), min_size=2, max_size=2)
    | st.lists(st.integers(1, 13), min_size=3, max_size=3),
    st.sampled_from([1, 2, 4, 16]),
    st.integers(1, 3),
    st.integers(0, 2),
)


@given(plan=plans)
def test_every_pixel_is_kept_exactly_once(plan: TilePlan) -> None:
    kept = np.zeros(plan.shape, int)
    tiles = list(plan.tiles())
    for tile in tiles:
        kept[tile.keep] += 1
    assert (kept == 1).all()
    assert len(tiles) == plan.count


@given(plan=plans)
def test_tiles_begin_and_end_at_multiples_of_the_stride(plan: TilePlan) -> None:
    for tile in plan.tiles():
        for read, keep, inside, padded in zip(
            tile.read, tile.keep, tile.keep_in_read, plan.padded_shape, strict=True
        ):
            assert read.start % plan.stride == 0 and read.stop % plan.stride == 0
            assert 0 <= read.start <= keep.start < keep.stop <= read.stop <= padded
            assert read.start + inside.start == keep.start and read.start + inside.stop == keep.stop
            assert read.start == 0 or keep.start - read.start == plan.halo
            assert read.stop - read.start <= plan.cores[0] + 2 * plan.halo


@settings(max_examples=50, deadline=None)
@given(plan=plans, seed=st.integers(0, 99))
def test_an_identity_model_gives_the_image_back(plan: TilePlan, seed: int) -> None:
    image = np.random.default_rng(seed).random(plan.shape, np.float32)
    result, events = run(predict_tiled(image, lambda part: np.stack([part, 1 - part]), plan))
    np.testing.assert_array_equal(result, np.stack([image, 1 - image]))
    assert result.dtype == np.float32
    assert events == [TileDone(done, plan.count) for done in range(1, plan.count + 1)]


@pytest.mark.parametrize("shape", [(1000, 777), (33, 4099), (16, 16), (1, 300)])
def test_tiles_equal_the_whole_image_2d(shape: tuple[int, int]) -> None:
    depth = 4
    image = np.random.default_rng(0).integers(0, 251, shape)
    halo = -(-radius(depth) // 16) * 16
    plan = TilePlan(shape, core=256, halo=halo, stride=16)
    result, _ = run(predict_tiled(image, lambda part: small_unet(part, depth)[None], plan))
    np.testing.assert_array_equal(result[0], whole(image, plan, depth))


@pytest.mark.parametrize("shape", [(20, 45, 37), (3, 70, 50)])
def test_tiles_equal_the_whole_volume_3d(shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).integers(0, 251, shape)
    plan = TilePlan(shape, core=16, halo=12, stride=4)
    assert plan.halo >= radius(1)
    result, _ = run(predict_tiled(image, lambda part: small_unet(part, 1)[None], plan))
    np.testing.assert_array_equal(result[0], whole(image, plan, 1))


@settings(max_examples=30, deadline=None)
@given(height=st.integers(1, 90), width=st.integers(1, 90), core=st.integers(1, 6), depth=st.integers(0, 2))
def test_tiles_equal_the_whole_image_at_any_size(height: int, width: int, core: int, depth: int) -> None:
    shape, stride = (height, width), 2**depth
    image = np.random.default_rng(1).integers(0, 251, shape)
    plan = TilePlan(shape, core * stride * 2, -(-radius(depth) // stride) * stride, stride)
    result, _ = run(predict_tiled(image, lambda part: small_unet(part, depth)[None], plan))
    np.testing.assert_array_equal(result[0], whole(image, plan, depth))


def test_without_a_halo_the_seams_would_show() -> None:
    image = np.random.default_rng(0).integers(0, 251, (64, 64))
    plan = TilePlan(image.shape, core=32, halo=0, stride=4)
    result, _ = run(predict_tiled(image, lambda part: small_unet(part, 2)[None], plan))
    assert (result[0] != whole(image, plan, 2)).any()


def test_closing_the_generator_cancels() -> None:
    seen = []
    steps = predict_tiled(
        np.zeros((64, 64)), lambda part: (seen.append(1), part[None])[1], TilePlan((64, 64), 16, 0, 16)
    )
    next(steps)
    steps.close()
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("core", "halo", "stride"), [(24, 16, 16), (32, 8, 16), (0, 0, 1), (16, -16, 16), (16, 16, 0)]
)
def test_a_plan_checks_itself(core: int, halo: int, stride: int) -> None:
    with pytest.raises(ValueError):
        TilePlan((100, 100), core, halo, stride)


@pytest.mark.parametrize("shape", [(), (0, 5)])
def test_a_plan_needs_pixels(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="every axis"):
        TilePlan(shape, 16, 0, 16)


def test_wrong_shapes_are_refused() -> None:
    plan = TilePlan((20, 20), 16, 0, 4)
    with pytest.raises(ValueError, match="plan is for"):
        run(predict_tiled(np.zeros((20, 21)), lambda part: part[None], plan))
    with pytest.raises(ValueError, match="predict returned"):
        run(predict_tiled(np.zeros((20, 20)), lambda part: part[None, ::2], plan))
