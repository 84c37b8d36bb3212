"""Models with several answers on the command line: `--answer`."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from net_fakes import TINY, lungs, saved, xray
from PIL import Image

from napari_unet.cli.report import COLUMNS
from napari_unet.core.input_rule import InputRule
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.label_set import LUNGS, named_set
from napari_unet.io.formats import read_mask
from napari_unet.models.card import NetSpec
from napari_unet.models.output import Output
from napari_unet.review.store import ReviewProject

Run = Callable[..., Result]
OLD = Output(id="heart-out", labels=LUNGS, protocol="heart left out", threshold=0.01)
NEW = Output(id="heart-in", labels=LUNGS, protocol="heart included", threshold=0.99)


CHEST = named_set(("right lung", "left lung", "heart"))


@pytest.fixture
def image(tmp_path: Path, toy_nets: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An X-ray, and a model that finds lung everywhere by its old answer and nowhere by its new one."""
    fields = {"input": InputRule(size=(32, 32)), "intensity": IntensityRule("percentiles", 0, 100)}
    two, net = (NetSpec(arguments={**TINY, "classes": classes}) for classes in (2, 3))
    saved(tmp_path / "models" / "two", name="two", net=two, outputs=(OLD, NEW), **fields)
    found = Output(id="signs", task="classification", findings=("nodule",))
    saved(tmp_path / "models" / "chest", name="chest", net=net, labels=CHEST, threshold=0.01, **fields)
    saved(
        tmp_path / "models" / "scores",
        name="scores",
        net=NetSpec(kind="toy-scores"),
        outputs=(found,),
        **fields,
    )
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(tmp_path / "models"))
    (tmp_path / "images").mkdir()
    path = tmp_path / "images" / "a.png"
    Image.fromarray(np.rint(xray(lungs()) * 255).astype(np.uint8)).save(path)
    return path


@pytest.mark.parametrize(
    ("answer", "everywhere"),
    [("heart-out", True), ("old", True), ("new", False), ("heart-in", False), (None, False)],
)
def test_segment_gives_the_chosen_answer(
    run: Run, tmp_path: Path, image: Path, answer: str | None, everywhere: bool
) -> None:
    chosen = [] if answer is None else ["--answer", answer]
    result = run("segment", image, "-o", tmp_path / "out", "--model", "two", *chosen)
    assert result.exit_code == 0, result.output
    assert (read_mask(tmp_path / "out" / "a_mask.png") > 0).mean() == everywhere


def test_other_labels_keep_their_numbers_and_have_columns_of_their_own(
    run: Run, tmp_path: Path, image: Path
) -> None:
    result = run("segment", image, "-o", tmp_path / "out", "--model", "chest", "--overlay", "--json")
    assert result.exit_code == 0, result.output
    mask = read_mask(tmp_path / "out" / "a_mask.png")
    assert set(np.unique(mask)) - {0} <= {1, 2, 3} and mask.any() and mask.max() <= 3
    with (tmp_path / "out" / "report.csv").open(newline="") as file:
        head, cells = csv.reader(file)
    of_labels = [
        f"{name}_{unit}" for name in ("right_lung", "left_lung", "heart") for unit in ("px", "mm2", "ml")
    ]
    assert head == [*COLUMNS, *of_labels]
    row = dict(zip(head, cells, strict=True))
    assert row["right_px"] == "" and not {"missing-lung", "ratio"} & set(row["checks"].split(";"))
    assert row["heart_px"] == str(np.count_nonzero(mask == 3)) and row["heart_mm2"] == ""
    assert json.loads(result.stdout.splitlines()[0])["heart_px"] == np.count_nonzero(mask == 3)
    sides = run("segment", image, "-o", tmp_path / "out", "--model", "chest", "--labels", "left-right")
    assert sides.exit_code == 2 and "3 heart" in " ".join(sides.stderr.split())


def test_an_answer_that_is_not_there_is_wrong_usage(run: Run, tmp_path: Path, image: Path) -> None:
    for command in (
        ("segment", image, "-o", tmp_path / "out", "--model", "two", "--answer", "heart"),
        ("review", "add", tmp_path / "project", image, "--model", "two", "--answer", "heart"),
    ):
        run("review", "new", tmp_path / "project")
        result = run(*command)
        assert result.exit_code == 2
        assert "heart-out, heart-in" in " ".join(result.stderr.split())
    alone = run("review", "add", tmp_path / "project", image, "--answer", "heart")
    assert alone.exit_code == 2 and "no answer named heart" in " ".join(alone.stderr.split())


def test_segment_refuses_scores_in_words(run: Run, tmp_path: Path, image: Path) -> None:
    result = run("segment", image, "-o", tmp_path / "out", "--model", "scores")
    assert result.exit_code == 1
    assert "gives scores and no masks" in " ".join(result.stderr.split())


def test_first_masks_are_the_chosen_answer(run: Run, tmp_path: Path, image: Path) -> None:
    run("review", "new", tmp_path / "project")
    result = run("review", "add", tmp_path / "project", image, "--model", "two", "--answer", "old")
    assert result.exit_code == 0, result.output
    with ReviewProject.open(tmp_path / "project") as project:
        (case,) = project.cases()
        assert project.read_mask(case.revision).all()


def test_a_review_takes_scores_without_a_mask(run: Run, tmp_path: Path, image: Path) -> None:
    run("review", "new", tmp_path / "project")
    result = run("review", "add", tmp_path / "project", image, "--model", "scores")
    assert result.exit_code == 0, result.output
    assert "0 first masks by scores; 1 scored, without a mask" in " ".join(result.stdout.split())
    with ReviewProject.open(tmp_path / "project") as project:
        assert project.cases()[0].revision is None


def test_the_answers_are_shown(run: Run, image: Path) -> None:
    shown = " ".join(run("models", "show", "two").stdout.split())
    assert "heart-out (lung; threshold 0.01): heart left out" in shown
    words = json.loads(run("models", "show", "two", "--json").stdout)
    assert [output["id"] for output in words["outputs"]] == ["heart-out", "heart-in"]
    assert (words["protocol"], words["threshold"]) == ("heart included", 0.99)
