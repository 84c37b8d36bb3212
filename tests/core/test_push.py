"""Pushing the border: the scribble is obeyed, edges stop it, and what lies far stays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_unet.core.labels import IGNORE
from napari_unet.core.metrics import dice
from napari_unet.core.push import push_border

SHAPE = (120, 100)
BOX = (slice(30, 90), slice(20, 60))


def square(box: tuple[slice, slice] = BOX, shape: tuple[int, int] = SHAPE, label: int = 1) -> np.ndarray:
    labels = np.zeros(shape, np.uint8)
    labels[box] = label
    return labels


def scribble(rows: slice, columns: slice, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    drawn = np.zeros(shape, bool)
    drawn[rows, columns] = True
    return drawn


def pushed(labels: np.ndarray, *rest: object, **more: object) -> np.ndarray:
    new = labels.copy()
    push_border(labels, *rest, **more).apply(new)  # type: ignore[arg-type]
    return new


FLAT = np.zeros(SHAPE, np.float32)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.booleans(), st.booleans())
def test_the_scribble_is_obeyed_and_nothing_moves_the_other_way(seed, inside, with_model) -> None:
    rng = np.random.default_rng(seed)
    shape = (45, 60)
    labels = (ndimage.gaussian_filter(rng.normal(size=shape), 4) > 0).astype(np.uint8)
    labels[rng.random(shape) < 0.03] = IGNORE
    image = ndimage.gaussian_filter(rng.normal(size=shape), 2)
    probability = ndimage.gaussian_filter(rng.random(shape), 2) if with_model else None
    drawn = scribble(slice(*sorted(rng.integers(0, 45, 2))), slice(*sorted(rng.integers(0, 60, 2))), shape)
    new = pushed(labels, image, probability, drawn, inside)
    assert np.array_equal(new == IGNORE, labels == IGNORE)
    free = labels != IGNORE
    assert ((new > 0) == inside)[drawn & free].all()
    gone, come = (labels > 0) & (new == 0), (labels == 0) & (new > 0)
    assert not (gone if inside else come).any()


def test_without_an_edge_the_border_comes_to_lie_as_far_beyond_the_scribble() -> None:
    new = pushed(square(), FLAT, None, scribble(slice(40, 80), slice(69, 71)), True)
    right = np.nonzero(new[60])[0].max()
    assert 76 <= right <= 84  # the scribble is 10 beyond the border at 60


@pytest.mark.parametrize("edge", [72, 75, 78])
def test_it_goes_to_the_edge_in_the_image(edge: int) -> None:
    image = FLAT.copy()
    image[:, edge:] = 50
    image += np.random.default_rng(0).normal(size=SHAPE)
    new = pushed(square(), image, None, scribble(slice(40, 80), slice(68, 70)), True)
    right = [np.nonzero(row)[0].max() for row in new[45:75]]
    assert abs(np.median(right) - (edge - 1)) <= 1


def test_it_goes_to_the_edge_in_the_probability() -> None:
    probability = np.full(SHAPE, 0.4, np.float32)
    probability[:, 75:] = 0.02
    new = pushed(square(), FLAT, probability, scribble(slice(40, 80), slice(66, 68)), True)
    assert abs(np.median([np.nonzero(row)[0].max() for row in new[45:75]]) - 74) <= 1


def test_a_scribble_within_takes_lung_away_up_to_the_edge() -> None:
    image = FLAT.copy()
    image[:, 45:] = 50
    new = pushed(square(), image, None, scribble(slice(35, 85), slice(52, 54)), False)
    left = [np.nonzero(row)[0].max() for row in new[40:80]]
    assert abs(np.median(left) - 44) <= 1


def test_what_lies_far_from_the_scribble_stays() -> None:
    labels = square() | square((slice(30, 90), slice(85, 95)))
    new = pushed(labels, FLAT, None, scribble(slice(58, 62), slice(62, 64)), True)
    rows, columns = np.nonzero(new != labels)
    assert rows.min() > 40 and rows.max() < 80 and columns.max() < 80


def test_large_images_are_solved_as_small_ones() -> None:
    image = FLAT.copy()
    image[:, 75:] = 50
    drawn = scribble(slice(40, 80), slice(68, 70))
    small = pushed(square(), image, None, drawn, True)
    large = pushed(*(np.kron(a, np.ones((8, 8), a.dtype)) for a in (square(), image)), None,
                   np.kron(drawn, np.ones((8, 8), bool)), True)  # fmt: skip
    assert dice(large > 0, np.kron(small > 0, np.ones((8, 8), bool))) > 0.98


def test_between_the_nodes_the_full_size_probability_tells_where_the_border_runs() -> None:
    size = 1000  # at least 7 pixels a node
    labels = square((slice(100, 900), slice(100, 400)), (size, size))
    for edge in (600, 603):
        probability = np.full((size, size), 0.6, np.float32)
        probability[:, edge:] = 0.0
        drawn = scribble(slice(200, 800), slice(480, 484), (size, size))
        new = pushed(labels, np.zeros((size, size)), probability, drawn, True)
        assert abs(np.median([np.nonzero(row)[0].max() for row in new[300:700]]) - (edge - 1)) <= 1


def test_a_scribble_far_from_any_lung_makes_one_with_the_chosen_label() -> None:
    new = pushed(np.zeros(SHAPE, np.uint8), FLAT, None, scribble(slice(40, 80), slice(50, 52)), True, label=2)
    assert set(np.unique(new)) == {0, 2}
    assert 40 * 2 < np.count_nonzero(new) < 40 * 60


def test_new_lung_takes_the_label_of_the_lung_it_is_joined_to() -> None:
    new = pushed(square(label=2), FLAT, None, scribble(slice(40, 80), slice(58, 66)), True, label=1)
    assert set(np.unique(new)) == {0, 2} and np.count_nonzero(new) > np.count_nonzero(square())


def test_a_scribble_where_all_is_right_already_changes_nothing() -> None:
    assert not len(push_border(square(), FLAT, None, scribble(slice(40, 50), slice(30, 40)), True))
    assert not len(push_border(square(), FLAT, None, scribble(slice(0, 5), slice(0, 5)), False))
    assert not len(push_border(square(), FLAT, None, np.zeros(SHAPE, bool), True))


def test_pixels_that_are_no_numbers_do_no_harm() -> None:
    image = FLAT.copy()
    image[50:60, 65:70] = np.nan
    assert pushed(square(), image, None, scribble(slice(40, 80), slice(69, 71)), True)[60, 65] == 1


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="shapes differ"):
        push_border(square(), FLAT[1:], None, scribble(slice(0, 1), slice(0, 1)), True)
