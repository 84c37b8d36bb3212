"""`napari-unet-lung review`, as a person types it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from net_fakes import saved
from PIL import Image

from napari_unet.core.errors import UserError
from napari_unet.core.input_rule import InputRule
from napari_unet.core.label_set import LUNGS, named_set
from napari_unet.core.labels import IGNORE
from napari_unet.models.card import NetSpec
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Status

Run = Callable[..., Result]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path, run: Run) -> Path:
    folder = tmp_path / "project"
    assert run("review", "new", folder, "--protocol", "heart left out").exit_code == 0
    return folder


@pytest.fixture
def images(tmp_path: Path, save: Callable[..., Path]) -> Path:
    """a.png, b.png and c.png, all different."""
    for shift, name in enumerate(("a.png", "b.png", "c.png")):
        save(name, np.roll(np.arange(2400, dtype=np.uint8).reshape(40, 60), shift))
    return tmp_path / "in"


@pytest.fixture
def masks(tmp_path: Path, two_lungs: np.ndarray) -> Path:
    folder = tmp_path / "masks"
    folder.mkdir()
    for name in ("a.png", "b_mask.png"):
        Image.fromarray((two_lungs > 100).astype(np.uint8) * 255).save(folder / name)
    return folder


def test_a_project_is_made_once(run: Run, project: Path) -> None:
    with ReviewProject.open(project) as made:
        assert made.protocol == "heart left out"
    again = run("review", "new", project)
    assert again.exit_code == 1 and isinstance(again.exception, UserError)


def test_images_with_masks_that_are_accepted(run: Run, project: Path, images: Path, masks: Path) -> None:
    add = ("review", "add", project, images, "--masks", masks, "--accept", "--model", "none")
    result = run(*add, "--reviewer", "Ann")
    assert result.exit_code == 0, result.output
    assert "3 cases added." in result.stdout
    assert "2 masks imported, 2 cases accepted; 1 case without a mask." in result.stdout
    with ReviewProject.open(project) as made:
        assert [case.status for case in made.cases()] == [Status.ACCEPTED, Status.ACCEPTED, Status.NEW]
        assert made.cases()[0].reviewer == "Ann" and made.cases()[2].shape == (40, 60)
    again = run(*add)
    assert again.exit_code == 0 and "0 cases added; 3 cases there already." in again.stdout


def test_one_split_of_a_manifest(run: Run, project: Path, images: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "m.csv"
    manifest.write_text("file,patient,split\na.png,1,train\nb.png,1,test\nc.png,2,test\n")
    given = ("--manifest", manifest, "--split", "test", "--model", "none")
    result = run("review", "add", project, images, *given)
    assert result.exit_code == 0 and "2 cases added." in result.stdout
    status = json.loads(run("review", "status", project, "--json").stdout)
    assert status["patients"] == {"known": 2, "unknown": 0} and status["cases"] == 2


def test_files_that_cannot_be_used_are_told_and_the_rest_is_added(
    run: Run, project: Path, images: Path, masks: Path
) -> None:
    (images / "a.png").write_bytes((images / "a.png").read_bytes()[:60])
    Image.fromarray(np.ones((3, 3), np.uint8)).save(masks / "c.png")
    result = run("review", "add", project, images, "--masks", masks, "--model", "none")
    assert result.exit_code == 1
    flat = result.stderr.replace("\n", "")
    assert f"Case 1: the image file is unreadable: {images / 'a.png'}" in flat
    assert "Case 3: The mask has the size 3 × 3, its image 40 × 60" in result.stderr
    assert "1 mask imported; 2 cases without a mask." in result.stdout


@pytest.mark.parametrize(
    "options", ["--accept", "--split test", "--masks none", "--manifest none.csv", "--model nobody"]
)
def test_wrong_usage_adds_nothing(run: Run, project: Path, images: Path, options: str) -> None:
    assert run("review", "add", project, images, *options.split()).exit_code == 2
    with ReviewProject.open(project) as made:
        assert made.cases() == []


def test_masks_beside_the_images_are_left_out_with_a_hint_and_can_be_named(
    run: Run, project: Path, images: Path, two_lungs: np.ndarray
) -> None:
    Image.fromarray((two_lungs > 100).astype(np.uint8) * 255).save(images / "a_mask.png")
    first = run("review", "add", project, images, "--model", "none")
    told = "Left out 1 file: masks by their name; give --masks FOLDER to use them."
    assert told in " ".join(first.stderr.split())
    again = run("review", "add", project, images, "--masks", images, "--model", "none")
    assert "give --masks" not in again.stderr and "1 mask imported" in again.stdout


def test_what_is_no_project_is_told(run: Run, images: Path, tmp_path: Path) -> None:
    for command in (
        ["add", images, images],
        ["status", images],
        ["verify", tmp_path / "x"],
        ["open", images],
    ):
        result = run("review", *command)
        assert result.exit_code == 1 and "is not a review project" in str(result.exception)


def test_status_in_words(run: Run, project: Path, images: Path, masks: Path) -> None:
    run("review", "add", project, images, "--masks", masks, "--accept", "--model", "none")
    text = run("review", "status", project).stdout
    assert "Protocol: heart left out" in text and "2 of 3 cases are decided" in text
    assert "1  new" in text and "3  present" in text and "corrected" not in text
    assert "3 cases without, each counted as a separate patient" in text


def test_verify_says_what_is_wrong_without_paths(run: Run, project: Path, images: Path, masks: Path) -> None:
    run("review", "add", project, images, "--masks", masks, "--model", "none")
    good = run("review", "verify", project)
    assert good.exit_code == 0 and "All is well: 3 cases" in good.stdout
    (images / "c.png").unlink()
    next((project / "masks").rglob("*.png")).write_bytes(b"")
    assert json.loads(run("review", "status", project, "--json").stdout)["files"] == {"present": 3}
    bad = run("review", "verify", project)
    files = json.loads(run("review", "status", project, "--json").stdout)["files"]
    assert bad.exit_code == 1 and files == {"present": 2, "missing": 1}
    assert "image of case 3 is not where it used to be" in bad.stderr and "damaged" in bad.stderr
    assert "c.png" not in bad.stderr and str(images) not in bad.stderr


CHEST = named_set(("right lung", "left lung", "heart"))


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two untrained models, "lungs" and "chest", which has three labels."""
    folder = tmp_path / "models"
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(folder))
    size, arguments = InputRule(size=(16, 16)), {"base": 2, "depth": 1, "widest": 4}
    for name, labels in (("lungs", LUNGS), ("chest", CHEST)):
        net = NetSpec(arguments={**arguments, "classes": len(labels.labels)})
        saved(folder / name / "1", name=name, net=net, input=size, labels=labels, threshold=0.01)
    return folder


