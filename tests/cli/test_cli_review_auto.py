"""`review add` where nobody names a model: first masks by the models in use, where they can."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from click.testing import Result
from net_fakes import saved
from PIL import Image

from napari_unet.cli import review_model
from napari_unet.core.input_rule import InputRule
from napari_unet.core.label_set import LUNGS, named_set
from napari_unet.models.card import ModelCard, NetSpec
from napari_unet.models.folder import WEIGHTS_FILE
from napari_unet.models.library import default_library
from napari_unet.models.output import Output
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Reason, Status

Run = Callable[..., Result]
CHEST = named_set(("right lung", "left lung", "heart"))


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Untrained models in use: "lungs" for X-rays and "volumes" for CT; "chest" beside them."""
    folder = tmp_path / "models"
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(folder))
    for name, labels, kinds in (
        ("lungs", LUNGS, ()),
        ("volumes", LUNGS, ("CT",)),
        ("chest", CHEST, ()),
    ):
        net = NetSpec(arguments={"base": 2, "depth": 1, "widest": 4, "classes": len(labels.labels)})
        output = Output(labels=labels, threshold=0.01)
        fields = {"net": net, "outputs": (output,), "modalities": kinds, "input": InputRule(size=(32, 32))}
        saved(folder / name, name=name, **fields)
    for name in ("lungs", "volumes"):
        default_library().use(name)
    return folder


@pytest.fixture
def images(models: Path, tmp_path: Path, save: Callable[..., Path]) -> Path:
    """a.png and b.png, which differ."""
    for shift, name in enumerate(("a.png", "b.png")):
        save(name, np.roll(np.arange(2400, dtype=np.uint8).reshape(40, 60), shift))
    return tmp_path / "in"


@pytest.fixture
def project(tmp_path: Path, run: Run) -> Path:
    folder = tmp_path / "project"
    assert run("review", "new", folder).exit_code == 0
    return folder


@pytest.fixture
def masks(tmp_path: Path, two_lungs: np.ndarray) -> Path:
    folder = tmp_path / "masks"
    folder.mkdir()
    Image.fromarray((two_lungs > 100).astype(np.uint8) * 255).save(folder / "a.png")
    return folder


def said(text: str) -> str:
    return " ".join(text.split())


def authors(project: Path) -> list[list[str]]:
    """Who made the masks of each case."""
    with ReviewProject.open(project) as opened:
        return [[made.author.name for made in opened.revisions(case.id)] for case in opened.cases()]


def scan_of_a_chest(path: Path) -> None:
    pixels = np.random.default_rng(0).uniform(-1000, 200, (40, 48, 4)).astype(np.float32)
    nib.save(nib.Nifti1Image(pixels, np.eye(4)), path)


def test_each_image_gets_a_mask_once(run: Run, project: Path, images: Path) -> None:
    done = run("review", "add", project, images)
    assert done.exit_code == 0, done.output
    assert "2 cases added." in done.stdout and "2 first masks by lungs." in done.stdout
    assert "taken for an X-ray: nothing says what it is. The model lungs is used." in said(done.stderr)
    again = run("review", "add", project, images)
    assert again.exit_code == 0 and "0 cases added; 2 cases there already." in again.stdout
    assert "first mask" not in again.output and authors(project) == [["lungs"], ["lungs"]]


def test_without_a_model_there_are_no_masks_until_another_run(run: Run, project: Path, images: Path) -> None:
    done = run("review", "add", project, images, "--model", "none")
    assert done.exit_code == 0 and said(done.output) == "2 cases added."
    assert "2 first masks by lungs." in run("review", "add", project, images).stdout


def test_no_answer_without_a_model(run: Run, project: Path, images: Path) -> None:
    refused = run("review", "add", project, images, "--model", "none", "--answer", "old")
    assert refused.exit_code == 2 and "--answer needs a model" in refused.stderr
    assert authors(project) == []


def test_an_answer_names_one_of_the_models_in_use(
    run: Run, models: Path, project: Path, images: Path
) -> None:
    everywhere, nowhere = (
        Output(id=name, labels=LUNGS, threshold=t) for name, t in (("a", 0.01), ("b", 0.99))
    )
    net = NetSpec(arguments={"base": 2, "depth": 1, "widest": 4, "classes": 2})
    saved(models / "two", name="two", net=net, outputs=(everywhere, nowhere), input=InputRule(size=(32, 32)))
    default_library().use("two")
    wrong = run("review", "add", project, images, "--answer", "c")
    assert wrong.exit_code == 2 and "no answer named c" in wrong.stderr and authors(project) == []
    assert run("review", "add", project, images, "--answer", "old").exit_code == 0
    with ReviewProject.open(project) as opened:
        assert all(opened.read_mask(str(case.revision)).all() for case in opened.cases())


def test_a_mask_from_a_file_stays_and_is_accepted(run: Run, project: Path, images: Path, masks: Path) -> None:
    done = run("review", "add", project, images, "--masks", masks, "--accept", "--reviewer", "Ann")
    assert done.exit_code == 0, done.output
    assert "1 mask imported, 1 case accepted; 1 case without a mask." in done.stdout
    assert "1 first mask by lungs." in done.stdout and authors(project) == [["Ann"], ["lungs"]]
    with ReviewProject.open(project) as opened:
        assert [case.status for case in opened.cases()] == [Status.ACCEPTED, Status.NEW]


