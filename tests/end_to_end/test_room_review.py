"""Models of every kind in a review: first masks in the window, decisions by keys, exports, the report."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from clinic_rooms import Window, command, problems
from room_models import SCORES, SIDE, SLICES, TOYS, Room, room
from typer.testing import CliRunner

from napari_unet.cli.main import app
from napari_unet.core.second_reading import FindingCall
from napari_unet.core.steps import run
from napari_unet.inference.first_mask import first_mask_steps
from napari_unet.io.formats import read_labels
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import AuthorKind, Case, Status

FORMATS = ("png", "tiff", "nifti", "coco", "nnunet")


@dataclass
class Reviewed:
    """seen : the mask on the screen when the first case was accepted."""

    at: Room
    project: Path
    seen: np.ndarray

    def cases(self) -> list[Case]:
        with ReviewProject.open(self.project) as project:
            return sorted(project.cases(), key=lambda case: case.number)


@pytest.fixture(scope="module", params=TOYS, ids=lambda toy: toy.name)
def reviewed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reviewed]:
    """A project made in the window: the first case painted and accepted by keys, the second rejected."""
    with room(request.param, tmp_path_factory.mktemp(request.param.name)) as at:
        project = at.folder / "project"
        window = Window(at.folder / "home", more=sys.path)
        try:
            window.new_project_by_model("Ann", at.inputs, at.toy.name, project)
            window.wait("cases", len(at.images))
            window.wait_for_masks()
            window.choose_order("Case number")
            window.click_case(1)
            window.wait("lung", at.toy is not SCORES)
            window.key("U")
            window.key("D")
            window.key("D")
            window.key("D")
            window.key("2")
            window.set_brush(9)
            window.drag([(SIDE / 2, SIDE / 3), (SIDE / 2, SIDE / 2)])
            window.safe()
            seen = window.pixels()
            window.key("A")
            if window.see()["open"] == 1:
                window.key("A")  # a check is named
            window.wait("open", 2)
            window.key("R")
            window.wait("reasons", True)
            window.key("4")
            window.safe()
            assert not window.see()["torch"]
            window.close()
            assert window.gone() == 0, window.said()
        finally:
            window.kill()
        yield Reviewed(at, project, seen)


def test_what_the_model_said_is_kept(reviewed: Reviewed) -> None:
    toy = reviewed.at.toy
    with ReviewProject.open(reviewed.project) as project:
        assert project.labels == (toy.output.labels if toy is not SCORES else project.labels)
        for case in project.cases():
            first = run(first_mask_steps(project.source(case.id), toy.name, "cpu"))
            made = [one for one in project.revisions(case.id) if one.author.kind == AuthorKind.MODEL]
            assert len(made) == (toy is not SCORES)
            if made:
                np.testing.assert_array_equal(project.read_mask(made[0].id), first.drawn)
                assert project.protocol == toy.output.protocol
            else:
                assert first.drawn is None and set(first.scores) == set(toy.output.findings)
        assert problems(project) == []


def test_what_was_painted_and_decided_stands(reviewed: Reviewed) -> None:
    first, second, *_ = reviewed.cases()
    assert first.status == Status.CORRECTED and second.status == Status.REJECTED
    with ReviewProject.open(reviewed.project) as project:
        np.testing.assert_array_equal(project.read_mask(first.revision), reviewed.seen)
        assert project.revision(first.revision).author.name == "Ann"
        assert len(project.training_pairs()) == 1


@pytest.mark.parametrize("format", FORMATS)
def test_export(reviewed: Reviewed, format: str) -> None:
    out = reviewed.at.folder / f"export-{format}"
    asked = ["review", "export", str(reviewed.project), "-o", str(out), "--format", format]
    done = CliRunner().invoke(app, asked)
    if reviewed.at.toy is SLICES and format == "png":
        assert done.exit_code == 1
        assert "PNG cannot store stacks" in str(done.exception)
        return
    assert done.exit_code == 0, done.output
    with ReviewProject.open(reviewed.project) as project:
        known = project.labels
        (pair,) = project.training_pairs()
        image = project.source(pair.id)
    if format == "coco":
        words = [json.loads(file.read_text()) for file in out.rglob("*.json")]
        names = next([each["name"] for each in one["categories"]] for one in words if "categories" in one)
        assert names == ["lung"] if known.of_lungs else list(known.names)
        return
    folder = "labels" if format == "nnunet" else "masks"  # labelsTr or, by the draw of the split, labelsTs
    (mask,) = (path for path in out.rglob(f"*{folder}*/*") if path.is_file())
    if format == "nnunet":
        assert len(np.unique(read_labels(mask, any_label=True).labels)) > 1
        return
    of = image if mask.name.endswith(".nii.gz") and reviewed.at.toy is SLICES else None
    labels = read_labels(mask, of=of, labels=known).labels
    np.testing.assert_array_equal(labels > 0, reviewed.seen > 0)
    if not known.of_lungs:
        np.testing.assert_array_equal(labels, reviewed.seen)


def test_report(reviewed: Reviewed) -> None:
    out = reviewed.at.folder / "report"
    with ReviewProject.open(reviewed.project) as project:
        for case in project.cases() if reviewed.at.toy is SCORES else ():
            project.first_call(case.id, "Ann", {"dark": FindingCall(5)})  # until then they are hidden
    command("review", "report", reviewed.project, "-o", out, "--reviewer", "Ann")
    rows = list(csv.DictReader((out / "report.csv").open()))
    assert len(rows) == len(reviewed.at.images)
    output = reviewed.at.toy.output
    if reviewed.at.toy is SCORES:
        for name in output.findings:
            assert all(0 < float(row[f"score_{name}"]) < 1 for row in rows)
    elif reviewed.at.toy is SLICES:
        for label in output.labels.labels:
            assert int(rows[0][f"{label.name}_px"]) == np.count_nonzero(reviewed.seen == label.value)
    page = (out / "summary.html").read_text()
    assert "score" not in page and len(page) > 1000
