"""`segment` with a stand-in for input check and network: names, files, report, exit codes."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from click.testing import Result
from dicom_files import save as save_dicom
from PIL import Image

from napari_unet.io.formats import read_mask

pytestmark = pytest.mark.usefixtures("bright_is_lung")
COLUMNS = [
    *("case", "model", "version", "device", "seconds", "area_mm2", "parts", "checks", "error"),
    *("area_px", "right_px", "left_px", "right_mm2", "left_mm2"),
    *("volume_ml", "right_ml", "left_ml", "mean_hu", "laa950_percent", "slice_mm", "kernel", "contrast"),
    *("incomplete", "laa950_reason"),
]
Run = Callable[..., Result]
Save = Callable[..., Path]


def report(folder: Path) -> list[dict[str, str]]:
    with (folder / "report.csv").open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        assert reader.fieldnames == COLUMNS
        return list(reader)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "out"


def test_writes_a_mask_and_a_report(run: Run, save: Save, out: Path, two_lungs: np.ndarray) -> None:
    result = run("segment", save("a.png"), "-o", out)
    assert result.exit_code == 0, result.output
    with Image.open(out / "a_mask.png") as picture:
        assert (picture.mode, picture.size) == ("L", (60, 40))
    assert np.array_equal(read_mask(out / "a_mask.png"), np.where(two_lungs > 128, 255, 0))
    (row,) = report(out)
    assert (row["case"], row["model"], row["version"], row["device"]) == ("a", "bright", "7", "cpu")
    assert (row["area_mm2"], row["parts"], row["checks"], row["error"]) == ("", "2", "", "")
    assert float(row["seconds"]) > 0
    assert sorted(path.name for path in out.iterdir()) == ["a_mask.png", "report.csv", "segment.resume.jsonl"]


def test_left_and_right(run: Run, save: Save, out: Path) -> None:
    assert run("segment", save("a.png"), "-o", out, "--labels", "left-right").exit_code == 0
    mask = read_mask(out / "a_mask.png")
    assert mask.dtype == np.uint8
    assert (np.unique(mask[:, :30]).tolist(), np.unique(mask[:, 30:]).tolist()) == ([0, 1], [0, 2])


@pytest.fixture
def unequal_lungs(two_lungs: np.ndarray) -> np.ndarray:
    """240 pixels on the image's left, 120 on its right."""
    pixels = two_lungs.copy()
    pixels[20:30, 40:52] = 20
    return pixels


@pytest.mark.parametrize("labels", ["lungs", "left-right"])
def test_both_lungs_are_measured_in_pixels_whatever_the_labels(
    run: Run, save: Save, out: Path, unequal_lungs: np.ndarray, labels: str
) -> None:
    result = run("segment", save("a.png", unequal_lungs), "-o", out, "--labels", labels, "--json")
    (row,) = report(out)
    assert [row[name] for name in COLUMNS[9:14]] == ["360", "240", "120", "", ""]
    assert not any(row[name] for name in COLUMNS[14:])  # of volumes
    record = json.loads(result.stdout)
    assert [record[name] for name in COLUMNS[9:14]] == [360, 240, 120, None, None]
    assert "Right and left are assumed in 1 of 1" in result.stderr


@pytest.mark.parametrize(("towards", "right", "left"), [("L", 240, 120), ("R", 120, 240)])
def test_right_and_left_follow_the_header(
    run: Run, tmp_path: Path, out: Path, unequal_lungs: np.ndarray, towards: str, right: int, left: int
) -> None:
    fields = {"PixelSpacing": [0.5, 0.4], "PatientOrientation": [towards, "F"]}
    image = save_dicom(tmp_path / "a.dcm", unequal_lungs, **fields)
    result = run("segment", image, "-o", out)
    (row,) = report(out)
    assert [row[name] for name in COLUMNS[9:12]] == ["360", str(right), str(left)]
    assert [float(row[name]) for name in COLUMNS[12:14]] == pytest.approx([0.2 * right, 0.2 * left])
    assert float(row["area_mm2"]) == pytest.approx(72)
    assert "assumed" not in result.stdout


def test_a_case_without_a_mask_has_no_numbers(run: Run, save: Save, out: Path) -> None:
    run("segment", save("flat.png", np.full((40, 60), 9, np.uint8)), "-o", out)
    assert [report(out)[0][name] for name in COLUMNS[9:]] == [""] * 15


