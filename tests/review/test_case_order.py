"""The order of a queue, and the reasons that it gives."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_unet.core.checks import INVERTED, SITUS, UNLIKE, Code
from napari_unet.review.queue import order_cases, priorities, reasons
from napari_unet.review.types import Case, FileState, Order, Status

TIME = datetime(2026, 11, 22, tzinfo=UTC)
EMPTY = Case(
    id="",
    number=0,
    status=Status.NEW,
    reason=None,
    patient="",
    view="",
    modality="",
    split="",
    shape=None,
    spacing_mm=None,
    row_direction=None,
    file_state=FileState.PRESENT,
    content_hash="",
    reviewer="",
    note="",
    priority=0,
    why="",
    checks=(),
    uncertainty=None,
    revision=None,
    added=TIME,
    decided=None,
    active_seconds=0,
    lease="",
)


def case(number: int, **fields: Any) -> Case:
    return replace(EMPTY, id=f"c{number}", number=number, **fields)


def numbers(cases: list[Case], order: Order, seed: int = 0) -> list[int]:
    return [int(id_[1:]) for id_ in order_cases(cases, order, seed)]


def test_by_number() -> None:
    assert numbers([case(3), case(1, checks=("no-lung",)), case(2)], Order.ID) == [1, 2, 3]


def test_the_worst_finding_comes_first_and_says_so() -> None:
    cases = [
        case(1),
        case(2, checks=("holes",)),
        case(3, checks=("missing-lung", "holes")),
        case(4, checks=("missing-lung",)),
        case(5, checks=("no-lung",)),
        case(6, checks=None),
        case(7, checks=(), uncertainty=0.4),
        case(8, checks=("unlike",)),
    ]
    assert numbers(cases, Order.CHECKS) == [8, 5, 3, 4, 2, 7, 1, 6]
    why = {id_: text for id_, (_, text) in priorities(cases, Order.CHECKS).items()}
    assert why["c3"] == "One lung is missing; Holes in a lung"
    assert why["c1"] == "Shape checks passed"
    assert "no mask" in why["c6"]


def test_the_most_doubtful_comes_first_and_says_how_doubtful() -> None:
    cases = [case(1, uncertainty=0.12), case(2), case(3, uncertainty=0.4), case(4, uncertainty=0.0)]
    assert numbers(cases, Order.UNCERTAINTY) == [3, 1, 4, 2]
    why = {id_: text for id_, (_, text) in priorities(cases, Order.UNCERTAINTY).items()}
    assert why["c1"] == "Model is unsure along 12 % of the border"
    assert "sure" in why["c4"] and "No model" in why["c2"]


def test_the_surest_comes_first_and_what_no_model_saw_last() -> None:
    cases = [case(1, uncertainty=0.12), case(2), case(3, uncertainty=1.0), case(4, uncertainty=0.0)]
    cases.append(case(5, uncertainty=0.0, status=Status.ACCEPTED))
    assert numbers(cases, Order.SURE) == [4, 1, 3, 2, 5]
    assert priorities(cases, Order.SURE)["c1"][1] == "Model is unsure along 12 % of the border"


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("state", [FileState.MISSING, FileState.CHANGED, FileState.UNREADABLE])
def test_what_cannot_be_looked_at_is_set_aside(order: Order, state: FileState) -> None:
    cases = [case(1, file_state=state, checks=("no-lung",), uncertainty=1.0), case(2), case(3, checks=None)]
    assert numbers(cases, order)[-1] == 1
    assert "file" in priorities(cases, order)["c1"][1]


def test_random_is_the_same_each_time_and_keeps_its_order_when_cases_come() -> None:
    cases = [case(number) for number in range(1, 60)]
    first = numbers(cases, Order.RANDOM, seed=1)
    assert first == numbers(cases[::-1], Order.RANDOM, seed=1)
    assert first != sorted(first) and first != numbers(cases, Order.RANDOM, seed=2)
    more = numbers([*cases, case(60), case(61)], Order.RANDOM, seed=1)
    assert [number for number in more if number < 60] == first


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.builds(
            lambda checks, uncertainty, state: {
                "checks": checks,
                "uncertainty": uncertainty,
                "file_state": state,
            },
            st.none()
            | st.lists(st.sampled_from([UNLIKE, INVERTED, SITUS, *map(str, Code)]), unique=True).map(tuple),
            st.none() | st.floats(0, 1),
            st.sampled_from(FileState),
        ),
        max_size=12,
    ),
    st.sampled_from(Order),
)
def test_each_case_stands_once_where_its_priority_puts_it(fields: list[dict[str, Any]], order: Order) -> None:
    cases = [case(number, **known) for number, known in enumerate(fields, start=1)]
    ids = order_cases(cases, order)
    assert sorted(ids) == sorted(one.id for one in cases)
    ranks = priorities(cases, order)
    values = [ranks[id_][0] for id_ in ids]
    assert values == sorted(values, reverse=True)


def test_every_code_has_words() -> None:
    assert all(text != code for code in [UNLIKE, INVERTED, SITUS, *Code] for text in reasons([code]))
    assert reasons(["new-code"]) == ["new-code"]


def test_an_image_that_is_flagged_is_told_by_what_is_unusual() -> None:
    assert reasons(["unlike", "ratio"]) == [
        "The mask does not look like normal lungs",
        "One lung is much smaller than the other",
    ]
    (alone,) = reasons(["unlike"])
    assert alone == "The mask does not look like normal lungs: perhaps not a chest, or not a frontal view"
