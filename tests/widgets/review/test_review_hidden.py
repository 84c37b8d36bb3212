"""What the Review dock does when it is hidden, when nobody gave a name, and while an older mask is shown."""

from __future__ import annotations

import pytest
from casework_fakes import Review, stroke, write_images, write_stack
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget

from napari_unet.review.login import login_name
from napari_unet.review.types import Order, Status
from napari_unet.widgets.correct import CorrectWidget
from napari_unet.widgets.review import start as review_settings

A, K = Qt.Key.Key_A, Qt.Key.Key_K


@pytest.fixture
def started(review_dock, viewer, qtbot, tmp_path):
    """Three cases with masks, the first one open; no name was given. Only the docks hold the session."""
    review = Review(viewer, qtbot, tmp_path / "project")
    review.session.detach(review)
    review_dock.casework.set_reviewer("")
    review_dock.casework.case_list.order = Order.ID
    review.start(write_images(tmp_path / "images", 3))
    qtbot.waitUntil(lambda: review_dock.casework.current is not None)
    review.settle()
    yield review_dock, review
    worker = review.work.connection.worker
    review_dock.setParent(None)
    for other in viewer.window._qt_window.findChildren(CorrectWidget):
        other.setParent(None)
    if worker is not None:
        assert worker.join(20)


def holder_of(widget) -> QDockWidget:
    part = widget
    while not isinstance(part, QDockWidget):
        part = part.parentWidget()
    return part


def number(dock):
    return None if dock.casework.current is None else dock.casework.current.number


def test_keys_rest_while_the_dock_is_closed_and_not_behind_a_tab(started, viewer, qtbot):
    dock, review = started
    dock._on_reviewer("Ann")
    canvas = viewer.window._qt_viewer.canvas.native
    correct = CorrectWidget(viewer)
    viewer.window.add_dock_widget(correct, name="Correct", tabify=True)
    qtbot.keyClick(canvas, A)
    qtbot.waitUntil(lambda: number(dock) == 2)
    holder_of(dock).close()
    qtbot.keyClick(canvas, A)
    review.settle()
    assert number(dock) == 2, "the Correct dock is open: the case stays, and no key decides"
    layer = dock.casework.current_layer
    stroke(layer, (14, 12), (14, 25))
    painted = layer.data.copy()
    holder_of(correct).close()
    review.settle()
    assert dock.casework.current is None and layer not in viewer.layers
    second = next(case for case in review.work.project.cases() if case.number == 2)
    assert (review.work.project.read_mask(second.revision) == painted).all()
    assert not second.lease and second.status is not Status.ACCEPTED
    holder_of(dock).show()
    qtbot.waitUntil(lambda: number(dock) == 2)
    qtbot.keyClick(canvas, A)
    qtbot.waitUntil(lambda: number(dock) == 3)


def test_the_name_is_asked_for_before_the_first_decision(started, viewer, qtbot):
    dock, review = started
    line = dock.page.header.name
    assert line.isVisible()
    assert viewer.window._qt_window.focusWidget() is line
    stroke(dock.casework.current_layer, (14, 12), (14, 25))
    dock.casework.presenter.recorder.save()
    canvas = viewer.window._qt_viewer.canvas.native
    qtbot.keyClick(canvas, A)
    review.settle()
    assert number(dock) == 1 and "Enter your name" in dock.message.text()
    head = next(case.revision for case in review.work.project.cases() if case.number == 1)
    assert review.work.project.revision(head).author.name == login_name("unnamed reviewer")
    qtbot.keyClicks(line, "Ann")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert not line.isVisible() and dock.casework.reviewer == "Ann"
    assert review_settings.reviewer() == "Ann"
    qtbot.keyClick(canvas, A)
    qtbot.waitUntil(lambda: number(dock) == 2)
    review.settle()
    assert review.work.project.cases()[0].reviewer == "Ann"


def test_the_first_mask_is_not_accepted_in_place_of_the_mask(started, viewer, qtbot):
    dock, _ = started
    dock._on_reviewer("Ann")
    canvas = viewer.window._qt_viewer.canvas.native
    layer = dock.casework.current_layer
    stroke(layer, (14, 12), (14, 25))
    qtbot.keyClick(canvas, K)
    qtbot.waitUntil(lambda: dock.casework.views.shows_first_mask)
    qtbot.keyClick(canvas, A)
    assert number(dock) == 1 and layer.visible and not dock.casework.views.shows_first_mask
    assert "The first mask was in view" in dock.message.text()
    qtbot.keyClick(canvas, A)
    qtbot.waitUntil(lambda: number(dock) == 2)


def test_unreadable_images_are_counted_until_they_are_mended(started, qtbot, tmp_path):
    dock, _ = started
    (tmp_path / "images" / "2.png").unlink()
    dock._look(None)
    qtbot.waitUntil(lambda: "1 image cannot be used" in dock.page.header.ignored.text())
    dock.page.header.ignored.linkActivated.emit("Image missing, changed or unreadable")
    shown = dock.page.table.model
    assert [shown.case_at(row).number for row in range(shown.rowCount())] == [3]