def test_only_the_split_that_is_taken(run: Run, project: Path, images: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "m.csv"
    manifest.write_text("file,patient,split\na.png,1,train\nb.png,1,test\n")
    run("review", "add", project, images, "--manifest", manifest, "--split", "test")
    assert authors(project) == [["lungs"]]


def test_an_image_that_the_model_is_not_for_is_no_failure_and_is_asked_about_once(
    run: Run, project: Path, images: Path, save: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    save("c.png", np.zeros((40, 60), np.uint8))
    first = run("review", "add", project, images)
    assert first.exit_code == 0 and "Case 3: The image is empty" in first.stderr
    assert "2 first masks by lungs; 1 unsuitable for this model, first in the queue" in first.stdout
    named = run("review", "add", project, images, "--model", "auto")
    assert named.exit_code == 0 and "Case 3: The image is empty" in named.stderr
    assert "0 first masks; 1 unsuitable" in named.stdout
    monkeypatch.setattr(review_model, "engine", None)  # nobody is asked
    again = run("review", "add", project, images)
    assert again.exit_code == 0 and "Case 3" not in again.output
    assert "1 case was unsuitable for a model before" in said(again.stderr)
    assert "--model auto" in again.stderr


def test_what_is_decided_stays_as_it_is(run: Run, project: Path, images: Path) -> None:
    run("review", "add", project, images, "--model", "none")
    with ReviewProject.open(project) as opened:
        opened.decide(opened.cases()[0].id, Status.REJECTED, "Ann", Reason.CUT_OFF)
    run("review", "add", project, images)
    assert authors(project) == [[], ["lungs"]]


def test_in_a_project_with_other_labels_images_are_added_without_masks(
    run: Run, images: Path, tmp_path: Path
) -> None:
    project = tmp_path / "hearts"
    run("review", "new", project, "--model", "chest")
    done = run("review", "add", project, images)
    assert done.exit_code == 0 and "2 cases added." in done.stdout and "first mask" not in done.stdout
    assert "No first masks for X-rays (2 images): The masks of this project hold 1 right lung" in done.stderr
    assert authors(project) == [[], []]


def test_only_the_kind_whose_model_has_the_projects_labels_gets_masks(
    run: Run, images: Path, tmp_path: Path
) -> None:
    project = tmp_path / "hearts"
    run("review", "new", project, "--model", "chest")
    default_library().use("chest")
    scan_of_a_chest(images / "scan.nii.gz")
    done = run("review", "add", project, images)
    assert done.exit_code == 0 and "2 first masks by chest." in done.stdout
    assert "No first masks for CT (1 image): The masks of this project hold" in done.stderr
    assert authors(project) == [["chest"], ["chest"], []]


def test_an_empty_project_takes_the_labels_of_the_model_in_use(run: Run, project: Path, images: Path) -> None:
    default_library().use("chest")
    done = run("review", "add", project, images)
    assert "have the labels 1 right lung, 2 left lung, 3 heart, as those of chest." in said(done.stderr)
    assert authors(project) == [["chest"], ["chest"]]


def test_damaged_weights_are_told_and_a_model_that_is_named_fails(
    run: Run, models: Path, project: Path, images: Path
) -> None:
    (models / "lungs" / WEIGHTS_FILE).write_bytes(b"")
    done = run("review", "add", project, images)
    assert done.exit_code == 0 and "2 cases added." in done.stdout
    assert "No first masks for X-rays (2 images): The weights of the model lungs are damaged" in done.stderr
    for name in ("auto", "lungs"):
        assert run("review", "add", project, images, "--model", name).exit_code == 1
    assert authors(project) == [[], []]


def test_a_model_for_teaching_is_not_the_one_in_use(
    run: Run, models: Path, project: Path, images: Path
) -> None:
    card = models / "chest" / "card.json"
    card.write_text(
        ModelCard.model_validate_json(card.read_text())
        .model_copy(update={"use": "teaching"})
        .model_dump_json()
    )
    record = models / "current.json"
    record.write_text(json.dumps({"history": ["lungs", "chest"], "ahead": []}))
    done = run("review", "add", project, images)
    assert "2 first masks by lungs." in done.stdout and "teaching" not in done.output


def test_a_device_that_is_named_and_not_there_is_wrong_usage(run: Run, project: Path, images: Path) -> None:
    refused = run("review", "add", project, images, "--device", "abacus")
    assert refused.exit_code == 2 and "There is no device abacus" in refused.stderr
    assert authors(project) == []


def test_a_cluster_is_needed_only_if_a_mask_is(run: Run, project: Path, images: Path, masks: Path) -> None:
    nowhere = ("--cluster", "tcp://example.org:1")
    done = run("review", "add", project, images / "a.png", "--masks", masks, *nowhere)
    assert done.exit_code == 0, done.output
    refused = run("review", "add", project, images, *nowhere)
    assert refused.exit_code == 1 and "tcp://" in str(refused.exception)
