"""Every stroke is in the journal at once, whatever made it; a revision follows."""

from __future__ import annotations

import numpy as np
import pytest
from casework_fakes import lungs, stroke, wait_seconds, write_images, write_stack
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.layers import Labels
from qtpy.QtWidgets import QApplication

from napari_unet.core.labels import IGNORE
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Author, AuthorKind
from napari_unet.widgets.casework import stroke_log, stroke_recorder
from napari_unet.widgets.casework.opener import CaseOpener
from napari_unet.widgets.casework.stroke_log import StrokeLog, change_of
from napari_unet.widgets.casework.stroke_recorder import StrokeRecorder
from napari_unet.widgets.casework.worker_thread import WorkerThread

ANN = Author(AuthorKind.PERSON, "Ann")


class KeptSaver:
    """Remembers what a saver is given."""

    def __init__(self, start: np.ndarray) -> None:
        self.mask = start.copy()
        self.strokes = 0
        self.saved: list[np.ndarray] = []
        self.closed = False

    def open_case(self, case: str, base: str | None, labels: np.ndarray) -> None:
        np.testing.assert_array_equal(labels, self.mask)

    def stroke(self, case: str, change) -> None:
        assert len(change)
        change.apply(self.mask)
        self.strokes += 1

    def save(
        self, case: str, labels: np.ndarray, author: Author, note: str, pixels: np.ndarray | None
    ) -> None:
        assert author == ANN
        self.saved.append(labels)

    def close_case(self, case: str) -> None:
        self.closed = True


@pytest.fixture
def worker():
    made = WorkerThread()
    yield made
    made.close()


@pytest.fixture
def recorded(worker, qtbot):
    """A recorder of a new layer with this mask; returns (layer, saver, recorder)."""

    def record(mask: np.ndarray):
        layer, saver = Labels(mask.copy()), KeptSaver(mask)
        stroke_log = StrokeLog(saver, "case", mask.copy())
        worker.post(lambda: stroke_log.open(None))
        return layer, saver, StrokeRecorder(layer, stroke_log, worker, lambda: ANN)

    return record


def same(worker, saver, layer) -> bool:
    QApplication.processEvents()  # the turn on which the worker thread gets a stroke
    assert worker.flush(10)
    return np.array_equal(saver.mask, layer.data)


def test_brush_eraser_fill_polygon_and_setitem(recorded, worker):
    layer, saver, _ = recorded(lungs((60, 80)))
    stroke(layer, (5, 5), (6, 9), (40, 70))
    assert same(worker, saver, layer) and saver.strokes == 1
    stroke(layer, (20, 15), label=0)
    assert same(worker, saver, layer) and saver.strokes == 2
    layer.fill((0, 79), 2)
    assert same(worker, saver, layer)
    layer.paint_polygon([(2, 2), (2, 30), (30, 30)], 1)
    assert same(worker, saver, layer)
    layer.data_setitem((np.array([3, 4]), np.array([5, 6])), np.array([IGNORE, 2], np.uint8))
    assert same(worker, saver, layer)
    layer.data_setitem((np.array([3, 4]), np.array([5, 6])), 1)
    assert same(worker, saver, layer)


def test_undo_and_redo_each_step(recorded, worker):
    layer, saver, _ = recorded(lungs((60, 80)))
    states = [layer.data.copy()]
    for number in range(5):
        stroke(layer, (10 * number, 9), (10 * number, 60), label=1 + number % 2)
        states.append(layer.data.copy())
    for state in reversed(states[:-1]):
        layer.undo()
        np.testing.assert_array_equal(layer.data, state)
        assert same(worker, saver, layer)
    layer.undo()  # there is nothing left
    for state in states[1:]:
        layer.redo()
        np.testing.assert_array_equal(layer.data, state)
        assert same(worker, saver, layer)


def test_a_stroke_over_itself_with_two_labels(recorded, worker):
    layer, saver, _ = recorded(np.zeros((40, 40), np.uint8))
    with layer.block_history():
        layer.paint((10, 10), 1)
        layer.paint((12, 12), 2)
        layer.paint((14, 10), 1)
        layer.data_setitem((np.array([10]), np.array([10])), 0)
    assert same(worker, saver, layer)
    layer.undo()
    assert same(worker, saver, layer) and not saver.mask.any()
    layer.redo()
    assert same(worker, saver, layer)


