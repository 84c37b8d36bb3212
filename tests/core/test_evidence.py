"""What evidence says, whatever its metric; and a report of several labels, outputs and findings."""

from __future__ import annotations

from dataclasses import replace
from math import isnan, nan

import numpy as np
import pytest
from evidence_fakes import masks, scores
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_unet.core.acceptance_report import AcceptanceReport
from napari_unet.core.evidence import CaseScore, Evidence, Movement
from napari_unet.core.evidence_metrics import DICE, HARM, HD95
from napari_unet.core.evidence_sheet import sheets

SITE, KEPT = "your images", "the reference set"
TRUTH = [True, True, True, True, False, False, False, False]
values = st.floats(0, 1).map(lambda x: round(x, 3)) | st.just(nan)
cases = st.lists(st.tuples(values, values, st.sampled_from("abcdefgh")), max_size=24)


def gaining(by: float, count: int = 8, **named: str) -> tuple[Evidence, Evidence]:
    """Each case gains as much, in Dice."""
    return masks(named.pop("place", SITE), [(0.8, 0.8 + by)] * count, **named)


def of(found: list[tuple[float, float, str]], **fields: object) -> Evidence:
    made = (CaseScore(str(k), old, new, group) for k, (old, new, group) in enumerate(found))
    return replace(Evidence.of(DICE, SITE, "lungs", made), **fields)


@settings(max_examples=60, deadline=None)
@given(cases)
def test_changed_models_change_the_words(found: list[tuple[float, float, str]]) -> None:
    there, back = of(found), of([(new, old, group) for old, new, group in found])
    other = {"better": "worse", "worse": "better"}
    word = there.change.value.split()[-1]
    assert back.change.value == there.change.value.replace(word, other.get(word, word))
    assert there.gain == -back.gain or isnan(there.gain)
    assert there.wins + back.wins <= len(there.compared)
    assert there.p_value == pytest.approx(back.p_value, nan_ok=True)


@settings(max_examples=60, deadline=None)
@given(cases)
def test_where_less_is_better_a_fall_is_a_gain(found: list[tuple[float, float, str]]) -> None:
    more = of(found)
    less = replace(more, metric="fancy", up_is_better=False)
    assert less.gain == -more.gain or isnan(more.gain)
    assert less.gains == tuple(-gain for gain in more.gains)
    assert less.wins == sum(case.new < case.old for case in more.cases)
    assert not less.judges and not less.harmed  # nobody knows how much is much


@settings(max_examples=60, deadline=None)
@given(cases, st.randoms(use_true_random=False))
def test_the_order_of_cases_and_those_without_an_answer_change_nothing(
    found: list[tuple[float, float, str]], draw: object
) -> None:
    mixed = [*found, (nan, 0.3, "a"), (0.2, nan, "b")]
    draw.shuffle(mixed)  # type: ignore[attr-defined]
    one, other = of(found), of(mixed)
    for figure in ("old", "new", "patients", "wins"):
        assert getattr(one, figure) == pytest.approx(getattr(other, figure), nan_ok=True)
    assert sorted(one.gains) == pytest.approx(sorted(other.gains))


def test_the_case_that_lost_most_by_distance_is_the_one_that_grew() -> None:
    found = masks(SITE, [(0.8, 0.9)] * 3, [(9.0, 5.0), (4.0, 6.0), (nan, 40.0)], "mm")[1]
    assert found.worst is not None and found.worst.id == "c1"
    assert (found.wins, found.gain, found.unit) == (1, 1.0, "mm")


def three_labels(left: float, right: float, heart: float) -> AcceptanceReport:
    """What each label gains, and the three as a whole."""
    mean = (left + right + heart) / 3
    parts = {"": mean, "left lung": left, "right lung": right, "heart": heart}
    return AcceptanceReport(
        "p", "c", tuple(one for label, by in parts.items() for one in gaining(by, label=label))
    )


def test_several_labels_are_judged_as_a_whole() -> None:
    report = three_labels(0.05, 0.05, 0.0)
    assert report.passed and len(report.to_improve) == 1
    assert report.verdict() == "Better on your images (0.80 → 0.83, 8 of 8 cases)."


def test_no_label_may_be_lost_for_the_others() -> None:
    report = three_labels(0.1, 0.1, -0.02)
    assert report.to_improve[0].change is Movement.BETTER
    assert not report.passed and not report.undecided and not report.forgets
    assert report.verdict().endswith("8 of 8 cases), worse for heart on your images (−0.020).")


def test_a_label_that_is_forgotten_elsewhere_fails() -> None:
    kept = (*gaining(0.0, place=KEPT), *gaining(-0.02, place=KEPT, label="heart"))
    report = AcceptanceReport("p", "c", (*gaining(0.1), *kept))
    assert report.forgets and not report.passed
    assert report.verdict().endswith(
        "unchanged on the reference set (+0.000), worse for heart on the reference set (−0.020)."
    )


