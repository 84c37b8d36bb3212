"""Which file a mask is offered to be saved as."""

from __future__ import annotations

import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from qtpy.QtWidgets import QFileDialog

from napari_unet.core.errors import UserError
from napari_unet.core.frames import DicomFrame
from napari_unet.io.unpacked import unpacked
from napari_unet.resources_path import resource
from napari_unet.widgets.common.results_seg import SegKind
from napari_unet.widgets.segment.save_mask import (
    KINDS,
    SEG_KINDS,
    Where,
    ask_where,
    suggested_path,
    with_suffix,
)


def result(source="", shape=(4, 5), index=None):
    return SimpleNamespace(header={"source": source}, shape=shape, index=index)


@pytest.mark.parametrize(
    "name, shape, index, expected",
    [
        ("chest.png", (4, 5), None, "chest_mask.png"),
        ("IM0001.dcm", (4, 5), None, "IM0001_mask.png"),
        ("ct.nii.gz", (3, 4, 5), None, "ct_mask.nii.gz"),
        ("flat.nii", (4, 5), None, "flat_mask.nii.gz"),
        ("stack.tif", (3, 4, 5), None, "stack_mask.tif"),
        ("stack.tif", (4, 5), (6,), "stack_7_mask.png"),
    ],
)
def test_beside_the_images_file(tmp_path, name, shape, index, expected):
    source = tmp_path / name
    source.touch()
    assert suggested_path(result(str(source), shape, index)) == tmp_path / expected


def test_a_volume_of_dicom_slices_keeps_its_place_beside_its_folder(tmp_path):
    (tmp_path / "study 1").mkdir()
    volume = result(str(tmp_path / "study 1"), (3, 4, 5))
    volume.header["frame"] = DicomFrame("1.2", "1.3", "1.4", ())
    assert suggested_path(volume) == tmp_path / "study 1_mask.nii.gz"
    volume.index, volume.shape = (1,), (4, 5)
    assert suggested_path(volume) == tmp_path / "study 1_2_mask.png"


def test_what_was_unpacked_is_saved_at_home_for_its_folder_goes(tmp_path):
    with zipfile.ZipFile(tmp_path / "disc.zip", "w") as archive:
        archive.write(resource("samples", "hannover_0a7faa2a.png"), "chest.png")
    unpacked_to = unpacked(tmp_path / "disc.zip")
    for source in (unpacked_to, unpacked_to / "chest.png"):
        assert suggested_path(result(str(source))).parent == Path.home()


def test_an_image_without_a_file_is_saved_at_home():
    assert suggested_path(result("chest")) == Path.home() / "chest_mask.png"
    assert suggested_path(result()) == Path.home() / "image_mask.png"


def test_a_sample_is_not_saved_in_the_package():
    source = next(path for path in resource("samples").iterdir() if path.suffix == ".png")
    assert suggested_path(result(str(source))).parent == Path.home()


def test_a_name_without_a_suffix_gets_that_of_the_kind():
    for kind, suffix in KINDS.items():
        assert with_suffix(Path("a/my mask"), kind).name == "my mask" + suffix
    assert with_suffix(Path("m.1"), "TIFF (*.tif *.tiff)").name == "m.1.tif"
    assert with_suffix(Path("m.NII.GZ"), "PNG (*.png)").name == "m.NII.GZ"


@pytest.fixture
def answers(monkeypatch):
    """The dialog gives this name and kind; returns the kinds that it offered."""

    def answer(name, kind):
        offered = []

        def ask(parent, title, suggestion, kinds, first):
            offered.extend(kinds.split(";;"))
            return str(name), kind

        monkeypatch.setattr(QFileDialog, "getSaveFileName", ask)
        return offered

    return answer


@pytest.mark.parametrize(
    "answer, expected", [(("", ""), None), (("/x/m", "PNG (*.png)"), Where(Path("/x/m.png")))]
)
def test_the_dialogs_answer(answers, answer, expected):
    offered = answers(*answer)
    assert ask_where(None, result("chest")) == expected
    assert offered == list(KINDS)


def dicom(tmp_path):
    made = result(str(tmp_path / "chest.dcm"))
    made.header["frame"] = DicomFrame("1", "2", "", ())
    return made


@pytest.mark.parametrize("kind, whose", SEG_KINDS.items())
@pytest.mark.parametrize(
    "name, expected",
    [("chest_mask.png", "chest_seg.dcm"), ("m", "m.dcm"), ("a.DCM", "a.DCM"), ("b.tif", "b_seg.dcm")],
)
def test_a_dicom_segmentation_is_for_the_archive_or_for_research(
    tmp_path, answers, kind, whose, name, expected
):
    offered = answers(tmp_path / name, kind)
    assert ask_where(None, dicom(tmp_path)) == Where(tmp_path / expected, whose)
    assert offered == [*KINDS, *SEG_KINDS]
    assert ("with patient data" in kind) is (whose is SegKind.ARCHIVE)


def test_nothing_is_replaced_that_the_dialog_did_not_ask_about(tmp_path, answers):
    (tmp_path / "chest_seg.dcm").touch()
    answers(tmp_path / "chest_mask.png", next(iter(SEG_KINDS)))
    with pytest.raises(UserError, match="exists already"):
        ask_where(None, dicom(tmp_path))
    answers(tmp_path / "chest_seg.dcm", next(iter(SEG_KINDS)))  # the dialog has asked
    assert ask_where(None, dicom(tmp_path)).path == tmp_path / "chest_seg.dcm"


def test_a_dicom_name_alone_does_not_say_for_whom_it_is(tmp_path, answers):
    answers(tmp_path / "chest.dcm", "PNG (*.png)")
    with pytest.raises(UserError, match="archive or for research"):
        ask_where(None, dicom(tmp_path))
