"""What holds for any masks and any order of doing things."""

from __future__ import annotations

import tempfile
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from project_fakes import ANN, MODEL, lungs, map_of, project_with

from napari_unet.core import metrics
from napari_unet.core.labels import lung
from napari_unet.review.revisions import compare, encode, read_labels
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Author, AuthorKind, Reason, Status

_SHAPES = st.one_of(
    st.tuples(*[st.integers(1, 12)] * 2), st.tuples(st.integers(2, 4), st.integers(1, 8), st.integers(1, 8))
)
_LABELS = arrays(np.uint8, _SHAPES, elements=st.sampled_from([0, 0, 1, 2, 255]))


@given(_LABELS)
@settings(max_examples=100, deadline=None)
def test_what_is_read_is_what_was_written(labels):
    mask = encode(labels)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"1{mask.suffix}"
        path.write_bytes(mask.content)
        assert np.array_equal(read_labels(path, mask.sha256), labels)


@given(st.data(), _LABELS)
@settings(max_examples=100, deadline=None)
def test_comparing_in_the_box_gives_what_comparing_everything_gives(data, labels):
    parent = data.draw(arrays(np.uint8, labels.shape, elements=st.sampled_from([0, 0, 1, 2, 255])))
    spacing = data.draw(st.one_of(st.none(), st.just((3.0, 0.5, 2.0)[-labels.ndim :])))
    found = compare(labels, parent, spacing)
    ignore = (labels == 255) | (parent == 255)
    ours, theirs = lung(labels), lung(parent)
    np.testing.assert_equal(found.dice, metrics.dice(ours, theirs, ignore))
    np.testing.assert_equal(found.hd95, metrics.hd95(ours, theirs, spacing, ignore))
    assert found.changed_pixels == np.count_nonzero(labels != parent)


_ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("mask"), st.integers(0, 5), st.sampled_from(["model", "person"])),
        st.tuples(st.just("decide"), st.sampled_from([*Status][2:]), st.sampled_from(["Ann", "Bob"])),
        st.tuples(st.just("take back"), st.sampled_from(["Ann", "Bob"])),
        st.tuples(st.just("restore")),
    ),
    max_size=12,
)


@given(_ACTS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_done_masks_stay_and_decisions_can_be_undone(acts):
    with tempfile.TemporaryDirectory() as folder:
        project, (case,) = project_with(Path(folder))
        masks: dict[str, np.ndarray] = {}
        for act in acts:
            _do(project, case, act, masks)
        project.close()
        with ReviewProject.open(project.folder) as again:
            numbers = [revision.number for revision in again.revisions(case)]
            assert numbers == list(range(1, len(numbers) + 1))
            for revision, labels in masks.items():
                assert np.array_equal(again.read_mask(revision), labels)
            events = again.events()
            assert [event.number for event in events] == list(range(1, len(events) + 1))
            _decided_and_taken_back_is_as_before(again, case)


def _do(project, case, act, masks):
    head = project.case(case).revision
    if act[0] == "mask":
        author = MODEL if act[2] == "model" else ANN
        made = project.add_revision(case, lungs(act[1]), author)
        masks[made.id] = lungs(act[1])
    elif act[0] == "decide":
        reason = Reason.ROTATED if act[1] == Status.REJECTED else None
        decided = project.decide(case, act[1], act[2], reason, empty_ok=True)
        made = decided.revision
        if made is not None and made not in masks:
            masks[made] = project.read_mask(made)
    elif act[0] == "restore" and masks:
        made = project.restore(next(iter(masks)), "Ann")
        masks[made.id] = masks[next(iter(masks))]
    elif act[0] == "take back" and project.case(case).reviewer in ("", act[1]):
        project.take_back(act[1])
        assert project.case(case).revision in (None, head) or head is not None


def _decided_and_taken_back_is_as_before(project, case):
    before = project.case(case)
    for status in (Status.ACCEPTED, Status.SECOND_LOOK, Status.REJECTED):
        reason = Reason.DUPLICATE if status == Status.REJECTED else None
        project.decide(case, status, "Eve", reason, empty_ok=True)
        assert project.take_back("Eve") == replace(before, lease=project.case(case).lease)
    assert project.take_back("Eve") is None


def test_many_threads_at_once_lose_nothing_and_disorder_nothing(tmp_path):
    project, ids = project_with(tmp_path, 4)
    failed: list[BaseException] = []

    def work(number):
        try:
            author = Author(AuthorKind.PERSON, f"Reader {number}")
            case = ids[number % 4]
            for step in range(6):
                labels = lungs()
                labels[0, :8] = [number, step, 1, 2, 1, 2, 1, 2]
                made = project.add_revision(case, labels, author)
                assert np.array_equal(project.read_mask(made.id), labels)
                project.set_note(case, f"{number} {step}", author.name)
                assert len(project.cases()) == 4
                project.put_map(case, map_of(labels))
                project.map(case)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    for case in ids:
        assert [revision.number for revision in project.revisions(case)] == list(range(1, 13))
        assert sum(event.kind == "mask" for event in project.events(case)) == 12
    assert [event.number for event in project.events()] == list(range(1, len(project.events()) + 1))
