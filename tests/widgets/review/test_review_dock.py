"""The Review dock, used by keyboard and mouse in a real viewer on a real project."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from casework_fakes import Review, stroke, write_images
from dicom_files import save_series
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QApplication, QDockWidget, QListWidget

from napari_unet.models.card import ModelCard
from napari_unet.models.folder import CARD_FILE
from napari_unet.models.output import Output
from napari_unet.review.exporting.kinds import Format
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import FileState, NewCase, Order, Reason, Status
from napari_unet.widgets.review import start as review_settings
from napari_unet.widgets.review.add import AddDialog
from napari_unet.widgets.review.export import ExportDialog

A, D, N, R, T = (getattr(Qt.Key, f"Key_{letter}") for letter in "ADNRT")


@pytest.fixture
def reviewed(viewer, engine, qtbot, tmp_path):
    return Review(viewer, qtbot, tmp_path / "project")


@pytest.fixture
def started(review_dock, reviewed, qtbot, tmp_path):
    """Four cases with masks, in the order of adding, the first one open; the review_dock and the review."""
    review_dock._on_reviewer("Ann")
    review_dock.casework.case_list.order = Order.ID
    reviewed.start(write_images(tmp_path / "images", 4))
    qtbot.waitUntil(lambda: review_dock.casework.current is not None)
    reviewed.settle()
    yield review_dock, reviewed
    reviewed.settle()
    reviewed.close(review_dock)


def number(dock):
    return None if dock.casework.current is None else dock.casework.current.number


def places(dock, viewer):
    """Where the focus may be."""
    return {
        "canvas": viewer.window._qt_viewer.canvas.native,
        "table": dock.page.table.view,
        "button": dock.page.decide.buttons["jump"],
        "box": dock.page.table.show_box,
        "layer list": viewer.window._qt_viewer.layers,
        "window": viewer.window._qt_window,
    }


def test_keys_work_wherever_the_focus_is(started, viewer, qtbot):
    dock, review = started
    for place, widget in places(dock, viewer).items():
        before = dock.casework.current.id
        widget.setFocus()
        qtbot.keyClick(widget, N)
        qtbot.waitUntil(lambda before=before: dock.casework.current.id != before)
        assert dock.casework.current is not None, place
    holder = next(d for d in viewer.window._qt_window.findChildren(QDockWidget) if d.isAncestorOf(dock))
    holder.setFloating(True)
    for widget in (dock.page.table.view, holder):
        before = dock.casework.current.id
        qtbot.keyClick(widget, A)
        qtbot.waitUntil(lambda before=before: dock.casework.current.id != before)
        review.settle()
        assert review.work.project.case(before).status is Status.ACCEPTED
    holder.setFloating(False)


def test_letters_are_letters_where_text_is_typed(started, viewer, qtbot):
    dock, review = started
    qtbot.keyClicks(dock.page.table.search, "asrt")
    assert dock.page.table.search.text() == "asrt"
    dock.page.table.search.clear()
    dock.page.more.button().click()
    qtbot.keyClicks(dock.page.case.note, "a tube near the aorta")
    assert number(dock) == 1
    canvas = viewer.window._qt_viewer.canvas.native
    held = QKeyEvent(QEvent.Type.KeyPress, A, Qt.KeyboardModifier.NoModifier, "a", True)
    QApplication.sendEvent(canvas, held)
    assert number(dock) == 1, "a key that is held down does not decide"
    qtbot.keyClick(canvas, A)  # no click: the note is kept all the same
    qtbot.waitUntil(lambda: number(dock) == 2)
    review.settle()
    assert review.work.project.cases()[0].note == "a tube near the aorta"


def test_decisions_by_key_and_by_mouse(started, viewer, qtbot):
    dock, review = started
    canvas = viewer.window._qt_viewer.canvas.native
    left = Qt.MouseButton.LeftButton
    mode = dock.casework.current_layer.mode
    assert dock.page.header.bar.text() == "0 of 4"
    qtbot.keyClick(canvas, R)
    assert dock.page.decide.reasons[Reason.ROTATED].isVisible()
    qtbot.keyClick(canvas, Qt.Key.Key_Escape)
    assert not dock.page.decide.reasons[Reason.ROTATED].isVisible()
    assert number(dock) == 1
    qtbot.keyClick(canvas, R)
    qtbot.keyClick(canvas, Qt.Key.Key_3)
    qtbot.waitUntil(lambda: number(dock) == 2)
    assert dock.casework.current_layer.mode == mode, "the number did not change the tool"
    qtbot.mouseClick(dock.page.decide.buttons["reject"], left)
    qtbot.mouseClick(dock.page.decide.reasons[Reason.DUPLICATE], left)
    qtbot.waitUntil(lambda: number(dock) == 3)
    qtbot.mouseClick(dock.page.decide.buttons["second_look"], left)
    qtbot.waitUntil(lambda: number(dock) == 4)
    qtbot.waitUntil(lambda: dock.page.header.bar.text().startswith("2 of 4"))
    review.settle()
    first, second, third, _ = review.work.project.cases()
    assert (first.status, first.reason) == (Status.REJECTED, Reason.ROTATED)
    assert (second.status, second.reason) == (Status.REJECTED, Reason.DUPLICATE)
    assert third.status is Status.SECOND_LOOK
    qtbot.keyClick(canvas, T)
    qtbot.waitUntil(lambda: number(dock) == 3)
    view, model = dock.page.table.view, dock.page.table.model
    qtbot.mouseClick(view.viewport(), left, pos=view.visualRect(model.index(0, 2)).center())
    qtbot.waitUntil(lambda: number(dock) == 1)
    assert viewer.layers.selection.active is dock.casework.current_layer
    review.settle()
    assert review.work.project.cases()[2].status is not Status.SECOND_LOOK


def test_a_stroke_corrects_and_an_earlier_mask_comes_back(started, viewer, qtbot):
    dock, review = started
    layer = dock.casework.current_layer
    before = layer.data.copy()
    stroke(layer, (5, 5), (5, 20))
    dock.casework.presenter.recorder.save()
    review.settle()
    dock.page.more.button().click()
    qtbot.waitUntil(lambda: dock.page.case.masks.count() == 3)  # with the heading
    dock.page.case.masks.setCurrentIndex(2)
    qtbot.mouseClick(dock.page.case.restore, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: (layer.data == before).all())
    stroke(layer, (5, 5), (5, 20))
    canvas = viewer.window._qt_viewer.canvas.native
    qtbot.keyClick(canvas, A)
    qtbot.waitUntil(lambda: "More parts than two lungs" in dock.message.text())
    assert number(dock) == 1
    qtbot.keyClick(canvas, A)
    qtbot.waitUntil(lambda: number(dock) == 2)
    review.settle()
    qtbot.waitUntil(lambda: "Saved" in dock.page.header.saved.text())
    first = review.work.project.cases()[0]
    assert (first.status, first.reviewer) == (Status.CORRECTED, "Ann")
    assert review.work.project.revision(first.revision).author.name == "Ann"


def test_an_empty_mask_is_accepted_at_the_second_time(started, viewer, qtbot):
    dock, _ = started
    layer = dock.casework.current_layer
    layer.data_setitem((layer.data > 0).nonzero(), 0)
    canvas = viewer.window._qt_viewer.canvas.native
    qtbot.keyClick(canvas, A)
    assert "no lung to mark, press A once more" in dock.message.text()
    qtbot.keyClick(canvas, D)
    qtbot.keyClick(canvas, A)
    assert number(dock) == 1, "another key voids the first time"
    qtbot.keyClick(canvas, A)
    qtbot.waitUntil(lambda: number(dock) == 2)
    assert dock.message.text() == ""


def test_a_changed_file_is_asked_about(started, qtbot, tmp_path):
    dock, _ = started
    write_images(tmp_path / "other", 1, (30, 40))[0].replace(tmp_path / "images" / "2.png")
    dock._look(None)
    work = dock.casework
    third = next(i for i, case in work.cases.items() if case.number == 3)
    qtbot.waitUntil(lambda: work.cases[third].file_state is FileState.CHANGED)
    dock._open(third)
    assert "has changed" in dock.page.unavailable.text.text()
    assert number(dock) == 1, "it is not opened before that is decided"
    qtbot.mouseClick(dock.page.unavailable.take, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: work.cases[third].file_state is FileState.PRESENT)
    assert not dock.page.unavailable.isVisible()


def test_a_series_with_a_missing_file_says_so_without_names(started, qtbot, tmp_path):
    dock, reviewed = started
    files = save_series(tmp_path / "smith", np.zeros((5, 30, 40), np.int16))
    work = dock.casework
    work.importer.add_images([tmp_path / "smith"])
    qtbot.waitUntil(lambda: any(case.shape == (5, 30, 40) for case in work.cases.values()))
    reviewed.settle()
    files[2].rename(tmp_path / "away")
    dock._look(None)
    (series,) = [id for id, case in work.cases.items() if case.shape == (5, 30, 40)]
    qtbot.waitUntil(lambda: work.cases[series].file_state is FileState.MISSING)
    dock._open(series)
    qtbot.waitUntil(lambda: "1 of 5 files" in dock.page.unavailable.text.text())
    reason = dock.page.unavailable.text.text()
    assert "smith" not in reason and files[2].name not in reason
    reviewed.settle()


def test_the_way_from_the_first_page_to_the_first_case(review_dock, viewer, qtbot, tmp_path):
    images = tmp_path / "ward"
    write_images(images, 3)
    assert not review_dock.start.new.isEnabled(), "the name comes first"
    review_dock.open_project(images)
    qtbot.waitUntil(lambda: bool(review_dock.message.text()))
    assert review_dock.start.isVisible(), "a folder that is no project"
    qtbot.keyClicks(review_dock.start.reviewer, "Ann")
    qtbot.mouseClick(review_dock.start.new, Qt.MouseButton.LeftButton)
    dialog = review_dock.findChild(AddDialog)
    dialog.images.choose(images)
    dialog.first.setCurrentIndex(dialog.first.count() - 1)
    assert dialog.folder.path() == tmp_path / "ward review"
    dialog.buttons.button(dialog.buttons.StandardButton.Ok).click()
    qtbot.waitUntil(lambda: number(review_dock) == 1)
    assert review_dock.page.isVisible() and not review_dock.start.isVisible()
    assert review_dock.page.header.project.text() == "ward review"
    assert review_settings.reviewer() == "Ann"
    assert review_settings.recent_projects() == [tmp_path / "ward review"]
    review_dock._on_menu("close")
    assert review_dock.start.isVisible()
    assert not review_dock.keys._is_on
    (recent,) = review_dock.start.recent_buttons()
    qtbot.mouseClick(recent, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: number(review_dock) == 1)
    worker = review_dock.casework.connection.worker
    review_dock.setParent(None)
    assert worker.join(20)


def test_a_new_project_begins_with_the_answer_that_is_chosen(review_dock, models, engine, qtbot, tmp_path):
    old, new = Output(protocol="heart left out"), Output(id="lungs-2", protocol="heart included")
    (models / "two").mkdir()
    card = ModelCard(name="two", outputs=(old, new))
    (models / "two" / CARD_FILE).write_text(card.model_dump_json())
    write_images(tmp_path / "ward", 1)
    qtbot.keyClicks(review_dock.start.reviewer, "Ann")
    qtbot.mouseClick(review_dock.start.new, Qt.MouseButton.LeftButton)
    dialog = review_dock.findChild(AddDialog)
    offered = [dialog.first.itemText(k) for k in range(dialog.first.count())]
    assert "Drawn by the model test-lung" in offered
    dialog.images.choose(tmp_path / "ward")
    dialog.first.setCurrentText("Drawn by the model two, answer lungs-2")
    assert dialog.protocol.text() == "heart included"
    dialog.first.setCurrentText("Drawn by the model two, answer lungs")
    assert dialog.protocol.text() == "heart left out"
    dialog.buttons.button(dialog.buttons.StandardButton.Ok).click()
    qtbot.waitUntil(lambda: any(job.kind == "first_mask" for job in engine.jobs))
    (job,) = (job for job in engine.jobs if job.kind == "first_mask")
    assert (job.arguments["model"], job.arguments["output"]) == ("two", "lungs")
    worker = review_dock.casework.connection.worker
    review_dock.setParent(None)
    assert worker.join(20)


def test_what_was_just_accepted_is_exported(started, viewer, qtbot, tmp_path):
    dock, _ = started
    qtbot.keyClick(viewer.window._qt_viewer.canvas.native, A)
    dock._on_menu("export")
    dialog = dock.findChild(ExportDialog)
    assert dialog.folder.path() == tmp_path / "project export"
    dialog.form.nifti.native.click()
    dialog.buttons.button(dialog.buttons.StandardButton.Ok).click()
    qtbot.waitUntil(lambda: "1 mask was exported to project export." in dock.page.news.text())
    found = {path.relative_to(dialog.folder.path()).parts[0] for path in dialog.folder.path().rglob("*.*")}
    assert {"png", "nifti", "manifest.csv", "README.txt", "report"} <= found
    assert (dialog.folder.path() / "report" / "summary.html").is_file()
    assert dock.page.header.work.text() == ""


def test_each_format_has_a_box_that_says_whose_its_files_are(started):
    dock, _ = started
    dialog = dock.exporter.ask()
    for name in Format:
        dialog.form[name.value].value = True
    assert dialog.outgoing().formats == tuple(Format)
    assert "with patient and study" in dialog.form["dicom-seg-archive"].text
    assert "without the patient" in dialog.form["dicom-seg"].text
    dialog.reject()


def test_volumes_are_offered_as_nifti_first(started, tmp_path):
    dock, _ = started
    assert ExportDialog(dock, tmp_path, volumes=True).outgoing().formats == (Format.NIFTI,)
    assert dock.exporter.ask().outgoing().formats == (Format.PNG,)


def test_nothing_to_export_is_told(started, qtbot):
    dock, _ = started
    dialog = dock.exporter.ask()
    for box in (dialog.form.png, dialog.form.report):
        box.value = False
    assert not dialog.buttons.button(dialog.buttons.StandardButton.Ok).isEnabled()
    dialog.form.coco.native.click()
    dialog.buttons.button(dialog.buttons.StandardButton.Ok).click()
    qtbot.waitUntil(lambda: "No case is accepted or corrected yet." in dock.message.text())
    assert not dialog.folder.path().exists()


def test_the_menu_opens_the_page_of_the_keys(started, viewer, monkeypatch):
    dock, _ = started
    preferences = SimpleNamespace(_list=QListWidget())
    preferences._list.addItems(["Application", "U-Net Lung"])
    monkeypatch.setattr(viewer.window, "_open_preferences_dialog", lambda: preferences)
    dock._on_menu("keys")
    assert preferences._list.currentItem().text() == "U-Net Lung"


def test_a_case_is_accepted_where_torch_cannot_be_imported(tmp_path):
    project = ReviewProject.create(tmp_path / "project")
    project.add([NewCase(str(path)) for path in write_images(tmp_path / "images", 2)], "Ann")
    project.close()
    script = f"""
