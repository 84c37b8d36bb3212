"""The simulated hand: it paints what is wrong, counts honestly, and stops when the mask is good enough."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from net_fakes import lungs

from napari_unet.core.metrics import dice
from napari_unet.simulation.strokes import Correction, Hand, Stroke, touched

REFERENCE = lungs(256, 224)
STEADY = Hand(tremble=0.0)


def without(top: int) -> np.ndarray:
    mask = REFERENCE.copy()
    mask[:top] = False
    return mask


def test_a_missing_part_is_painted_until_the_mask_is_good_enough() -> None:
    work = Correction(without(110), REFERENCE, Hand())
    assert work.dice == pytest.approx(dice(without(110), REFERENCE)) and not work.done
    assert work.finish() and work.done
    assert 2 <= work.strokes <= 30 and work.length > 0
    assert dice(work.mask, REFERENCE) == pytest.approx(work.dice) and work.dice >= 0.97


def test_too_much_is_erased() -> None:
    mask = REFERENCE.copy()
    mask[100:150, 90:140] = True  # a bridge between the lungs
    work = Correction(mask, REFERENCE, Hand(enough=0.99))
    assert work.finish()
    assert not work.mask[115:135, 108:118].any()


def test_a_good_mask_takes_no_stroke() -> None:
    work = Correction(REFERENCE, REFERENCE, Hand())
    assert work.finish() and (work.strokes, work.pixels) == (0, 0)
    assert work.next_stroke() is None


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 999))
def test_dice_and_pixels_are_those_of_the_mask(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = np.roll(lungs(256, 224), rng.integers(-25, 25, 2), (0, 1))
    work = Correction(mask, REFERENCE, Hand(), seed)
    for _ in range(4):
        stroke = work.next_stroke()
        if stroke is None:
            break
        before = work.mask.copy()
        pixels = work.pixels
        kept = work.paint(stroke)
        assert work.pixels - pixels == np.count_nonzero(work.mask != before)
        assert work.dice == pytest.approx(dice(work.mask, REFERENCE))
        assert kept or np.array_equal(work.mask, before)


def test_strokes_are_of_a_size_that_people_paint() -> None:
    hand = Hand(tremble=0.0)
    work = Correction(np.zeros_like(REFERENCE), REFERENCE, hand)
    for _ in range(12):
        stroke = work.next_stroke()
        assert stroke is not None and stroke.adds
        assert 0.01 * 256 <= stroke.radius <= 0.04 * 256
        assert (
            np.hypot(*np.diff(stroke.path, axis=0).T).sum() <= 0.25 * 256 * 1.5
        )  # moved inwards it may bend
        work.paint(stroke)


def test_a_steady_hand_stays_on_its_side_of_the_border() -> None:
    work = Correction(without(128), REFERENCE, STEADY)
    work.finish()
    assert np.count_nonzero(work.mask & ~REFERENCE) < 0.004 * np.count_nonzero(REFERENCE)


def test_a_stroke_that_does_harm_is_undone_but_counted() -> None:
    work = Correction(without(110), REFERENCE, STEADY)
    before = work.mask.copy()
    assert not work.paint(Stroke(np.array([[5.0, 5.0], [5.0, 60.0]]), True, 8.0))
    assert np.array_equal(work.mask, before) and (work.strokes, work.pixels) == (1, 0)


def test_what_cannot_be_reached_ends() -> None:
    work = Correction(without(110), REFERENCE, Hand(tremble=0.3))
    assert not work.finish(most=5) and work.strokes == 5
    hairs = np.zeros((64, 64), bool)
    hairs[::4] = True  # thinner than anybody would paint
    work = Correction(np.zeros((64, 64), bool), hairs, Hand())
    assert not work.finish() and work.strokes == 0


def test_the_same_seed_is_the_same_hand() -> None:
    def path(seed: int) -> np.ndarray:
        return Correction(without(110), REFERENCE, Hand(), seed).next_stroke().path

    np.testing.assert_array_equal(path(1), path(1))
    assert not np.array_equal(path(1), path(2))


def test_the_brush_covers_what_is_within_its_radius_also_at_the_edge() -> None:
    stroke = Stroke(np.array([[1.0, 1.0], [1.0, 10.0]]), True, 3.0)
    box, covered = touched(stroke, (20, 8))
    painted = np.zeros((20, 8), bool)
    painted[box] = covered
    rows, columns = np.mgrid[:20, :8]
    away = np.hypot(rows - 1, columns - np.clip(columns, 1, 10))
    np.testing.assert_array_equal(painted, away <= 3)


def test_hands_and_masks_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="radius"):
        Hand(smallest=0.1, largest=0.05)
    with pytest.raises(ValueError, match="longest"):
        Hand(longest=0)
    with pytest.raises(ValueError, match="cannot be corrected"):
        Correction(REFERENCE[1:], REFERENCE, Hand())
    with pytest.raises(ValueError, match="empty"):
        Correction(REFERENCE, np.zeros_like(REFERENCE), Hand())


def test_what_nobody_could_say_is_no_mistake() -> None:
    ignore = np.zeros_like(REFERENCE)
    ignore[:110] = True
    work = Correction(without(110), REFERENCE, Hand(), ignore=ignore)
    assert work.dice == 1 and work.done
    work = Correction(without(150), REFERENCE, Hand(enough=0.95), ignore=ignore)
    assert work.dice == pytest.approx(dice(without(150), REFERENCE, ignore)) and not work.done
    assert work.finish()
    assert work.dice == pytest.approx(dice(work.mask, REFERENCE, ignore))
    assert not work.mask[:80].any()  # nobody paints there