def test_threshold(run: Run, save: Save, out: Path) -> None:
    assert run("segment", save("a.png"), "-o", out, "--threshold", "0.82").exit_code == 0
    mask = read_mask(out / "a_mask.png")
    assert not mask[:, :30].any()
    assert mask[:, 30:].any()
    assert report(out)[0]["checks"] == "missing-lung"


def test_no_lung_is_a_result(run: Run, save: Save, out: Path) -> None:
    assert run("segment", save("a.png"), "-o", out, "--threshold", "0.99").exit_code == 0
    assert not read_mask(out / "a_mask.png").any()
    assert (report(out)[0]["parts"], report(out)[0]["checks"]) == ("0", "no-lung")


def test_probability_and_overlay(run: Run, save: Save, out: Path, two_lungs: np.ndarray) -> None:
    assert run("segment", save("a.png"), "-o", out, "--probability", "--overlay").exit_code == 0
    import tifffile

    probability = tifffile.imread(out / "a_probability.tif")
    assert probability.dtype == np.float32
    assert np.allclose(probability, two_lungs / 255)
    with Image.open(out / "a_overlay.png") as picture:
        assert picture.mode == "RGB"


def test_nifti_keeps_order_and_affine(run: Run, tmp_path: Path, out: Path, two_lungs: np.ndarray) -> None:
    affine = np.diag([-0.5, -2.0, 1.0, 1.0])
    path = tmp_path / "a.nii.gz"
    nibabel.save(nibabel.Nifti1Image(two_lungs.T[..., None], affine), path)
    assert run("segment", path, "-o", out, "--probability").exit_code == 0
    mask = nibabel.load(out / "a_mask.nii.gz")
    assert np.array_equal(mask.affine, affine)
    assert np.array_equal(np.asarray(mask.dataobj)[..., 0], two_lungs.T > 128)
    assert nibabel.load(out / "a_probability.nii.gz").shape == (60, 40, 1)
    assert float(report(out)[0]["area_mm2"]) == 480.0


def test_a_stack_gives_one_mask(run: Run, tmp_path: Path, out: Path, two_lungs: np.ndarray) -> None:
    import tifffile

    tifffile.imwrite(tmp_path / "stack.tif", np.stack([two_lungs] * 3), photometric="minisblack")
    assert run("segment", tmp_path / "stack.tif", "-o", out, "--overlay").exit_code == 0
    assert read_mask(out / "stack_mask.tif").shape == (3, 40, 60)
    assert (report(out)[0]["parts"], report(out)[0]["area_mm2"]) == ("6", "")


def test_a_stack_with_spacing_and_its_slices(
    run: Run, tmp_path: Path, out: Path, two_lungs: np.ndarray
) -> None:
    pixels = np.stack([two_lungs] * 15, axis=-1).transpose(1, 0, 2).copy()
    pixels[30:, :, :12] = 20  # one lung only in twelve slices
    pixels[:, :, 14] = 20
    image = nibabel.Nifti1Image(pixels, np.diag([0.5, 0.5, 3, 1]))
    image.header.set_xyzt_units("mm")
    nibabel.save(image, tmp_path / "stack.nii.gz")
    result = run("segment", tmp_path / "stack.nii.gz", "-o", out)
    assert result.exit_code == 0, result.output
    assert "no spacing" not in result.stdout
    assert "px in 15 slices" in result.stdout
    assert report(out)[0]["area_mm2"] == ""
    assert "and 2 more: Only the" in result.stdout
    assert result.stdout.count("is missing") == 1
    assert set(report(out)[0]["checks"].split(";")) == {"missing-lung", "area", "no-lung"}
    assert re.search(r"Slices (1, 2|4, 5), ", result.stdout) and "Slice 0" not in result.stdout


@pytest.mark.parametrize("codes", [(), ("unlike",), ("unlike", "inverted")])
def test_what_the_input_check_found_is_in_the_report(
    run: Run, save: Save, out: Path, monkeypatch: pytest.MonkeyPatch, codes: tuple[str, ...]
) -> None:
    from napari_unet.inference import segment

    before = segment.segment_steps

    def steps(*given: Any, **named: Any) -> Iterator[Any]:
        prediction = yield from before(*given, **named)
        return replace(prediction, image_checks=codes)

    monkeypatch.setattr(segment, "segment_steps", steps)
    result = run("segment", save("a.png"), "-o", out, "--json")
    assert report(out)[0]["checks"] == ";".join(codes)
    assert [check["code"] for check in json.loads(result.stdout)["checks"]] == list(codes)


