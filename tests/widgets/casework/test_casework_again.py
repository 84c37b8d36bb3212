"""After a fine-tune: cases that nobody has touched get the new model's masks; the order "most useful"."""

from __future__ import annotations

from dataclasses import replace

import nibabel
import numpy as np
from casework_fakes import SHAPE, asked, first_mask, lungs, stroke, write_images

from napari_unet.models.card import ModelCard
from napari_unet.models.folder import CARD_FILE
from napari_unet.models.library import ModelLibrary
from napari_unet.review.types import Author, AuthorKind, Order, Status
from napari_unet.widgets.review.queue_rows import Column
from napari_unet.widgets.review.queue_table import QueueTable

CHILD = Author(AuthorKind.MODEL, "child", "1.0")


def by_child(angle: float = 0.0, score: float = 0.1):
    """What the child says: one row more than its parent; features that point somewhere."""
    labels = lungs(SHAPE)
    labels[0] = 1
    numbers = np.float32([np.cos(angle), np.sin(angle)])
    said = {"drawn": labels, "boundary_uncertainty": score, "features": numbers}
    return replace(first_mask(), model="child", version="1.0", **said)


def files(review, id):
    folder = review.work.project.folder / "masks" / id
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_untouched_cases_get_the_new_mask_and_touched_ones_stay_as_they_are(review, engine, tmp_path):
    ids = review.start(write_images(tmp_path / "images", 4))
    work, project = review.work, review.work.project
    painted, accepted, *untouched = ids
    stroke(review.open(painted), (5, 5))
    review.open(accepted)
    work.decisions.accept()
    review.settle()
    work.opener.leave()
    review.settle()
    opened = work.cases[untouched[0]].status is Status.IN_PROGRESS  # accepting went on to it
    touched = [painted, accepted] + untouched[:1] * opened
    before = {id: (project.case(id), project.revisions(id), files(review, id)) for id in touched}
    work.masks.predict_again("child")
    expected = [id for id in ids if id not in touched] + [accepted]
    for count in range(1, len(expected) + 1):
        job = asked(review, engine, count)
        assert job.kind == "first_mask" and job.arguments["model"] == "child"
        job.end(by_child())
    review.qtbot.waitUntil(lambda: not work.masks.first_masks.running)
    review.settle()
    assert {id: (project.case(id), project.revisions(id), files(review, id)) for id in touched} == before
    for id in set(ids) - set(touched):
        old, new = project.revisions(id)
        assert (new.author, new.parent) == (CHILD, old.id)
        assert work.cases[id].revision == new.id and work.cases[id].status is Status.NEW
        np.testing.assert_array_equal(review.open(id).data, by_child().drawn)
    assert set(project.features()) == set(expected)
    assert not review.failures


def test_a_case_that_is_painted_while_the_model_looks_stays(review, engine, tmp_path):
    (id,) = review.start(write_images(tmp_path / "images", 1))
    review.work.masks.predict_again("child")
    job = asked(review, engine, 1)
    mask = review.open(id)
    stroke(mask, (5, 5))
    painted = mask.data.copy()
    job.end(by_child())
    review.settle()
    np.testing.assert_array_equal(mask.data, painted)
    review.work.presenter.recorder.save()
    np.testing.assert_array_equal(review.saved(id), painted)
    assert CHILD not in [revision.author for revision in review.work.project.revisions(id)]


def test_stopped_midway_each_case_is_either_as_before_or_done(review, engine, tmp_path):
    ids = review.start(write_images(tmp_path / "images", 3))
    review.work.masks.predict_again("child")
    asked(review, engine, 1).end(by_child())
    job = asked(review, engine, 2)
    review.work.masks.first_masks.stop()
    assert job.cancelled
    review.settle()
    project = review.work.project
    counts = sorted(len(project.revisions(id)) for id in ids)
    assert counts == [1, 1, 2]
    for id in ids:
        head = project.revision(project.case(id).revision)
        assert (head.author == CHILD) == (len(project.revisions(id)) == 2)
    events = project.verify()
    try:
        while True:
            next(events)
    except StopIteration as end:
        assert end.value == []


def test_started_twice_is_once(review, engine, tmp_path):
    ids = review.start(write_images(tmp_path / "images", 2))
    review.work.masks.predict_again("child")
    review.work.masks.predict_again("child")
    review.settle()
    for count in (1, 2):
        asked(review, engine, count).end(by_child())
    review.qtbot.waitUntil(lambda: not review.work.masks.first_masks.running)
    review.settle()
    assert len(engine.jobs) == 2
    review.work.masks.predict_again("child")  # and again, when all have it
    for count in (3, 4):
        asked(review, engine, count).end(by_child())
    review.settle()
    assert [len(review.work.project.revisions(id)) for id in ids] == [2, 2]


def test_cases_that_still_wait_for_their_first_mask_get_it_from_the_new_model(review, engine, tmp_path):
    ids = review.start(write_images(tmp_path / "images", 3), masks=False)
    first_masks = review.work.masks.first_masks
    review.work.masks.make_first_masks("parent")
    job = asked(review, engine, 1)
    review.work.masks.predict_again("child")
    job.end(first_mask())  # by the model that was used before
    for count in (2, 3, 4):
        job = asked(review, engine, count)
        assert job.arguments["model"] == "child"
        job.end(by_child())
    review.qtbot.waitUntil(lambda: not first_masks.running)
    review.settle()
    project = review.work.project
    assert all(project.revisions(id)[-1].author == CHILD for id in ids)
    assert sum(len(project.revisions(id)) for id in ids) == 4
    assert not review.failures


