"""What a gate report says of two models."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan, nan

import numpy as np
import pytest

from napari_unet.core.gate_report import HARM, NOTICEABLE, CaseScore, GateReport, GateSide, Movement


def side(old: Sequence[float], new: Sequence[float], name: str = "your images") -> GateSide:
    cases = tuple(
        CaseScore(f"c{k}", before, after, 9.0, 5.0)
        for k, (before, after) in enumerate(zip(old, new, strict=True))
    )
    return GateSide(name, cases)


def report(site: GateSide, reference: GateSide | None = None) -> GateReport:
    return GateReport("cxr-lung", "ours", site, reference)


BETTER = side([0.7, 0.75, 0.8, 0.78, 0.72, 0.77, 0.74, 0.71], [0.9, 0.91, 0.95, 0.93, 0.92, 0.89, 0.94, 0.7])
REFERENCE = side([0.97] * 8, [0.968] * 8, "the reference set")


def test_a_model_that_learns_and_keeps_passes() -> None:
    gate = report(BETTER, REFERENCE)
    assert gate.passed
    assert gate.verdict() == (
        "Better on your images (0.75 → 0.89, 7 of 8 cases), unchanged on the reference set (−0.002)."
    )


def test_forgetting_is_said_and_fails_the_gate() -> None:
    gate = report(BETTER, side([0.97, 0.96], [0.95, 0.94], "the reference set"))
    assert gate.forgets and not gate.passed
    assert gate.verdict().endswith("worse on the reference set (−0.020).")


def test_a_small_loss_is_called_slight_and_passes() -> None:
    gate = report(BETTER, side([0.97] * 8, [0.964] * 8, "the reference set"))
    assert gate.passed
    assert gate.verdict().endswith("slightly worse on the reference set (−0.006).")


@pytest.mark.parametrize(("loss", "forgets"), [(HARM - 0.001, False), (HARM + 0.001, True)])
def test_a_loss_is_not_excused_by_chance(loss: float, forgets: bool) -> None:
    noise = np.array([0.03, -0.03, 0.02, -0.02, 0.01, -0.01, 0.0, 0.0])
    old = np.full(8, 0.9)
    reference = side(old, old - loss + noise, "the reference set")
    assert reference.p_value > 0.05 or not forgets
    assert report(BETTER, reference).forgets is forgets


def test_worse_on_the_users_images_fails() -> None:
    gate = report(side(*(tuple(c[k] for c in _values(BETTER)) for k in (1, 0))), REFERENCE)
    assert gate.new_site.change is Movement.WORSE
    assert not gate.passed
    assert gate.verdict().startswith("Worse on your images (0.89 → 0.75, 1 of 8 cases)")


def test_a_gain_that_chance_explains_proves_nothing() -> None:
    gains = np.array([0.08, -0.06, 0.07, -0.05, 0.06, -0.04, 0.05, -0.03])
    noisy = side([0.8] * 8, 0.8 + gains)
    assert noisy.new - noisy.old > NOTICEABLE
    assert noisy.p_value > 0.05
    assert noisy.change is Movement.PERHAPS_BETTER
    assert not report(noisy, REFERENCE).passed and report(noisy, REFERENCE).undecided
    assert not report(BETTER).undecided
    assert report(noisy).verdict() == "Perhaps better on your images (0.80 → 0.81, 4 of 8 cases)."
    reverse = side([0.8] * 8, 0.8 - gains, "the reference set")
    assert reverse.change is Movement.PERHAPS_WORSE
    gate = report(BETTER, reverse)
    assert gate.passed
    assert gate.verdict().endswith("perhaps slightly worse on the reference set (−0.010).")


def test_five_cases_have_no_p_value_and_all_have_to_agree() -> None:
    few = side([0.7] * 5, [0.9] * 5)
    assert isnan(few.p_value)
    assert few.change is Movement.BETTER
    assert side([0.7] * 5, [0.9] * 4 + [0.6]).change is Movement.PERHAPS_BETTER
    assert side([0.9] * 5, [0.7] * 5).change is Movement.WORSE
    assert side([0.9] * 5, [0.7] * 4 + [0.95]).change is Movement.PERHAPS_WORSE
    assert not isnan(side([0.7] * 6, [0.9] * 6).p_value)


def test_the_same_masks_are_unchanged() -> None:
    same = side([0.9] * 8, [0.9] * 8)
    assert isnan(same.p_value)
    assert (same.change, same.wins) == (Movement.UNCHANGED, 0)


def test_cases_without_an_answer_count_nowhere() -> None:
    holed = side([0.7, nan, 0.8, nan], [0.9, 0.5, nan, nan])
    assert [case.id for case in holed.compared] == ["c0"]
    assert (holed.old, holed.new, holed.wins) == (0.7, 0.9, 1)
    assert holed.worst is not None and holed.worst.id == "c0"
    assert report(holed).verdict() == "Better on your images (0.70 → 0.90, 1 of 1 case)."


def test_distances_are_averaged_where_both_models_have_one() -> None:
    cases = (CaseScore("a", 0.8, 0.9, 12.0, 4.0), CaseScore("b", 0.0, 0.9, nan, 3.0))
    found = GateSide("your images", cases, "mm")
    assert (found.old_hd95, found.new_hd95) == (12.0, 4.0)


@pytest.mark.parametrize("empty", [side([], []), side([nan, nan], [0.9, nan])])
def test_a_side_without_answers_passes_nothing(empty: GateSide) -> None:
    assert isnan(empty.old) and isnan(empty.new) and isnan(empty.p_value)
    assert empty.worst is None
    gate = report(empty, empty)
    assert not gate.passed and not gate.forgets
    assert gate.verdict() == "Not tested on your images."
    assert report(BETTER, empty).verdict().endswith("cases).")


def test_the_worst_case_is_the_one_that_loses_most() -> None:
    assert BETTER.worst is not None and BETTER.worst.id == "c7"


def _values(found: GateSide) -> list[tuple[float, float]]:
    return [(case.old_dice, case.new_dice) for case in found.cases]