_POINTS = st.tuples(st.integers(0, 29), st.integers(0, 24))
_STEPS = st.one_of(
    st.tuples(
        st.just("brush"), st.lists(_POINTS, min_size=1, max_size=4), st.sampled_from([0, 1, 2, IGNORE])
    ),
    st.tuples(st.just("fill"), _POINTS, st.sampled_from([0, 1, 2])),
    st.tuples(st.just("edit"), st.lists(_POINTS, min_size=1, max_size=9, unique=True), st.integers(0, 2)),
    st.tuples(st.just("undo")),
    st.tuples(st.just("redo")),
)


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(_STEPS, max_size=12))
def test_whatever_is_done_the_journal_has_it(steps):
    start = lungs((30, 25))
    layer, saver, worker = Labels(start.copy()), KeptSaver(start), WorkerThread()
    recorder = StrokeRecorder(layer, StrokeLog(saver, "case", start.copy()), worker, lambda: ANN)
    compared = []
    recorder._compare_soon.triggered.connect(lambda: compared.append(True))
    for kind, *rest in steps:
        match kind:
            case "brush":
                stroke(layer, *rest[0], label=rest[1], size=6)
            case "fill":
                layer.fill(*rest)
            case "edit":
                rows, columns = np.array(rest[0]).T
                layer.data_setitem((rows, columns), rest[1])
            case _:
                getattr(layer, kind)()
    assert same(worker, saver, layer)
    assert not compared  # what the history shows is enough
    worker.close()


def test_atoms_of_a_stack():
    layer = Labels(np.zeros((5, 30, 30), np.uint8))
    items = []
    layer.events.paint.connect(lambda event: items.append(list(event.value)))
    layer.brush_size = 6
    layer.paint((2, 10, 10), 1)
    layer.n_edit_dimensions = 3
    layer.paint((2, 20, 20), 2)
    mask = np.zeros_like(layer.data)
    for item in items:
        change_of(item, mask.shape).apply(mask)
    np.testing.assert_array_equal(mask, layer.data)
    for item in reversed(items):
        change_of(item, mask.shape, undoing=True).apply(mask)
    assert not mask.any()
    assert len(change_of([], mask.shape)) == 0


def test_undo_while_the_layer_is_hidden(recorded, worker, qtbot):
    layer, saver, _ = recorded(lungs((60, 80)))
    stroke(layer, (5, 5))
    layer.visible = False
    layer.undo()
    layer.undo()
    layer.visible = True
    qtbot.waitUntil(lambda: same(worker, saver, layer))


def test_an_array_written_to_directly(recorded, worker, qtbot):
    layer, saver, _ = recorded(lungs((60, 80)))
    layer.data[3:9] = 1
    layer.refresh()
    qtbot.waitUntil(lambda: same(worker, saver, layer))


def test_data_replaced_by_others_of_the_same_size(recorded, worker, qtbot):
    layer, saver, _ = recorded(lungs((60, 80)))
    other = np.zeros((60, 80), np.int64)
    other[4, 4] = 1
    layer.data = other
    qtbot.waitUntil(lambda: same(worker, saver, layer))


def test_data_replaced_by_another_size_is_told(recorded, worker, qtbot):
    layer, saver, recorder = recorded(lungs((60, 80)))
    told = []
    recorder.failed.connect(told.append)
    layer.data = np.zeros((30, 30), np.uint8)
    assert len(told) == 1 and "another size" in str(told[0])
    recorder.stop()
    assert worker.flush(10)
    np.testing.assert_array_equal(saver.mask, lungs((60, 80)))


def test_moving_through_a_stack_records_nothing(recorded, worker, qtbot):
    layer, saver, recorder = recorded(lungs((6, 40, 40)))
    painted = []
    recorder.painted.connect(lambda: painted.append(True))
    layer.refresh()
    recorder.compare()
    assert same(worker, saver, layer) and not saver.strokes and not painted


def test_a_revision_follows_the_last_stroke(recorded, worker, qtbot, monkeypatch):
    monkeypatch.setattr(stroke_recorder, "_REVISION_MS", 150)
    layer, saver, _ = recorded(lungs((60, 80)))
    stroke(layer, (5, 5))
    stroke(layer, (9, 5))
    assert worker.flush(10) and not saver.saved
    qtbot.waitUntil(lambda: bool(saver.saved))
    wait_seconds(qtbot, 0.3)
    assert len(saver.saved) == 1
    np.testing.assert_array_equal(saver.saved[0], layer.data)


def test_a_stroke_leaves_the_event_that_it_ends_with_to_the_window(recorded, worker):
    layer, saver, recorder = recorded(lungs((60, 80)))
    stroke(layer, (5, 5))
    assert worker.flush(10) and not saver.strokes
    recorder.save()  # what is asked for later comes after it
    assert worker.flush(10) and saver.strokes == 1 and len(saver.saved) == 1
    np.testing.assert_array_equal(saver.saved[0], layer.data)