def test_a_mask_that_is_being_stored_is_replaced_too(review, engine, tmp_path):
    (id,) = review.start(write_images(tmp_path / "images", 1), masks=False)
    masks = review.work.masks
    masks.make_first_masks("parent")
    job = asked(review, engine, 1)
    with review.qtbot.waitSignal(masks.first_masks.ended):
        job.end(first_mask())
    masks.predict_again("child")  # the mask before may still be on its way to the disk
    asked(review, engine, 2).end(by_child())
    review.qtbot.waitUntil(lambda: not masks.first_masks.running)
    review.settle()
    assert review.work.project.revisions(id)[-1].author == CHILD


def test_a_model_that_fails_leaves_the_masks(review, engine, tmp_path):
    (id,) = review.start(write_images(tmp_path / "images", 1))
    review.work.masks.predict_again("child")
    asked(review, engine, 1).end(RuntimeError("out of luck"))
    review.qtbot.waitUntil(lambda: not review.work.masks.first_masks.running)
    review.settle()
    assert "got no mask" in str(review.failures[0])
    assert len(review.work.project.revisions(id)) == 1


def test_the_queue_is_sorted_anew_by_what_the_new_model_says(review, engine, tmp_path):
    ids = review.start(write_images(tmp_path / "images", 3))
    work = review.work
    work.set_order(Order.INFORMATIVE)
    review.settle()
    assert work.queue == ids  # nothing is known
    work.masks.predict_again("child")
    for count, (angle, score) in enumerate([(0.0, 0.5), (0.1, 0.4), (1.5, 0.3)], start=1):
        asked(review, engine, count).end(by_child(angle, score))
    review.qtbot.waitUntil(lambda: work.queue == [ids[0], ids[2], ids[1]])
    review.settle()
    assert work.cases[ids[2]].why == "Unlike the cases before it; model is unsure along 30 % of the border"
    assert work.project.case(ids[2]).why == work.cases[ids[2]].why
    review.work.close_project()
    review.reopen()
    assert work.order is Order.INFORMATIVE and work.queue == [ids[0], ids[2], ids[1]]


def test_the_queue_offers_the_order_and_says_why(review, qtbot, engine, tmp_path):
    ids = review.start(write_images(tmp_path / "images", 2))
    work = review.work
    for k, id in enumerate(ids):
        work.project.put_features(id, np.float32([1 - k, k]), "test-lung", "1.0")
        work.project.put_check_results(id, (), 0.1 + 0.2 * k)
    work.case_list.reload()
    review.settle()
    table = QueueTable()
    qtbot.addWidget(table)
    table.ordered.connect(work.set_order)
    place = table.order_box.findText("Most useful for training")
    table.order_box.setCurrentIndex(place)
    table.order_box.activated.emit(place)
    qtbot.waitUntil(lambda: all(work.cases[id].why for id in ids))
    assert work.queue == ids[::-1]
    table.show_cases(work.cases, work.queue, work.order)
    why = table.model.index(0, Column.WHY).data()
    assert why == "First to review; model is unsure along 30 % of the border"
    review.settle()
    assert work.project.setting("order") == "most useful for training"


def test_cases_of_another_kind_of_image_keep_their_masks(review, engine, models, tmp_path):
    (models / "ct-child").mkdir()
    card = ModelCard(name="ct-child", modalities=("CT",))
    (models / "ct-child" / CARD_FILE).write_text(card.model_dump_json())
    ModelLibrary(models).use("ct-child")
    images = write_images(tmp_path / "images", 2)
    ct = tmp_path / "images" / "ct.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.full((*SHAPE[::-1], 3), -900, np.int16), np.eye(4)), ct)
    *xrays, volume = review.start([*images, ct], masks=False)
    work = review.work
    work.importer.scan()
    review.qtbot.waitUntil(lambda: work.cases[volume].modality == "CT", timeout=20_000)
    work.masks.make_first_masks("auto", [volume, *xrays])
    assert asked(review, engine, 1).arguments["library"].for_kind("CT").card.name == "ct-child"
    work.masks.predict_again("ct-child")
    drawn = np.stack([lungs(SHAPE)] * 3)
    of_volume = replace(first_mask(), maps=drawn[None] * np.uint8(255), shape=drawn.shape, drawn=drawn)
    models_of: dict[str, list[str]] = {}
    ended = 0

    def something_happened() -> bool:
        return len(engine.jobs) > ended or not work.masks.first_masks.running

    while work.masks.first_masks.running:
        review.qtbot.waitUntil(something_happened, timeout=20_000)
        for job in engine.jobs[ended:]:
            ended += 1
            path = job.arguments["image"].path
            models_of.setdefault(path.name, []).append(job.arguments["model"])
            job.end(of_volume if path == ct else first_mask())
        review.settle()
    asked_of_ct = models_of.pop("ct.nii.gz")
    assert set(asked_of_ct) == {"ct-child"}
    assert {name for names in models_of.values() for name in names} == {"cxr-lung"}, "that of their kind"
    assert not review.failures
