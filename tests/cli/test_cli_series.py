"""Several series in one folder: listed, and chosen by number or UID."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from dicom_files import NUMBER, PATIENT, change, save_multi_frame, save_series
from PIL import Image
from pydicom.uid import generate_uid

from napari_unet.core.errors import UserError
from napari_unet.review.store import ReviewProject

Run = Callable[..., Result]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A folder with series 4 (two stacks), 7 (lung kernel) and, below it, 9; a localizer beside them."""
    folder = tmp_path / "study"
    made = {"StudyInstanceUID": generate_uid()}
    again = made | {"SeriesInstanceUID": generate_uid(), "FrameOfReferenceUID": generate_uid()}
    volume = np.tile(np.arange(10, dtype=np.int16) * 40, (5, 8, 1))
    for name, count, tags in (
        ("a", 5, again | {"AcquisitionNumber": 1}),
        ("b", 5, again | {"AcquisitionNumber": 2}),
        ("c", 3, made | {"SeriesNumber": 7, "SeriesDescription": "Lung 1.5", "ConvolutionKernel": "B70f"}),
        ("d", 1, made | {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}),
    ):
        for file in save_series(folder / name, volume[:count], SliceThickness="1.5", **tags):
            shutil.move(file, folder / f"{name}{file.name}")
        (folder / name).rmdir()
    save_series(folder / "below", volume, SeriesNumber=9, **made)
    return folder


def uid_of(run: Run, study: Path, number: str) -> str:
    lines = [json.loads(line) for line in run("series", study, "--json").stdout.splitlines()]
    (uid,) = {line["uid"] for line in lines if line["number"] == number}
    return str(uid)


def test_series_are_listed_and_no_patient(run: Run, study: Path) -> None:
    result = run("series", study)
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.stdout.splitlines()]
    assert {row[0] for row in rows[1:]} == {"4-1", "4-2", "7", "9"} and rows[0][:2] == [
        "Number",
        "Description",
    ]
    (lung,) = [line for line in result.stdout.splitlines() if "Lung 1.5" in line]
    assert "1.5 mm" in lung and "B70f" in lung and "8 × 10" in lung and lung.split()[3] == "3"
    assert uid_of(run, study, "7")[-12:] in lung
    assert PATIENT not in result.output and NUMBER not in result.output
    assert "1 is the localizer of a series" in " ".join(result.stderr.split())


def test_listed_as_json_and_in_a_multi_frame_and_a_zip_file(run: Run, study: Path, tmp_path: Path) -> None:
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", study / "below")
    (tmp_path / "frames").mkdir()
    save_multi_frame(tmp_path / "frames" / "m.dcm", sorted((study / "below").iterdir()), SeriesNumber=12)
    result = run("series", packed, tmp_path / "frames", "--json")
    first, second = (json.loads(line) for line in result.stdout.splitlines())
    assert (first["number"], first["slices"], first["path"]) == ("9", 5, packed)
    assert (second["number"], second["slices"], second["rows"], second["columns"]) == ("12", 5, 8, 10)


def test_no_series(run: Run, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "a.png")
    result = run("series", tmp_path)
    assert isinstance(result.exception, UserError) and "There is no series" in str(result.exception)


def test_a_folder_with_several_asks_for_a_choice(run: Run, bright_is_lung: None, study: Path) -> None:
    Image.fromarray(np.eye(8, dtype=np.uint8) * 200).save(study / "film.png")
    out = study.parent / "out"
    result = run("segment", study, "--recursive", "-o", out)
    told = " ".join(result.stderr.split())
    assert result.exit_code == 1 and "2 of 3 segmented" in result.output
    assert "study contains several series. There are: 4-1 (5 slices); 4-2 (5 slices); 7 (3 slices)." in told
    assert "--series NUMBER" in told
    assert {path.name for path in out.glob("*_mask*")} == {"film_mask.png", "below_mask.nii.gz"}