def test_stopped_it_saves_once_and_lets_go(recorded, worker):
    layer, saver, recorder = recorded(lungs((60, 80)))
    stroke(layer, (5, 5))
    recorder.stop()
    assert worker.flush(10)
    stroke(layer, (50, 50))
    assert worker.flush(10)
    assert len(saver.saved) == 1 and saver.closed
    assert not np.array_equal(saver.mask, layer.data)


def test_nothing_painted_is_nothing_saved(recorded, worker):
    _, saver, recorder = recorded(lungs((60, 80)))
    recorder.save()
    recorder.stop()
    assert worker.flush(10) and not saver.saved and not saver.strokes


def test_the_clerk_goes_on_after_a_bug(worker, caplog):
    done = []

    def bug() -> None:
        raise RuntimeError("broken")

    worker.post(bug)
    worker.post(lambda: done.append(1))
    assert worker.flush(10) and done == [1]
    assert "a task of the case work failed" in caplog.text


def test_strokes_survive_without_being_saved(review, tmp_path, monkeypatch):
    monkeypatch.setattr(stroke_recorder, "_REVISION_MS", 600_000)
    (id,) = review.start(write_images(tmp_path / "images", 1))
    mask = review.open(id)
    stroke(mask, (5, 5), (9, 60))
    mask.undo()
    stroke(mask, (30, 5))
    np.testing.assert_array_equal(review.journaled(id), mask.data)


def end_as_if_killed(review, id: str) -> None:
    """Close the project; the journal of the open case is left as a process would that is killed now.

    Call it on the turn of the last stroke: two seconds later the strokes are a revision.
    """
    review.work.presenter.recorder._save_later.cancel()
    review.settle()
    journal = review.work.project.journal_path(id)
    kept = journal.read_bytes()
    worker = review.work.connection.worker
    review.work.presenter.recorder.stroke_log._unsaved = False
    review.work.close_project()
    assert worker.join(20)
    journal.write_bytes(kept)


def test_unsaved_strokes_come_back_first_and_as_one_edit(review, tmp_path):
    *_, id = review.start(write_images(tmp_path / "images", 3))
    mask = review.open(id)
    before = mask.data.copy()
    stroke(mask, (5, 5))
    stroke(mask, (50, 70))
    painted = mask.data.copy()
    revision = review.work.project.case(id).revision
    end_as_if_killed(review, id)
    review.reopen()
    assert review.work.cases[id].revision == revision
    review.work.navigator.open_next()  # it goes before those that come first in the queue
    review.until_open(id)
    mask = review.work.current_layer
    review.qtbot.waitUntil(lambda: np.array_equal(mask.data, painted) and review.recovered == [id])
    np.testing.assert_array_equal(review.journaled(id), painted)
    mask.undo()
    np.testing.assert_array_equal(mask.data, before)
    mask.redo()
    review.work.presenter.recorder.save()
    np.testing.assert_array_equal(review.saved(id), painted)


def test_unsaved_strokes_wait_for_the_next_time_if_the_case_is_left_while_they_come_back(
    review, tmp_path, monkeypatch
):
    other, id = review.start(write_images(tmp_path / "images", 2))
    mask = review.open(id)
    stroke(mask, (5, 5))
    painted = mask.data.copy()
    end_as_if_killed(review, id)
    review.reopen()
    bring_in, left = CaseOpener.bring_in, []

    def bring_in_and_leave(opener, *arguments, **options):
        bring_in(opener, *arguments, **options)
        if not left:
            left.append(True)
            review.work.navigator.open_case(other)

    monkeypatch.setattr(CaseOpener, "bring_in", bring_in_and_leave)
    review.work.navigator.open_case(id)
    review.qtbot.waitUntil(lambda: bool(left))
    review.until_open(other)
    review.settle()
    assert review.recovered == []
    mask = review.open(id)
    review.qtbot.waitUntil(lambda: np.array_equal(mask.data, painted) and review.recovered == [id])
    np.testing.assert_array_equal(review.journaled(id), painted)


def test_strokes_of_a_case_that_is_open_elsewhere_are_not_told_to_be_back(review, tmp_path):
    (id,) = review.start(write_images(tmp_path / "images", 1))
    stroke(review.open(id), (5, 5))
    end_as_if_killed(review, id)
    with ReviewProject.open(review.folder) as other:
        other.begin(id, "Bob")
        review.reopen()
        review.work.navigator.open_next()
        review.qtbot.waitUntil(lambda: bool(review.failures))
        assert not review.recovered and not review.viewer.layers
        other.leave(id, "Bob", 1.0)
    review.open(id)
    review.settle()
    assert review.recovered == [id]


