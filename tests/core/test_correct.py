"""What all correcting tools have in common."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_unet.core import correct
from napari_unet.core.change import Change
from napari_unet.core.labels import IGNORE

SHAPE = (24, 30)
RNG = np.random.default_rng(0)
IMAGE, PROBABILITY = RNG.random(SHAPE), RNG.random(SHAPE)
MODEL = RNG.choice(np.array([0, 1, 2], np.uint8), SHAPE)
SCRIBBLE = np.zeros(SHAPE, bool)
SCRIBBLE[5:15, 12:14] = True
POLYGON = np.array([(2, 2), (2, 25.5), (20, 20), (18.3, 4)])

TOOLS: dict[str, Callable[[np.ndarray], Change]] = {
    "smart brush": lambda m: correct.smart_disc(IMAGE, PROBABILITY, m, (10, 12), 8, 1),
    "smart eraser": lambda m: correct.smart_disc(IMAGE, None, m, (10, 12), 8, 0),
    "push out": lambda m: correct.push_border(m, IMAGE, PROBABILITY, SCRIBBLE, True),
    "push in": lambda m: correct.push_border(m, IMAGE, None, SCRIBBLE, False),
    "threshold": lambda m: correct.threshold_in(m, PROBABILITY, POLYGON, 0.5),
    "restore here": lambda m: correct.restore_in(m, MODEL, POLYGON),
    "restore all": lambda m: correct.restore_in(m, MODEL, None),
    "holes": correct.fill_holes_change,
    "largest": correct.keep_largest,
    "smooth": lambda m: correct.smooth_border(m, 1.5, (0.5, 0.7)),
    "grow": lambda m: correct.grow(m, 2, (0.5, 0.7)),
    "shrink": lambda m: correct.grow(m, -1, None),
    "mirror": lambda m: correct.mirror_lung(m, "left", None, IMAGE),
    "copy": lambda m: _of_first(correct.copy_slice(np.stack([m, MODEL]), 1, 0)),
    "interpolate": lambda m: _of_first(correct.interpolate_slices(np.stack([m, MODEL]), [0, 1], None)),
}


def _of_first(change: Change) -> Change:
    assert (change.indices()[0] == 0).all()
    return Change(SHAPE, change.flat, change.values)


@pytest.mark.parametrize("name", TOOLS)
@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    kinds=st.sampled_from([(0,), (1,), (0, 1), (0, 2, IGNORE), (0, 1, 2, IGNORE)]),
)
def test_a_change_holds_only_changed_pixels_none_of_them_ignored(name, seed, kinds) -> None:
    labels = np.random.default_rng(seed).choice(np.array(kinds, np.uint8), SHAPE)
    labels.setflags(write=False)  # no tool writes into what it is given
    change = TOOLS[name](labels)
    assert change.shape == SHAPE and change.flat.dtype == np.int64 and change.values.dtype == np.uint8
    assert len(np.unique(change.flat)) == len(change)
    before = labels.reshape(-1)[change.flat]
    assert (before != change.values).all() and (before != IGNORE).all() and (change.values != IGNORE).all()


@pytest.mark.parametrize(
    "name", [n for n in TOOLS if n not in ("smooth", "grow", "shrink", "mirror", "copy")]
)
def test_doing_it_twice_changes_nothing_more(name) -> None:
    labels = np.random.default_rng(1).choice(np.array([0, 0, 1, 2], np.uint8), SHAPE)
    TOOLS[name](labels).apply(labels)
    assert not len(TOOLS[name](labels))
