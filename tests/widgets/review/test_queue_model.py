"""The queue as a Qt model, with 10,000 cases."""

from __future__ import annotations

from dataclasses import replace

import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QPixmap
from queue_fakes import cases

from napari_unet.review.types import Order, Status
from napari_unet.widgets.review.queue_model import QueueModel
from napari_unet.widgets.review.queue_rows import SHOWN, Column, RowFilter
from napari_unet.widgets.review.queue_table import QueueTable

MANY = 10_000


@pytest.fixture
def known():
    return cases(MANY)


@pytest.fixture
def model(qapp, qtmodeltester, known):
    made = QueueModel()
    made.show_cases(known, list(known), Order.CHECKS)
    return made


def text(model, row, column):
    return model.index(row, column).data()


def test_it_keeps_to_the_rules_of_qt_models(qapp, qtmodeltester):
    small = QueueModel()
    few = cases(20)
    small.show_cases(few, list(few), Order.CHECKS)
    qtmodeltester.check(small)
    small.set_filter(RowFilter(SHOWN["Accepted"]))
    small.sort(Column.NUMBER, Qt.SortOrder.DescendingOrder)
    qtmodeltester.check(small)


def test_filter_and_sort(model):
    model.set_filter(RowFilter(SHOWN["Rejected"]))
    assert model.rowCount() == MANY // 3
    model.sort(Column.NUMBER, Qt.SortOrder.DescendingOrder)
    assert text(model, 0, Column.NUMBER) == "9998"
    model.sort(-1)
    assert text(model, 0, Column.NUMBER) == "2"


def test_a_case_that_changes_tells_its_row_only(model, known, qtbot):
    known["c0007"] = replace(known["c0007"], status=Status.SECOND_LOOK)
    with qtbot.waitSignal(model.dataChanged) as told, qtbot.assertNotEmitted(model.modelReset):
        model.update_cases(["c0007"], known, list(known), Order.CHECKS)
    assert told.args[0].row() == told.args[1].row() == 6
    assert text(model, 6, Column.STATUS) == "Second look"


def test_a_case_that_no_longer_fits_the_filter_goes(model, known):
    model.set_filter(RowFilter(SHOWN["New"]))
    assert model.row_of("c0003") == 0
    known["c0003"] = replace(known["c0003"], status=Status.ACCEPTED)
    model.update_cases(["c0003"], known, list(known), Order.CHECKS)
    assert model.row_of("c0003") == -1


def test_only_rows_on_the_screen_are_asked_for(qtbot, known):
    table = QueueTable()
    qtbot.addWidget(table)
    asked = []
    table.model.picture_requested.connect(asked.append)
    table.resize(400, 500)
    table.show()
    qtbot.waitExposed(table)
    table.show_cases(known, list(known), Order.CHECKS)
    qtbot.waitUntil(lambda: bool(asked), timeout=5000)
    table.view.scrollToBottom()
    qtbot.waitUntil(lambda: "c10000" in asked, timeout=5000)
    assert len(asked) < 40
    assert len(set(asked)) == len(asked)


def test_the_thumbnail_is_made_anew_when_the_mask_is_another(model, known):
    asked = []
    model.picture_requested.connect(asked.append)
    picture = model.index(0, Column.PICTURE)
    role = Qt.ItemDataRole.DecorationRole
    assert picture.data(role) is None
    model.show_picture("c0001", QPixmap(4, 4), "r1")
    assert picture.data(role) is not None
    known["c0001"] = replace(known["c0001"], note="same mask")
    model.update_cases(["c0001"], known, list(known), Order.CHECKS)
    assert picture.data(role) is not None
    known["c0001"] = replace(known["c0001"], revision="r2")
    model.update_cases(["c0001"], known, list(known), Order.CHECKS)
    assert picture.data(role) is None
    assert asked == ["c0001", "c0001"]


def test_search_show_and_order_by_hand(qtbot, known):
    table = QueueTable()
    qtbot.addWidget(table)
    table.show_cases(known, list(known), Order.CHECKS)
    qtbot.keyClicks(table.search, "#777")
    qtbot.waitUntil(lambda: table.model.rowCount() == 11, timeout=5000)  # 777 and 7770 to 7779
    table.search.clear()
    qtbot.waitUntil(lambda: table.model.rowCount() == MANY, timeout=5000)
    table.show_box.setCurrentText("Second look")
    assert table.model.rowCount() == 0
    assert table.empty.isVisibleTo(table)
    ordered = []
    table.ordered.connect(ordered.append)
    qtbot.keyClick(table.order_box, Qt.Key.Key_Down)
    assert ordered == [Order.UNCERTAINTY]


def test_a_click_and_enter_open_a_case(qtbot, known):
    table = QueueTable()
    qtbot.addWidget(table)
    table.resize(400, 500)
    table.show()
    qtbot.waitExposed(table)
    table.show_cases(known, list(known), Order.CHECKS)
    opened = []
    table.opened.connect(opened.append)
    place = table.view.visualRect(table.model.index(1, Column.STATUS)).center()
    qtbot.mouseClick(table.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.keyClick(table.view, Qt.Key.Key_Down)
    qtbot.keyClick(table.view, Qt.Key.Key_Return)
    assert opened == ["c0002", "c0003"]


def test_what_a_header_says_against_the_card_is_a_column(qtbot, known):
    """It is there as soon as a header says something; it can be searched for and sorted by."""
    table = QueueTable()
    qtbot.addWidget(table)
    model = table.model
    model.show_cases(known, list(known), Order.ID)
    assert table.view.isColumnHidden(Column.HEADER)
    one = list(known)[41]
    told = {**known, one: replace(known[one], checks=("holes", "child", "lying"))}
    model.update_cases([one], told, list(told), Order.ID)
    assert not table.view.isColumnHidden(Column.HEADER)
    assert text(model, model.row_of(one), Column.HEADER) == "Under 18, Lying"
    assert text(model, 0, Column.HEADER) == ""
    model.sort(Column.HEADER)
    assert model.row_of(one) == 0
    model.set_filter(RowFilter(text="under 18"))
    assert model.ids() == [one]
