"""`review reference` and `review readings`, as a person types them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from napari_unet.core.errors import UserError
from napari_unet.core.second_reading import FindingCall
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import NewCase

Run = Callable[..., Result]
FIRST = {"Ann": (5, 2, 3, 1), "Bob": (4, 4, 1, 1)}
FINAL = (5, 4, 4, 1)
SCORES = (0.9, 0.7, 0.6, 0.2)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Four cases; Ann has read all of them to the end, Bob has made his first calls."""
    with ReviewProject.create(tmp_path / "project") as made:
        ids = [id for id, _ in made.add([NewCase(f"/images/{n}.png") for n in range(4)], "Ann")]
        for n, id in enumerate(ids):
            made.put_scores(id, {"nodule": SCORES[n]}, "finder", "1", "findings")
            for reader, said in FIRST.items():
                made.first_call(id, reader, {"nodule": FindingCall(said[n])})
            made.show_scores(id, "Ann")
            made.final_call(id, "Ann", {"nodule": FindingCall(FINAL[n])})
    return tmp_path / "project"


def table(folder: Path, *rows: str, head: str = "case,finding,kind,present") -> Path:
    path = folder / "reference.csv"
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


def found(run: Run, project: Path, *more: object) -> Any:
    done = run("review", "readings", project, "--json", *more)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_minds_changed_and_agreement(run: Run, project: Path) -> None:
    (one,) = found(run, project)["findings"]
    assert (one["finding"], one["readings"]) == ("nodule", 8)
    changes = one["changes"]
    assert (changes["n"], changes["up"], changes["to_present"], changes["towards"]) == (4, 2, 2, 2)
    assert one["agreement"]["model"]["n"] == 3  # of Ann's, less the one that she could not tell
    assert one["agreement"]["Ann, Bob"] == pytest.approx(
        {"n": 3, "kappa": 0.4, "positive": 2 / 3, "negative": 2 / 3}
    )
    assert one["accuracy"] == {}
    words = run("review", "readings", project).output
    assert "nodule" in words and "Ann, Bob" in words and "need a reference" in words


def test_accuracy_against_an_imported_reference(run: Run, project: Path, tmp_path: Path) -> None:
    path = table(tmp_path, "1,nodule,CT,1", "2,nodule,CT,1", "3,nodule,CT,0", "4,nodule,CT,0")
    assert "4 references imported" in run("review", "reference", project, path, "--reviewer", "Ann").output
    (one,) = found(run, project, "--threshold", "65")["findings"]
    accuracy = one["accuracy"]
    assert accuracy["model"]["sensitivity"][0] == accuracy["model"]["specificity"][0] == 1
    assert accuracy["first calls"]["positives"] == 4 and accuracy["first calls"]["undecided"] == 1
    assert accuracy["final calls"]["specificity"][0] == 0.5
    said = run("review", "readings", project).output
    assert "Against the reference" in said and "PPV" not in said
    said = run("review", "readings", project, "--prevalence", "10").output
    assert "PPV" in said and "NPV" in said


def test_calls_after_triage_are_told_and_not_counted(run: Run, project: Path) -> None:
    with ReviewProject.open(project) as opened:
        opened.set_triage(True, "Ann")
        opened.first_call(opened.cases()[0].id, "Cid", {"nodule": FindingCall(1)})
    assert found(run, project)["not_blind"] == 1 and found(run, project)["findings"][0]["readings"] == 8
    assert "1 reading made after a time of triage" in run("review", "readings", project).output


def test_nobody_has_called_anything(run: Run, tmp_path: Path) -> None:
    ReviewProject.create(tmp_path / "empty").close()
    assert "Nobody has called" in run("review", "readings", tmp_path / "empty").output


@pytest.mark.parametrize(
    ("row", "head", "said"),
    [
        ("9,nodule,CT,1", "case,finding,kind,present", "names no case"),
        ("1,,CT,1", "case,finding,kind,present", "not complete"),
        ("1,nodule,,1", "case,finding,kind,present", "not complete"),
        ("1,nodule,CT,maybe", "case,finding,kind,present", "says maybe"),
        ("1,nodule", "case,finding", "lacks the column kind"),
    ],
)
def test_a_table_that_cannot_be_used_changes_nothing(
    run: Run, project: Path, tmp_path: Path, row: str, head: str, said: str
) -> None:
    good = "2,nodule,CT,1" if head.endswith("present") else "2,nodule"
    done = run("review", "reference", project, table(tmp_path, good, row, head=head))
    assert done.exit_code == 1 and isinstance(done.exception, UserError) and said in str(done.exception)
    with ReviewProject.open(project) as opened:
        assert opened.references() == {}


def test_an_empty_table_is_refused(run: Run, project: Path, tmp_path: Path) -> None:
    done = run("review", "reference", project, table(tmp_path))
    assert done.exit_code == 1 and "is empty" in str(done.exception)
