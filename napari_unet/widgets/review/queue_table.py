"""The queue: what is shown, in what order, and the table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from qtpy.QtCore import QEvent, QModelIndex, QSize, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QStyle,
    QTableView,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import qdebounced

from napari_unet.review.types import Case, Order, Status
from napari_unet.widgets.common.colours import is_theme_change, tones_of
from napari_unet.widgets.common.text_fields import TextLine
from napari_unet.widgets.review.queue_model import THUMBNAIL, QueueModel
from napari_unet.widgets.review.queue_rows import NEEDING, SHOWN, Column, RowFilter, header_words

_CALM_MS = 120  # the search begins this long after the last letter
_WIDE = 520  # from here on there is room for all columns
_LEAST_ROWS = 2
_ROW = THUMBNAIL + 2  # pixels


class QueueTable(QWidget):
    """The table of cases with what chooses its rows.

    opened : id of a case that was clicked, or chosen with Enter. ordered : an Order that was chosen.
    rows_changed : other rows than before are shown, or in another order.
    """

    opened = Signal(str)
    ordered = Signal(object)
    rows_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.model = QueueModel(self)
        self.search = TextLine()
        self.search.setPlaceholderText("Search: number, status, reason, reviewer, note")
        self.search.setClearButtonEnabled(True)
        self.show_box = QComboBox()
        self.show_box.addItems([*SHOWN, *NEEDING])
        self.order_box = QComboBox()
        for order in Order:
            self.order_box.addItem(order.value.capitalize(), order)
        self.view = _view(self.model)
        self.empty = QLabel()
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        self._current = ""
        self._names: Mapping[str, str] = {}
        self._want_soon = qdebounced(self._want, timeout=_CALM_MS, parent=self)
        self._lay_out()
        self.search.textChanged.connect(lambda: self._want_soon())
        self.show_box.currentIndexChanged.connect(lambda: self._want())
        self.order_box.activated.connect(self._on_order)
        self.view.clicked.connect(self._on_chosen)
        self.view.activated.connect(self._on_chosen)
        self.model.modelAboutToBeReset.connect(self._remember_place)
        self.model.modelReset.connect(self._find_place)
        self.model.dataChanged.connect(self._on_cells)
        self.model.rows_changed.connect(self.rows_changed)
        self._place = 0
        self._find_place()

    def _lay_out(self) -> None:
        choices = QHBoxLayout()
        choices.setContentsMargins(0, 0, 0, 0)
        for title, box in (("Show", self.show_box), ("Order", self.order_box)):
            choices.addWidget(QLabel(title))
            choices.addWidget(box, stretch=1 if box is self.show_box else 0)
        self.show_box.setMinimumContentsLength(6)  # what it says longest is rare
        self.show_box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(choices)
        column.addWidget(self.search)
        column.addWidget(self.view, stretch=1)
        column.addWidget(self.empty, stretch=1)

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of another theme."""
        super().changeEvent(event)
        if is_theme_change(event):
            self.model.use_tones(tones_of(self))

    # -- what it receives --

    def show_cases(self, cases: Mapping[str, Case], queue: Sequence[str], order: Order) -> None:
        """Show the cases of a project in the order of its queue."""
        self._show_order(order)
        self.model.show_cases(cases, queue, order)

    def update_cases(
        self, ids: Iterable[str], cases: Mapping[str, Case], queue: Sequence[str], order: Order
    ) -> None:
        """These cases of the project are not as they were, or the queue is another."""
        self._show_order(order)
        self.model.update_cases(ids, cases, queue, order)

    def forget(self) -> None:
        """Another project is open, or none."""
        self.search.clear()
        self.show_box.setCurrentIndex(0)
        self.model.forget_pictures()
        self._current, self._place = "", 0
        self.model.show_cases({}, [], Order(self.order_box.currentData()))

    def use_names(self, names: Mapping[str, str]) -> None:
        """Names of files by case, by which cases are found too; none to find them by nothing of the kind."""
        self._names = names
        file = "file, " if names else ""
        self.search.setPlaceholderText(f"Search: number, {file}status, reason, reviewer, note")
        self._want()

    def _show_order(self, order: Order) -> None:
        self.order_box.setCurrentIndex(self.order_box.findData(order))

    def mark(self, case_id: str) -> None:
        """This case is open now, "" for none: its row is in view."""
        self._current = case_id
        self.model.mark(case_id)
        row = self.model.row_of(case_id)
        if row < 0:
            self.view.clearSelection()
            return
        self.view.selectRow(row)
        self.view.scrollTo(self.model.index(row, Column.NUMBER))

    # -- what the user does --

    def _want(self) -> None:
        self._want_soon.cancel()
        shown = self.show_box.currentText()
        status, needing = (SHOWN[shown], "") if shown in SHOWN else (frozenset(Status), shown)
        self.model.set_filter(RowFilter(status, self.search.text(), needing, self._names))

    def show_only(self, title: str) -> None:
        """Choose what is shown: one of SHOWN or NEEDING."""
        self.search.clear()
        self.show_box.setCurrentText(title)

    def _on_order(self) -> None:
        """Back to the order of the queue: a click into the header had sorted the rows otherwise."""
        self.view.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.ordered.emit(Order(self.order_box.currentData()))

    def _on_chosen(self, index: QModelIndex) -> None:
        case = self.model.case_at(index.row())
        if case is not None:
            self.opened.emit(case.id)

    # -- the table stays where it was --

    def _remember_place(self) -> None:
        self._place = self.view.verticalScrollBar().value()

    def _find_place(self) -> None:
        has_rows = self.model.rowCount() > 0
        self.view.setVisible(has_rows)
        self.empty.setVisible(not has_rows)
        filtered = self.search.text() or self.show_box.currentIndex() > 0
        none_yet = "No images yet.\nProject ▸ Add images… adds some."
        self.empty.setText("No case matches." if filtered else none_yet)
        row = self.model.row_of(self._current)
        if row >= 0:
            self.view.selectRow(row)
        self.view.verticalScrollBar().setValue(self._place)

        self.view.setColumnHidden(Column.HEADER, not self._some_header_words(range(self.model.rowCount())))

    def _on_cells(self, top: QModelIndex, bottom: QModelIndex) -> None:
        """The column of what headers say is there as soon as one says something."""
        if self.view.isColumnHidden(Column.HEADER):
            rows = range(top.row(), bottom.row() + 1)
            self.view.setColumnHidden(Column.HEADER, not self._some_header_words(rows))

    def _some_header_words(self, rows: range) -> bool:
        return any(case is not None and header_words(case) for case in map(self.model.case_at, rows))

    def resizeEvent(self, event: object) -> None:
        """Columns that are looked at seldom are there where there is room; the tool tip has them always."""
        super().resizeEvent(event)
        for column in (Column.PATIENT, Column.REVIEWER):
            self.view.setColumnHidden(column, self.width() < _WIDE)