@pytest.mark.parametrize(
    ("asked", "masks"),
    [
        (["--series", "7"], ["study_7"]),
        (["--series", "4-2"], ["study_4-2"]),
        (["--series", "4"], ["study_4-1", "study_4-2"]),
        (["--series", "7", "--series", "9"], ["below", "study_7"]),
        (["--all-series"], ["below", "study_4-1", "study_4-2", "study_7"]),
    ],
)
def test_series_are_chosen(
    asked: list[str], masks: list[str], run: Run, bright_is_lung: None, study: Path
) -> None:
    out = study.parent / "out"
    result = run("segment", study, "--recursive", *asked, "-o", out)
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in out.glob("*_mask*")) == [f"{name}_mask.nii.gz" for name in masks]


def test_series_are_chosen_by_their_uid(run: Run, bright_is_lung: None, study: Path) -> None:
    uid = uid_of(run, study, "7")
    for number, name in enumerate((uid, uid[-12:])):
        out = study.parent / f"out{number}"
        assert run("segment", study, "--series", name, "-o", out).exit_code == 0
        assert (out / "study_7_mask.nii.gz").is_file()


def test_a_series_that_is_not_there(run: Run, bright_is_lung: None, study: Path) -> None:
    result = run("segment", study, "--series", "5", "-o", study.parent / "out")
    assert isinstance(result.exception, UserError)
    assert "There is no series 5. There are: 4-1 (5 slices)" in str(result.exception)
    assert run("segment", study, "--series", "7", "--all-series", "-o", study.parent / "out").exit_code == 2


def test_a_review_takes_the_series_that_was_chosen(run: Run, study: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    run("review", "new", project)
    add = ("review", "add", project, study, "--model", "none")
    result = run(*add)
    assert "contains several series" in " ".join(result.stderr.split()) and "1 case added" in result.stdout
    assert "1 case added" in run(*add, "--series", "7").stdout
    assert "2 cases added" in run(*add, "--all-series").stdout
    with ReviewProject.open(project) as opened:
        assert sorted(case.shape[0] for case in opened.cases() if case.shape) == [3, 5, 5, 5]


def test_a_disc_and_a_zip_file_ask_too(run: Run, bright_is_lung: None, study: Path, tmp_path: Path) -> None:
    for file in study.glob("c*"):
        change(file, SeriesNumber=8)
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", study)
    result = run("segment", packed, "-o", tmp_path / "out")
    assert result.exit_code == 1 and "packed.zip contains several series." in " ".join(result.stderr.split())
    assert run("segment", packed, "--series", "8", "-o", tmp_path / "out").exit_code == 0
    assert (tmp_path / "out" / "packed_8_mask.nii.gz").is_file()


def test_the_commands_of_the_ct_tutorial_take_a_folder_of_studies(
    run: Run, bright_is_lung: None, study: Path, tmp_path: Path
) -> None:
    """A folder for each series, and one that holds several."""
    text = (Path(__file__).parents[2] / "docs" / "ct-tutorial.md").read_text(encoding="utf-8")
    block = next(part for part in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) if " segment " in part)
    (words,) = (shlex.split(line)[1:] for line in block.splitlines())
    places = {"study/": study, "masks/": tmp_path / "masks"}
    assert run(*(places.get(word, word) for word in words)).exit_code == 0
    made = {path.name for path in (tmp_path / "masks").iterdir()}
    for name in ("below", "study_4-1", "study_4-2", "study_7"):
        assert {f"{name}_mask.nii.gz", f"{name}_seg.dcm"} <= made

    (line,) = re.findall(r"^napari-unet-lung (review add .*)$", text, re.MULTILINE)
    run("review", "new", tmp_path / "project")
    places = {"my-review/": tmp_path / "project", "study/": study}
    given = [places.get(word, word) for word in shlex.split(line) if word != "xrays/"]
    assert run(*given, "--model", "none").exit_code == 0
    with ReviewProject.open(tmp_path / "project") as project:
        assert len(project.cases()) == 4
