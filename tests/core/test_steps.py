from __future__ import annotations

from collections.abc import Generator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.core.steps import changed, run

NUMBERS = st.lists(st.integers(), max_size=20)


def counted(events: list[int], closed: list[bool]) -> Generator[int, None, int]:
    try:
        yield from events
    finally:
        closed.append(True)
    return len(events)


@given(NUMBERS)
def test_every_event_is_told_in_order_and_the_result_comes_back(events: list[int]) -> None:
    told: list[int] = []
    assert run(counted(events, []), told.append) == len(events)
    assert told == events
    assert run(counted(events, [])) == len(events)


def test_who_listens_can_end_the_steps() -> None:
    closed: list[bool] = []

    def tell(event: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(counted([1, 2], closed), tell)
    assert closed == [True]


def test_what_goes_wrong_in_the_steps_comes_out() -> None:
    def steps() -> Generator[int, None, None]:
        yield 1
        raise RuntimeError("out of order")

    with pytest.raises(RuntimeError, match="out of order"):
        run(steps())


@given(NUMBERS)
def test_changed_steps_leave_out_what_is_none_and_return_the_same(events: list[int]) -> None:
    told: list[str] = []
    steps = changed(counted(events, []), lambda event: str(event) if event % 2 else None)
    assert run(steps, told.append) == len(events)
    assert told == [str(event) for event in events if event % 2]


def test_closing_changed_steps_closes_those_beneath() -> None:
    closed: list[bool] = []
    steps = changed(counted([1, 2], closed), lambda event: event)
    assert next(steps) == 1
    steps.close()
    assert closed == [True]


def test_what_is_sent_in_return_goes_to_the_steps_beneath() -> None:
    heard: list[str | None] = []

    def steps() -> Generator[int, str | None, None]:
        for number in range(4):
            heard.append((yield number))

    outer = changed(steps(), lambda event: event if event != 1 else None)
    assert [next(outer), outer.send("a"), outer.send("b")] == [0, 2, 3]
    assert heard == ["a", None, "b"]  # nobody was asked about the one that was dropped
