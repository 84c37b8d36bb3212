"""Save mask… as a DICOM segmentation: what is said, what is in it, and what a brush changes."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from dicom_files import NUMBER, PATIENT, save, save_series
from dock_fakes import settle, two_lungs
from qtpy.QtWidgets import QFileDialog
from seg_rooms import errors, xray_tags

from napari_unet.io.formats import read_labels
from napari_unet.npe2_io import read_layers
from napari_unet.widgets.segment.save_mask import SEG_KINDS

ARCHIVE, RESEARCH = SEG_KINDS


@pytest.fixture
def xray(tmp_path):
    return save(tmp_path / "chest.dcm", np.ones((64, 80), np.uint16), **xray_tags())


@pytest.fixture
def mask(dock, viewer, click_segment, qtbot, xray):
    """The mask layer of an X-ray that was opened from its file and segmented."""
    ((pixels, options, _),) = read_layers(str(xray))
    viewer.add_image(pixels, **options)
    click_segment().end(two_lungs((64, 80)))
    qtbot.waitUntil(lambda: dock._job is None)
    settle(qtbot, dock)
    return viewer.layers[-1]


@pytest.fixture
def save_as(dock, qtbot, monkeypatch, tmp_path):
    """Save mask… with this kind; what the dock says."""

    def click(kind, name="chest_mask.png"):
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / name), kind))
        dock.result.save.click()
        qtbot.waitUntil(lambda: not dock.result._jobs, timeout=20_000)
        return dock.status.text(), dock.message.text()

    return click


def test_for_the_archive_it_says_that_the_patient_is_in_it(mask, save_as, tmp_path, xray):
    said, problem = save_as(ARCHIVE)
    path = tmp_path / "chest_seg.dcm"
    assert not problem and "Saved chest_seg.dcm" in said and "patient and the study" in said
    assert "UNREVIEWED" in said and "pydicom alone" in said  # dcmqi reads none of an X-ray
    assert PATIENT not in said and NUMBER not in said
    made = pydicom.dcmread(path)
    assert errors(path) == [] and made.PatientName == PATIENT and made.ContentCreatorName == ""
    assert {segment.SegmentAlgorithmType for segment in made.SegmentSequence} == {"AUTOMATIC"}
    assert np.array_equal(read_labels(path, of=xray).labels, mask.data)


def test_a_stroke_makes_it_semiautomatic_and_undo_automatic_again(mask, save_as, tmp_path):
    def kind():
        save_as(ARCHIVE, "chest_seg.dcm")
        return pydicom.dcmread(tmp_path / "chest_seg.dcm").SegmentSequence[0].SegmentAlgorithmType

    mask.paint((2, 70), 1)
    assert kind() == "SEMIAUTOMATIC"
    mask.undo()
    assert kind() == "AUTOMATIC"


def test_left_and_right_are_segments_of_their_own(dock, qtbot, mask, save_as, tmp_path):
    dock.result.left_right.click()
    settle(qtbot, dock)
    save_as(ARCHIVE)
    right, left = pydicom.dcmread(tmp_path / "chest_seg.dcm").SegmentSequence
    assert (right.SegmentLabel, left.SegmentLabel) == ("right lung", "left lung")
    assert right.SegmentAlgorithmType == "AUTOMATIC"  # by geometry, not by a hand


def test_an_x_ray_is_not_for_research_without_its_image(dock, mask, save_as, tmp_path):
    _, problem = save_as(RESEARCH)
    assert "only by its image" in problem and not (tmp_path / "chest_seg.dcm").exists()
    assert dock.result.save.isEnabled()


def test_the_image_itself_is_not_overwritten(mask, save_as, xray):
    before = xray.read_bytes()
    _, problem = save_as(ARCHIVE, "chest.dcm")
    assert "is an image" in problem and xray.read_bytes() == before


def test_a_mask_of_nothing_is_refused_in_words(mask, save_as, tmp_path):
    mask.data_setitem(np.nonzero(mask.data), 0)
    _, problem = save_as(ARCHIVE)
    assert "empty" in problem and not (tmp_path / "chest_seg.dcm").exists()


def test_a_mask_of_some_slices_says_so(dock, viewer, click_segment, qtbot, save_as, tmp_path):
    volume = np.zeros((4, 64, 80), np.int16)
    ((pixels, options, _),) = read_layers([str(file) for file in save_series(tmp_path / "thorax", volume)])
    viewer.add_image(pixels, **options)
    spacing = tuple(viewer.layers[-1].metadata["napari_unet"]["spacing_mm"])
    click_segment().end(two_lungs((4, 64, 80), spacing, stopped_at=2))
    qtbot.waitUntil(lambda: dock._job is None)
    settle(qtbot, dock)
    said, problem = save_as(ARCHIVE, "thorax_mask.nii.gz")
    assert not problem and "2 of 4 slices only" in said
    made = pydicom.dcmread(tmp_path / "thorax_seg.dcm")
    assert made.ContentDescription.startswith("UNREVIEWED, 2 of 4 slices: made by")
    assert made.SeriesDescription.startswith("UNREVIEWED, 2 of 4 slices")
