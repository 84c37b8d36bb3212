"""Changes of masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from napari_unet.core.change import Change
from napari_unet.core.errors import UserError


@given(st.data(), array_shapes(min_dims=2, max_dims=3, max_side=6))
def test_applying_what_lies_between_two_masks_turns_one_into_the_other(data, shape) -> None:
    old, new = (data.draw(arrays(np.uint8, shape)) for _ in range(2))
    change = Change.between(old, new)
    turned = old.copy()
    change.apply(turned)
    assert np.array_equal(turned, new)
    assert np.array_equal(new[change.indices()], change.values)
    assert len(change) == np.count_nonzero(old != new)


def test_a_change_is_made_in_a_view_that_is_not_contiguous() -> None:
    whole = np.zeros((4, 6), np.uint8)
    view = whole[:, ::2]
    Change.between(view, np.ones_like(view)).apply(view)
    assert whole.sum() == view.size


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        Change.between(np.zeros((2, 2)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="outside"):
        Change((2, 2), np.array([4]), np.array([1], np.uint8))
    with pytest.raises(ValueError, match="fit together"):
        Change((2, 2), np.array([1, 2]), np.array([1], np.uint8))
    with pytest.raises(ValueError, match="not"):
        Change((2, 2), np.array([1]), np.array([1], np.uint8)).apply(np.zeros((2, 3), np.uint8))


@pytest.mark.parametrize("label", [-1, 256, 300])
def test_a_label_that_no_mask_can_hold_is_refused(label: int) -> None:
    old = np.zeros((3, 4), np.int32)
    new = old.copy()
    new[1, 2] = label
    with pytest.raises(UserError, match=f"cannot hold label {label}"):
        Change.between(old, new)
    assert Change.between(new, old).values.tolist() == [0]
