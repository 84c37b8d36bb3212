"""The Review dock on a small screen, on both themes: what can be seen, and what stays in its place."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from casework_fakes import Review, write_images
from looks import contrast, cut_texts, nested, on_small_screen, places, rows_in_sight, scroll_bars
from napari.utils.theme import get_theme
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication, QDockWidget, QPushButton, QStyle, QStyleOptionComboBox

from napari_unet.core.errors import UserError
from napari_unet.review.types import Order, Reason, Status
from napari_unet.widgets import open_review
from napari_unet.widgets.common.colours import DARK, LIGHT
from napari_unet.widgets.review import start as review_settings
from napari_unet.widgets.review.queue_rows import SHOWN, Column
from napari_unet.widgets.review.start import StartPage

A, R = Qt.Key.Key_A, Qt.Key.Key_R
LEFT = Qt.MouseButton.LeftButton
DICTIONARY = {"dark": DARK, "light": LIGHT}


@pytest.fixture
def started(review_dock, viewer, engine, qtbot, tmp_path):
    """Twelve cases with masks on a small screen, the first one open; the dock and the review."""
    review = Review(viewer, qtbot, tmp_path / "project")
    review_dock._on_reviewer("Ann")
    review.start(write_images(tmp_path / "images", 12))
    qtbot.waitUntil(lambda: review_dock.casework.current is not None)
    on_small_screen(viewer, qtbot)
    frame = next(d for d in viewer.window._qt_window.findChildren(QDockWidget) if d.isAncestorOf(review_dock))
    viewer.window._qt_window.resizeDocks([frame], [430], Qt.Orientation.Horizontal)
    qtbot.wait(100)
    review.settle()
    yield review_dock, review
    review.settle()
    review.close(review_dock)


def number(dock):
    return None if dock.casework.current is None else dock.casework.current.number


def test_six_rows_of_the_queue_with_the_note_open(started, qtbot):
    dock, _ = started
    qtbot.mouseClick(dock.page.more.button(), LEFT)
    qtbot.waitUntil(lambda: dock.page.case.masks.count() > 1)
    qtbot.wait(200)
    assert dock.page.case.note.isVisible()
    assert rows_in_sight(dock.page.table.view) >= 6
    assert [area for area in scroll_bars(dock) if area is not dock.page.table.view] == []


def test_every_order_can_be_read_whole(started, viewer, qtbot):
    dock, _ = started
    for box in (dock.page.table.order_box, dock.page.table.show_box):
        option = QStyleOptionComboBox()
        box.initStyleOption(option)
        part = QStyle.SubControl.SC_ComboBoxEditField
        room = box.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, part, box).width()
        few = [box.itemText(at) for at in range(min(box.count(), len(SHOWN)))]
        assert [text for text in few if box.fontMetrics().horizontalAdvance(text) > room] == []


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_nothing_is_cut_and_no_scroll_bar_is_within_another(started, viewer, qtbot, theme):
    dock, _ = started
    viewer.theme = theme
    canvas = viewer.window._qt_viewer.canvas.native
    for fold in (None, dock.page.more, dock.page.measure):
        if fold is not None:
            qtbot.mouseClick(fold.button(), LEFT)
        for asked in (False, True):
            if asked:
                qtbot.keyClick(canvas, R)
            qtbot.wait(150)
            assert cut_texts(dock) == []
            assert nested(scroll_bars(dock)) == []
            if asked:
                qtbot.keyClick(canvas, Qt.Key.Key_Escape)


def test_buttons_and_rows_stay_where_they_are_when_something_is_said(started, qtbot):
    dock, _ = started
    qtbot.wait(100)
    before, row = places(dock), dock.page.table.view.mapTo(dock.window(), QPoint(0, 0))
    dock._on_failed(UserError("Something went wrong with this case, and the sentence is long.", "Try again."))
    dock.page.say_news("Case 3 accepted.")
    dock.page.say_work("Looking for images…")
    dock.page.header.show_ignored({"No first mask": 3})
    qtbot.wait(150)
    assert dock.message.isVisible() and dock.page.news.isVisible() and dock.page.header.ignored.isVisible()
    after = places(dock)
    assert {text: after[text] for text in before} == before
    assert dock.page.table.view.mapTo(dock.window(), QPoint(0, 0)) == row


def test_accept_can_be_clicked_case_after_case(started, qtbot):
    dock, review = started
    window = dock.window()
    accept = dock.page.decide.buttons["accept"]
    at = accept.mapTo(window, accept.rect().center())
    for _ in range(4):
        before = number(dock)
        under = window.childAt(at)
        assert under is accept
        qtbot.mouseClick(under, LEFT)
        qtbot.waitUntil(lambda before=before: number(dock) not in (before, None))
        qtbot.wait(100)
    review.settle()
    assert sum(case.status is Status.ACCEPTED for case in review.work.project.cases()) == 4


def test_a_second_click_on_reject_chooses_nothing(started, qtbot):
    dock, _ = started
    window, reject = dock.window(), dock.page.decide.buttons["reject"]
    at = reject.mapTo(window, reject.rect().center())
    for across in (-reject.width() // 2 + 2, 0, reject.width() // 2 - 2):
        qtbot.mouseClick(reject, LEFT)
        assert dock.page.decide.reasons[Reason.ROTATED].isVisible()
        assert not isinstance(window.childAt(at + QPoint(across, 0)), QPushButton)
        qtbot.keyClick(dock, Qt.Key.Key_Escape)


def test_return_and_esc_leave_the_note_and_do_nothing_else(started, viewer, qtbot, monkeypatch):
    dock, review = started
    monkeypatch.setattr(
        "napari_unet.widgets.review.dock.review_keys",
        lambda: {"accept": "Return", "take_back": "Esc", "reject": "R"},
    )
    dock._plan_keys()
    layer, canvas = dock.casework.current_layer, viewer.window._qt_viewer.canvas.native
    layer.mode = "polygon"
    qtbot.mouseClick(dock.page.more.button(), LEFT)
    for key, text in (
        (Qt.Key.Key_Return, "a tube"),
        (Qt.Key.Key_Enter, " near"),
        (Qt.Key.Key_Escape, " the aorta"),
    ):
        dock.page.case.note.setFocus()
        qtbot.keyClicks(dock.page.case.note, text)
        qtbot.keyClick(dock.page.case.note, key)
        qtbot.wait(50)
        assert number(dock) == 1 and not dock.page.decide.reasons[Reason.ROTATED].isVisible()
        assert layer.mode == "polygon"
        assert QApplication.focusWidget() in (canvas, None) or not dock.page.case.note.hasFocus()
    review.settle()
    case = review.work.project.cases()[0]
    assert case.note == "a tube near the aorta" and case.status is Status.IN_PROGRESS


def test_what_was_said_about_a_case_goes_with_it(started, viewer, qtbot):
    dock, review = started
    ids = list(review.work.cases)
    review.work.reported.emit("Place 1 of 3 where the model is unsure.")
    dock._on_failed(UserError("This stroke was refused.", "Draw it again."))
    assert dock.page.news.isVisible() and dock.message.isVisible()
    review.open(ids[4])
    assert not dock.page.news.text() and not dock.message.text()


def test_a_decision_is_confirmed_for_a_moment(started, viewer, qtbot):
    dock, _ = started
    dock.news.fade.setTimeout(300)
    qtbot.keyClick(viewer.window._qt_viewer.canvas.native, A)
    qtbot.waitUntil(lambda: number(dock) == 2)
    assert dock.page.news.text() == "Case 1 accepted."
    qtbot.waitUntil(lambda: not dock.page.news.text())


def test_news_of_the_project_stay_for_the_next_case(started, qtbot):
    dock, review = started
    dock.exporter.done.emit("3 masks were exported to project export.")
    review.open(list(review.work.cases)[4])
    assert "3 masks" in dock.page.news.text()


def test_order_uncertainty_says_how_unsure_the_model_is(started, qtbot):
    dock, review = started
    work = review.work
    for place, id in enumerate(work.queue):  # by checks they are in the same order
        work.case_list.cases[id] = replace(work.case_list.cases[id], uncertainty=0.5 - place / 100, checks=())
    work.case_list.sort()
    review.settle()
    queue = list(work.queue)
    box = dock.page.table.order_box
    box.setFocus()
    box.setCurrentIndex(box.findData(Order.UNCERTAINTY))
    box.activated.emit(box.currentIndex())
    review.settle()
    qtbot.waitUntil(lambda: "unsure along 50 %" in dock.page.title.text())
    assert list(work.queue) == queue
    model = dock.page.table.model
    assert "unsure along 50 % of the border" in model.data(model.index(0, 3))


def test_other_images_are_hidden_while_a_project_is_open(review_dock, viewer, engine, qtbot, tmp_path):
    review = Review(viewer, qtbot, tmp_path / "project")
    review_dock._on_reviewer("Ann")
    before = viewer.add_image(np.zeros((30, 30)), name="another X-ray")
    hidden = viewer.add_labels(np.zeros((30, 30), int), name="hidden by the user")
    hidden.visible = False
    review.start(write_images(tmp_path / "images", 2))
    qtbot.waitUntil(lambda: review.work.current is not None)
    review.settle()
    assert [layer.name for layer in viewer.layers if layer.visible] == ["Case 1", "Case 1: mask"]
    review.work.close_project()
    qtbot.waitUntil(lambda: review.work.project is None)
    assert before.visible and not hidden.visible
    review.session.detach(review)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_colours_can_be_read(started, viewer, qtbot, theme):
    dock, _ = started
    viewer.theme = theme
    qtbot.wait(100)
    colours = get_theme(theme)
    for name, colour in DICTIONARY[theme].items():
        for background in (colours.background, colours.foreground):
            assert contrast(colour, background.as_hex()) >= 4.5, name
    dock._on_failed(UserError("One.", "Two."))
    dock.page.header.show_ignored({"No first mask": 3})
    dock.page.header._say_saved("Not saved", "bad")
    viewer.theme = "light" if theme == "dark" else "dark"  # said before: they change with the theme
    viewer.theme = theme
    qtbot.wait(100)
    for label in (dock.message, dock.page.header.ignored, dock.page.header.saved):
        used = re.findall(r"#[0-9a-f]{6}", label.text())
        assert used and set(used) <= set(DICTIONARY[theme].values())


def test_the_start_page_shows_each_recent_project_once(qtbot, tmp_path, monkeypatch):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "review.db").touch()
    monkeypatch.setattr(review_settings, "recent_projects", lambda: [tmp_path / "one", tmp_path / "two"])
    page = StartPage()
    qtbot.addWidget(page)
    page.show()
    page.reload()
    page.reload()
    gone = [b for b in page.findChildren(QPushButton) if b not in page.recent_buttons()][2:]
    assert not any(button.isVisible() for button in gone)  # they are drawn until they are deleted
    qtbot.wait(50)
    shown = [button.text() for button in page.findChildren(QPushButton) if button.isVisible()]
    assert sorted(shown) == sorted({*shown}) and {"one", "two"} <= {*shown}


def test_the_window_of_review_open_fits_a_small_screen(viewer, qtbot, monkeypatch):
    window = viewer.window._qt_window
    room = window.screen().availableGeometry()
    monkeypatch.setattr(open_review, "_SIZE", (room.width() + 200, room.height() + 200))
    open_review.fit_screen(window)
    qtbot.wait(200)
    assert room.contains(window.geometry().topLeft())
    assert window.width() <= room.width() and window.height() <= room.height()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_whole_protocol_can_be_read_in_the_dialog(models, review_dock, viewer, qtbot, theme):
    viewer.theme = theme
    dialog = review_dock.ask_images(new=True)
    qtbot.wait(100)
    words = "Visible lung fields; the heart, the mediastinum and what lies behind them are left out."
    dialog.protocol.setText(words)
    qtbot.wait(50)
    assert dialog.protocol.text() == words and not dialog.protocol.verticalScrollBar().isVisible()
    assert cut_texts(dialog) == []
    dialog.reject()


def test_the_reason_of_a_row_fits_into_its_cell(started, qtbot):
    dock, review = started
    check_results = (("unlike",), ("missing-lung", "holes", "extra-parts"), ("ratio",), ("border",), ())
    for id, checks in zip(review.work.cases, check_results, strict=False):
        review.work.case_list.cases[id] = replace(review.work.cases[id], checks=checks)
    work, table = review.work, dock.page.table
    table.show_cases(work.cases, work.queue, Order.CHECKS)
    width = table.view.columnWidth(Column.WHY) - 8
    words = [table.model.data(table.model.index(row, Column.WHY)) for row in range(table.model.rowCount())]
    assert "One lung is missing (+2 more)" in words
    metrics = table.view.fontMetrics()
    for text in words:
        high = metrics.boundingRect(0, 0, width, 1000, Qt.TextFlag.TextWordWrap, text).height()
        assert high <= table.view.rowHeight(0), text
