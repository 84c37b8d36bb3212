"""Images in blocks, and as few numbers: their means."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def block_means(stack: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """float64 (..., rows, columns): exact area means of equal blocks of (..., Y, X), of any size.

    Raises ValueError if there are fewer pixels than blocks.
    """
    return _along(_along(np.asarray(stack, np.float64), rows).swapaxes(-1, -2), columns).swapaxes(-1, -2)


def in_blocks(stack: np.ndarray, steps: Sequence[int]) -> np.ndarray:
    """(..., rows, step, columns, step) of (..., Y, X): blocks of whole pixels.

    steps : pixels of a block along Y and X; those at the end that are no block are left out.
    """
    rows, columns = (n // step for n, step in zip(stack.shape[-2:], steps, strict=True))
    whole = stack[..., : rows * steps[0], : columns * steps[1]]
    return whole.reshape(*stack.shape[:-2], rows, steps[0], columns, steps[1])


def _along(stack: np.ndarray, count: int) -> np.ndarray:
    """Of `count` blocks along the last axis but one; a block may end within a pixel."""
    length = stack.shape[-2]
    if length < count:
        raise ValueError(f"{length} pixels cannot be {count} blocks")
    sums = np.concatenate([np.zeros_like(stack[..., :1, :]), stack.cumsum(axis=-2)], axis=-2)
    edges = np.linspace(0, length, count + 1)
    whole = np.minimum(edges.astype(int), length - 1)
    part = (edges - whole)[:, None]
    at_edges = sums[..., whole, :] * (1 - part) + sums[..., whole + 1, :] * part
    return np.asarray(np.diff(at_edges, axis=-2) * count / length)
