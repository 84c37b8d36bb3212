"""The Segment dock from the first click to the mask, and everything that may go wrong in between."""

from __future__ import annotations

import numpy as np
import pytest
from dock_fakes import masks, two_lungs, words
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel

from napari_unet.core.errors import UserError
from napari_unet.core.events import Note, TileDone
from napari_unet.models.card import ModelCard
from napari_unet.models.folder import CARD_FILE
from napari_unet.models.output import Output


@pytest.fixture
def image(viewer, dock):
    return viewer.add_image(np.zeros((64, 80), np.uint8), name="chest")


def test_a_click_gives_a_mask(dock, viewer, image, click_segment, finish):
    job = click_segment()
    assert job.arguments["device"] == "auto"
    assert job.arguments["model"].endswith("test-lung")
    assert job.arguments["raster"].shape == (64, 80)
    finish(job, two_lungs((64, 80)))
    (mask,) = masks(viewer)
    assert mask.name == "chest – lungs (test-lung)"
    assert mask.data.dtype == np.uint8
    assert np.array_equal(mask.data, two_lungs((64, 80)).mask())
    assert "0.4 s" in words(dock, "status")
    assert "bone is white" in words(dock, "notes")
    assert dock.run.isEnabled() and not dock.cancel.isEnabled()


def test_the_pixels_are_a_copy(image, click_segment, finish):
    job = click_segment()
    image.data[0, 0] = 200
    assert job.arguments["raster"].pixels[0, 0] == 0
    finish(job, two_lungs((64, 80)))


def test_every_transform_and_unit_goes_to_the_mask(dock, viewer, click_segment, finish):
    shift = np.array([[0.0, 1, 5], [-1, 0, 7], [0, 0, 1]])
    image = viewer.add_image(
        np.zeros((64, 80)),
        scale=(0.2, 0.3),
        translate=(4, 5),
        rotate=20,
        shear=[0.1],
        affine=shift,
        units="mm",
        axis_labels=("y", "x"),
    )
    finish(click_segment(), two_lungs((64, 80)))
    (mask,) = masks(viewer)
    for corner in ((0, 0), (63, 0), (10, 79)):
        assert np.allclose(mask.data_to_world(corner), image.data_to_world(corner))
    assert mask.units == image.units
    assert mask.axis_labels == image.axis_labels
    for name in ("scale", "translate", "rotate", "shear"):
        assert np.allclose(getattr(mask, name), getattr(image, name)), name


def test_a_refusal_is_told_in_the_dock_and_as_a_notification(
    dock, viewer, image, click_segment, finish, told
):
    finish(click_segment(), UserError("This is a hand.", "Choose a chest X-ray."))
    assert "This is a hand. Choose a chest X-ray." in words(dock, "message")
    assert told == ["This is a hand. Choose a chest X-ray."]
    assert not masks(viewer)
    assert dock.run.isEnabled() and not dock.bar.isVisible()


def test_a_crash_frees_the_buttons_and_speaks_plainly(dock, viewer, image, click_segment, finish, told):
    finish(click_segment(), RuntimeError("shape '[3]' is invalid"))
    assert "Something went wrong" in told[0]
    assert "Something went wrong" in words(dock, "message")
    assert dock.run.isEnabled() and not masks(viewer)


def test_a_new_try_clears_the_last_problem(dock, image, click_segment, finish):
    finish(click_segment(), UserError("This is a hand."))
    job = click_segment()
    assert words(dock, "message") == ""
    finish(job, two_lungs((64, 80)))


def test_cancel(dock, viewer, image, click_segment, finish, qtbot):
    job = click_segment()
    qtbot.mouseClick(dock.cancel, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dock._job is None)
    assert job.cancelled
    assert not masks(viewer)
    assert words(dock, "status") == "Cancelled."
    assert dock.run.isEnabled()


def test_cancel_wins_over_a_result_on_its_way(dock, viewer, image, click_segment, qtbot):
    job = click_segment()
    job.end(two_lungs((64, 80)))
    dock.cancel.click()
    qtbot.waitUntil(lambda: dock._job is None)
    assert not masks(viewer)


def test_two_clicks_are_one_job(dock, viewer, image, engine, click_segment, finish, qtbot):
    job = click_segment()
    assert not dock.run.isEnabled()
    qtbot.mouseClick(dock.run, Qt.MouseButton.LeftButton)
    dock._on_segment()
    finish(job, two_lungs((64, 80)))
    assert len(engine.jobs) == 1 and len(masks(viewer)) == 1


