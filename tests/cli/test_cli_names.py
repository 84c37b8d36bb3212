"""Names of files from hospitals and from other systems, on the command line."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from click.testing import Result
from dicom_files import save as save_dicom
from dicom_files import save_series
from PIL import Image
from pydicom.fileset import FileSet
from pydicom.uid import generate_uid

from napari_unet.cli import compare_cmd
from napari_unet.core.errors import UserError
from napari_unet.core.source import Source
from napari_unet.io.formats import read_raster, write_mask
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
    assert "1 file was ignored: 1 is not a readable image (secret.txt)." in result.stderr
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
    assert "1 mask imported" in result.stdout
    with ReviewProject.open(project) as opened:
        (case,) = opened.cases()
        assert case.patient and case.split == "test"


def test_a_file_that_was_only_renamed_to_the_other_composition_stays_one_case(
    run: Run, decomposed: Path, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    run("review", "new", project)
    assert "1 case added." in run("review", "add", project, decomposed, "--model", "none").stdout
    (stored,) = decomposed.iterdir()
    stored.rename(stored.with_name(unicodedata.normalize("NFC", stored.name)))
    assert (
        "0 cases added; 1 case there already."
        in run("review", "add", project, decomposed, "--model", "none").stdout
    )
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
    result = run("review", "add", project, *given, "--model", "none")
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
    images = save("007.png"), save("008.png")
    result = run("review", "add", project, *images, "--manifest", manifest, "--model", "none")
    assert result.exit_code == 0 and "7 for 007.png, 8 for 008.png" in result.stderr
    with ReviewProject.open(project) as opened:
        assert len({case.patient for case in opened.cases()} - {""}) == 2


def ct_series(folder: Path, count: int = 4, **tags: Any) -> Path:
    """A clean CT series: a bright block in air, in each slice."""
    volume = np.full((count, 16, 20), -1000, np.int16)
    volume[:, 4:9, 3:15] = 250
    save_series(folder, volume, **tags)
    return folder


def test_a_series_is_one_case_named_after_its_folder(
    run: Run, bright_is_lung: None, save: Callable[..., Path], tmp_path: Path
) -> None:
    folder, out = save("a.png").parent, tmp_path / "out"
    ct_series(folder / "thorax")
    result = run("segment", folder, "--recursive", "-o", out)
    assert result.exit_code == 0 and "2 of 2 segmented" in result.output
    lines = (out / "report.csv").read_text("utf-8").splitlines()
    assert [line.split(",")[0] for line in lines] == ["case", "a", "thorax"]
    mask = nibabel.load(out / "thorax_mask.nii.gz")
    assert mask.shape == (20, 16, 4) and np.asarray(mask.dataobj).sum() == 4 * 5 * 12
    assert mask.header.get_zooms() == pytest.approx((0.5, 0.75, 2.5))
    assert np.allclose(mask.affine[:3, 3], (100, 120, -300))  # its places are towards left and back


def test_series_in_one_folder_are_told_apart_by_their_numbers(
    run: Run, bright_is_lung: None, tmp_path: Path
) -> None:
    folder, out = ct_series(tmp_path / "ct", SeriesNumber=3), tmp_path / "out"
    for file in ct_series(tmp_path / "other", 6, SeriesNumber=11).iterdir():
        file.rename(folder / f"X{file.name}")
    assert run("segment", folder, "--all-series", "-o", out).exit_code == 0
    assert {path.name for path in out.glob("*.gz")} == {"ct_3_mask.nii.gz", "ct_11_mask.nii.gz"}
    assert nibabel.load(out / "ct_11_mask.nii.gz").shape[2] == 6


def test_a_series_that_is_incomplete_is_told_and_the_rest_goes_on(
    run: Run, bright_is_lung: None, save: Callable[..., Path], tmp_path: Path
) -> None:
    folder = save("a.png").parent
    files = save_series(folder / "ct", np.zeros((6, 8, 8), np.int16))
    files[3].unlink()
    result = run("segment", folder, "--recursive", "-o", tmp_path / "out")
    assert result.exit_code == 0 and "ct: 0 px in 6 slices" in " ".join(result.stdout.split())
    files[2].write_bytes(files[2].read_bytes()[:-30])
    result = run("segment", folder, "--recursive", "-o", tmp_path / "out")
    assert result.exit_code == 1 and "1 of 2 segmented" in result.output
    assert f"ct: {files[2].name} is damaged or incomplete" in " ".join(result.stderr.split())
    hidden = run("segment", folder / "ct", "-o", tmp_path / "out2", "--anonymous")
    told = " ".join(hidden.stderr.split())
    assert "is damaged or incomplete" in told and files[2].name not in told


def test_review_takes_a_series_as_one_case(run: Run, save: Callable[..., Path], tmp_path: Path) -> None:
    project = tmp_path / "project"
    save("a.png")
    ct_series(tmp_path / "in" / "thorax")
    run("review", "new", project)
    result = run("review", "add", project, tmp_path / "in", "--model", "none")
    assert result.exit_code == 0 and "2 cases added." in result.stdout, result.output
    with ReviewProject.open(project) as opened:
        assert [case.shape for case in opened.cases()][1] == (4, 16, 20)
        assert all(case.file_state == "present" for case in opened.cases())
    gone = sorted((tmp_path / "in" / "thorax").iterdir())[1]
    gone.unlink()
    result = run("review", "add", project, tmp_path / "in", "--model", "none")
    told = " ".join(result.stderr.split())
    assert result.exit_code == 1 and "Case 2: the series is missing" in told and gone.name in told
    assert "1 of 4 files" in told


def test_x_rays_of_one_series_go_on_being_cases(run: Run, bright_is_lung: None, tmp_path: Path) -> None:
    uid = generate_uid()
    (tmp_path / "films").mkdir()
    for k in range(3):
        pixels = np.random.default_rng(k).integers(0, 255, (40, 60), dtype=np.uint8)
        save_dicom(tmp_path / "films" / f"{k}", pixels, SeriesInstanceUID=uid)
    assert "3 of 3 segmented" in run("segment", tmp_path / "films", "-o", tmp_path / "out").output
    run("review", "new", tmp_path / "p")
    added = run("review", "add", tmp_path / "p", tmp_path / "films", "--model", "none")
    assert "3 cases added." in added.stdout


def test_a_dicomdir_stands_for_what_it_lists(run: Run, bright_is_lung: None, tmp_path: Path) -> None:
    made = FileSet()
    tags = {"StudyDate": "20261129", "StudyTime": "1200", "StudyID": "1", "SeriesNumber": 1}
    tags |= {"InstanceNumber": 1}
    for k in range(2):
        pixels = np.random.default_rng(k).integers(0, 255, (40, 60), dtype=np.uint8)
        uids = {"StudyInstanceUID": "1.2", "SeriesInstanceUID": f"1.2.{k}"}
        made.add(save_dicom(tmp_path / f"{k}.dcm", pixels, **tags, **uids))
    made.write(tmp_path / "disc")
    run("review", "new", tmp_path / "p")
    index = tmp_path / "disc" / "DICOMDIR"
    assert "2 of 2 segmented" in run("segment", index, "-o", tmp_path / "out").output
    result = run("segment", tmp_path / "disc", "-o", tmp_path / "out")
    assert result.exit_code == 1 and "lists 2 images (" in " ".join(result.output.split())
    assert "2 cases added." in run("review", "add", tmp_path / "p", index, "--model", "none").stdout
    next(file for file in (tmp_path / "disc").rglob("*") if file.is_file() and file != index).unlink()
    result = run("segment", index, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "1 image that a DICOMDIR lists is not there" in " ".join(result.stderr.split())


def test_a_zip_file_is_a_case_of_its_name(run: Run, bright_is_lung: None, tmp_path: Path) -> None:
    ct_series(tmp_path / "in" / "S1")
    shutil.make_archive(str(tmp_path / "thorax"), "zip", tmp_path / "in")
    packed = tmp_path / "thorax.zip"
    result = run("segment", packed, "-o", tmp_path / "out", "--json")
    assert result.exit_code == 0, result.output
    assert f'"input": "{packed}"' in result.stdout
    mask = nibabel.load(tmp_path / "out" / "thorax_mask.nii.gz")
    assert mask.shape[2] == 4
    damaged = tmp_path / "cut.zip"
    damaged.write_bytes(packed.read_bytes()[:-40])
    result = run("segment", packed, damaged, "-o", tmp_path / "out")
    assert result.exit_code == 1 and "1 of 2 segmented" in result.output
    assert "cut.zip is not a readable zip file" in " ".join(result.stderr.split())
    run("review", "new", tmp_path / "p")
    result = run("review", "add", tmp_path / "p", packed)
    assert "Unpack it" in str(result.exception) + result.output


def test_models_are_compared_on_a_series_as_one_case(tmp_path: Path) -> None:
    folder, masks = ct_series(tmp_path / "thorax"), tmp_path / "masks"
    masks.mkdir()
    raster = read_raster(source_of(folder))
    write_mask(masks / "thorax_mask.nii.gz", raster.pixels > 0, raster)
    (pair,) = compare_cmd._pairs(folder, masks, None)
    assert (pair.id, pair.image, pair.mask) == ("thorax", source_of(folder), masks / "thorax_mask.nii.gz")
    assert pair.content_hash == source_of(folder).content_hash()


def source_of(folder: Path) -> Source:
    return Source.of(list(folder.iterdir()))
