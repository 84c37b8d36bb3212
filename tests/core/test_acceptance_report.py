"""What an acceptance report says of two models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import isnan, nan

import numpy as np
import pytest
from evidence_fakes import masks

from napari_unet.core.acceptance_report import AcceptanceReport
from napari_unet.core.evidence import LEAST, CaseScore, Evidence, Movement
from napari_unet.core.evidence_metrics import DICE, HARM, NOTICEABLE


def side(old: Sequence[float], new: Sequence[float], name: str = "your images") -> Evidence:
    return masks(name, list(zip(old, new, strict=True)))[0]


def dice(name: str, cases: Iterable[CaseScore]) -> Evidence:
    return Evidence.of(DICE, name, "lungs", cases)


def report(site: Evidence, reference: Evidence | None = None) -> AcceptanceReport:
    kept = () if reference is None else (replace(reference, place="the reference set"),)
    return AcceptanceReport("cxr-lung", "ours", (site, *kept))


BETTER = side([0.7, 0.75, 0.8, 0.78, 0.72, 0.77, 0.74, 0.71], [0.9, 0.91, 0.95, 0.93, 0.92, 0.89, 0.94, 0.7])
REFERENCE = side([0.97] * 8, [0.968] * 8, "the reference set")


def test_a_model_that_learns_and_keeps_passes() -> None:
    found = report(BETTER, REFERENCE)
    assert found.passed
    assert found.verdict() == (
        "Better on your images (0.75 → 0.89, 7 of 8 cases), unchanged on the reference set (−0.002)."
    )


def test_forgetting_is_said_and_fails_the_test() -> None:
    found = report(BETTER, side([0.97, 0.96], [0.95, 0.94], "the reference set"))
    assert found.forgets and not found.passed
    assert found.verdict().endswith("worse on the reference set (−0.020).")


def test_a_small_loss_is_called_slight_and_passes() -> None:
    found = report(BETTER, side([0.97] * 8, [0.964] * 8, "the reference set"))
    assert found.passed
    assert found.verdict().endswith("slightly worse on the reference set (−0.006).")


@pytest.mark.parametrize(("loss", "forgets"), [(HARM - 0.001, False), (HARM + 0.001, True)])
def test_a_loss_is_not_excused_by_chance(loss: float, forgets: bool) -> None:
    noise = np.array([0.03, -0.03, 0.02, -0.02, 0.01, -0.01, 0.0, 0.0])
    old = np.full(8, 0.9)
    reference = side(old, old - loss + noise, "the reference set")
    assert reference.p_value > 0.05 or not forgets
    assert report(BETTER, reference).forgets is forgets


def test_worse_on_the_users_images_fails() -> None:
    found = report(side(*(tuple(c[k] for c in _values(BETTER)) for k in (1, 0))), REFERENCE)
    assert found.evidence[0].change is Movement.WORSE
    assert not found.passed
    assert found.verdict().startswith("Worse on your images (0.89 → 0.75, 1 of 8 cases)")


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
    found = report(BETTER, reverse)
    assert found.passed
    assert found.verdict().endswith("perhaps slightly worse on the reference set (−0.010).")


@pytest.mark.parametrize("patients", range(1, LEAST))
def test_under_six_patients_it_is_perhaps_whatever_they_say(patients: int) -> None:
    few = side([0.7] * patients, [0.9] * patients)
    assert isnan(few.p_value)
    assert few.change is Movement.PERHAPS_BETTER
    assert report(few).undecided and not report(few).passed
    assert side([0.9] * patients, [0.7] * patients).change is Movement.PERHAPS_WORSE
    assert side([0.7] * 6, [0.9] * 6).change is Movement.BETTER


def test_many_cases_of_few_patients_are_few() -> None:
    whose = [k % 5 for k in range(40)]
    found = dice("your images", (CaseScore(f"c{k}", 0.7, 0.9, f"p{p}") for k, p in enumerate(whose)))
    assert found.patients == 5 and isnan(found.p_value)
    assert report(found).verdict() == (
        "Perhaps better on your images (0.70 → 0.90, 40 of 40 cases of 5 patients)."
    )


def test_each_patient_is_one_voice() -> None:
    """One patient of thirty cases gains; seven others do not."""
    gains = [*[0.1] * 30, -0.01, 0.01, -0.02, 0.02, -0.03, 0.03, -0.01]
    whose = [*["one"] * 30, *"abcdefg"]
    cases = (CaseScore(f"c{k}", 0.7, 0.7 + g, p) for k, (g, p) in enumerate(zip(gains, whose, strict=True)))
    found = dice("your images", cases)
    assert found.patients == 8 and found.p_value > 0.05
    assert found.change is Movement.PERHAPS_BETTER


def test_ranks_that_point_the_other_way_prove_no_gain() -> None:
    """Most lose a little, one gains much: the mean rises, the test is significant, for a loss."""
    gains = [*[-0.01] * 11, 0.9]
    found = side([0.05] * 12, [0.05 + gain for gain in gains])
    assert found.new - found.old > NOTICEABLE and found.p_value < 0.05
    assert found.change is Movement.PERHAPS_BETTER


@pytest.mark.parametrize("kind", ["normal", "with ties", "heavy tails", "many zeros"])
@pytest.mark.parametrize("patients", [2, 3, 4, 5, 6, 7, 8, 12, 20, 40])
def test_a_model_of_no_true_gain_passes_in_at_most_a_twentieth_of_draws(patients: int, kind: str) -> None:
    draws, noise = 400, np.random.default_rng([patients, len(kind)])
    passed = 0
    for _ in range(draws):
        each = int(noise.integers(1, 4))  # cases of a patient, which resemble each other
        own = {
            "normal": lambda: noise.normal(0, 0.05, patients),
            "with ties": lambda: noise.choice([-0.02, -0.01, 0.01, 0.02], patients),
            "heavy tails": lambda: noise.standard_t(2, patients) * 0.02,
            "many zeros": lambda: noise.choice([-0.03, 0.0, 0.0, 0.03], patients),
        }[kind]()
        gains = np.repeat(own, each) + np.repeat(noise.normal(0, 0.001, patients), each) * (kind == "normal")
        cases = tuple(CaseScore(str(k), 0.8, 0.8 + gain, f"p{k // each}") for k, gain in enumerate(gains))
        passed += report(dice("your images", cases)).passed
    assert passed == 0 if patients < LEAST else passed / draws <= 0.05


def test_the_same_masks_are_unchanged() -> None:
    same = side([0.9] * 8, [0.9] * 8)
    assert isnan(same.p_value)
    assert (same.change, same.wins) == (Movement.UNCHANGED, 0)


def test_cases_without_an_answer_count_nowhere() -> None:
    holed = side([0.7, nan, 0.8, nan], [0.9, 0.5, nan, nan])
    assert [case.id for case in holed.compared] == ["c0"]
    assert (holed.old, holed.new, holed.wins) == (0.7, 0.9, 1)
    assert holed.worst is not None and holed.worst.id == "c0"
    assert report(holed).verdict() == "Perhaps better on your images (0.70 → 0.90, 1 of 1 case)."


def test_distances_are_averaged_where_both_models_have_one() -> None:
    found = masks("your images", [(0.8, 0.9), (0.0, 0.9)], [(12.0, 4.0), (nan, 3.0)], "mm")[1]
    assert (found.old, found.new, found.unit) == (12.0, 4.0, "mm")


@pytest.mark.parametrize("empty", [side([], []), side([nan, nan], [0.9, nan])])
def test_a_side_without_answers_passes_nothing(empty: Evidence) -> None:
    assert isnan(empty.old) and isnan(empty.new) and isnan(empty.p_value)
    assert empty.worst is None
    found = report(empty, empty)
    assert not found.passed and not found.forgets
    assert found.verdict() == "Not tested on your images."
    assert report(BETTER, empty).verdict().endswith("cases).")


def test_the_worst_case_is_the_one_that_loses_most() -> None:
    assert BETTER.worst is not None and BETTER.worst.id == "c7"


def _values(found: Evidence) -> list[tuple[float, float]]:
    return [(case.old, case.new) for case in found.cases]