def test_progress(dock, image, click_segment, finish, qtbot):
    job = click_segment()
    assert dock.bar.isVisible() and dock.bar.maximum() == 0
    job.tell(TileDone(2, 5))
    qtbot.waitUntil(lambda: dock.bar.maximum() == 5)
    assert dock.bar.value() == 2
    job.tell(Note("Out of memory on the GPU: went on on the CPU."))
    qtbot.waitUntil(lambda: "Out of memory" in words(dock, "status"))
    finish(job, two_lungs((64, 80)))
    assert not dock.bar.isVisible()


def test_image_renamed_meanwhile(viewer, image, click_segment, finish):
    job = click_segment()
    image.name = "patient 7"
    finish(job, two_lungs((64, 80)))
    assert masks(viewer)[0].name == "patient 7 – lungs (test-lung)"


def test_image_moved_meanwhile(viewer, image, click_segment, finish):
    job = click_segment()
    viewer.add_image(np.zeros((4, 4)), name="other")
    viewer.layers.move(0, 2)
    image.translate = (30, 40)
    finish(job, two_lungs((64, 80)))
    assert np.allclose(masks(viewer)[0].translate, (30, 40))


def test_image_removed_meanwhile(dock, viewer, image, click_segment, finish):
    job = click_segment()
    viewer.layers.remove(image)
    finish(job, two_lungs((64, 80)))
    assert not masks(viewer)
    assert "closed in the meantime" in words(dock, "status")
    assert not dock.run.isEnabled()  # nothing to segment any more


def test_image_replaced_meanwhile(dock, viewer, image, click_segment, finish):
    job = click_segment()
    image.data = np.ones((32, 32), np.uint8)
    finish(job, two_lungs((64, 80)))
    assert not masks(viewer)
    assert "replaced in the meantime" in words(dock, "status")


def test_another_image_of_the_same_name_gets_nothing(dock, viewer, image, click_segment, finish):
    job = click_segment()
    viewer.layers.remove(image)
    viewer.add_image(np.zeros((64, 80), np.uint8), name="chest")
    finish(job, two_lungs((64, 80)))
    assert not masks(viewer)
    assert dock.run.isEnabled()


def test_a_second_result_stands_beside_the_first(viewer, image, click_segment, finish):
    finish(click_segment(), two_lungs((64, 80)))
    first = masks(viewer)[0]
    first.data[0, 0] = 1  # painted by hand
    finish(click_segment(), two_lungs((64, 80)))
    assert len(masks(viewer)) == 2
    assert first.data[0, 0] == 1
    assert not first.visible and masks(viewer)[1].visible


def test_this_slice_of_a_stack(dock, viewer, click_segment, finish):
    stack = viewer.add_image(
        np.zeros((5, 64, 80), np.uint8), name="stack", scale=(2, 1, 1), translate=(10, 0, 0)
    )
    assert dock.slices.isVisible()
    viewer.dims.set_current_step(0, 3)
    job = click_segment()
    assert job.arguments["raster"].shape == (64, 80)
    finish(job, two_lungs((64, 80)))
    (mask,) = masks(viewer)
    assert mask.data.shape == (1, 64, 80)
    assert np.allclose(mask.data_to_world((0, 1, 2)), stack.data_to_world((3, 1, 2)))
    assert mask.name == "stack, slice 3 – lungs (test-lung)"


def test_all_slices_of_a_stack(dock, viewer, click_segment, finish):
    viewer.add_image(np.zeros((5, 64, 80), np.uint8), name="stack")
    dock.slices.setCurrentText("All slices")
    job = click_segment()
    assert job.arguments["raster"].shape == (5, 64, 80)
    finish(job, two_lungs((5, 64, 80)))
    assert masks(viewer)[0].data.shape == (5, 64, 80)


def test_a_mask_of_all_slices_takes_the_place_of_that_of_one(dock, viewer, click_segment, finish):
    viewer.add_image(np.zeros((5, 64, 80), np.uint8), name="stack")
    finish(click_segment(), two_lungs((64, 80)))
    dock.slices.setCurrentText("All slices")
    finish(click_segment(), two_lungs((5, 64, 80)))
    assert [mask.visible for mask in masks(viewer)] == [False, True]