def two_outputs(new: float, old_here: float, old_there: float) -> AcceptanceReport:
    """A model with an answer of its own for the user's protocol, beside the parent's."""
    return AcceptanceReport(
        "p",
        "c",
        (
            *gaining(new, output="new", against="old"),
            *gaining(old_here, output="old"),
            *gaining(-0.3, place=KEPT, output="new", against="old"),
            *gaining(old_there, place=KEPT, output="old"),
        ),
    )


def test_of_two_outputs_the_new_one_is_to_be_better_and_the_old_one_to_be_kept() -> None:
    report = two_outputs(0.1, -0.1, -0.001)
    assert report.passed  # the old output is not meant for your images, the new one not for the reference set
    assert report.verdict() == (
        "Better in answer new on your images (0.80 → 0.90, 8 of 8 cases), unchanged in answer old on the "
        "reference set (−0.001)."
    )
    assert report.remarks() == ("p has no answer new: its answer old was compared.",)
    lost = two_outputs(0.1, 0.0, -HARM - 0.001)
    assert lost.forgets and not lost.passed


def classifier(new: list[float], old: list[float] | None = None) -> AcceptanceReport:
    return AcceptanceReport("p", "c", (scores(SITE, old or [0.5, 0.4, 0.6, 0.3] * 2, new, TRUTH),))


def test_a_classifier_is_judged_by_its_auc() -> None:
    report = classifier([0.9, 0.8, 0.7, 0.9, 0.1, 0.2, 0.3, 0.2])
    (found,) = report.to_improve
    assert (found.old, found.new, found.patients) == (0.5, 1.0, 8)
    assert report.verdict().startswith(
        "Perhaps better for effusion by AUC on your images (0.50 → 1.00, 8 of 8"
    )
    assert report.undecided
    back = classifier([case.old for case in found.cases], [case.new for case in found.cases])
    assert (
        back.to_improve[0].change is Movement.PERHAPS_WORSE
        and back.to_improve[0].harmed
        and not back.undecided
    )


def test_without_both_kinds_of_cases_there_is_no_auc_and_a_sentence() -> None:
    found = scores(SITE, [0.5] * 8, [0.9] * 8, [True] * 8)
    report = AcceptanceReport("p", "c", (found,))
    assert not found.tested and not report.passed and not report.undecided
    assert report.verdict() == "Not tested for effusion by AUC on your images."
    assert report.remarks() == (
        "AUC of effusion on your images needs cases with and cases without the finding.",
    )


def test_of_several_findings_one_must_be_better_at_a_stricter_level() -> None:
    noise = np.random.default_rng(0)
    truth = [True] * 10 + [False] * 10
    flat = list(noise.random(20))
    good = [0.9 - 0.01 * k if t else 0.1 + 0.01 * k for k, t in enumerate(truth)]
    clear = scores(SITE, flat, good, truth, "nodule")
    same = scores(SITE, flat, flat, truth)
    report = AcceptanceReport("p", "c", (same, clear))
    assert len(report.to_improve) == 2 and report.passed
    assert "better for nodule by AUC" in report.verdict() and "Unchanged for effusion" in report.verdict()
    lost = scores(SITE, good, flat, truth)
    assert not AcceptanceReport(
        "p", "c", (lost, clear)
    ).passed  # what one finding loses, another does not make up for


def test_evidence_by_an_unknown_metric_informs() -> None:
    drift = Evidence(SITE, "lungs", "drift", False, (CaseScore("a", 0.1, 0.9),))
    report = AcceptanceReport("p", "c", (*gaining(0.1), drift))
    assert report.passed and drift.gain == pytest.approx(-0.8) and not drift.harmed
    assert AcceptanceReport("p", "c", (drift,)).verdict() == "Not tested."
    with pytest.raises(ValueError, match="evidence"):
        AcceptanceReport("p", "c", ())


def test_a_sheet_has_a_row_for_each_label_of_a_case() -> None:
    whole = masks(SITE, [(0.9, 0.8), (0.5, 0.9)], [(3.0, 4.0), (9.0, 2.0)])
    left = masks(SITE, [(0.7, 0.8), (nan, 0.9)], label="left lung")
    (sheet,) = sheets((*whole, *left))
    assert [one.metric for one in sheet.columns] == [DICE.name, HD95.name]
    assert sheet.labels == ("", "left lung")
    rows = list(sheet.rows(worst_first=True))
    assert [(row.case, row.label) for row in rows] == [
        ("c0", ""),
        ("c0", "left lung"),
        ("c1", ""),
        ("c1", "left lung"),
    ]
    assert rows[0].scores[1] == CaseScore("c0", 3.0, 4.0)
    assert len(sheets((*whole, *gaining(0.1, place=KEPT), *gaining(0.1, output="other")))) == 3
