"""An approved mask asks before it is changed; checks are those of the mask as it is now."""

from __future__ import annotations

import numpy as np
import pytest
from casework_fakes import lungs, stroke, write_images, write_stack
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QMessageBox

from napari_unet.review.types import Order, Status
from napari_unet.widgets.casework.decisions import StillWrong
from napari_unet.widgets.correct import CorrectWidget
from napari_unet.widgets.review.queue_rows import tip_of

LEFT, PLAIN = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def review_dock(review, review_dock):
    """The dock is closed before the review."""
    yield review_dock
    review.viewer.window.remove_dock_widget(review_dock)


@pytest.fixture
def three(review, review_dock, tmp_path):
    """Ids of three cases; the first is accepted and open, with napari's brush in the hand."""
    ids = review.start(write_images(tmp_path / "images", 3))
    review.work.set_order(Order.ID)
    review.open(ids[0])
    review.settle()
    QTest.keyClick(canvas(review), Qt.Key.Key_A)
    review.until_open(ids[1])
    brush_in(review, ids[0])
    return ids


def brush_in(review, id):
    mask = review.open(id)
    review.settle()
    mask.mode, mask.brush_size = "paint", 9
    QApplication.processEvents()
    return mask


def canvas(review):
    return review.viewer.window._qt_viewer.canvas.native


def drag(review, mask, start, end):
    """A stroke of the real mouse, in pixels of the mask."""
    node = review.viewer.window._qt_viewer.canvas.layer_to_visual[mask].node
    places = []
    for row, column in np.linspace(start, end, 5):
        x, y = node.get_transform("visual", "canvas").map([column + 0.5, row + 0.5])[:2]
        places.append(QPoint(round(x), round(y)))
    widget = canvas(review)
    QTest.mousePress(widget, LEFT, PLAIN, places[0])
    for place in places[1:]:
        here, there = QPointF(place), QPointF(widget.mapToGlobal(place))
        none = Qt.MouseButton.NoButton
        QApplication.sendEvent(widget, QMouseEvent(QEvent.Type.MouseMove, here, there, none, LEFT, PLAIN))
        review.qtbot.wait(15)
    QTest.mouseRelease(widget, LEFT, PLAIN, places[-1])
    QApplication.processEvents()


def question(review):
    review.qtbot.waitUntil(lambda: review.work.approved.question is not None)
    box = review.work.approved.question
    review.qtbot.waitUntil(box.isVisible)
    return box


def press(review, box, words):
    (button,) = [button for button in box.buttons() if words in button.text()]
    QTest.mouseClick(button, LEFT)
    review.qtbot.waitUntil(lambda: review.work.approved.question is None)


def test_no_leaves_mask_undo_journal_and_record_as_they_were(review, three):
    project, mask = review.work.project, review.work.current_layer
    before, events = mask.data.copy(), len(project.events())
    assert project.case(three[0]).status == Status.ACCEPTED
    drag(review, mask, (5, 5), (5, 40))
    box = question(review)
    assert "case 1 was accepted by Ann" in box.text()
    press(review, box, "Leave")
    np.testing.assert_array_equal(mask.data, before)
    assert not mask._undo_history and not mask._redo_history
    review.settle()
    assert review.journaled(three[0]) is None and len(project.revisions(three[0])) == 1
    assert len(project.events()) == events
    drag(review, mask, (5, 5), (5, 40))  # asked again, and Esc means no
    QTest.keyClick(question(review), Qt.Key.Key_Escape)
    review.qtbot.waitUntil(lambda: review.work.approved.question is None)
    np.testing.assert_array_equal(mask.data, before)
    assert project.case(three[0]).status == Status.ACCEPTED