def test_a_project_takes_its_labels_from_the_model_that_is_named(
    run: Run, tmp_path: Path, library: Path
) -> None:
    for model, labels in (("chest", CHEST), (None, LUNGS)):
        folder = tmp_path / f"of {model}"
        made = run("review", "new", folder, *(("--model", model) if model else ()))
        assert made.exit_code == 0, made.output
        with ReviewProject.open(folder) as project:
            assert project.labels == labels
    assert run("review", "new", tmp_path / "none", "--model", "nobody").exit_code == 2


def test_first_masks_bring_their_labels_into_an_empty_project_and_others_are_refused(
    run: Run, project: Path, images: Path, masks: Path, library: Path
) -> None:
    made = run("review", "add", project, images / "a.png", "--model", "chest", "--device", "cpu")
    assert made.exit_code == 0, made.output
    assert "have the labels 1 right lung, 2 left lung, 3 heart, as those of chest" in made.stderr
    assert "3 heart" in run("review", "status", project).stdout
    with ReviewProject.open(project) as opened:
        assert opened.labels == CHEST and "labels" not in (opened.cases()[0].checks or ())
    refused = run("review", "add", project, images, "--model", "lungs", "--device", "cpu")
    assert refused.exit_code == 1 and isinstance(refused.exception, UserError)
    assert "hold 1 right lung, 2 left lung, 3 heart; these would hold 1 lung" in str(refused.exception)
    with ReviewProject.open(project) as opened:
        assert len(opened.cases()) == 1  # nothing was added
    two = run("review", "export", project, "-o", project.parent / "out", "--left-right")
    assert two.exit_code == 1