def test_slices_are_asked_for_in_stacks_only(dock, viewer, image):
    assert not dock.slices.isVisible()
    viewer.add_image(np.zeros((3, 8, 8)))
    assert dock.slices.isVisible()
    viewer.add_image(np.zeros((2, 3, 8, 8)))
    assert not dock.slices.model().item(1).isEnabled()


def test_a_slice_is_refused_while_other_axes_are_in_view(dock, viewer, engine, told):
    viewer.add_image(np.zeros((5, 64, 80), np.uint8), name="stack")
    viewer.dims.order = (2, 0, 1)
    dock.run.click()
    assert "does not show the slices" in told[0]
    assert not engine.jobs and dock.run.isEnabled()


def test_a_grey_rgb_picture_becomes_one_channel(viewer, dock, click_segment, finish):
    grey = np.random.default_rng(0).integers(0, 255, (64, 80, 1), np.uint8)
    viewer.add_image(np.repeat(grey, 3, axis=2), rgb=True)
    job = click_segment()
    assert np.array_equal(job.arguments["raster"].pixels, grey[..., 0])
    finish(job, two_lungs((64, 80)))


def test_a_coloured_picture_is_refused(viewer, dock, engine, qtbot, told):
    viewer.add_image(np.random.default_rng(0).integers(0, 255, (64, 80, 3), np.uint8), rgb=True)
    dock.run.click()
    qtbot.waitUntil(lambda: bool(told))
    assert "colour picture" in told[0]
    assert not engine.jobs


def test_nothing_to_segment(dock, engine):
    assert not dock.run.isEnabled()
    dock._on_segment()
    assert not engine.jobs


def test_devices(dock):
    texts = [dock.device.itemText(i) for i in range(dock.device.count())]
    assert texts == ["Automatic", "Processor"]


def test_the_chosen_device_is_used(dock, image, click_segment, finish):
    dock.device.setCurrentText("Processor")
    job = click_segment()
    assert job.arguments["device"] == "cpu"
    finish(job, two_lungs((64, 80)))


def test_the_card_in_words(dock):
    assert "frontal chest X-rays of adults" in words(dock, "model_use")
    details = words(dock, "model_details")
    for part in ("heart is left out", "0.970", "CC0", "PA, AP"):
        assert part in details
    assert not dock.findChild(QLabel, "model_details").isVisible()
    dock.model.card._fold.button().click()
    assert dock.findChild(QLabel, "model_details").isVisible()


def test_what_the_header_says_against_the_card_is_told_before_the_mask(viewer, dock, models):
    child = {"age_years": 6.0, "position": "supine", "modality": "DX", "view": "AP"}
    layer = viewer.add_image(np.zeros((64, 80), np.uint8), name="child", metadata={"napari_unet": child})
    assert "under 18" in words(dock, "facts") and "adults" in words(dock, "facts")
    assert dock.facts.isVisible() and not masks(viewer)
    adult = {"napari_unet": {"age_years": 60.0}}
    viewer.add_image(np.zeros((64, 80), np.uint8), name="adult", metadata=adult)
    assert dock.facts.isHidden()
    viewer.layers.selection.active = layer
    assert not dock.facts.isHidden()


def test_a_model_of_two_answers_offers_them(dock, models, image, click_segment, finish):
    assert not dock.answer.isVisible() and not dock._answer_label.isVisible()
    job = click_segment()
    assert job.arguments["output"] is None
    finish(job, two_lungs((64, 80)))
    old, new = Output(protocol="heart left out"), Output(id="lungs-2", protocol="heart included")
    (models / "two").mkdir()
    card = ModelCard(name="two", outputs=(old, new))
    (models / "two" / CARD_FILE).write_text(card.model_dump_json())
    dock.model.reload()
    dock.model.setCurrentText("two")
    assert dock.answer.isVisible() and dock._answer_label.isVisible()
    assert dock.answer.currentText() == "lungs-2", "the last one is the model's own choice"
    assert dock.answer.itemData(0, Qt.ItemDataRole.ToolTipRole) == "heart left out"
    dock.answer.setCurrentText("lungs")
    job = click_segment()
    assert job.arguments["output"] == "lungs" and job.arguments["model"].endswith("two")
    finish(job, two_lungs((64, 80)))
    dock.model.setCurrentText("test-lung")
    assert not dock.answer.isVisible()