def test_yes_is_asked_once_and_decision_and_correction_keep_their_own_times(review, three):
    project, mask = review.work.project, review.work.current_layer
    decided = project.case(three[0]).decided
    review.work.set_reviewer("Bob")
    drag(review, mask, (5, 5), (5, 40))
    assert mask.data[5, 20]
    assert review.journaled(three[0]) is None  # nothing is written before the answer
    press(review, question(review), "Change")
    drag(review, mask, (50, 5), (50, 40))
    review.qtbot.wait(50)
    assert review.work.approved.question is None
    review.work.presenter.recorder.save()
    np.testing.assert_array_equal(review.saved(three[0]), mask.data)
    case = project.case(three[0])
    assert (case.status, case.decided, case.reviewer) == (Status.CORRECTED, decided, "Ann")
    assert case.changed_by == "Bob" and case.changed > decided
    review.qtbot.waitUntil(lambda: review.work.cases[three[0]].changed_by == "Bob")
    assert "by Bob" in tip_of(review.work.cases[three[0]], Order.ID)
    assert "after the decision" in tip_of(review.work.cases[three[0]], Order.ID)
    mask.undo()
    mask.undo()
    review.work.presenter.recorder.save()
    review.settle()
    assert project.case(three[0]).status == Status.ACCEPTED
    kinds = [(event.kind, event.who) for event in project.events(three[0])]
    assert ("decided", "Ann") in kinds and ("mask", "Bob") in kinds


