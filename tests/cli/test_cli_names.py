"""Names of files from hospitals and from other systems, on the command line."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from napari_unet.core.errors import UserError
from napari_unet.review.store import ReviewProject

Run = Callable[..., Result]
CASES = Path(__file__).parents[1] / "data" / "cases"


def test_dicom_uids_in_two_runs_make_two_masks(run: Run, bright_is_lung: None, tmp_path: Path) -> None:
    for name in ("1.2.840.99.55", "1.2.840.99.56"):
        result = run("segment", CASES / name, "-o", tmp_path / "out")
        assert result.exit_code == 0, result.output
    masks = {path.name for path in (tmp_path / "out").glob("*_mask.png")}
    assert masks == {"1.2.840.99.55_mask.png", "1.2.840.99.56_mask.png"}


def test_a_decomposed_name_is_one_case_however_it_is_typed(
    run: Run, bright_is_lung: None, save: Callable[..., Path], tmp_path: Path
) -> None:
    stored = save(unicodedata.normalize("NFD", "Müller_André.png"))
    out = tmp_path / "out"
    for given in (stored, stored.with_name("Müller_André.png"), stored.parent):
        assert run("segment", given, "-o", out).exit_code == 0
        assert [path.name for path in out.glob("*.png")] == ["Müller_André_mask.png"]
        assert (out / "report.csv").read_text("utf-8").splitlines()[1].startswith("Müller_André,")


def test_an_old_result_with_a_decomposed_name_is_replaced(
    run: Run, bright_is_lung: None, save: Callable[..., Path], tmp_path: Path
) -> None:
    old = tmp_path / "out" / unicodedata.normalize("NFD", "Müller_mask.png")
    old.parent.mkdir()
    old.write_bytes(b"old")
    assert run("segment", save("Müller.png"), "-o", old.parent).exit_code == 0
    assert list(old.parent.glob("*.png")) == [old] and old.read_bytes() != b"old"


def test_what_a_folder_holds_besides_images_is_counted_aloud(
    run: Run, bright_is_lung: None, save: Callable[..., Path], tmp_path: Path
) -> None:
    folder = save("a.png").parent
    (folder / "secret.txt").write_text("x")
    (folder / "deep").mkdir()
    for name in ("scan.IMA", "1.2.840.99.55", "1.2.840.99.56"):
        shutil.copy(CASES / name, folder)
    result = run("segment", folder, "-o", tmp_path / "out")
    assert result.exit_code == 0 and "4 of 4 segmented" in result.output
    assert "1 file was ignored: 1 is no image that can be read (secret.txt)." in result.stderr
    assert "1 sub-folder was not looked into (deep)." in result.stderr
    hidden = run("segment", folder, "-o", tmp_path / "out2", "--anonymous")
    assert "1 file was ignored" in hidden.stderr and "secret" not in hidden.output


@pytest.fixture
def decomposed(tmp_path: Path) -> Path:
    """A folder with the sample whose name is stored decomposed (copied, as checkouts may compose it)."""
    source = next(path for path in CASES.iterdir() if path.name.endswith(".png") and path.name[0] == "M")
    target = tmp_path / "images" / unicodedata.normalize("NFD", source.name)
    target.parent.mkdir()
    shutil.copy(source, target)
    return target.parent


def test_review_finds_patient_split_and_mask_of_a_decomposed_name(
    run: Run, decomposed: Path, tmp_path: Path
) -> None:
    masks, project = tmp_path / "masks", tmp_path / "project"
    masks.mkdir()
    with Image.open(next(decomposed.iterdir())) as image:
        mask = np.zeros(image.size[::-1], np.uint8)
    mask[50:150, 50:100] = 255
    Image.fromarray(mask).save(masks / "Müller_André_mask.png")
    assert run("review", "new", project).exit_code == 0
    result = run(
        "review", "add", project, decomposed, "--masks", masks, "--manifest", CASES / "manifest_nfc.csv"
    )
    assert result.exit_code == 0, result.output
    assert "1 mask taken over" in result.stdout
    with ReviewProject.open(project) as opened:
        (case,) = opened.cases()
        assert case.patient and case.split == "test"


def test_a_file_that_was_only_renamed_to_the_other_composition_stays_one_case(
    run: Run, decomposed: Path, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    run("review", "new", project)
    assert "1 case added." in run("review", "add", project, decomposed).stdout
    (stored,) = decomposed.iterdir()
    stored.rename(stored.with_name(unicodedata.normalize("NFC", stored.name)))
    assert "0 cases added; 1 case there already." in run("review", "add", project, decomposed).stdout
    with ReviewProject.open(project) as opened:
        assert all(path.exists() for path in opened.sources().values()) and len(opened.cases()) == 1


def test_evaluate_pairs_names_of_both_compositions(run: Run, tmp_path: Path) -> None:
    for folder, form in (("p", "NFD"), ("r", "NFC")):
        (tmp_path / folder).mkdir()
        mask = np.zeros((20, 20), np.uint8)
        mask[5:15, 5:15] = 255
        Image.fromarray(mask).save(tmp_path / folder / unicodedata.normalize(form, "Müller.png"))
    (tmp_path / "p" / "list.txt").write_text("x")
    table = tmp_path / "r.csv"
    result = run("evaluate", "--predictions", tmp_path / "p", "--references", tmp_path / "r", "-o", table)
    assert result.exit_code == 0 and table.read_text("utf-8").splitlines()[1].startswith("Müller,lung,1.0")
    assert "1 file was ignored" in result.stderr and "list.txt" in result.stderr


def test_review_takes_what_segment_takes(run: Run, tmp_path: Path) -> None:
    project = tmp_path / "project"
    run("review", "new", project)
    given = [CASES / name for name in ("scan.IMA", "1.2.840.99.55", "1.2.840.99.56")]
    result = run("review", "add", project, *given)
    assert result.exit_code == 0 and "3 cases added." in result.stdout, result.output


def test_a_manifest_that_fits_no_file_stops_before_anything_is_added(
    run: Run, save: Callable[..., Path], tmp_path: Path
) -> None:
    project, manifest = tmp_path / "project", tmp_path / "m.csv"
    run("review", "new", project)
    manifest.write_text("file,patient\nother.png,7\n")
    result = run("review", "add", project, save("a.png"), "--manifest", manifest)
    assert isinstance(result.exception, UserError) and "other.png" in str(result.exception)
    with ReviewProject.open(project) as opened:
        assert opened.cases() == []


def test_a_manifest_without_leading_zeros_and_suffixes_is_matched_and_told(
    run: Run, save: Callable[..., Path], tmp_path: Path
) -> None:
    project, manifest = tmp_path / "project", tmp_path / "m.csv"
    run("review", "new", project)
    manifest.write_text("sep=;\nFILE;Patient\n7;p7\n8;p8\n;\n;\n")
    result = run("review", "add", project, save("007.png"), save("008.png"), "--manifest", manifest)
    assert result.exit_code == 0 and "7 for 007.png, 8 for 008.png" in result.stderr
    with ReviewProject.open(project) as opened:
        assert len({case.patient for case in opened.cases()} - {""}) == 2
