"""`segment --seg`: DICOM segmentations beside the masks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from click.testing import Result
from dicom_files import NUMBER, PATIENT, save, save_series
from seg_rooms import errors, xray_tags

from napari_unet.core.label_set import RIGHT_AND_LEFT
from napari_unet.io.formats import read_labels, read_mask

pytestmark = pytest.mark.usefixtures("bright_is_lung")
Run = Callable[..., Result]


@pytest.fixture
def xray(tmp_path: Path, two_lungs: np.ndarray) -> Path:
    (tmp_path / "in").mkdir()
    return save(tmp_path / "in" / "chest.dcm", two_lungs, **xray_tags())


def test_beside_the_mask_for_the_archive(run: Run, xray: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("segment", xray, "-o", out, "--seg")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in out.iterdir()) == [
        *("chest_mask.png", "chest_seg.dcm", "report.csv", "segment.resume.jsonl")
    ]
    assert "with the patient and the study" in result.output and "UNREVIEWED" in result.output
    assert PATIENT not in result.output and NUMBER not in result.output
    made = pydicom.dcmread(out / "chest_seg.dcm")
    assert errors(out / "chest_seg.dcm") == [] and made.PatientName == PATIENT
    (segment,) = made.SegmentSequence
    assert segment.SegmentAlgorithmType == "AUTOMATIC" and segment.SegmentAlgorithmName == "bright"
    assert made.SeriesDescription.startswith("UNREVIEWED") and made.ContentCreatorName == ""
    found = read_labels(out / "chest_seg.dcm", of=xray).labels
    assert np.array_equal(found > 0, read_mask(out / "chest_mask.png") > 0)
    report = (out / "report.csv").read_text(encoding="utf-8")
    assert PATIENT not in report and NUMBER not in report


def test_left_and_right_are_two_segments(run: Run, xray: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("segment", xray, "-o", out, "--seg", "--labels", "left-right").exit_code == 0
    found = read_labels(out / "chest_seg.dcm", of=xray, labels=RIGHT_AND_LEFT).labels
    assert np.array_equal(found, read_mask(out / "chest_mask.png")) and set(np.unique(found)) == {0, 1, 2}


def test_a_series_is_one(run: Run, tmp_path: Path) -> None:
    volume = np.zeros((4, 20, 24), np.int16)
    volume[1:3, 5:15, 3:9] = 255
    save_series(tmp_path / "thorax", volume, RescaleIntercept=-1024)
    out = tmp_path / "out"
    result = run("segment", tmp_path / "thorax", "-o", out, "--seg")
    assert result.exit_code == 0, result.output
    assert errors(out / "thorax_seg.dcm") == []
    (referenced,) = pydicom.dcmread(out / "thorax_seg.dcm").ReferencedSeriesSequence
    assert len(referenced.ReferencedInstanceSequence) == 4


def test_anonymous_is_for_research(run: Run, tmp_path: Path) -> None:
    volume = np.zeros((4, 20, 24), np.int16)
    volume[1:3, 5:15, 3:9] = 255
    files = save_series(tmp_path / "SECRET thorax", volume)
    out = tmp_path / "out"
    result = run("segment", tmp_path / "SECRET thorax", "-o", out, "--seg", "--anonymous")
    assert result.exit_code == 0 and "without patient and study" in result.output
    (path,) = out.glob("*_seg.dcm")
    content = path.read_bytes().decode("latin-1")
    source = pydicom.dcmread(files[0])
    for secret in ("SECRET", NUMBER, source.StudyInstanceUID, source.SOPInstanceUID):
        assert secret not in content
    assert pydicom.dcmread(path).PatientID == path.name.removesuffix("_seg.dcm")


def test_what_has_none_keeps_its_mask_and_is_reported(
    run: Run, xray: Path, tmp_path: Path, two_lungs: np.ndarray, save: Callable[..., Path]
) -> None:
    out = tmp_path / "out"
    result = run("segment", xray, save("a.png", two_lungs), "-o", out, "--seg", "--json")
    assert result.exit_code == 1
    assert {"a_mask.png", "chest_mask.png", "chest_seg.dcm"} <= {path.name for path in out.iterdir()}
    assert not (out / "a_seg.dcm").exists()
    records = {record["case"]: record for record in map(json.loads, result.stdout.splitlines())}
    assert "No DICOM segmentation" in " ".join(records["a"]["notes"])
    assert [Path(path).name for path in records["chest"]["files"]] == ["chest_mask.png", "chest_seg.dcm"]
    anonymous = run("segment", xray, "-o", tmp_path / "other", "--seg", "--anonymous")
    assert anonymous.exit_code == 1 and "only by its image" in anonymous.output


def test_segmentations_among_the_images_are_passed_over(
    run: Run, xray: Path, tmp_path: Path, two_lungs: np.ndarray
) -> None:
    """As archives export them: under a name that says nothing."""
    out = tmp_path / "out"
    run("segment", xray, "-o", out, "--seg")
    (out / "chest_seg.dcm").rename(xray.parent / "IM0002")
    result = run("segment", xray.parent, "-o", tmp_path / "again")
    assert result.exit_code == 0 and "1 of 1 segmented" in result.output
    assert "1 is a DICOM segmentation of one of the images (IM0002)" in result.output
    alone = run("segment", xray.parent / "IM0002", "-o", tmp_path / "alone")
    assert alone.exit_code == 1 and "a mask, and not an image" in alone.output


def test_a_second_run_replaces_it_and_does_not_segment_it(run: Run, xray: Path) -> None:
    folder = xray.parent
    for _ in range(2):
        result = run("segment", folder, "-o", folder, "--seg")
        assert result.exit_code == 0 and "1 of 1 segmented" in result.output
    assert sorted(path.name for path in folder.iterdir()) == [
        *("chest.dcm", "chest_mask.png", "chest_seg.dcm", "report.csv", "segment.resume.jsonl"),
    ]
    (folder / "report.csv").unlink()  # now nobody knows that a run has written it
    (folder / "chest_mask.png").unlink()
    result = run("segment", folder, "-o", folder, "--seg")
    assert result.exit_code == 1 and "chest_seg.dcm is one of the inputs" in result.output