import os, sys, time
sys.modules["torch"] = None  # importing it raises ImportError
from pathlib import Path
import napari
from qtpy.QtCore import QSettings, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QDockWidget
QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, {str(tmp_path)!r})
import napari_unet.review.store, napari_unet.widgets.correct.dock
from napari_unet.widgets.review import ReviewWidget
viewer = napari.Viewer(show=True)
dock = ReviewWidget(viewer)
viewer.window.add_dock_widget(dock, name="Review")
dock._on_reviewer("Ann")
dock.open_project(Path({str(tmp_path / "project")!r}))
def wait(until):
    end = time.monotonic() + 60
    while not until():
        QApplication.processEvents()
        assert time.monotonic() < end
wait(lambda: dock.casework.current is not None)
first = dock.casework.current.id
canvas = viewer.window._qt_viewer.canvas.native
QTest.keyClick(canvas, Qt.Key.Key_A)
QTest.keyClick(canvas, Qt.Key.Key_A)
wait(lambda: dock.casework.cases[first].status == "accepted")
connection = dock.casework.connection
assert connection.worker.flush(60) and connection.saver.flush(60)
viewer.window._qt_window.close()
QApplication.processEvents()
os._exit(0)  # Qt's objects go in any order at the end of a process that napari.run never ran
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    with ReviewProject.open(tmp_path / "project") as project:
        assert [case.status for case in project.cases()].count(Status.ACCEPTED) == 1


def test_a_case_that_was_clicked_is_not_overtaken_by_the_first_of_the_queue(started, tmp_path):
    dock, review = started
    last = review.work.queue[-1]
    review.work.opener.leave()
    dock.page.wants_first = True
    dock._open(last)  # it is being read, as files of the queue still are
    dock.updates.show([last])
    dock.updates._show_changes()
    review.until_open(last)
