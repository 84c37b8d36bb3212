"""A clinician and a CT: a series into the window, a mask, three corrections, a DICOM segmentation out."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from clinic_rooms import REVIEWER, Window, command, from_text, problems
from dicom_files import NUMBER, PATIENT, save_series
from seg_rooms import errors, program

from napari_unet.core.errors import UserError
from napari_unet.core.metrics import dice
from napari_unet.core.source import Source
from napari_unet.io.dicom_seg_read import read_seg
from napari_unet.io.formats import read_labels, read_raster
from napari_unet.models.library import default_library
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import AuthorKind, Status
from napari_unet.samples import CT

APEX = slice(56, 70)
"""Slices of the sample: the upper part of both lungs, so that the scan ends within them."""
PAINTED = (2, 4, 6)
STROKE = 5
"""Slices that are corrected, and the width of the brush in pixels."""


@dataclass
class Visit:
    """What there was at the end. dock : what Segment said. first, seen : masks in Segment, and at the end."""

    folder: Path
    files: list[Path]
    truth: np.ndarray
    dock: dict[str, Any]
    first: np.ndarray
    seen: np.ndarray

    @property
    def project(self) -> Path:
        return self.folder / "project"

    @property
    def source(self) -> Source:
        return Source(tuple(self.files))


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """The whole visit, as one window sees it, and both exports."""
    try:
        default_library().find("ct-lung").verify()
    except UserError as error:
        pytest.skip(f"no shipped model: {error}")
    folder = tmp_path_factory.mktemp("visit")
    raster = read_raster(CT.image)
    truth = read_labels(CT.mask).labels[APEX]
    files = save_series(
        folder / "thorax", raster.pixels[APEX], spacing_mm=raster.spacing_mm, SeriesDescription="Chest"
    )
    window = Window(folder / "home")
    try:
        window.drop(files)
        dock = window.segment_all()
        first = from_text(dock["mask"])
        seen = _review(window, folder)
        window.close()
        assert window.gone() == 0, window.said()
    finally:
        window.kill()
    formats = [part for name in ("dicom-seg", "dicom-seg-archive") for part in ("--format", name)]
    command("review", "export", folder / "project", "-o", folder / "export", "--left-right", *formats)
    command("review", "report", folder / "project", "-o", folder / "report")
    yield Visit(folder, files, truth, dock, first, seen)


def _review(window: Window, folder: Path) -> np.ndarray:
    """Three slices corrected with the brush, and accepted; the mask on the screen then."""
    window.raise_dock("Review")
    window.new_project_by_model(REVIEWER, folder / "thorax", "ct-lung", folder / "project")
    window.wait("cases", 1)
    window.wait_for_masks()
    window.click_case(1)
    window.wait("lung", True)
    window.key("2")  # napari's own brush
    window.set_brush(STROKE)
    for number in PAINTED:
        window.go_to_slice(number)
        before = window.pixels()
        rows, columns = np.nonzero(before[number] == 1)
        row, column = float(rows.min()), float(np.median(columns[rows == rows.min()]))
        window.drag([(row - 4, column), (row - 1, column)])  # a little more of the right lung, in front
        changed = window.pixels() != before
        assert changed[number].any() and not np.delete(changed, number, axis=0).any()
    window.safe()
    seen = window.pixels()
    window.key("A")
    window.wait("message", "press A once more")  # the scan ends within the lungs
    window.key("A")
    window.wait("progress", "All 1 done")
    assert window.see()["message"] == "" and not window.see()["torch"]
    window.safe()
    return seen


def test_the_dock_measures_both_lungs_and_says_that_there_is_more(visit: Visit) -> None:
    assert visit.first.shape == visit.truth.shape and set(np.unique(visit.first)) == {0, 1, 2}
    assert dice(visit.first > 0, visit.truth > 0) > 0.9
    assert visit.dock["sizes"].count("at least") == 3 and " mL" in visit.dock["sizes"]
    assert "The scan ends within the lungs, at its first slice." in visit.dock["sizes"]
    assert "The lungs go on beyond the first slice" in visit.dock["check_results"]


def test_the_case_is_corrected_and_its_history_is_kept(visit: Visit) -> None:
    with ReviewProject.open(visit.project) as project:
        (case,) = project.cases()
        assert (case.status, case.reviewer, case.modality) == (Status.CORRECTED, REVIEWER, "CT")
        masks = project.revisions(case.id)
        assert (masks[0].author.kind, masks[0].author.name) == (AuthorKind.MODEL, "ct-lung")
        assert all(mask.author.kind == AuthorKind.PERSON for mask in masks[1:]) and len(masks) > 1
        np.testing.assert_array_equal(project.read_mask(masks[0].id), visit.first)
        np.testing.assert_array_equal(project.read_mask(case.revision or ""), visit.seen)
        assert problems(project) == []
    changed = np.flatnonzero((visit.seen != visit.first).any(axis=(1, 2)))
    assert changed.tolist() == list(PAINTED)


def test_the_archive_gets_the_mask_of_the_screen_and_its_history(visit: Visit) -> None:
    (path,) = (visit.folder / "export" / "dicom-seg-archive").iterdir()
    made = pydicom.dcmread(path)
    assert (made.PatientName, made.PatientID) == (PATIENT, NUMBER)
    assert "UNREVIEWED" not in f"{made.SeriesDescription} {made.get('ContentDescription', '')}"
    assert made.ContentCreatorName == REVIEWER
    assert [one.SegmentAlgorithmType for one in made.SegmentSequence] == ["SEMIAUTOMATIC"] * 2
    uids = {pydicom.dcmread(file, stop_before_pixels=True).SOPInstanceUID for file in visit.files}
    (series,) = made.ReferencedSeriesSequence
    assert {one.ReferencedSOPInstanceUID for one in series.ReferencedInstanceSequence} == uids
    np.testing.assert_array_equal(read_labels(path, of=visit.source).labels, visit.seen)


def test_the_export_for_research_fits_its_own_images_and_names_nobody(visit: Visit) -> None:
    folder = visit.folder / "export" / "dicom-seg"
    (path,) = (folder / "masks").iterdir()
    (images,) = (folder / "images").iterdir()
    source = Source(tuple(images.iterdir()))
    np.testing.assert_array_equal(read_labels(path, of=source).labels, visit.seen)
    for file in (path, *source.files):
        content = file.read_bytes()
        assert PATIENT.encode() not in content and NUMBER.encode() not in content


def test_other_programs_find_the_same_voxels(visit: Visit) -> None:
    (path,) = (visit.folder / "export" / "dicom-seg-archive").iterdir()
    highdicom: Any = pytest.importorskip("highdicom")
    volume = highdicom.seg.segread(path).get_volume(combine_segments=True, skip_overlap_checks=True)
    seg = read_seg(path)
    assert seg.shape == visit.seen.shape
    np.testing.assert_array_equal(_towards_head(volume.array, volume.affine), visit.seen)


def test_no_error_is_found_in_either_file(visit: Visit) -> None:
    program("dciodvfy")
    for path in visit.folder.glob("export/dicom-seg*/**/*_seg.dcm"):
        assert errors(path) == []


def test_the_report_has_the_volumes_of_the_mask(visit: Visit) -> None:
    with (visit.folder / "report" / "report.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    voxel = 4.0**3 / 1000
    for name, label in (("right_ml", 1), ("left_ml", 2)):
        assert float(row[name]) == pytest.approx(np.count_nonzero(visit.seen == label) * voxel, rel=1e-3)
    assert "cut-off" in row["checks"] and row["status"] == Status.CORRECTED.value


def _towards_head(array: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Slices from the feet to the head, as the series is shown."""
    return array if affine[2, 0] > 0 else array[::-1]