class _TableView(QTableView):
    """Low enough for small screens: it takes what room there is, and asks for no more, so that a dock with
    it has no second scroll bar."""

    def minimumSizeHint(self) -> QSize:
        return QSize(220, self.horizontalHeader().height() + _LEAST_ROWS * _ROW)

    def sizeHint(self) -> QSize:
        return QSize(320, self.minimumSizeHint().height())


def _view(model: QueueModel) -> QTableView:
    view = _TableView()
    view.setModel(model)
    view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
    view.setIconSize(QSize(THUMBNAIL, THUMBNAIL))
    view.setShowGrid(False)
    view.setWordWrap(True)
    view.setTextElideMode(Qt.TextElideMode.ElideRight)
    view.setTabKeyNavigation(False)
    view.setCornerButtonEnabled(False)
    rows = view.verticalHeader()
    rows.setVisible(False)
    rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)  # 10,000 rows are never measured one by one
    rows.setDefaultSectionSize(max(_ROW, 2 * view.fontMetrics().height() + 2))  # two lines of text
    columns = view.horizontalHeader()
    columns.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    columns.setHighlightSections(False)
    columns.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
    view.setSortingEnabled(True)
    letter = view.fontMetrics().horizontalAdvance("n")
    margin = 2 * view.style().pixelMetric(QStyle.PixelMetric.PM_FocusFrameHMargin) + 6
    widths = {Column.PICTURE: 0, Column.NUMBER: 5, Column.STATUS: 10, Column.PATIENT: 8}
    widths |= {Column.REVIEWER: 12, Column.HEADER: 9}
    for column, letters in widths.items():
        columns.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
        columns.resizeSection(column, letters * letter + margin if letters else THUMBNAIL + margin)
    columns.setSectionResizeMode(Column.WHY, QHeaderView.ResizeMode.Stretch)
    return view
