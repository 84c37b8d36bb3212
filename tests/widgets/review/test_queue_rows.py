"""Which cases are shown, in what order and words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from queue_fakes import case, cases

from napari_unet.review.types import FileState, Order, Reason, Status
from napari_unet.widgets.review.queue_rows import (
    SHOWN,
    Column,
    RowFilter,
    duration,
    is_unavailable,
    progress_of,
    shown_rows,
    status_words,
    tip_of,
    why_words,
)


def test_rows_come_in_the_order_of_the_queue_and_nobody_is_lost():
    known = cases(5)
    assert shown_rows(known, ["c0003", "c0001"], RowFilter()) == ["c0003", "c0001", "c0002", "c0004", "c0005"]


def test_a_queue_may_name_a_case_that_is_gone():
    assert shown_rows(cases(1), ["c0009", "c0001"], RowFilter()) == ["c0001"]


@pytest.mark.parametrize("title", SHOWN)
def test_each_choice_shows_exactly_its_status(title):
    known = cases(30)
    found = shown_rows(known, list(known), RowFilter(SHOWN[title]))
    assert {known[i].status for i in found} <= SHOWN[title]
    assert len(found) == sum(one.status in SHOWN[title] for one in known.values())


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("rotated", [2]),
        ("REJECTED rot", [2]),
        ("#3", [3]),
        ("anna", [1]),
        ("tube", [3]),
        ("missing lung", []),
        ("lung missing", [4]),
        ("  ", [1, 2, 3, 4]),
    ],
)
def test_search_looks_into_every_cell_and_the_note(text, numbers):
    known = {
        one.id: one
        for one in (
            case(1, reviewer="Anna"),
            case(2, status=Status.REJECTED, reason=Reason.ROTATED),
            case(3, note="tube in the left lung"),
            case(4, checks=("missing-lung",)),
        )
    }
    found = shown_rows(known, list(known), RowFilter(text=text), Order.CHECKS)
    if text == "missing lung":
        numbers = [4] if "missing" in why_words(known["c0004"], Order.CHECKS).casefold() else []
    assert [known[i].number for i in found] == numbers


@given(st.sampled_from(list(Column)), st.booleans(), st.sampled_from(list(Order)))
def test_sorting_keeps_every_case_once(column, descending, order):
    known = cases(40)
    found = shown_rows(known, list(known), RowFilter(), order, column, descending)
    assert sorted(found) == sorted(known)


def test_a_file_that_is_not_what_it_was_is_told_whatever_the_order():
    changed = case(1, file_state=FileState.CHANGED)
    assert is_unavailable(changed)
    assert all("changed" in why_words(changed, order) for order in Order)
    assert not is_unavailable(case(2))


def test_a_rejection_bears_its_reason():
    assert status_words(case(1, status=Status.REJECTED, reason=Reason.CUT_OFF)) == "Rejected: cut off"


def test_the_tip_says_that_a_patient_is_not_known():
    assert "Patient not known: the case counts as a separate patient." in tip_of(
        case(1, patient=""), Order.ID
    )


def test_the_tip_names_a_known_patient_by_the_beginning_of_its_hash():
    assert "Patient abcdef\n" in tip_of(case(1, patient="abcdef0123"), Order.ID) + "\n"


def test_progress_in_words():
    done = [case(n, status=Status.ACCEPTED, active_seconds=12.0) for n in range(37)]
    left = [case(n + 100) for n in range(175)]
    assert progress_of([*done, *left]).words() == "37 of 212, about 35 min left"
    assert progress_of(left).words() == "0 of 175"
    few = [*done[:4], *left]
    assert progress_of(few).words() == f"4 of {len(few)}", "too few to go by"
    quick = [replace(one, active_seconds=0.5) for one in done[:6]]
    assert progress_of([*quick, *left[:12]]).words() == "6 of 18, about 2 min left", "10 s a case at least"
    assert progress_of([*quick, left[0]]).words() == "6 of 7, about 1 min left"
    assert progress_of(done).words() == "All 37 done"
    assert progress_of([]).words() == "No cases yet"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (59, "59 s"), (60, "1 min"), (2400, "40 min"), (3600, "1 h"), (5400, "1 h 30 min")],
)
def test_durations(seconds, words):
    assert duration(seconds) == words
