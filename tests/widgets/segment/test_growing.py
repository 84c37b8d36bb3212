"""The mask of a volume while it is made: shown slice by slice, kept or thrown away by whoever cancels."""

from __future__ import annotations

import numpy as np
import pytest
from dock_fakes import masks, settle, two_lungs, words
from qtpy.QtWidgets import QLabel

from napari_unet.core.errors import UserError
from napari_unet.core.events import SliceDone
from napari_unet.core.steps import STOP
from napari_unet.widgets.common.layers import is_mask
from napari_unet.widgets.common.sources import MAP

SHAPE = (4, 64, 80)
GRID = (16, 20)
WHOLE = (slice(0, 64), slice(0, 80))


def slice_done(done: int, box=WHOLE) -> SliceDone:
    labels = np.zeros(GRID, np.uint8)
    labels[4:8, 2:6] = done
    return SliceDone(done, SHAPE[0], labels, box)


@pytest.fixture
def image(viewer, dock):
    made = viewer.add_image(np.zeros(SHAPE, np.uint8), name="chest", scale=(5, 2, 2), translate=(7, 8, 9))
    dock.slices.setCurrentText("All slices")
    return made


@pytest.fixture
def half_done(dock, viewer, image, click_segment, qtbot):
    """A click on Segment, and two slices of four; returns the engine's job."""
    job = click_segment()
    job.tell(slice_done(1), slice_done(2))
    qtbot.waitUntil(lambda: dock.bar.value() == 2)
    return job


def test_slices_are_shown_as_they_are_done_and_the_mask_takes_their_place(
    dock, viewer, image, half_done, finish
):
    assert half_done.arguments["show_slices"] is True
    (preview,) = masks(viewer)
    assert preview.data.shape == (4, *GRID) and [int(one.max()) for one in preview.data] == [1, 2, 0, 0]
    assert preview.metadata[MAP] == "preview" and not is_mask(preview) and not preview.editable
    assert preview.name == "Preview: chest" and viewer.layers.selection.active is image
    assert "2 of 4 slices" in words(dock, "status") and "preview" in words(dock, "status")
    finish(half_done, two_lungs(SHAPE))
    (mask,) = masks(viewer)
    assert mask.data.shape == SHAPE and mask.name == "chest – lungs (test-lung)" and mask.visible
    assert not dock.keep.isVisible()


@pytest.mark.parametrize("box", [WHOLE, (slice(8, 40), slice(20, 60))])
def test_the_preview_lies_where_its_grid_lies(dock, viewer, image, click_segment, finish, told, qtbot, box):
    job = click_segment()
    job.tell(slice_done(1, box))
    qtbot.waitUntil(lambda: len(masks(viewer)) == 1)
    (preview,) = masks(viewer)
    for corner, end in (((0, -0.5, -0.5), "start"), ((3, GRID[0] - 0.5, GRID[1] - 0.5), "stop")):
        there = image.data_to_world((corner[0], *(getattr(part, end) - 0.5 for part in box)))
        np.testing.assert_allclose(preview.data_to_world(corner), there)
    finish(job, UserError("No."))


def test_the_slice_in_view_is_drawn_when_it_comes(dock, viewer, image, click_segment, finish, told, qtbot):
    job = click_segment()
    viewer.dims.set_current_step(0, 1)
    job.tell(slice_done(1))
    qtbot.waitUntil(lambda: len(masks(viewer)) == 1)
    (preview,) = masks(viewer)
    assert not np.asarray(preview._slice.image.raw).any()
    job.tell(slice_done(2))
    qtbot.waitUntil(lambda: np.asarray(preview._slice.image.raw).any())
    viewer.dims.order = (1, 0, 2)  # a cut through all slices
    job.tell(slice_done(3), slice_done(4))
    viewer.dims.set_current_step(1, 20)  # row 5 of the grid
    qtbot.waitUntil(lambda: set(np.unique(preview._slice.image.raw)) == {0, 1, 2, 3, 4})
    finish(job, UserError("No."))


def test_one_slice_and_what_has_no_slices_have_no_preview(dock, viewer, image, click_segment, finish):
    dock.slices.setCurrentText("This slice")
    job = click_segment()
    assert job.arguments["show_slices"] is False
    finish(job, two_lungs(SHAPE[1:]))
    assert len(masks(viewer)) == 1


@pytest.mark.parametrize("error", [UserError("This is a hand."), RuntimeError("boom")])
def test_a_failure_takes_the_preview_away(dock, viewer, half_done, finish, told, error):
    finish(half_done, error)
    assert not masks(viewer) and len(told) == 1 and dock.run.isEnabled()