def test_strokes_of_a_stack_survive(review, tmp_path):
    (id,) = review.start([write_stack(tmp_path / "ct.nii")])
    mask = review.open(id)
    review.viewer.dims.set_current_step(0, 1)
    stroke(mask, (1, 3, 3))
    review.viewer.dims.set_current_step(0, 4)
    stroke(mask, (4, 30, 30), label=IGNORE)
    mask.undo()
    mask.redo()
    np.testing.assert_array_equal(review.journaled(id), mask.data)


@pytest.mark.parametrize("label", [300, 256, -1])
def test_a_label_that_no_mask_can_hold_is_refused_and_taken_back(recorded, worker, qtbot, label):
    layer, saver, recorder = recorded(lungs((60, 80)))
    refused = []
    recorder.failed.connect(refused.append)
    layer.data = layer.data.astype(np.int32)  # napari: Convert data type
    layer.selected_label = label
    stroke(layer, (4, 4), (4, 20), label=label)
    qtbot.waitUntil(lambda: not (layer.data == label).any())
    assert f"cannot hold label {label}" in str(refused[0]) and "taken back" in str(refused[0])
    layer.redo()
    assert not (layer.data == label).any()
    layer.selected_label = 2
    stroke(layer, (8, 4), (8, 20), label=2)
    recorder.stop()
    qtbot.waitUntil(lambda: same(worker, saver, layer))
    assert set(np.unique(saver.mask)) == {0, 1, 2} and len(refused) == 1


def test_of_an_array_that_cannot_be_saved_whole_the_rest_is_saved(recorded, worker, qtbot):
    layer, saver, recorder = recorded(lungs((60, 80)))
    refused = []
    recorder.failed.connect(refused.append)
    other = lungs((60, 80)).astype(np.int32)
    other[0, :5], other[1, :5] = 300, 2
    layer.data = other
    qtbot.waitUntil(lambda: bool(refused))
    assert "cannot hold label 300" in str(refused[0])
    assert worker.flush(10)
    np.testing.assert_array_equal(saver.mask, np.where(other == 300, 0, other))


def raises_once(monkeypatch, owner, name):
    real, calls = getattr(owner, name), []

    def fails(*arguments, **options):
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("Data is too large")
        return real(*arguments, **options)

    monkeypatch.setattr(owner, name, fails)


@pytest.mark.parametrize("where", ["the recorder", "the history", "the log"])
def test_a_stroke_that_cannot_be_noted_is_found_by_comparing(recorded, worker, monkeypatch, qtbot, where):
    layer, saver, recorder = recorded(lungs((60, 80)))
    told, painted = [], []
    recorder.failed.connect(told.append)
    recorder.painted.connect(lambda: painted.append(1))
    owner, name = {
        "the recorder": (recorder, "_play"),
        "the history": (stroke_log, "change_of"),
        "the log": (StrokeLog, "play"),
    }[where]
    raises_once(monkeypatch, owner, name)
    stroke(layer, (5, 5), (6, 9))
    qtbot.waitUntil(lambda: bool(told))
    assert "Data is too large" in str(told[0]) and painted and len(layer._undo_history) == 1
    assert same(worker, saver, layer)
    np.testing.assert_array_equal(saver.saved[-1], layer.data)
    stroke(layer, (40, 40))
    assert same(worker, saver, layer) and len(told) == 1


def test_undo_that_cannot_be_followed_is_found_by_comparing(recorded, worker, monkeypatch, qtbot):
    layer, saver, recorder = recorded(lungs((60, 80)))
    told = []
    recorder.failed.connect(told.append)
    stroke(layer, (5, 5), (6, 9))
    raises_once(monkeypatch, recorder, "_follow_history")
    layer.undo()
    qtbot.waitUntil(lambda: bool(told))
    assert same(worker, saver, layer)


def test_a_journal_that_refuses_a_stroke_gets_the_mask(recorded, worker, monkeypatch, qtbot):
    layer, saver, recorder = recorded(lungs((60, 80)))
    told = []
    recorder.failed.connect(told.append)
    raises_once(monkeypatch, saver, "stroke")
    stroke(layer, (5, 5), (6, 9))
    qtbot.waitUntil(lambda: bool(told))
    assert worker.flush(10)
    np.testing.assert_array_equal(saver.saved[-1], layer.data)


def test_a_mask_that_cannot_be_saved_is_told_and_saved_the_next_time(recorded, worker, monkeypatch, qtbot):
    layer, saver, recorder = recorded(lungs((60, 80)))
    told = []
    recorder.failed.connect(told.append)
    raises_once(monkeypatch, saver, "save")
    stroke(layer, (5, 5), (6, 9))
    recorder.save()
    qtbot.waitUntil(lambda: bool(told))
    assert "Save a copy" in str(told[0])
    recorder.save()
    assert worker.flush(10)
    np.testing.assert_array_equal(saver.saved[-1], layer.data)
