"""Thresholds by the cases of a project: what counts as truth, what does not, and that nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_unet.core.calibration import FEWEST, Truth
from napari_unet.core.errors import UserError
from napari_unet.core.second_reading import FindingCall
from napari_unet.review.reporting.readings import summaries
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import NewCase

MODEL = "finder", "1"


@pytest.fixture
def project(tmp_path: Path) -> ReviewProject:
    """As many cases as are needed with a nodule (scores from 0.5 up) and without (from 0.4 down)."""
    made = ReviewProject.create(tmp_path / "project")
    ids = [id for id, _ in made.add([NewCase(f"/images/{n}.png") for n in range(2 * FEWEST)], "Ann")]
    for n, id in enumerate(ids):
        score = 0.5 + n / 200 if n < FEWEST else (n - FEWEST) * 0.4 / FEWEST
        made.put_scores(id, {"nodule": score, "effusion": score}, *MODEL, "findings")
    return made


def ids(project: ReviewProject) -> list[str]:
    return [case.id for case in project.cases()]


def call_all(project: ReviewProject, reader: str) -> None:
    for n, id in enumerate(ids(project)):
        project.first_call(id, reader, {"nodule": FindingCall(5 if n < FEWEST else 1)})


def test_by_blind_first_calls(project: ReviewProject) -> None:
    call_all(project, "Ann")
    (found,) = project.calibrate("Ann", Truth.FIRST_CALLS, *MODEL, sensitivity=1.0)
    assert (found.finding, found.threshold) == ("nodule", 0.5)
    assert (found.sensitivity[0], found.specificity[0]) == (1.0, 1.0)
    assert found.source == "blind first calls"
    assert project.calibrations() == [found]
    folder = project.folder
    project.close()
    with ReviewProject.open(folder) as again:
        assert again.calibrations() == [found]


def test_a_case_that_readers_call_differently_or_cannot_tell_is_left_out(project: ReviewProject) -> None:
    call_all(project, "Ann")
    project.first_call(ids(project)[0], "Bob", {"nodule": FindingCall(1)})
    with pytest.raises(UserError, match=f"{FEWEST - 1} with it and {FEWEST} without"):
        project.calibrate("Ann", Truth.FIRST_CALLS, *MODEL)
    project.first_call(ids(project)[0], "Bob", {"nodule": FindingCall(3)})  # takes no side
    project.calibrate("Ann", Truth.FIRST_CALLS, *MODEL)
    project.first_call(ids(project)[1], "Ann", {"nodule": FindingCall(3)})
    with pytest.raises(UserError, match="Too few"):
        project.calibrate("Ann", Truth.FIRST_CALLS, *MODEL)


def test_calls_made_in_a_time_of_triage_count_for_nothing(project: ReviewProject) -> None:
    project.set_triage(True, "Ann")
    call_all(project, "Ann")
    with pytest.raises(UserError, match="0 with it and 0 without"):
        project.calibrate("Ann", Truth.FIRST_CALLS, *MODEL)
    assert project.calibrations() == []


def test_by_a_reference_and_the_last_one_counts(project: ReviewProject) -> None:
    known = [(id, "nodule", n < FEWEST, "CT") for n, id in enumerate(ids(project))]
    project.put_references(known, "Ann")
    (first,) = project.calibrate("Ann", Truth.REFERENCE, *MODEL, sensitivity=0.9)
    (second,) = project.calibrate("Ann", Truth.REFERENCE, *MODEL, sensitivity=0.5)
    assert second.threshold > first.threshold
    assert project.calibrations() == [second]
    assert [event.kind for event in project.events()].count("calibrated") == 2  # nothing is forgotten


def test_another_version_has_a_threshold_of_its_own(project: ReviewProject) -> None:
    call_all(project, "Ann")
    project.calibrate("Ann", Truth.FIRST_CALLS, *MODEL)
    with pytest.raises(UserError, match="No case of this project has a score of finder 2"):
        project.calibrate("Ann", Truth.FIRST_CALLS, "finder", "2")
    for n, id in enumerate(ids(project)):
        project.put_scores(id, {"nodule": 0.9 if n < FEWEST else 0.8}, "finder", "2", "findings")
    project.calibrate("Ann", Truth.FIRST_CALLS, "finder", "2")
    assert {one.version: one.threshold for one in project.calibrations()} == {
        "1": project.calibrations()[0].threshold,
        "2": 0.9,
    }


def test_what_readings_count_follows_the_calibrated_threshold(project: ReviewProject) -> None:
    call_all(project, "Ann")
    last = ids(project)[FEWEST - 1 :][0]  # with a nodule, score 0.745
    project.show_scores(last, "Ann")
    project.final_call(last, "Ann", {"nodule": FindingCall(4)})
    (before,) = summaries(project)
    assert before.changes.away == 1  # from 0.5 on the model says yes
    project.calibrate("Ann", Truth.FIRST_CALLS, *MODEL, sensitivity=0.02)  # only the highest score reaches it
    assert project.calibrations()[0].threshold == 0.745
    for id in ids(project)[:1]:
        project.show_scores(id, "Ann")
        project.final_call(id, "Ann", {"nodule": FindingCall(4)})
    (after,) = summaries(project)
    assert (after.changes.away, after.changes.towards) == (1, 1)
    (fixed,) = summaries(project, 0.4)
    assert (fixed.changes.away, fixed.changes.towards) == (2, 0)
