"""`review export` and `review report`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image
from typer.testing import CliRunner

from napari_unet.cli.main import app
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Author, AuthorKind, NewCase, Status

Run = Callable[..., Result]


@pytest.fixture
def project(tmp_path: Path, two_lungs: np.ndarray) -> Path:
    """Two accepted X-rays."""
    folder = tmp_path / "project"
    with ReviewProject.create(folder) as made:
        for name in ("Anna_Mueller", "Bob"):
            path = tmp_path / f"{name}.png"
            Image.fromarray(two_lungs).save(path)
            ((case, _),) = made.add([NewCase(str(path))], "me")
            made.add_revision(case, (two_lungs > 128).astype(np.uint8), Author(AuthorKind.MODEL, "m", "1"))
            made.decide(case, Status.ACCEPTED, "me")
    return folder


def test_export(run: Run, project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    given = ("--format", "png", "--format", "nnunet", "--split", "1,0,0", "--left-right")
    result = run("review", "export", project, "-o", out, *given)
    assert result.exit_code == 0, result.output
    assert "2 cases exported (train 2)" in result.stdout
    assert sorted(path.name for path in out.iterdir()) == ["README.txt", "manifest.csv", "nnunet", "png"]
    assert "Mueller" not in result.output
    mask = np.array(Image.open(next((out / "png" / "masks").iterdir())))
    assert set(np.unique(mask)) == {0, 1, 2}


def test_masks_only(run: Run, project: Path, tmp_path: Path) -> None:
    assert run("review", "export", project, "-o", tmp_path / "out", "--masks-only").exit_code == 0
    assert {path.name for path in (tmp_path / "out" / "png").iterdir()} == {"labels.csv", "masks"}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (("--format", "dicom"), "not a format; choose from png, tiff, nifti, coco, nnunet"),
        (("--split", "half"), "is not a split"),
        (("--split", "0.5,0.1"), "add up to 0.6; they must add up to 1"),
    ],
)
def test_wrong_usage(run: Run, project: Path, tmp_path: Path, wrong: tuple[str, str], told: str) -> None:
    result = run("review", "export", project, "-o", tmp_path / "out", *wrong)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.replace("│", " ").split())
    assert not (tmp_path / "out").exists()


def test_left_out_cases_fail_the_command(run: Run, project: Path, tmp_path: Path) -> None:
    (tmp_path / "Bob.png").unlink()
    result = run("review", "export", project, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "its image file is missing" in result.stderr
    assert "Bob" not in result.output
    assert "1 case exported" in result.stdout


def test_an_existing_folder_is_a_failure(run: Run, project: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "file").touch()
    for command in ("export", "report"):
        result = run("review", command, project, "-o", tmp_path / "out")
        assert result.exit_code == 1
        assert "exists already" in str(result.exception)


def test_report(run: Run, project: Path, tmp_path: Path) -> None:
    result = run("review", "report", project, "-o", tmp_path / "report")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == ["report.csv", "summary.html"]


@pytest.mark.parametrize("given", [("--left-right",), ("--format", "coco"), ("--format", "nnunet")])
def test_labels_that_do_not_fit_stop_the_export(
    run: Run, project: Path, tmp_path: Path, two_lungs: np.ndarray, given: tuple[str, ...]
) -> None:
    with ReviewProject.open(project) as opened:
        labels = (two_lungs > 128).astype(np.uint8)
        labels[:3, :3] = 3
        case = opened.cases()[1]
        opened.add_revision(case.id, labels, Author(AuthorKind.PERSON, "me"))
    result = run("review", "export", project, "-o", tmp_path / "out", *given)
    assert result.exit_code == 1
    assert f"Case 2 ({case.id}): Label 3 means nothing" in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_the_key_shows_the_first_names_and_asks(run: Run, project: Path, tmp_path: Path) -> None:
    key = tmp_path / "key.csv"
    refused = CliRunner().invoke(app, ["review", "key", str(project), "-o", str(key)], input="n\n")
    assert refused.exit_code != 0 and not key.exists()
    assert "“Anna_Mueller.png”, “Bob.png”" in refused.output.replace("\n", " ")
    result = run("review", "key", project, "-o", key, "--yes")
    assert result.exit_code == 0 and len(key.read_text().splitlines()) == 3
    inside = run("review", "key", project, "-o", project / "key.csv", "--yes")
    assert inside.exit_code == 1 and "must not be inside a review project" in str(inside.exception)


def test_source_names_ask_unless_told_yes(run: Run, project: Path, tmp_path: Path) -> None:
    out = tmp_path / "named"
    words = ["review", "export", str(project), "-o", str(out), "--source-names"]
    refused = CliRunner().invoke(app, words, input="n\n")
    assert refused.exit_code != 0 and not out.exists()
    assert run(*words, "--yes").exit_code == 0
    assert (out / "png" / "masks" / "Anna_Mueller.png").is_file()
    assert "THE FILES ARE NAMED AFTER THEIR SOURCES" in (out / "README.txt").read_text()
