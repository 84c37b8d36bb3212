"""Drift: two masks without a reference, and what they say for and against a new model."""

from __future__ import annotations

from math import isnan, nan

import numpy as np
import pytest
from drawn_chests import chest, wobbled
from evidence_fakes import masks
from pydantic import TypeAdapter

from napari_unet.core.acceptance_report import AcceptanceReport
from napari_unet.core.chest_zones import Zone
from napari_unet.core.drift import Drift, DriftCase, drift_case

BETTER = masks("your images", [(0.7 + k / 100, 0.9) for k in range(8)])
KEPT = masks("the reference set", [(0.97, 0.968)] * 8)


def report(*drift: Drift, asked: tuple[str, ...] = ()) -> AcceptanceReport:
    return AcceptanceReport("cxr-lung", "ours", (*BETTER, *KEPT), drift, asked, "They add the heart.")


def test_most_of_a_change_behind_the_heart_is_said_so() -> None:
    lungs, parts = chest()
    case = drift_case("c", lungs, wobbled(lungs, 1, 2) | parts["heart"])
    changed = dict(case.zones)
    share = changed["HEART"] / sum(changed.values())
    assert case.reason() == f"{share:.0%} of the change lies behind the heart".replace("%", " %")
    assert share > 0.6 and 0.8 < case.dice < 1
    assert case.reason([Zone.HEART]).endswith("behind the heart: your protocol")
    assert not case.reason([Zone.DOME]).endswith("your protocol")
    assert not case.leaks


def test_what_is_lost_has_its_zone_too() -> None:
    lungs, parts = chest()
    assert "behind the heart" in drift_case("c", lungs | parts["heart"], lungs).reason()


def test_a_leak_comes_first_in_the_words() -> None:
    lungs, parts = chest()
    case = drift_case("c", lungs, lungs | parts["abdomen"])
    assert case.leaks == pytest.approx([parts["abdomen"].sum() / lungs.sum()], abs=0.001)
    assert case.reason().startswith("a new part outside the lungs (") and ": leak;" in case.reason()


def test_equal_masks_need_no_reason() -> None:
    lungs, _ = chest()
    case = drift_case("c", lungs, lungs)
    assert (case.dice, case.reason(), case.leaks) == (1.0, "", ())


def test_without_two_lungs_or_for_other_labels_there_is_only_the_dice() -> None:
    lungs, parts = chest()
    one = lungs & (np.arange(256) < 128)
    assert drift_case("c", one, lungs).zones == ()
    assert drift_case("c", lungs, lungs | parts["arm"], in_zones=False).leaks == ()
    stack = np.stack([lungs, lungs])
    assert drift_case("c", stack, stack) == DriftCase("c", 1.0)


def test_a_new_mask_that_lost_a_lung_has_a_reason() -> None:
    lungs, _ = chest()
    case = drift_case("c", lungs, lungs & (np.arange(256) < 128))
    assert "in opaque parts of the lung field" in case.reason()


def test_drift_informs_and_does_not_judge() -> None:
    far = Drift("the travel set", (DriftCase("a", 0.5), DriftCase("b", 0.7)))
    found = report(far)
    assert found.passed
    assert found.verdict().endswith("Drift, as Dice against cxr-lung: 0.60 on the travel set (2 images).")
    assert found.remarks() == ("They add the heart.",)


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (DriftCase("a", 0.9, leaks=(0.02, 0.01)), "Found a leak in 1 of 2 on the travel set."),
        (DriftCase("a", 0.9, checks=("holes",)), "Found checks newly fail in 1 of 2 on the travel set."),
    ],
)
def test_damage_speaks_against_a_model_that_is_better(case: DriftCase, said: str) -> None:
    found = report(Drift("the travel set", (case, DriftCase("b", 0.97))))
    assert not found.passed and not found.undecided and said in found.verdict()
    assert found.verdict().startswith("Better on your images")


def test_a_place_without_masks_says_nothing() -> None:
    nothing = Drift("the travel set", (DriftCase("a", nan),))
    assert isnan(nothing.dice) and "travel" not in report(nothing).verdict()
    assert isnan(Drift("here", ()).dice)


def test_leaks_come_first_and_then_what_changed_most() -> None:
    cases = (
        DriftCase("a", 0.9),
        DriftCase("b", nan),
        DriftCase("c", 0.5),
        DriftCase("d", 0.95, leaks=(0.1,)),
    )
    assert [case.id for case in Drift("here", cases).most_changed_first()] == ["d", "c", "a", "b"]


def test_a_report_on_a_card_keeps_its_drift_and_one_of_today_has_none() -> None:
    adapter = TypeAdapter(AcceptanceReport)
    lungs, parts = chest()
    found = report(
        Drift("there", (drift_case("c", lungs, lungs | parts["heart"]),)), asked=("HEART", "FUTURE")
    )
    assert adapter.validate_json(adapter.dump_json(found)) == found
    assert found.asked_zones == {Zone.HEART}
    words = adapter.dump_python(found, mode="json")
    for name in ("drift", "asked", "difference"):
        del words[name]
    old = adapter.validate_python(words)
    assert old.drift == () and old.evidence == found.evidence and "Drift" not in old.verdict()


def test_under_six_patients_nothing_is_more_than_perhaps_unchanged() -> None:
    few = masks("the reference set", [(0.97, 0.97)] * 5)
    verdict = AcceptanceReport("cxr-lung", "ours", (*BETTER, *few)).verdict()
    assert "perhaps unchanged on the reference set" in verdict
    assert ", unchanged on the reference set" in report().verdict()
