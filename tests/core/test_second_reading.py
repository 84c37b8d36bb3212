"""What comes of readings: changes of mind, agreement beyond chance, accuracy against a reference."""

from __future__ import annotations

from dataclasses import astuple
from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.core.second_reading import (
    CONFIDENCE,
    FindingCall,
    Reading,
    accuracy,
    agreement,
    changes_of_mind,
    predictive_values,
    share_with_interval,
)

answers = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30)


def reading(first: int, final: int | None, score: float | None = 0.8, blind: bool = True) -> Reading:
    after = None if final is None else FindingCall(final)
    return Reading("case", "Ann", "nodule", FindingCall(first), score, after, blind)


def test_a_confidence_is_one_of_five() -> None:
    assert [FindingCall(one).present for one in CONFIDENCE] == [False, False, None, True, True]
    for wrong in (0, 6):
        with pytest.raises(ValueError, match="1 to 5"):
            FindingCall(wrong)


def test_changes_of_mind_are_counted_by_direction() -> None:
    found = changes_of_mind(
        [
            reading(2, 4),  # up, to present, towards the model
            reading(5, 4),  # down, still present, away
            reading(3, 1),  # down, to absent, away
            reading(4, 4),  # nothing
            reading(1, 2, score=0.1),  # up, away from a model that says no
            reading(4, 2, score=None),  # down, to absent, and nobody knows what was shown
            reading(1, 5, blind=False),  # no second reading
            reading(1, None),  # not over yet
        ],
        limit=lambda _: 0.5,
    )
    assert (found.n, found.up, found.down) == (6, 2, 3)
    assert (found.to_present, found.to_absent) == (1, 2)
    assert (found.towards, found.away) == (1, 3)


def test_kappa_of_a_known_table() -> None:
    """20 both yes, 5 and 10 apart, 15 both no: a textbook's kappa of 0.4."""
    ones = [True] * 25 + [False] * 25
    others = [True] * 20 + [False] * 5 + [True] * 10 + [False] * 15
    found = agreement(ones, others)
    assert found.n == 50 and found.kappa == pytest.approx(0.4)
    assert found.positive == pytest.approx(40 / 55) and found.negative == pytest.approx(30 / 45)


@given(answers)
def test_laws_of_agreement(pairs: list[tuple[bool, bool]]) -> None:
    ones, others = zip(*pairs, strict=True)
    found, turned = agreement(ones, others), agreement(others, ones)
    assert astuple(found) == pytest.approx(astuple(turned), nan_ok=True)
    same = agreement(ones, ones)
    assert isnan(same.kappa) if len(set(ones)) == 1 else same.kappa == pytest.approx(1)
    assert isnan(found.kappa) or -1 <= found.kappa <= 1 + 1e-12
    swapped = agreement([not one for one in ones], [not one for one in others])
    turned_over = (swapped.negative, swapped.positive)
    assert (found.positive, found.negative) == pytest.approx(turned_over, nan_ok=True)


def test_nobody_agrees_about_nothing() -> None:
    found = agreement([], [])
    assert found.n == 0 and isnan(found.kappa) and isnan(found.positive)


def test_accuracy_against_a_reference() -> None:
    confidences, truths = [5, 4, 2, 1, 3], [True, True, True, False, False]
    found = accuracy(confidences, truths, 4, undecided=1)
    assert (found.positives, found.negatives, found.undecided) == (3, 2, 1)
    assert found.sensitivity[0] == pytest.approx(2 / 3) and found.specificity[0] == 1
    assert found.auc == pytest.approx(np.mean([1, 1, 1, 1, 1, 0]))  # of 3 × 2 pairs only (2, 3) is wrong
    nobody = accuracy([4], [True], 4)
    assert isnan(nobody.auc) and isnan(nobody.specificity[0])


def test_the_interval_of_a_share() -> None:
    share, low, high = share_with_interval(81, 263)  # Newcombe 1998, table I, method 3
    assert (share, low, high) == pytest.approx((0.3080, 0.2553, 0.3662), abs=5e-5)
    assert share_with_interval(0, 20)[:2] == (0, 0) and share_with_interval(20, 20)[2] == 1
    assert all(map(isnan, share_with_interval(0, 0)))


def test_predictive_values_by_hand() -> None:
    """1,000 people, 10 % of them sick: 80 of 100 found, 90 of 900 called wrongly."""
    assert predictive_values(0.8, 0.9, 0.1) == pytest.approx((80 / 170, 810 / 830))
    positive, negative = predictive_values(1.0, 1.0, 0.0)
    assert np.isnan(positive) and negative == 1.0
