"""A second reader goes through twelve real X-rays by keys: first call, score, final call, in a window."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from clinic_rooms import COVID, REVIEWER, Window, command

from napari_unet.core.second_reading import FindingCall
from napari_unet.review.record import CallKind
from napari_unet.review.store import ReviewProject

MODEL = "cxr-finding"
CASES = 12


@dataclass
class Day:
    """What was there. before, after : what the window showed of each case before and after its first call."""

    project: Path
    before: list[dict[str, Any]] = field(default_factory=list)
    after: list[dict[str, Any]] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)
    torch: bool = True

    def said(self, case: int, final: bool = False) -> list[int]:
        """What the reader says: of the first finding one of five, then the same of all others."""
        first = 1 + case % 5
        return [min(5, first + (final and case % 3 == 0)), *[1 + (case + 1) % 5] * (len(self.findings) - 1)]

    @property
    def findings(self) -> list[str]:
        return list(self.before[0]["findings"])


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    """All cases are scored before anybody looks: what is hidden is there to be found."""
    folder = tmp_path_factory.mktemp("reading")
    day = Day(folder / "project")
    command("review", "new", day.project)
    command("review", "add", day.project, COVID / "images", "--model", MODEL, "--device", "cpu")
    window = Window(folder / "home", day.project)
    try:
        window.wait("cases", CASES)
        window.give_name(REVIEWER)
        window.choose_order("Case number")
        window.open_finding(MODEL)
        for case in range(1, CASES + 1):
            window.click_case(case)
            window.wait_for_reading(case)
            day.before.append(window.reading())
            window.call(day.said(case), "lock")
            window.wait_for_score()
            day.after.append(window.reading())
            window.call(day.said(case, final=True), "finish")
        window.safe()
        day.listed = window.reading()["listed"]
        day.torch = window.see()["torch"]
        window.close()
        assert window.gone() == 0
    finally:
        if window.process.poll() is None:
            window.kill()
    return day


def scores(day: Day) -> dict[int, dict[str, float]]:
    """By number of the case and finding."""
    with ReviewProject.open(day.project) as project:
        numbers = {case.id: case.number for case in project.cases()}
        seen = project.visible_scores(REVIEWER)
        return {numbers[id]: {one.finding: one.score for one in found} for id, found in seen.items()}


def test_before_a_call_the_window_shows_neither_score_nor_map(day: Day) -> None:
    assert len(day.before) == CASES
    known = scores(day)
    for case, seen in enumerate(day.before, start=1):
        assert seen["scores"] == "" and seen["heat"] == [] and not seen["page"], case
        assert not [line for line in seen["listed"] if line.startswith(f"Case {case}:")]
        for words in seen["words"]:
            assert MODEL not in words or "Score" not in words, words
            assert f"abnormal {100 * known[case]['abnormal']:.0f}" not in words


def test_after_the_call_the_score_and_the_map_stand_beside_it(day: Day) -> None:
    for case, (seen, known) in enumerate(zip(day.after, scores(day).values(), strict=True), start=1):
        assert f"{100 * known['abnormal']:.0f}" in seen["scores"], case
        warm = known[seen["heat_of"]] >= 0.15
        assert bool(seen["heat"]) == warm and seen["page"]


def test_every_call_is_kept_in_its_order(day: Day) -> None:
    with ReviewProject.open(day.project) as project:
        for case in project.cases():
            first = project.reader_call(case.id, REVIEWER)
            final = project.reader_call(case.id, REVIEWER, final=True)
            assert [one.confidence for one in first.values()] == day.said(case.number)
            assert [one.confidence for one in final.values()] == day.said(case.number, final=True)
            mine = [call.kind for call in project.calls(case.id) if call.author.name == REVIEWER]
            assert mine == [CallKind.FIRST, CallKind.SEEN, CallKind.FINAL]
        assert isinstance(first[day.findings[0]], FindingCall)
        assert not project.in_triage and all(one.blind for one in project.readings())


def test_another_reader_has_seen_nothing(day: Day) -> None:
    with ReviewProject.open(day.project) as project:
        assert project.visible_scores("Bob") == {}


def test_the_list_names_the_cases_on_which_they_differ(day: Day) -> None:
    assert day.listed and all(line.startswith("Case ") and "you said" in line for line in day.listed)


def test_what_came_of_it(day: Day) -> None:
    told = json.loads(command("review", "readings", day.project, "--json"))
    of = {one["finding"]: one for one in told["findings"]}
    assert set(of) == set(day.findings) and told["not_blind"] == 0
    first = of[day.findings[0]]
    assert (first["readings"], first["changes"]["n"]) == (CASES, CASES)
    up = sum(day.said(case, True)[0] > day.said(case)[0] for case in range(1, CASES + 1))
    assert (first["changes"]["up"], first["changes"]["down"]) == (up, 0)
    assert first["agreement"]["model"]["n"] == sum(day.said(case)[0] != 3 for case in range(1, CASES + 1))


def test_the_window_never_imported_torch(day: Day) -> None:
    assert not day.torch
