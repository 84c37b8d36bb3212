"""A project, a fine-tuned model and a card of an earlier version: what people have goes on working.

`tests/data/frozen` was written by version 0.1 and is never written again: newer versions must read it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image
from typer.testing import CliRunner

from napari_unet.cli.main import app
from napari_unet.models.library import default_library
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Status

FROZEN = Path(__file__).parents[1] / "data" / "frozen"
STATUSES = ["accepted", *["corrected"] * 4, "rejected", "new", "in progress"]
Run = Callable[..., Result]


@pytest.fixture
def frozen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy, with its models as the library."""
    folder = tmp_path / "frozen"
    shutil.copytree(FROZEN, folder)
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(folder / "models"))
    return folder


@pytest.fixture
def run() -> Run:
    """The command line as it is typed; every command has to end well."""

    def invoke(*arguments: object) -> Result:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert result.exit_code == 0, result.output
        return result

    return invoke


def test_the_project_opens_with_every_decision_mask_note_and_length(frozen: Path) -> None:
    with ReviewProject.open(frozen / "project") as project:
        cases = project.cases()
        assert [case.status.value for case in cases] == STATUSES
        assert [case.note for case in cases[:5]] == [f"note {k}" for k in range(5)]
        assert {case.reviewer for case in cases[:6]} == {"Dr. Reader"}
        second = project.revisions(cases[1].id)
        assert [revision.author.name for revision in second] == ["tiny", "Dr. Reader"]
        sides = [np.unique(project.read_mask(case.revision)).tolist() for case in cases[:5] if case.revision]
        assert sides == [[0, 1], [0, 1, 255], [0, 1, 2], [0, 1], [0, 1]]
        (events, decided) = project.events(), [Status.ACCEPTED, Status.CORRECTED, Status.REJECTED]
        assert sum(event.kind == "decided" for event in events) == 6
        assert sum(project.counts()[status] for status in decided) == 6


def test_its_moved_images_are_found_and_it_is_exported_reported_and_read_by_others(
    frozen: Path, run: Run, tmp_path: Path
) -> None:
    project = frozen / "project"
    run("review", "add", project, frozen / "images", "--model", "none")
    assert json.loads(run("review", "status", project, "--json").stdout)["cases"] == 8
    run("review", "verify", project)
    for kind in ("png", "tiff", "nifti", "coco", "nnunet"):
        run("review", "export", project, "-o", tmp_path / kind, "--format", kind, "--left-right")
    assert len(list((tmp_path / "png").rglob("*.png"))) >= 5
    run("review", "report", project, "-o", tmp_path / "report")


def test_the_fine_tuned_model_is_current_gives_the_same_mask_and_goes_on_learning(
    frozen: Path, run: Run, tmp_path: Path
) -> None:
    library = default_library()
    assert library.current() == "ours"
    card = library.find("ours").card
    assert card.parent == "tiny" and card.gate is not None and len(card.trained_on) == 5
    library.find("ours").verify()
    run("models", "show", "ours")
    image = frozen / "images" / "chest_6.png"
    run("segment", image, "-o", tmp_path / "out", "--model", "ours", "--device", "cpu")
    mask = np.asarray(Image.open(tmp_path / "out" / "chest_6_mask.png")) > 0
    expected = np.asarray(Image.open(FROZEN / "chest_6_by_ours.png")) > 0
    assert np.count_nonzero(mask != expected) <= 2  # rounding of another processor
    run("review", "add", frozen / "project", frozen / "images", "--model", "none")
    made = run("finetune", frozen / "project", "--from", "ours", "--name", "next", "--protocol", "same")
    assert "next" in made.stdout and library.find("next").card.parent == "ours"
