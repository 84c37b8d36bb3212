"""Images and first masks come into a project; what is shown beside a mask."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from casework_fakes import SHAPE, asked, first_mask, lungs, stroke, write_images, write_stack
from PIL import Image as Picture

from napari_unet.core.answered import with_answer
from napari_unet.core.errors import UserError
from napari_unet.review.types import Author, AuthorKind, FileState, Order
from napari_unet.widgets.session import session_of


def test_images_are_added_read_and_shown_in_the_queue(review, tmp_path):
    images = write_images(tmp_path / "images", 3)
    review.work.create_project(review.folder, "heart left out")
    review.qtbot.waitUntil(lambda: review.work.project is not None)
    assert review.work.project.protocol == "heart left out"
    review.work.importer.add_images([tmp_path / "images"])
    review.qtbot.waitUntil(lambda: len(review.work.queue) == 3)
    assert review.news[0].startswith("3 images added.")
    review.qtbot.waitUntil(
        lambda: all(case.file_state == FileState.PRESENT for case in review.work.cases.values())
    )
    assert {case.shape for case in review.work.cases.values()} == {SHAPE}
    review.work.importer.add_images(images)
    review.qtbot.waitUntil(lambda: "3 there already" in review.news[-1])
    review.settle()
    assert len(review.work.queue) == 3


def test_nothing_to_add_is_told(review, tmp_path):
    review.start(write_images(tmp_path / "images", 1))
    review.work.importer.add_images([tmp_path / "nowhere" / "*.png"])
    review.qtbot.waitUntil(lambda: bool(review.failures))


def test_what_was_assumed_of_a_mask_is_told_in_the_window(review, tmp_path):
    images = write_images(tmp_path / "images", 1, (120, 160))
    review.start([])
    (tmp_path / "masks").mkdir()
    Picture.fromarray(lungs((120, 160)) * 255).save(tmp_path / "masks" / "0.jpg", quality=60)
    review.work.importer.add_images(images, masks=tmp_path / "masks")
    review.qtbot.waitUntil(lambda: any("1 mask taken from the folder" in text for text in review.news))
    assert "Case 1: It is not a clean two-value mask" in review.news[-1]


def test_masks_of_a_folder_are_attached(review, tmp_path):
    review.start(write_images(tmp_path / "one", 1))
    images = write_images(tmp_path / "images", 2)
    (tmp_path / "masks").mkdir()
    Picture.fromarray(lungs(SHAPE) * 255).save(tmp_path / "masks" / "0.png")
    ended = []
    review.work.importer.masks_attached.connect(ended.append)
    review.work.importer.add_images(images, masks=tmp_path / "masks")
    review.qtbot.waitUntil(lambda: bool(ended))
    (id,) = ended[0].attached
    np.testing.assert_array_equal(review.open(id).data, lungs(SHAPE))


def test_a_mask_of_a_folder_is_shown_in_the_case_that_is_open(review, tmp_path):
    images = write_images(tmp_path / "images", 1)
    (id,) = review.start(images, masks=False)
    mask = review.open(id)
    assert not mask.data.any()
    (tmp_path / "masks").mkdir()
    Picture.fromarray(lungs(SHAPE) * 255).save(tmp_path / "masks" / "0.png")
    review.work.importer.add_images(images, masks=tmp_path / "masks")
    review.qtbot.waitUntil(lambda: bool(mask.data.any()))
    np.testing.assert_array_equal(review.saved(id), lungs(SHAPE))
    (revision,) = review.work.project.revisions(id)
    assert revision.author.kind == AuthorKind.FILE


def test_first_masks_come_from_the_engine_the_open_case_first(review, engine, tmp_path):
    ids = review.start(write_images(tmp_path / "images", 3), masks=False)
    review.work.set_order(Order.ID)
    review.settle()
    mask = review.open(ids[1])
    progress = []
    review.work.importer.first_masks.progressed.connect(
        lambda event: progress.append((event.done, event.total))
    )
    review.work.importer.make_first_masks("test-lung")
    review.work.importer.make_first_masks("test-lung")  # twice is once
    job = asked(review, engine, 1)
    assert job.kind == "first_mask" and job.arguments["model"] == "test-lung"
    job.end(first_mask())
    review.qtbot.waitUntil(lambda: bool(mask.data.any()))
    np.testing.assert_array_equal(mask.data, lungs(SHAPE))
    asked(review, engine, 2).end(first_mask())
    asked(review, engine, 3).end(first_mask())
    review.qtbot.waitUntil(lambda: not review.work.importer.first_masks.running)
    review.settle()
    assert progress[-1] == (3, 3)
    assert all(case.checks == ("holes",) for case in review.work.cases.values())
    project = review.work.project
    assert len(project.revisions(ids[1])) == 1  # shown in the layer it is not a person's work
    np.testing.assert_array_equal(review.open(ids[2]).data, lungs(SHAPE))


def test_more_first_masks_follow_the_answer_that_drew_here_before(review, engine, tmp_path):
    review.start(write_images(tmp_path / "images", 2), masks=False)
    old, new = (replace(first_mask(), version=with_answer("1", name)) for name in ("lungs", "lungs-2"))
    review.work.importer.make_first_masks("test-lung")
    job = asked(review, engine, 1)
    assert job.arguments["output"] is None  # nobody has drawn: the model's own choice
    job.end(new)
    asked(review, engine, 2).end(old)
    review.qtbot.waitUntil(lambda: not review.work.importer.first_masks.running)
    review.settle()
    review.work.importer.add_images(write_images(tmp_path / "more", 3)[2:])
    review.qtbot.waitUntil(lambda: len(review.work.queue) == 3)
    review.work.importer.make_first_masks("test-lung")
    assert asked(review, engine, 3).arguments["output"] == "lungs"
    assert "First masks by the answer lungs of test-lung, as before." in review.news


def test_a_first_mask_does_not_overwrite_strokes(review, engine, tmp_path):
    (id,) = review.start(write_images(tmp_path / "images", 1), masks=False)
    mask = review.open(id)
    review.work.importer.make_first_masks("test-lung")
    job = asked(review, engine, 1)
    stroke(mask, (5, 5))
    painted = mask.data.copy()
    job.end(first_mask())
    review.settle()
    np.testing.assert_array_equal(mask.data, painted)
    review.work.decisions.accept()
    review.settle()
    review.work.decisions.accept()  # a second time: the dab is not lung
    np.testing.assert_array_equal(review.saved(id), painted)
    assert review.work.project.first_mask(id).author == Author(AuthorKind.MODEL, "test-lung", "1.0")


def test_a_first_mask_that_fails_is_told_and_the_others_go_on(review, engine, tmp_path):
    ids = review.start(write_images(tmp_path / "images", 2), masks=False)
    review.work.importer.make_first_masks("test-lung")
    asked(review, engine, 1).end(RuntimeError("out of luck"))
    asked(review, engine, 2).end(first_mask())
    review.qtbot.waitUntil(lambda: not review.work.importer.first_masks.running)
    review.settle()
    assert len(review.failures) == 1 and "got no mask" in str(review.failures[0])
    assert sum(review.work.cases[id].revision is not None for id in ids) == 1


def test_a_model_that_does_not_work_is_not_asked_for_ever(review, engine, tmp_path):
    review.start(write_images(tmp_path / "images", 5), masks=False)
    review.work.importer.make_first_masks("test-lung")
    for count in (1, 2, 3):
        asked(review, engine, count).end(UserError("No torch.", "Install it."))
    review.qtbot.waitUntil(lambda: not review.work.importer.first_masks.running)
    assert "No masks can be made" in str(review.failures[-1])
    assert len(engine.jobs) == 3


def test_first_masks_are_stopped_with_the_project(review, engine, tmp_path):
    review.start(write_images(tmp_path / "images", 2), masks=False)
    review.work.importer.make_first_masks("test-lung")
    job = asked(review, engine, 1)
    review.work.close_project()
    assert job.cancelled and not review.work.importer.first_masks.running
    assert not review.failures


def test_before_and_after_are_flipped_and_the_tool_stays(review, tmp_path):
    (id,) = review.start(write_images(tmp_path / "images", 1))
    mask = review.open(id)
    mask.mode = "paint"
    stroke(mask, (5, 5))
    review.work.views.flip()
    review.qtbot.waitUntil(lambda: len(review.viewer.layers) == 3)
    assert not mask.visible
    np.testing.assert_array_equal(review.viewer.layers[-1].data, lungs(SHAPE))
    review.work.views.flip()
    assert mask.visible and mask.mode == "paint" and len(review.viewer.layers) == 2


def test_the_mask_filled_outlined_and_off(review, tmp_path):
    ids = review.start(write_images(tmp_path / "images", 2))
    mask = review.open(ids[0])
    mask.mode = "erase"
    review.work.views.mask_display("outline")
    assert mask.contour > 0
    review.work.views.mask_display("off")
    assert not mask.visible
    other = review.open(ids[1])
    assert not other.visible
    review.work.views.mask_display("filled")
    assert other.visible and other.contour == 0 and other.mode == "erase"
    assert review.open(ids[0]) is mask
    assert mask.visible and mask.contour == 0
    with pytest.raises(ValueError):
        review.work.views.mask_display("dotted")


def test_the_probability_lies_over_the_image(review, tmp_path):
    ids = review.start(write_images(tmp_path / "images", 2))
    found = first_mask()
    for id in ids:
        review.work.project.put_map(id, found)
    mask = review.open(ids[0])
    review.work.views.show_probability(True)
    review.qtbot.waitUntil(lambda: len(review.viewer.layers) == 3)
    layer = review.viewer.layers[-1]
    assert layer.data.shape == (30, 40)
    np.testing.assert_allclose(layer.data_to_world((0, 0)), (0.5, 0.5))  # the middle of four pixels
    assert review.viewer.layers.selection.active is mask
    review.open(ids[1])
    review.qtbot.waitUntil(lambda: len(review.viewer.layers) == 3)
    review.work.views.show_probability(False)
    assert len(review.viewer.layers) == 2
    assert review.session.context_of(review.work.current_layer).probability(()).shape == SHAPE


def test_a_map_that_is_not_there_is_made_by_the_model(review, engine, tmp_path):
    (id,) = review.start(write_images(tmp_path / "images", 1))
    review.open(id)
    review.work.views.show_probability(True)
    asked(review, engine, 1).end(first_mask())
    review.qtbot.waitUntil(lambda: len(review.viewer.layers) == 3)


def test_the_next_uncertain_place_comes_into_view(review, tmp_path):
    (id,) = review.start(write_images(tmp_path / "images", 1))
    review.work.project.put_map(id, first_mask())
    review.open(id)
    review.work.views.next_uncertain_place()
    review.qtbot.waitUntil(lambda: bool(review.news))
    assert review.news[-1].startswith("Place 1 of")
    assert np.abs(np.array(review.viewer.scene.camera.center[-2:]) - (20, 20)).max() < 12


def test_revisions_are_looked_at_and_restored(review, tmp_path):
    (id,) = review.start(write_images(tmp_path / "images", 1))
    mask = review.open(id)
    stroke(mask, (5, 5))
    review.work.presenter.recorder.save()
    painted = review.saved(id)
    listed = []
    review.work.reader.revisions().succeeded.connect(listed.extend)
    review.qtbot.waitUntil(lambda: len(listed) == 2)
    review.work.views.show_revision(listed[0].id)
    review.qtbot.waitUntil(lambda: len(review.viewer.layers) == 3)
    assert review.viewer.layers[-1].name == "Case 1: mask 1"
    review.work.views.show_revision(None)
    assert len(review.viewer.layers) == 2
    review.work.restore_revision(listed[0].id)
    review.qtbot.waitUntil(lambda: np.array_equal(mask.data, lungs(SHAPE)))
    mask.undo()
    np.testing.assert_array_equal(mask.data, painted)


def test_thumbnails_are_made_and_kept(review, tmp_path):
    images = [write_stack(tmp_path / "ct.nii"), *write_images(tmp_path / "images", 1, (300, 200))]
    stack, flat = review.start(images)
    pictures = {}
    for id in (stack, flat):
        review.work.reader.thumbnail(id).succeeded.connect(lambda made, id=id: pictures.__setitem__(id, made))
    review.qtbot.waitUntil(lambda: len(pictures) == 2)
    assert pictures[flat].shape == (96, 64, 3)
    assert (pictures[flat] == (255, 176, 0)).all(axis=-1).any()
    assert review.work.project.thumbnail_path(flat).is_file()
    again = []
    review.work.reader.thumbnail(flat).succeeded.connect(again.append)
    review.qtbot.waitUntil(lambda: bool(again))
    np.testing.assert_array_equal(again[0], pictures[flat])
    assert review.work.reader.thumbnail("?") is None


def test_a_changed_file_is_decided(review, tmp_path):
    images = write_images(tmp_path / "images", 1)
    (id,) = review.start(images)
    review.work.importer.scan()
    review.qtbot.waitUntil(lambda: review.work.cases[id].file_state == FileState.PRESENT)
    Picture.fromarray(np.zeros(SHAPE, np.uint8)).save(images[0])
    review.work.importer.scan()
    review.qtbot.waitUntil(lambda: review.work.cases[id].file_state == FileState.CHANGED)
    review.work.importer.resolve_change(id, keep=True)
    review.qtbot.waitUntil(lambda: review.work.cases[id].file_state == FileState.PRESENT)


def test_results_are_remembered_when_the_dock_is_opened_again(viewer, engine, segmented, dock):
    _, mask = segmented()
    result = session_of(viewer).result_of(mask)
    assert result is not None
    viewer.window.remove_dock_widget(dock)
    assert session_of(viewer).result_of(mask) is result