def test_a_bad_file_is_named_and_the_rest_goes_on(run: Run, save: Save, out: Path) -> None:
    first, last = save("a.png"), save("c.png")
    bad = first.with_name("b.png")
    bad.write_bytes(first.read_bytes()[:60])
    result = run("segment", first, bad, last, "-o", out)
    assert result.exit_code == 1
    assert "b: " in result.stderr and "damaged" in result.stderr
    rows = report(out)
    assert [row["case"] for row in rows] == ["a", "b", "c"]
    assert ["damaged" in row["error"] for row in rows] == [False, True, False]
    assert not (out / "b_mask.png").exists()
    assert (out / "c_mask.png").exists()


def test_a_refused_image_writes_nothing(run: Run, save: Save, out: Path) -> None:
    result = run("segment", save("flat.png", np.full((40, 40), 7, np.uint8)), "-o", out)
    assert result.exit_code == 1
    assert [path.name for path in out.iterdir()] == ["report.csv", "segment.resume.jsonl"]
    assert report(out)[0]["error"] == "This image is empty. Open another one."


@pytest.mark.parametrize("name", ["notes.txt", "nothing.png", "none*.png"])
def test_what_is_named_must_be_an_image(run: Run, tmp_path: Path, out: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    assert run("segment", tmp_path / name, "-o", out).exit_code == 1
    assert report(out)[0]["error"]


def test_a_folder_without_images_fails(run: Run, tmp_path: Path, out: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert run("segment", tmp_path / "empty", "-o", out).exit_code == 1
    assert "no readable image" in report(out)[0]["error"]


def test_masks_are_skipped_and_counted(run: Run, save: Save, out: Path) -> None:
    save("a_mask.png")
    result = run("segment", save("a.png").parent, "-o", out)
    assert result.exit_code == 0
    assert "Skipped 1 mask or" in result.output
    assert [row["case"] for row in report(out)] == ["a"]


def test_one_stem_twice(run: Run, save: Save, out: Path) -> None:
    assert run("segment", save("a.png"), save("a.bmp.png"), save("a.tif"), "-o", out).exit_code == 0
    assert [row["case"] for row in report(out)] == ["a.png", "a.bmp", "a.tif"]
    masks = [path.name for path in sorted(out.glob("*_mask.*"))]
    assert masks == ["a.bmp_mask.png", "a.png_mask.png", "a.tif_mask.png"]


def test_masks_of_an_earlier_run_are_replaced(run: Run, save: Save, out: Path) -> None:
    image = save("a.png")
    for threshold, there in (("0.5", True), ("0.99", False), ("0.5", True)):
        assert run("segment", image.parent, "-o", out, "--threshold", threshold).exit_code == 0
        assert read_mask(out / "a_mask.png").any() == there


def test_a_second_run_in_the_folder_of_the_inputs(run: Run, save: Save) -> None:
    image = save("a.png")
    content = image.read_bytes()
    for _ in range(2):
        assert run("segment", image.parent, "-o", image.parent, "--overlay", "--probability").exit_code == 0
        assert [row["case"] for row in report(image.parent)] == ["a"]
    assert image.read_bytes() == content


def test_a_mask_that_somebody_drew_is_kept(run: Run, save: Save) -> None:
    image = save("a.png")
    drawn = save("a_mask.png", np.zeros((40, 60), np.uint8))
    content = drawn.read_bytes()
    for arguments in ([image.parent], [image, drawn], [image]):
        result = run("segment", *arguments, "-o", image.parent)
        assert result.exit_code == 1
        assert "not overwritten" in report(image.parent)[0]["error"]
        assert drawn.read_bytes() == content


def test_an_input_reached_through_a_link_is_kept(run: Run, save: Save, out: Path) -> None:
    image = save("a.png")
    content = image.read_bytes()
    out.mkdir(parents=True)
    (out / "a_mask.png").symlink_to(image)
    run("segment", image, "-o", out)
    assert image.read_bytes() == content


def test_json_lines_on_stdout_and_all_else_on_stderr(run: Run, save: Save, out: Path) -> None:
    image = save("a.png")
    save("a_mask.png")
    bad = image.with_name("b.png")
    bad.write_bytes(b"")
    result = run("segment", image.parent, "-o", out, "--json")
    assert result.exit_code == 1
    good, failed = (json.loads(line) for line in result.stdout.splitlines())
    assert good["case"] == "a"
    assert good["files"] == [str(out / "a_mask.png")]
    assert (good["area_mm2"], good["area_px"], good["parts"]) == (None, 480, 2)
    assert (good["notes"], good["error"]) == (["A note."], "")
    assert failed["case"] == "b"
    assert "0 bytes" in failed["error"]
    assert "1 of 2" in result.stderr


def test_anonymous_leaves_no_name_anywhere(run: Run, save: Save, out: Path) -> None:
    image = save("김철수 1961.png")
    bad = image.with_name("Kim Yuna.png")
    bad.write_bytes(b"")
    result = run("segment", image, bad, image.with_name("Gone.png"), "-o", out, "--anonymous", "--json")
    told = result.stdout + result.stderr.replace(str(out), "") + (out / "report.csv").read_text("utf-8")
    told += " ".join(path.name for path in out.iterdir()) + json.loads(result.stdout.splitlines()[0])["case"]
    for name in ("김철수", "1961", "Kim", "Gone"):
        assert name not in told
    assert len(list(out.glob("case-*_mask.png"))) == 1


@pytest.mark.parametrize("name", ["a.dcm", "e.dcm", "01.dcm", "c.nii.gz"])
def test_anonymous_errors_stay_readable(run: Run, tmp_path: Path, out: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"")
    assert run("segment", path, "-o", out).exit_code == 1
    plain = report(out)[0]["error"]
    assert run("segment", path, "-o", out, "--anonymous").exit_code == 1
    (row,) = report(out)
    assert name in plain
    assert row["error"] == plain.replace(name, row["case"])


def test_spaces_and_korean_letters(run: Run, save: Save, tmp_path: Path) -> None:
    image = save("흉부 사진 1.png")
    out = tmp_path / "결과 폴더"
    assert run("segment", image, "-o", out).exit_code == 0
    assert (out / "흉부 사진 1_mask.png").exists()
    assert report(out)[0]["case"] == "흉부 사진 1"


def test_an_unexpected_error_costs_one_case_only(
    run: Run, save: Save, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_unet.cli import case_batch

    read = case_batch.read_raster

    def breaks(path: Path) -> object:
        if path.name == "a.png":
            raise ZeroDivisionError("surprise")
        return read(path)

    monkeypatch.setattr(case_batch, "read_raster", breaks)
    assert run("segment", save("a.png"), save("b.png"), "-o", out).exit_code == 1
    assert [bool(row["error"]) for row in report(out)] == [True, False]
    assert "ZeroDivisionError: surprise" in report(out)[0]["error"]


def test_an_interrupted_run_reports_what_it_did(
    run: Run, save: Save, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_unet.cli import case_batch

    read = case_batch.read_raster

    def interrupted(path: Path) -> object:
        if path.name == "b.png":
            raise KeyboardInterrupt
        return read(path)

    monkeypatch.setattr(case_batch, "read_raster", interrupted)
    assert run("segment", save("a.png"), save("b.png"), "-o", out).exit_code == 130
    assert [row["case"] for row in report(out)] == ["a"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        *((["--threshold", wrong], "must lie between 0 and 1") for wrong in ("1.5", "0", "1", "nan", "-0.1")),
        (["--threshold", "abc"], "'abc' is not a number"),
        (["--labels", "both"], "'both' is not known; choose lungs or left-right"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_wrong_usage(run: Run, save: Save, out: Path, arguments: list[str], told: str) -> None:
    result = run("segment", save("a.png"), "-o", out, *arguments)
    assert result.exit_code == 2
    words = " ".join(result.stderr.replace("│", " ").split())
    assert told in words
    assert "Value error" not in words and "Input should" not in words
    assert not out.exists()


def test_input_and_output_must_be_given(run: Run, save: Save, out: Path) -> None:
    assert run("segment", "-o", out).exit_code == 2
    image = save("a.png")
    assert run("segment", image).exit_code == 2
    assert run("segment", image, "-o", image).exit_code == 2
