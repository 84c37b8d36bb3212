"""Thresholds by cases whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_unet.core.calibration import FEWEST, calibrate, reached_by
from napari_unet.core.errors import UserError

BY = {"model": "finder", "version": "2", "source": "reference"}


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000), st.floats(0.05, 1))
def test_the_wanted_share_is_found_and_no_higher_threshold_finds_it(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    truths = np.arange(130) < 60
    scores = rng.beta(2, 2, 130) * 0.9 + 0.1 * truths
    found = calibrate("nodule", scores, truths, sensitivity=share, **BY)
    there = scores[truths]
    assert found.sensitivity[0] == np.mean(there >= found.threshold) >= share - 1e-9
    assert np.mean(there >= found.threshold + 1.1e-4) < share  # thresholds have four digits
    assert found.specificity[0] == np.mean(scores[~truths] < found.threshold)
    assert (found.positives, found.negatives) == (60, 70)
    for middle, low, high in (found.sensitivity, found.specificity):
        assert low <= middle <= high


@pytest.mark.parametrize("positives, negatives", [(FEWEST - 1, 500), (500, FEWEST - 1), (0, 0)])
def test_too_few_are_refused_with_their_counts(positives: int, negatives: int) -> None:
    truths = [True] * positives + [False] * negatives
    with pytest.raises(UserError, match=f"Too few cases for nodule: {positives} with it and {negatives}"):
        calibrate("nodule", [0.5] * len(truths), truths, **BY)


def test_equal_scores_are_all_called_alike() -> None:
    truths = [True] * FEWEST + [False] * FEWEST
    found = calibrate("nodule", [0.5] * 2 * FEWEST, truths, **BY)
    assert (found.threshold, found.sensitivity[0], found.specificity[0]) == (0.5, 1.0, 0.0)
    assert found.in_words().startswith("50, by reference: 50 with, 50 without; sensitivity 1.00 (")


def test_a_threshold_is_rounded_down_so_that_it_is_reached() -> None:
    scores = np.array([0.2, 0.6, 0.91239])
    assert reached_by(scores, 0.3) == 0.9123
    assert reached_by(scores, 0) == 0.9123