def test_one_of_note_and_measure_is_unfolded(review_dock):
    more, measure = review_dock.page.more.button(), review_dock.page.measure.button()
    more.click()
    measure.click()
    assert measure.isChecked() and not more.isChecked()
    more.click()
    assert more.isChecked() and not measure.isChecked()


def test_the_key_of_the_note_shows_the_field_that_it_writes_in(started, viewer, qtbot):
    dock, _ = started
    case, canvas = dock.page.case, viewer.window._qt_viewer.canvas.native
    assert not case.note.isVisible()
    qtbot.keyClick(canvas, Qt.Key.Key_I)
    assert case.note.isVisible() and dock.page.more.button().isChecked()
    dock.page.measure.button().click()
    qtbot.keyClick(canvas, Qt.Key.Key_I)
    assert case.note.isVisible() and not dock.page.ruler.isVisible()


def test_the_order_is_remembered_in_the_project(started, qtbot):
    dock, review = started
    dock.casework.set_order(Order.RANDOM)
    review.settle()
    worker = review.work.connection.worker
    dock.casework.close_project()
    assert worker.join(20)
    dock.casework.case_list.order = Order.ID
    review.reopen()
    assert dock.casework.order is Order.RANDOM
    assert dock.page.table.order_box.currentData() is Order.RANDOM


def test_a_ct_says_so_and_opens_in_a_lung_window(review, tmp_path, qtbot):
    from napari_unet.widgets.review.case import modality_words

    (ct,) = review.start([write_stack(tmp_path / "ct.nii.gz")])
    review.open(ct)
    review.settle()
    image = next(layer for layer in review.viewer.layers if layer.name == "Case 1")
    assert tuple(image.contrast_limits) == (-1350, 150)
    assert modality_words(review.work.current) == "CT, 4 mm slices"


def test_paths_are_pasted_and_a_disabled_button_says_why(review_dock, tmp_path):
    first, second = write_images(tmp_path / "ward", 2)
    dialog = review_dock.ask_images(new=True)
    ok = dialog.buttons.button(dialog.buttons.StandardButton.Ok)
    assert not ok.isEnabled() and "Choose images" in ok.toolTip() and ok.toolTip() == dialog.why.text()
    dialog.images.line.setText(f'"{first}"; file://{second}')
    assert dialog.images.paths() == (first, second)
    assert ok.isEnabled() and not dialog.why.text()
    assert dialog.folder.path() == tmp_path / "ward review"
    dialog.images.line.setText(str(tmp_path / "nowhere"))
    assert not ok.isEnabled() and "There is no file or folder" in ok.toolTip()
    dialog.reject()


def test_a_path_is_typed_from_the_root_on(review_dock, qtbot):
    dialog = review_dock.ask_images(new=True)
    qtbot.keyClicks(dialog.images.line, "/")
    assert dialog.folder.path() is None
    dialog.reject()


def test_masks_that_a_model_draws_first_follow_its_protocol_until_another_is_typed(
    models, review_dock, qtbot
):
    dialog = review_dock.ask_images(new=True)
    rows = {dialog.first.itemText(row): row for row in range(dialog.first.count())}
    dialog.first.setCurrentIndex(rows["Drawn by the model test-lung"])
    assert dialog.protocol.text() == "Visible lung fields; the heart is left out."
    dialog.first.setCurrentIndex(rows["None: start with empty masks"])
    assert dialog.protocol.text() != "Visible lung fields; the heart is left out."
    dialog.first.setCurrentIndex(rows["From a folder of masks (PNG, TIFF, NIfTI, DICOM SEG)"])
    assert dialog.protocol.text() == ""  # nobody but the user knows what they hold
    qtbot.keyClicks(dialog.protocol, "With the heart")
    dialog.first.setCurrentIndex(rows["Drawn by the model test-lung"])
    assert dialog.protocol.text() == "With the heart"
    dialog.reject()


def test_only_the_note_on_pyqt5_is_closed(viewer, qtbot, request):
    from napari._qt.dialogs.qt_notification import NapariQtNotification

    canvas = viewer.window._qt_viewer.canvas.native
    words = ("napari support for the PyQt5 backend is deprecated and will be removed", "The disk is full")
    notes = [NapariQtNotification(text, "warning", parent=canvas) for text in words]
    for note in notes:
        note.show()
        note.timer_stop()  # it does not go by itself
    request.getfixturevalue("dock")
    qtbot.waitUntil(lambda: notes[0] not in NapariQtNotification._instances)
    assert notes[1] in NapariQtNotification._instances
    assert notes[1].message.text() == words[1]
    notes[1].close()