def test_undo_of_a_stroke_from_before_the_decision_is_asked_about_too(review, three):
    mask = brush_in(review, three[1])
    drag(review, mask, (14, 18), (14, 24))
    review.work.decisions.accept()
    review.settle()
    mask = review.open(three[1])
    painted, history = mask.data.copy(), list(mask._undo_history)
    QTest.keyClick(canvas(review), Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    press(review, question(review), "Leave")
    np.testing.assert_array_equal(mask.data, painted)
    assert list(mask._undo_history) == history and not mask._redo_history


def test_an_array_that_is_written_to_is_asked_about_and_put_back(review, three):
    mask = review.work.current_layer
    before = mask.data.copy()
    mask.data[:5] = 1
    mask.refresh()
    press(review, question(review), "Leave")
    review.settle()
    np.testing.assert_array_equal(mask.data, before)
    assert len(review.work.project.revisions(three[0])) == 1


def test_a_case_that_is_left_without_an_answer_stays_as_it_was(review, three):
    mask = review.work.current_layer
    before = mask.data.copy()
    drag(review, mask, (5, 5), (5, 40))
    box = question(review)
    review.work.navigator.open_next()
    review.until_open(three[1])
    assert not box.isVisible()
    np.testing.assert_array_equal(mask.data, before)
    assert len(review.work.project.revisions(three[0])) == 1
    assert not review.viewer.window._qt_window.findChildren(QMessageBox, "approved") or not box.isVisible()


def test_a_case_that_is_decided_anew_is_asked_about_anew(review, three):
    mask = review.work.current_layer
    drag(review, mask, (14, 18), (14, 24))
    press(review, question(review), "Change")
    review.work.decisions.accept()
    review.settle()
    mask = brush_in(review, three[0])
    mask.data_setitem(tuple(np.atleast_1d(n) for n in (30, 20)), 0)
    question(review)


def test_checks_header_and_queue_follow_the_mask(review, review_dock, tmp_path):
    ids = review.start(write_images(tmp_path / "images", 2))
    review.work.set_order(Order.CHECKS)
    mask = review.open(ids[0])
    review.settle()
    assert review.work.current.checks == ()
    assert "Shape checks passed" in review_dock.page.title.text()
    mask.data_setitem(np.nonzero(np.pad(np.ones((6, 6), bool), ((25, 29), (15, 59)))), 0)
    assert (mask.data[27, 17], mask.data[20, 17]) == (0, 1)
    review.work.presenter.recorder.save()
    review.settle()
    review.qtbot.waitUntil(lambda: "Holes in a lung" in review_dock.page.title.text())
    assert review.work.project.case(ids[0]).checks == ("holes",)
    QTest.keyClick(canvas(review), Qt.Key.Key_A)
    review.settle()
    review.qtbot.waitUntil(lambda: "Holes in a lung" in review_dock.message.text())
    assert "press A once more" in review_dock.message.text()
    assert review.work.current.id == ids[0]
    QTest.keyClick(canvas(review), Qt.Key.Key_A)
    review.until_open(ids[1])
    review.settle()
    assert review.work.project.case(ids[0]).status == Status.CORRECTED


def test_a_is_not_held_up_where_nothing_is_wrong_and_asks_of_first_masks_too(review, review_dock, tmp_path):
    good, odd = lungs((60, 80)), lungs((60, 80))
    odd[:8, :8] = 1
    ids = review.start(write_images(tmp_path / "images", 2), masks=[odd, good])
    review.open(ids[1])
    assert review.work.decisions.accept()
    review.open(ids[0])
    assert not review.work.decisions.accept()
    assert isinstance(review.failures[-1], StillWrong)
    assert review.work.decisions.accept()


def test_what_a_named_goes_when_it_is_mended(review, review_dock, three):
    mask = brush_in(review, three[1])
    drag(review, mask, (3, 3), (3, 8))
    QTest.keyClick(canvas(review), Qt.Key.Key_A)
    review.qtbot.waitUntil(lambda: "once more" in review_dock.message.text())
    review.settle()
    assert "once more" in review_dock.message.text()
    QTest.keyClick(canvas(review), Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    review.qtbot.waitUntil(lambda: review_dock.message.text() == "")
    assert review.work.current.id == three[1]


def test_the_first_mask_is_to_look_at_and_takes_no_stroke(review, review_dock, three):
    brush_in(review, three[1])
    dock = CorrectWidget(review.viewer)
    review.viewer.window.add_dock_widget(dock, name="Correct")
    QTest.keyClick(canvas(review), Qt.Key.Key_K)
    review.qtbot.waitUntil(lambda: review.work.views.shows_first_mask)
    first = review.viewer.layers[-1]
    before = first.data.copy()
    review.viewer.layers.selection.active = first
    first.mode = "paint"
    drag(review, first, (3, 3), (3, 30))
    assert np.array_equal(first.data, before)
    assert dock.target.layer is not first
    review.viewer.window.remove_dock_widget(dock)


def test_a_ct_that_is_painted_by_hand_is_checked(review, review_dock, tmp_path):
    (id,) = review.start([write_stack(tmp_path / "ct.nii.gz")], masks=False)
    review.work.set_order(Order.CHECKS)
    mask = review.open(id)
    review.settle()
    stroke(mask, (2, 10, 10))
    review.work.presenter.recorder.save()
    review.settle()
    assert "missing-lung" in review.work.cases[id].checks
    review.qtbot.waitUntil(lambda: "no mask" not in review_dock.page.title.text())


def test_a_tool_of_the_correct_dock_asks_too_and_is_free_afterwards(review, three):
    correct = CorrectWidget(review.viewer)
    review.viewer.window.add_dock_widget(correct, name="Correct", tabify=True)
    mask = review.work.current_layer
    before = mask.data.copy()

    def is_ready():
        waits = correct._look.isActive() or correct.target._job is not None
        return not waits and not correct.editor.is_busy and correct.numbers.is_calm

    grow = correct.actions.buttons["Grow"]
    for words, changed in (("Leave", False), ("Change", True)):
        review.qtbot.waitUntil(lambda: is_ready() and grow.isEnabled())
        QTest.mouseClick(grow, LEFT)
        press(review, question(review), words)
        review.qtbot.waitUntil(is_ready)
        assert (mask.data != before).any() == changed
    review.work.presenter.recorder.save()
    np.testing.assert_array_equal(review.saved(three[0]), mask.data)
    review.viewer.window.remove_dock_widget(correct)
