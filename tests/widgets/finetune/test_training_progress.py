"""What the events of a training mean: curves with gaps, words, and the time that is left."""

from __future__ import annotations

from math import inf, isnan, nan

import numpy as np
import pytest

from napari_unet.core.events import CaseDone, Note, PartBegun, StepsDone
from napari_unet.widgets.finetune.training_progress import TrainingProgress, in_words, where


def step(part: int, at: int, new: float = nan, old: float = nan, steps: int = 10) -> StepsDone:
    return StepsDone(part, at, steps, 1 / at, new, old, False)


def test_curves_leave_out_what_was_not_scored_and_break_between_parts():
    progress = TrainingProgress()
    for part in (1, 2):
        progress.take(PartBegun(part, 3, 4, 4, 10, 10 * (3 - part), 60), 0)
        for at in range(1, 11 if part == 1 else 6):  # the second part is stopped
            progress.take(step(part, at, 0.8 + part / 100 if at % 5 == 0 else nan, nan), 0)
    progress.take(PartBegun(3, 3, 8, 0, 10, 0, 20), 0)
    progress.take(step(3, 1, nan, 0.97), 0)
    curves = progress.curves()
    np.testing.assert_array_equal(curves.new_dice.step, [5, 10, nan, 15])
    np.testing.assert_allclose(curves.new_dice.value, [0.81, 0.81, nan, 0.82])
    np.testing.assert_array_equal(curves.old_dice.step, [16])
    assert curves.new_dice.last == pytest.approx(0.82) and curves.bounds == (10, 15)
    assert len(curves.loss.step) == 10 + 1 + 5 + 1 + 1
    assert isnan(TrainingProgress().curves().loss.last) and TrainingProgress().curves().bounds == ()


def test_time_left_is_what_was_promised_less_what_passed():
    progress = TrainingProgress()
    assert isnan(progress.seconds_left(0)) and progress.share() == 0
    progress.take(PartBegun(1, 3, 4, 4, 10, 20, 60.0), 100.0)
    assert progress.seconds_left(110.0) == 50.0
    progress.pause(110.0)
    assert progress.seconds_left(500.0) == 50.0
    progress.resume(510.0)
    assert progress.seconds_left(512.0) == 48.0


def test_steps_that_are_slower_than_promised_are_believed():
    progress = TrainingProgress()
    progress.take(PartBegun(1, 2, 4, 4, 10, 15, 30.0), 0.0)
    progress.take(step(1, 5), 50.0)
    assert progress.seconds_left(50.0) == pytest.approx(50.0 / 5 * 20)
    assert progress.share() == pytest.approx(5 / 25)
    progress.take(PartBegun(2, 2, 8, 0, 10, 0, nan), 100.0)
    assert isnan(progress.seconds_left(101.0))
    progress.take(step(2, 5), 110.0)
    assert progress.seconds_left(110.0) == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (nan, ""),
        (0, "about 5 s"),
        (42, "about 40 s"),
        (89, "about 90 s"),
        (170, "about 3 min"),
        (9000, "about 2.5 h"),
    ],
)
def test_times_in_words(seconds, text):
    assert in_words(seconds) == text


def test_where_it_stands():
    progress = TrainingProgress()
    assert where(progress) == "Getting ready…"
    progress.take(PartBegun(1, 3, 1, 4, 10, 20, inf), 0)
    assert where(progress) == "Part 1 of 3: learning from 1 case, tested on 4 others"
    progress.take(CaseDone("a", 2, 9), 0)
    assert where(progress) == "Comparing both models: 2 of 9"
    progress.take(PartBegun(3, 3, 8, 0, 10, 0, 5), 0)
    assert where(progress) == "Part 3 of 3: learning from all 8 cases; this is the model you get"
    progress.take(Note("one"), 0)
    assert progress.notes == ["one"]