def test_cancel_throws_away_what_is_done_unless_somebody_keeps_it(
    dock, viewer, half_done, finish, click_segment
):
    dock.cancel.click()
    assert not masks(viewer)  # at once
    half_done.tell(slice_done(3))
    finish(half_done, two_lungs(SHAPE, stopped_at=3))
    assert half_done.words == [STOP] and not half_done.cancelled
    assert not masks(viewer) and dock.keep.isVisible() and dock.keep.text() == "Keep 3 slices"
    said = words(dock, "status")
    assert "Cancelled after 3 of 4 slices" in said and "incomplete" in said
    again = click_segment()
    assert not dock.keep.isVisible()
    finish(again, two_lungs(SHAPE))
    assert [mask.name for mask in masks(viewer)] == ["chest – lungs (test-lung)"]


def test_what_is_done_can_be_kept_and_says_that_it_is_incomplete(dock, viewer, half_done, finish, qtbot):
    dock.cancel.click()
    finish(half_done, two_lungs(SHAPE, stopped_at=2))
    dock.keep.click()
    settle(qtbot, dock)
    (mask,) = masks(viewer)
    assert mask.name == "chest – lungs (test-lung), 2 of 4 slices"
    assert "2 of 4 slices" in words(dock, "status") and not dock.keep.isVisible()
    assert dock.result.picker.layer() is mask
    said = [label.text() for label in dock.result.report.findChildren(QLabel)]
    assert any("Only 2 of 4 slices have a mask: all volumes are underestimated." in text for text in said)


def test_cancelled_in_the_last_moment_the_whole_mask_is_offered(dock, viewer, half_done, finish, qtbot):
    dock.cancel.click()
    finish(half_done, two_lungs(SHAPE))
    assert not masks(viewer) and dock.keep.text() == "Keep the mask"
    dock.keep.click()
    settle(qtbot, dock)
    assert [mask.name for mask in masks(viewer)] == ["chest – lungs (test-lung)"]


def test_cancel_again_waits_for_nothing(dock, viewer, half_done, qtbot):
    dock.cancel.click()
    dock.cancel.click()
    qtbot.waitUntil(lambda: dock._job is None)
    assert half_done.cancelled and not masks(viewer) and not dock.keep.isVisible()
    assert words(dock, "status") == "Cancelled." and dock.run.isEnabled()


def test_before_the_first_slice_cancel_is_at_once(dock, viewer, image, click_segment, qtbot):
    job = click_segment()
    dock.cancel.click()
    qtbot.waitUntil(lambda: dock._job is None)
    assert job.cancelled and not job.words and not dock.keep.isVisible()


def test_a_stopped_job_that_fails_says_so(dock, viewer, half_done, finish, told):
    dock.cancel.click()
    finish(half_done, UserError("This is a hand."))
    assert told == ["This is a hand."] and not dock.keep.isVisible() and not masks(viewer)


def test_two_clicks_are_one_job(dock, viewer, half_done, engine, finish):
    dock._on_segment()
    finish(half_done, two_lungs(SHAPE))
    assert len(engine.jobs) == 1 and len(masks(viewer)) == 1


def test_another_image_ends_the_offer(dock, viewer, half_done, finish):
    dock.cancel.click()
    finish(half_done, two_lungs(SHAPE, stopped_at=2))
    dock.image.choose(viewer.add_image(np.ones(SHAPE, np.uint8), name="other"))
    assert not dock.keep.isVisible()
    dock.keep.click()
    assert not masks(viewer)


def test_who_removes_the_preview_does_not_see_it_again(dock, viewer, half_done, finish, qtbot):
    viewer.layers.remove(masks(viewer)[0])
    half_done.tell(slice_done(3))
    qtbot.waitUntil(lambda: dock.bar.value() == 3)
    assert not masks(viewer)
    finish(half_done, two_lungs(SHAPE))
    assert len(masks(viewer)) == 1


def test_an_image_that_is_closed_takes_its_preview_along(dock, viewer, image, half_done, finish, qtbot):
    viewer.layers.remove(image)
    half_done.tell(slice_done(3))
    qtbot.waitUntil(lambda: dock.bar.value() == 3)
    assert not masks(viewer)
    finish(half_done, two_lungs(SHAPE))
    assert not masks(viewer) and "closed in the meantime" in words(dock, "status")


@pytest.mark.parametrize("succeeds", [True, False])
def test_an_earlier_mask_steps_aside_meanwhile(
    dock, viewer, image, click_segment, finish, qtbot, told, succeeds
):
    finish(click_segment(), two_lungs(SHAPE))
    (earlier,) = masks(viewer)
    dock.image.choose(image)
    job = click_segment()
    job.tell(slice_done(1))
    qtbot.waitUntil(lambda: len(masks(viewer)) == 2)
    assert not earlier.visible
    finish(job, two_lungs(SHAPE) if succeeds else UserError("No."))
    assert earlier.visible is not succeeds
    assert len(masks(viewer)) == (2 if succeeds else 1)


def test_a_closed_dock_leaves_no_preview(dock, viewer, half_done):
    viewer.window.remove_dock_widget(dock)
    assert not masks(viewer)
