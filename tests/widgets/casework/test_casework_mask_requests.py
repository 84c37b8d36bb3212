"""Masks and maps are asked of a model, and come into the project."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from casework_fakes import SHAPE, asked, first_mask, lungs, stroke, write_images

from napari_unet.core.answered import with_answer
from napari_unet.core.errors import UserError
from napari_unet.review.types import Author, AuthorKind, Order


def test_first_masks_come_from_the_engine_the_open_case_first(review, engine, tmp_path):
    ids = review.start(write_images(tmp_path / "images", 3), masks=False)
    review.work.set_order(Order.ID)
    review.settle()
    mask = review.open(ids[1])
    progress = []
    review.work.masks.first_masks.progressed.connect(lambda event: progress.append((event.done, event.total)))
    review.work.masks.make_first_masks("test-lung")
    review.work.masks.make_first_masks("test-lung")  # twice is once
    job = asked(review, engine, 1)
    assert job.kind == "first_mask" and job.arguments["model"] == "test-lung"
    job.end(first_mask())
    review.qtbot.waitUntil(lambda: bool(mask.data.any()))
    np.testing.assert_array_equal(mask.data, lungs(SHAPE))
    asked(review, engine, 2).end(first_mask())
    asked(review, engine, 3).end(first_mask())
    review.qtbot.waitUntil(lambda: not review.work.masks.first_masks.running)
    review.settle()
    assert progress[-1] == (3, 3)
    assert all(case.checks == ("holes",) for case in review.work.cases.values())
    project = review.work.project
    assert len(project.revisions(ids[1])) == 1  # shown in the layer it is not a person's work
    np.testing.assert_array_equal(review.open(ids[2]).data, lungs(SHAPE))


def test_more_first_masks_follow_the_answer_that_drew_here_before(review, engine, tmp_path):
    review.start(write_images(tmp_path / "images", 2), masks=False)
    old, new = (replace(first_mask(), version=with_answer("1", name)) for name in ("lungs", "lungs-2"))
    review.work.masks.make_first_masks("test-lung")
    job = asked(review, engine, 1)
    assert job.arguments["output"] is None  # nobody has drawn: the model's own choice
    job.end(new)
    asked(review, engine, 2).end(old)
    review.qtbot.waitUntil(lambda: not review.work.masks.first_masks.running)
    review.settle()
    review.work.importer.add_images(write_images(tmp_path / "more", 3)[2:])
    review.qtbot.waitUntil(lambda: len(review.work.queue) == 3)
    review.work.masks.make_first_masks("test-lung")
    assert asked(review, engine, 3).arguments["output"] == "lungs"
    assert "First masks by the answer lungs of test-lung, as before." in review.news


def test_a_first_mask_does_not_overwrite_strokes(review, engine, tmp_path):
    (id,) = review.start(write_images(tmp_path / "images", 1), masks=False)
    mask = review.open(id)
    review.work.masks.make_first_masks("test-lung")
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
    review.work.masks.make_first_masks("test-lung")
    asked(review, engine, 1).end(RuntimeError("out of luck"))
    asked(review, engine, 2).end(first_mask())
    review.qtbot.waitUntil(lambda: not review.work.masks.first_masks.running)
    review.settle()
    assert len(review.failures) == 1 and "got no mask" in str(review.failures[0])
    assert sum(review.work.cases[id].revision is not None for id in ids) == 1


def test_a_model_that_does_not_work_is_not_asked_for_ever(review, engine, tmp_path):
    review.start(write_images(tmp_path / "images", 5), masks=False)
    review.work.masks.make_first_masks("test-lung")
    for count in (1, 2, 3):
        asked(review, engine, count).end(UserError("No torch.", "Install it."))
    review.qtbot.waitUntil(lambda: not review.work.masks.first_masks.running)
    assert "No masks can be made" in str(review.failures[-1])
    assert len(engine.jobs) == 3


def test_first_masks_are_stopped_with_the_project(review, engine, tmp_path):
    review.start(write_images(tmp_path / "images", 2), masks=False)
    review.work.masks.make_first_masks("test-lung")
    job = asked(review, engine, 1)
    review.work.close_project()
    assert job.cancelled and not review.work.masks.first_masks.running
    assert not review.failures


def test_a_map_that_is_not_there_is_made_by_the_model(review, engine, tmp_path):
    (id,) = review.start(write_images(tmp_path / "images", 1))
    review.open(id)
    review.work.views.show_probability(True)
    asked(review, engine, 1).end(first_mask())
    review.qtbot.waitUntil(lambda: len(review.viewer.layers) == 3)
