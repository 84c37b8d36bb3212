"""Whether training masks have a shape in common, by which images can be checked."""

from __future__ import annotations

import numpy as np

from napari_unet.core.input_check import ShapePrior, look_alike, mean_shape


def lungs(random: np.random.Generator) -> np.ndarray:
    """Two ellipses, anywhere in the image."""
    y, x = np.mgrid[:64, :64]
    row, column = random.integers(26, 38), random.integers(26, 38)
    tall, wide = random.uniform(14, 20), random.uniform(6, 9)
    middles = (column - 12, column + 12)
    return np.any([((y - row) / tall) ** 2 + ((x - one) / wide) ** 2 < 1 for one in middles], axis=0)


def cells(random: np.random.Generator) -> np.ndarray:
    """What membranes leave of an image."""
    mask = np.ones((64, 64), bool)
    for _ in range(6):
        mask[random.integers(64)] = mask[:, random.integers(64)] = False
    return mask


def alike(masks: list[np.ndarray]) -> bool:
    stack = np.stack(masks)
    return look_alike(stack, ShapePrior(mean_shape(stack)))


def test_lungs_have_a_shape_and_cells_have_none() -> None:
    random = np.random.default_rng(0)
    assert alike([lungs(random) for _ in range(30)])
    assert not alike([cells(random) for _ in range(30)])


def test_a_few_odd_masks_do_not_matter_and_empty_ones_do_not_count() -> None:
    random = np.random.default_rng(1)
    some = [lungs(random) for _ in range(30)]
    nothing = [np.zeros((64, 64), bool)] * 10
    assert alike([*some, *nothing, cells(random)])
    assert not alike(nothing)
