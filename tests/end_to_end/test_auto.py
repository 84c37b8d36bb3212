"""X-rays and CT in one call, each by the model in use for its kind: of CT it is a toy."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from click.testing import Result
from room_models import SIDES, Room, room
from typer.testing import CliRunner

import napari_unet
from napari_unet.cli.main import app
from napari_unet.core.label_set import RIGHT_AND_LEFT
from napari_unet.core.raster import Modality
from napari_unet.io.dicom_seg_read import read_seg
from napari_unet.io.formats import read_raster
from napari_unet.models.library import default_library
from napari_unet.review.store import ReviewProject
from napari_unet.samples import SAMPLES

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """The toy with the same chest as NIfTI and as a series, and an X-ray beside them."""
    with room(SIDES, tmp_path_factory.mktemp("auto")) as found:
        shutil.copy(SAMPLES[0].image, found.inputs / "xray.png")
        yield found


@pytest.fixture
def run() -> Run:
    def invoke(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return invoke


@pytest.fixture(autouse=True)
def the_toy_is_in_use(made: Room) -> Iterator[None]:
    default_library().use("ct-toy")
    yield
    (made.folder / "models" / "current.json").unlink(missing_ok=True)


def models_in(folder: Path) -> dict[str, str]:
    with (folder / "report.csv").open(encoding="utf-8", newline="") as file:
        return {row["case"]: row["model"] for row in csv.DictReader(file)}


def test_each_image_gets_the_model_in_use_for_its_kind(made: Room, run: Run, tmp_path: Path) -> None:
    result = run("segment", made.inputs, "--recursive", "-o", tmp_path, "--seg")
    assert models_in(tmp_path) == {"ct": "ct-toy", "series": "ct-toy", "xray": "cxr-lung"}, result.output
    assert result.exit_code == 1, "a NIfTI and a PNG have no DICOM segmentation"
    for sentence in (
        "The image is a CT: its header says so. The model ct-toy is used.",
        "The image is a CT: it has values that only CT has. The model ct-toy is used.",
        "The image is taken for an X-ray: nothing says what it is. The model cxr-lung is used.",
    ):
        assert result.stderr.count(sentence) == 1
    assert {path.name for path in tmp_path.iterdir()} == {
        "report.csv",
        "segment.resume.jsonl",
        "ct_mask.nii.gz",
        "series_mask.nii.gz",
        "series_seg.dcm",
        "xray_mask.png",
    }, result.output
    assert read_seg(tmp_path / "series_seg.dcm").shape == (12, 96, 96)
    again = run("segment", made.inputs / "xray.png", "-o", tmp_path, "--model", "cxr-lung")
    assert again.exit_code == 0 and "is used" not in again.output


def test_masks_lie_where_their_volume_lies(made: Room, run: Run, tmp_path: Path) -> None:
    assert run("segment", *(s.path for s in made.images), "-o", tmp_path).exit_code == 0
    image, mask = nib.load(made.inputs / "ct.nii.gz"), nib.load(tmp_path / "ct_mask.nii.gz")
    assert mask.shape == image.shape and np.array_equal(mask.affine, image.affine)
    series, back = read_raster(made.images[1]), read_raster(tmp_path / "series_mask.nii.gz")
    assert series.affine is not None and back.affine is not None
    assert back.shape == series.shape and np.abs(back.affine - series.affine).max() < 1e-4


def test_another_model_is_taken_for_one_kind_only(made: Room, run: Run, tmp_path: Path) -> None:
    assert "ct-toy-b is in use for CT from now on." in run("models", "use", "ct-toy-b").stdout
    rows = [json.loads(line) for line in run("models", "list", "--json").stdout.splitlines()]
    assert {row["name"]: row["kind"] for row in rows if row["in_use"]} == {
        "cxr-lung": "X-ray",
        "ct-toy-b": "CT",
    }
    listed = run("models", "list").stdout.splitlines()
    assert sum(line.rstrip(" │|").endswith(("CT", "X-ray")) for line in listed) == 2
    run("segment", made.inputs, "--recursive", "-o", tmp_path)
    assert models_in(tmp_path) == {"ct": "ct-toy-b", "series": "ct-toy-b", "xray": "cxr-lung"}
    assert run("models", "use", "cxr-lung-whole").exit_code == 0
    run("segment", made.inputs, "--recursive", "-o", tmp_path)
    assert models_in(tmp_path) == {"ct": "ct-toy-b", "series": "ct-toy-b", "xray": "cxr-lung-whole"}
    assert run("models", "use", "nothing").exit_code == 2


def test_a_model_that_is_named_is_used_and_refuses_the_other_kind(
    made: Room, run: Run, tmp_path: Path
) -> None:
    result = run("segment", made.inputs, "--recursive", "-o", tmp_path, "--model", "cxr-lung")
    assert result.exit_code == 1 and "the model is for X-ray images" in result.stderr
    assert models_in(tmp_path) == {"ct": "", "series": "", "xray": "cxr-lung"}


def test_in_python(made: Room) -> None:
    raster = read_raster(made.images[1])
    found = napari_unet.segment(raster.pixels, spacing_mm=raster.spacing_mm)
    assert found.model == "ct-toy" and "values that only CT has" in found.chosen
    assert found.label_set == RIGHT_AND_LEFT
    named = napari_unet.segment(raster.pixels, modality=Modality.CT)
    assert named.model == "ct-toy" and "header" in named.chosen
    assert napari_unet.segment(raster.pixels, "ct-toy-b").chosen == ""


def test_first_masks_of_a_review_with_both(made: Room, run: Run, tmp_path: Path) -> None:
    project = tmp_path / "project"
    assert run("review", "new", project).exit_code == 0
    default_library().use("ct-toy-b")
    result = run("review", "add", project, made.inputs)
    assert result.exit_code == 0, result.output
    assert "3 first masks by" in result.stdout and "ct-toy-b" in result.stdout and "cxr-lung" in result.stdout
    with ReviewProject.open(project) as opened:
        authors = {case.modality: opened.revisions(case.id)[0].author.name for case in opened.cases()}
    assert authors == {"CT": "ct-toy-b", "": "cxr-lung"}


def test_answers_are_those_of_the_models_in_use(made: Room, run: Run, tmp_path: Path) -> None:
    result = run("segment", made.inputs / "xray.png", "-o", tmp_path, "--answer", "nothing")
    assert result.exit_code == 2 and "no answer named nothing" in result.stderr
    result = run("segment", made.inputs / "xray.png", "-o", tmp_path, "--answer", "old")
    assert result.exit_code == 0
