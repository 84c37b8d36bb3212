"""The model in the Segment dock follows the kind of the image: X-ray or CT."""

from __future__ import annotations

import numpy as np
import pytest
from dicom_files import save, save_series

from napari_unet.core.label_set import RIGHT_AND_LEFT
from napari_unet.core.raster import Modality
from napari_unet.models.card import ModelCard
from napari_unet.models.folder import CARD_FILE
from napari_unet.models.library import default_library
from napari_unet.widgets.review.add import AddDialog
from napari_unet.widgets.session import session_of


@pytest.fixture
def models(models):
    """Two models for CT beside the one for X-rays."""
    for name in ("ct-test", "ct-test-2"):
        (models / name).mkdir()
        card = ModelCard(name=name, title="CT, for tests", use="chest CT", modalities=("CT",))
        (models / name / CARD_FILE).write_text(card.model_dump_json())
    default_library().use("ct-test")
    return models


def add(viewer, pixels, modality=None):
    header = {} if modality is None else {"modality": modality}
    return viewer.add_image(pixels, metadata={"napari_unet": header})


XRAY = np.full((64, 64), 200, np.uint8)
VOLUME = np.full((4, 64, 64), -900, np.int16)


def test_the_box_follows_the_image_and_says_why(dock, viewer):
    xray = add(viewer, XRAY)
    assert (dock.model.currentText(), dock.kind.text()) == ("test-lung", "")
    add(viewer, VOLUME)
    assert dock.model.currentText() == "ct-test"
    assert dock.kind.text() == "The image is a CT: it has values that only CT has."
    assert "chest CT" in dock.model.card._use.text()
    add(viewer, XRAY, Modality.DX)
    assert dock.model.currentText() == "test-lung"
    assert dock.kind.text() == "The image is an X-ray: its header says so."
    dock.image.choose(xray)
    assert dock.model.currentText() == "test-lung"


def test_a_choice_of_one_s_own_is_kept_for_its_kind(dock, viewer):
    xray, ct = add(viewer, XRAY), add(viewer, VOLUME, Modality.CT)
    dock.model.setCurrentText("ct-test-2")
    dock.image.choose(xray)
    assert dock.model.currentText() == "test-lung"
    dock.image.choose(ct)
    assert dock.model.currentText() == "ct-test-2"
    assert default_library().current("CT") == "ct-test", "for this window only"


def test_following_an_image_changes_no_other_choice(dock, viewer):
    session, changed = session_of(viewer), []
    session.model_changed.connect(changed.append)
    add(viewer, VOLUME)
    add(viewer, XRAY)
    assert session.model == "test-lung" and not changed


def test_a_new_model_for_the_other_kind_leaves_the_box(dock, viewer):
    add(viewer, VOLUME)
    session = session_of(viewer)
    session.use_model("cxr-lung")
    assert dock.model.currentText() == "ct-test"
    session.use_model("ct-test-2")
    assert dock.model.currentText() == "ct-test-2"
    dock.image.choose(add(viewer, XRAY))
    assert dock.model.currentText() == "cxr-lung"


def test_the_engine_gets_the_model_of_the_kind(dock, viewer, click_segment):
    add(viewer, VOLUME)
    dock.slices.setCurrentIndex(1)
    job = click_segment()
    assert job.arguments["model"].endswith("ct-test")


def test_the_protocol_is_that_of_the_images_that_are_chosen(dock, viewer, models, tmp_path):
    card = ModelCard(name="ct-test", modalities=("CT",), labels=RIGHT_AND_LEFT, protocol="All of both lungs.")
    (models / "ct-test" / CARD_FILE).write_text(card.model_dump_json())
    save_series(tmp_path / "study" / "ct", VOLUME)
    save(tmp_path / "xray.dcm", XRAY)
    dialog = AddDialog(dock, new=True, library=session_of(viewer).library())
    dialog.images.choose(tmp_path / "study")
    assert (dialog.protocol.text(), dialog.addition().labels) == ("All of both lungs.", RIGHT_AND_LEFT)
    dialog.images.choose(tmp_path / "xray.dcm")
    assert dialog.protocol.text() == "Visible lung fields; the heart is left out."


def test_first_masks_are_offered_by_the_models_in_use(dock, viewer, models):
    dock.model.setCurrentText("ct-test-2")
    dialog = AddDialog(dock, new=True, library=session_of(viewer).library())
    assert dialog.first.currentText() == "Drawn by the model in use, test-lung for X-rays or ct-test-2 for CT"
    addition = dialog.addition()
    assert (addition.model, addition.answer) == ("auto", None)
    assert dialog.protocol.text() == "Visible lung fields; the heart is left out."


def test_a_model_for_teaching_is_offered_by_no_box(dock, viewer, models):
    (models / "a-lineage").mkdir()
    card = ModelCard(name="a-lineage", use="teaching: chest X-rays")
    (models / "a-lineage" / CARD_FILE).write_text(card.model_dump_json())
    dock.model.reload()
    names = [dock.model.itemText(row) for row in range(dock.model.count())]
    assert "test-lung" in names and "a-lineage" not in names
    assert default_library().find("a-lineage").card == card
    dialog = AddDialog(dock, new=True, library=session_of(viewer).library())
    assert not any("a-lineage" in dialog.first.itemText(row) for row in range(dialog.first.count()))


def test_a_ct_begins_with_all_slices_and_other_stacks_with_the_one_in_view(dock, viewer):
    volume = add(viewer, VOLUME)
    assert dock.slices.currentText() == "All slices"
    dock.slices.setCurrentText("This slice")
    viewer.add_labels(np.zeros(VOLUME.shape, np.uint8))  # not another image
    assert dock.slices.currentText() == "This slice"
    dock.image.choose(viewer.add_image(np.zeros((5, 64, 80), np.uint8), name="X-rays"))
    assert dock.slices.currentText() == "This slice"
    dock.image.choose(volume)
    assert dock.slices.currentText() == "All slices"
