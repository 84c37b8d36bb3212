"""Images come into a project; what is shown beside a mask."""

from __future__ import annotations

import numpy as np
import pytest
from casework_fakes import SHAPE, first_mask, lungs, stroke, write_images, write_stack
from PIL import Image as Picture

from napari_unet.review.types import AuthorKind, FileState
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
