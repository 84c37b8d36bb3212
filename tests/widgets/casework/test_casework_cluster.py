"""First masks by a cluster: what is asked, what is stored, and what becomes of the rest."""

from __future__ import annotations

import numpy as np
import pytest
from casework_fakes import SHAPE, asked, first_mask, lungs, write_images

from napari_unet.core.errors import UserError
from napari_unet.core.events import FirstMaskMade
from napari_unet.engine.messages import PAUSE, RESUME
from napari_unet.review.labels import OtherLabels
from napari_unet.review.types import Order
from napari_unet.widgets.casework import first_masks as first_masks_module
from napari_unet.widgets.common.run_on import choose_cluster

ADDRESS = "tls://gpu1:8786"


@pytest.fixture
def cluster():
    choose_cluster(ADDRESS)


def begun(review, engine, tmp_path, count=3):
    """The ids of so many cases without masks, in their order, and the job that asks a cluster for them."""
    ids = review.start(write_images(tmp_path / "images", count), masks=False)
    review.work.set_order(Order.ID)
    review.settle()
    review.work.masks.make_first_masks("test-lung")
    return ids, asked(review, engine, 1)


def test_all_cases_go_there_at_once_the_open_one_first(review, engine, cluster, tmp_path):
    ids = review.start(write_images(tmp_path / "images", 3), masks=False)
    review.work.set_order(Order.ID)
    review.settle()
    mask = review.open(ids[1])
    progress = []
    review.work.masks.first_masks.progressed.connect(progress.append)
    review.work.masks.make_first_masks("test-lung")
    review.work.masks.make_first_masks("test-lung")  # twice is once
    job = asked(review, engine, 1)
    assert (job.kind, job.arguments["address"], job.arguments["model"]) == (
        "first_masks",
        ADDRESS,
        "test-lung",
    )
    assert list(job.arguments["images"]) == [ids[1], ids[2], ids[0]]
    assert progress[-1].where == ADDRESS and progress[-1].total == 3
    for id in (ids[2], ids[1], ids[0]):
        job.tell(FirstMaskMade(id, first_mask()))
    review.qtbot.waitUntil(lambda: bool(mask.data.any()))
    job.end(None)
    review.qtbot.waitUntil(lambda: not review.work.masks.first_masks.running)
    review.settle()
    assert len(engine.jobs) == 1
    assert [(one.done, one.total) for one in progress][-1] == (3, 3)
    for id in ids:
        np.testing.assert_array_equal(review.open(id).data, lungs(SHAPE))


def test_a_single_mask_is_made_here(review, engine, cluster, tmp_path):
    _, job = begun(review, engine, tmp_path, count=1)
    assert job.kind == "first_mask"


def test_a_case_that_fails_is_told_and_the_others_go_on(review, engine, cluster, tmp_path):
    ids, job = begun(review, engine, tmp_path)
    job.tell(FirstMaskMade(ids[0], None, UserError("It is damaged.", "Replace it.")))
    job.tell(FirstMaskMade(ids[1], first_mask()), FirstMaskMade(ids[2], first_mask()))
    job.end(None)
    review.qtbot.waitUntil(lambda: not review.work.masks.first_masks.running)
    review.settle()
    assert "Case 1 got no mask. It is damaged." in str(review.failures[-1])
    assert [review.work.cases[id].revision is None for id in ids] == [True, False, False]


def test_a_cluster_that_is_gone_is_told_with_the_way_back(review, engine, cluster, tmp_path):
    ids, job = begun(review, engine, tmp_path)
    job.tell(FirstMaskMade(ids[0], first_mask()))
    job.end(UserError("The scheduler cannot be reached.", "Start it."))
    review.qtbot.waitUntil(lambda: not review.work.masks.first_masks.running)
    review.settle()
    said = str(review.failures[-1])
    assert f"2 cases got no mask on {ADDRESS}. The scheduler cannot be reached." in said
    assert "Start it. Or choose “This computer” under Project ▸ Run first masks on…" in said
    assert review.work.cases[ids[0]].revision is not None
    choose_cluster("")
    review.work.masks.make_first_masks("test-lung")
    assert asked(review, engine, 2).kind == "first_mask"


def test_closing_the_project_takes_it_back(review, engine, cluster, tmp_path):
    _, job = begun(review, engine, tmp_path)
    review.work.close_project()
    review.qtbot.waitUntil(lambda: job.cancelled)


def test_other_labels_stop_it(review, engine, cluster, tmp_path, monkeypatch):
    ids, job = begun(review, engine, tmp_path)

    def refuse(*_):
        raise OtherLabels("These masks have other labels.", "Use another model.")

    monkeypatch.setattr("napari_unet.review.check_results.store_first_mask", refuse)
    job.tell(FirstMaskMade(ids[0], first_mask()))
    review.qtbot.waitUntil(lambda: job.cancelled)
    review.settle()
    assert "other labels" in str(review.failures[-1]) and len(engine.jobs) == 1


def test_masks_come_no_faster_than_the_disk_takes_them(review, engine, cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(first_masks_module, "_UNSTORED", 2)
    ids, job = begun(review, engine, tmp_path, count=5)
    for id in ids:
        job.tell(FirstMaskMade(id, first_mask()))
    review.qtbot.waitUntil(lambda: RESUME in job.words)
    assert job.words[0] == PAUSE
    job.end(None)
    review.qtbot.waitUntil(lambda: not review.work.masks.first_masks.running)
    review.settle()
    assert all(review.work.cases[id].revision is not None for id in ids)


def test_what_is_added_meanwhile_follows(review, engine, cluster, tmp_path):
    ids, job = begun(review, engine, tmp_path, count=2)
    review.work.importer.add_images(write_images(tmp_path / "more", 4)[2:], model="test-lung")
    review.qtbot.waitUntil(lambda: len(review.work.queue) == 4)
    for id in ids:
        job.tell(FirstMaskMade(id, first_mask()))
    job.end(None)
    later = asked(review, engine, 2)
    assert later.kind == "first_masks" and len(later.arguments["images"]) == 2
    assert not set(later.arguments["images"]) & set(ids)
