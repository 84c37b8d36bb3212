"""Labels of painted masks: which one a new pixel takes, and changes of slices as changes of stacks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from napari_unet.core.change import Change
from napari_unet.core.labels import IGNORE, lung
from napari_unet.core.lung_labels import in_stack, with_lung

MASKS = arrays(np.uint8, (7, 9), elements=st.sampled_from([0, 0, 1, 2, IGNORE]))


@given(MASKS, arrays(bool, (7, 9)))
def test_exactly_what_is_wanted_becomes_lung_and_what_is_ignored_stays(labels, target) -> None:
    new = with_lung(labels, target)
    ignored = labels == IGNORE
    assert np.array_equal(new == IGNORE, ignored)
    assert np.array_equal(lung(new), target & ~ignored)
    kept = lung(labels) & lung(new)
    assert np.array_equal(new[kept], labels[kept])
    assert new.dtype == labels.dtype


@given(MASKS, arrays(bool, (7, 9)))
def test_a_new_pixel_takes_a_label_of_the_lung_it_is_joined_to(labels, target) -> None:
    new = with_lung(labels, target, label=7)
    parts, count = ndimage.label(lung(new))
    for part in range(1, count + 1):
        there = parts == part
        before = set(labels[there & lung(labels)].tolist())
        assert set(new[there].tolist()) <= (before or {7})


def test_between_two_lungs_the_nearer_one_gives_the_label() -> None:
    labels = np.array([[1, 0, 0, 0, 0, 2]], np.uint8)
    assert with_lung(labels, labels >= 0).tolist() == [[1, 1, 1, 2, 2, 2]]


@given(MASKS, MASKS, st.integers(0, 3))
def test_a_change_of_a_slice_is_the_same_change_in_its_stack(old, new, index) -> None:
    stack = np.repeat(old[None], 4, axis=0)
    in_stack(Change.between(old, new), index, 4).apply(stack)
    assert np.array_equal(stack[index], new)
    assert all(np.array_equal(stack[z], old) for z in range(4) if z != index)


def test_a_slice_that_is_not_there_is_refused() -> None:
    change = Change.between(np.zeros((2, 2), np.uint8), np.ones((2, 2), np.uint8))
    with pytest.raises(ValueError, match="no slice 3"):
        in_stack(change, 3, 3)