def test_masks_from_files_are_read_as_the_projects_labels(
    run: Run, tmp_path: Path, images: Path, masks: Path, library: Path
) -> None:
    """Only a heart is not a right lung, and a mask of 0 and 255 says nothing of three labels."""
    run("review", "new", tmp_path / "chest", "--model", "chest")
    heart = np.zeros((40, 60), np.uint8)
    heart[20:30, 20:30], heart[0, 0] = 3, IGNORE
    Image.fromarray(heart).save(masks / "a.png")
    found = run("review", "add", tmp_path / "chest", images, "--masks", masks, "--model", "none")
    assert found.exit_code == 1 and "holds no label but 255" in found.stderr
    with ReviewProject.open(tmp_path / "chest") as project:
        first, second, _ = project.cases()
        assert np.array_equal(project.read_mask(str(first.revision)), heart) and second.revision is None


def test_first_masks_by_a_model(
    run: Run, project: Path, images: Path, masks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_unet.cli import review_cmd, review_model
    from napari_unet.core.events import TileDone
    from napari_unet.core.prediction import Prediction
    from napari_unet.core.raster import Raster
    from napari_unet.inference import first_mask

    def steps(image: Raster, model: str, device: str, finished: bool, **_: object):  # type: ignore[no-untyped-def]
        assert not finished  # this process does that, beside the next network
        yield TileDone(1, 1)
        name = Path(image.source).name
        if name == "a.png":
            nothing = np.zeros((0, 40, 60), np.uint8)
            return Prediction(nothing, image_checks=("unlike",), refused="This is a hand.")
        if name == "b.png":
            raise UserError("Memory ran out.")
        return Prediction(np.ones((1, 40, 60), np.float32), model=model, version="1")

    monkeypatch.setattr(review_cmd, "check_model", lambda *given: None)
    monkeypatch.setattr(first_mask, "first_mask_steps", steps)
    monkeypatch.setattr(review_model, "model_labels", lambda model, answer: LUNGS)
    monkeypatch.setattr(review_model, "model_warning", lambda model: f"{model} is for teaching.")
    result = run("review", "add", project, images, "--model", "bright")
    assert result.exit_code == 1 and result.stderr.count("bright is for teaching.") == 1
    assert "Case 1: This is a hand." in result.stderr and "Case 2: Memory ran out." in result.stderr
    assert "1 first mask by bright; 1 unsuitable for this model" in result.stdout
    with ReviewProject.open(project) as made:
        assert [case.checks for case in made.cases()] == [
            ("unlike",),
            None,
            ("missing-lung", "border"),
        ]
        assert made.cases()[2].revision is not None


def test_open_starts_napari_in_a_process_of_its_own(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_unet.cli import review_cmd

    called: list[list[str]] = []

    def call(command: list[str], check: bool) -> subprocess.CompletedProcess[str]:
        called.append(command)
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr(review_cmd.subprocess, "run", call)
    monkeypatch.setattr(review_cmd.importlib.util, "find_spec", lambda name: None)
    refused = run("review", "open", project)
    assert refused.exit_code == 1 and "napari is not installed" in str(refused.exception)
    monkeypatch.setattr(review_cmd.importlib.util, "find_spec", lambda name: object())
    assert run("review", "open", project).exit_code == 3
    assert called == [[sys.executable, "-m", "napari_unet.widgets.open_review", str(project)]]


NO_TORCH = """
import sys
sys.modules.update(dict.fromkeys(("torch", "qtpy", "napari")))
from napari_unet.cli.main import app
for command in (["new", P], ["add", P, I, "--masks", M, "--accept"], ["status", P], ["verify", P]):
    app(["review", *command], standalone_mode=False)
"""


def test_all_of_it_works_without_torch(tmp_path: Path, images: Path, masks: Path) -> None:
    names = {"P": tmp_path / "bare", "I": images, "M": masks}
    script = "".join(f"{name} = {str(path)!r}\n" for name, path in names.items()) + NO_TORCH
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "All is well: 3 cases" in done.stdout
    assert "No first masks: PyTorch is not installed." in done.stderr and "Traceback" not in done.stderr
