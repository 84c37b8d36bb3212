"""Copying and interpolating slices: what was edited stays, what lies between goes over in equal steps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_unet.core.change import Change
from napari_unet.core.labels import IGNORE, lung
from napari_unet.core.metrics import dice
from napari_unet.core.slices import copy_slice, interpolate_slices

STACKS = arrays(np.uint8, (6, 7, 8), elements=st.sampled_from([0, 0, 1, 2, IGNORE]))


def after(labels: np.ndarray, change: Change) -> np.ndarray:
    new = labels.copy()
    change.apply(new)
    return new


def disc(
    radius: float, at: tuple[float, float] = (20, 20), spacing: tuple[float, float] = (1, 1)
) -> np.ndarray:
    y, x = np.ogrid[:41, :41]
    away = ((y - at[0]) * spacing[0]) ** 2 + ((x - at[1]) * spacing[1]) ** 2
    return np.asarray(away <= radius**2)


@given(STACKS, st.integers(0, 5), st.integers(0, 5))
def test_a_copied_slice_has_the_lungs_of_the_other(labels, source, target) -> None:
    new = after(labels, copy_slice(labels, source, target))
    others = [z for z in range(6) if z != target]
    assert np.array_equal(new[others], labels[others])
    free = (labels[target] != IGNORE) & (labels[source] != IGNORE)
    assert np.array_equal(new[target][free], labels[source][free])
    assert np.array_equal(new[target][~free], labels[target][~free])


@settings(deadline=None)
@given(STACKS, st.lists(st.integers(0, 5), max_size=4))
def test_edited_slices_and_all_that_is_not_between_stay(labels, edited) -> None:
    new = after(labels, interpolate_slices(labels, edited, None))
    between = range(min(edited, default=0), max(edited, default=0) + 1)
    stay = [z for z in range(6) if z in edited or z not in between]
    assert np.array_equal(new[stay], labels[stay])
    assert np.array_equal(new == IGNORE, labels == IGNORE)


@settings(deadline=None)
@given(STACKS, st.permutations([0, 2, 5]))
def test_the_order_does_not_matter_and_turning_the_stack_turns_the_result(labels, edited) -> None:
    new = after(labels, interpolate_slices(labels, edited, (3.0, 1.0, 1.0)))
    turned = labels[::-1]
    again = after(turned, interpolate_slices(turned, [5 - z for z in edited], (3.0, 1.0, 1.0)))
    one, other = lung(new), lung(again[::-1])
    assert np.array_equal(one, other)


@settings(deadline=None)
@given(STACKS)
def test_what_both_ends_have_all_slices_between_have(labels) -> None:
    new = after(labels, interpolate_slices(labels, [0, 5], None))
    both = lung(labels[0]) & (labels[0] == labels[5])
    free = labels[1:5] != IGNORE
    assert lung(new[1:5])[np.broadcast_to(both, free.shape) & free].all()


def test_a_disc_grows_in_equal_steps() -> None:
    labels = np.zeros((5, 41, 41), np.uint8)
    labels[0], labels[4] = disc(4), disc(16)
    new = after(labels, interpolate_slices(labels, [0, 4], (5.0, 1.0, 1.0)))
    widths = [int(np.count_nonzero(one[20])) for one in new]
    assert all(abs(width - even) <= 2 for width, even in zip(widths, [9, 15, 21, 27, 33], strict=True))


def test_unequal_pixels_are_taken_into_account() -> None:
    labels = np.zeros((3, 41, 41), np.uint8)
    thin = (1.0, 0.5)
    labels[0], labels[2] = disc(3, spacing=thin), disc(9, spacing=thin)
    new = after(labels, interpolate_slices(labels, [0, 2], (5.0, *thin)))
    assert dice(new[1] > 0, disc(6, spacing=thin)) > 0.96
    blind = after(labels, interpolate_slices(labels, [0, 2], None))
    assert not np.array_equal(new, blind)


def test_a_lung_that_ends_tapers_off() -> None:
    labels = np.zeros((6, 41, 41), np.uint8)
    labels[0] = disc(10)
    new = after(labels, interpolate_slices(labels, [0, 5], None))
    sizes = [int(np.count_nonzero(one)) for one in new]
    assert sizes == sorted(sizes, reverse=True) and sizes[4] > 0 and sizes[5] == 0


def test_each_lung_goes_over_into_itself() -> None:
    labels = np.zeros((3, 41, 41), np.uint8)
    labels[0] = disc(6, (20, 10)) + 2 * disc(6, (20, 30)).astype(np.uint8)
    labels[2] = disc(6, (20, 12)) + 2 * disc(6, (20, 28)).astype(np.uint8)
    new = after(labels, interpolate_slices(labels, [0, 2], None))
    for label, at in ((1, (20, 11)), (2, (20, 29))):
        assert dice(new[1] == label, disc(6, at)) > 0.94


def test_what_is_no_stack_or_no_slice_is_refused() -> None:
    stack = np.zeros((3, 4, 4), np.uint8)
    with pytest.raises(ValueError, match="no slice 3"):
        copy_slice(stack, 0, 3)
    with pytest.raises(ValueError, match="no slice -1"):
        interpolate_slices(stack, [-1, 2], None)
    with pytest.raises(ValueError, match="stack"):
        copy_slice(stack[0], 0, 1)
