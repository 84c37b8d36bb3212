"""The queue as a Qt model: one row per case, of which only those on the screen are ever asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSize, Qt, Signal
from qtpy.QtGui import QBrush, QColor, QFont, QPixmap

from napari_unet.review.types import Case, Order, Status
from napari_unet.widgets.common.colours import DARK
from napari_unet.widgets.review.queue_rows import (
    TITLES,
    Column,
    RowFilter,
    is_unavailable,
    short_why,
    shown_rows,
    tip_of,
    words_of,
)

THUMBNAIL = 34
"""Height and width of a row's picture, in pixels."""
_PICTURES = 600  # kept; more than any screen shows
_ROLE = Qt.ItemDataRole
_TOP = QModelIndex()
_TONES = {
    Status.ACCEPTED: "good",
    Status.CORRECTED: "blue",
    Status.REJECTED: "rust",
    Status.SECOND_LOOK: "yellow",
}


class QueueModel(QAbstractTableModel):
    """The cases that pass the filter, in the order that was chosen.

    Filtering and sorting are done here on plain lists: a proxy that asks Python for each pair of 10,000 rows
    would take a second. picture_requested : id of a case whose thumbnail a visible row lacks; it is asked
    for once, until `forget_picture`. rows_changed : other rows than before are shown.
    """

    picture_requested = Signal(str)
    rows_changed = Signal()

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._cases: Mapping[str, Case] = {}
        self._queue: Sequence[str] = ()
        self._ids: list[str] = []
        self._row: dict[str, int] = {}
        self._order = Order.ID
        self._filter = RowFilter()
        self._sort: Column | None = None
        self._descending = False
        self._current = ""
        self._pictures: dict[str, QPixmap] = {}
        self._drawn: dict[str, str | None] = {}  # the mask on a thumbnail
        self._asked: set[str] = set()
        self._tones: Mapping[str, str] = DARK
        self._bold = QFont()
        self._bold.setBold(True)

    # -- what is shown --

    def show_cases(self, cases: Mapping[str, Case], queue: Sequence[str], order: Order) -> None:
        """Show these cases; the mapping is held, not copied. order : by which the queue is sorted."""
        self._cases, self._queue, self._order = cases, queue, order
        self._arrange()

    def update_cases(
        self, ids: Iterable[str], cases: Mapping[str, Case], queue: Sequence[str], order: Order
    ) -> None:
        """These cases are not as they were, or the queue is another."""
        for case_id in ids:
            before, now = self._drawn.get(case_id), cases.get(case_id)
            if now is not None and before != now.revision:
                self.forget_picture(case_id)
        is_same_order = order == self._order
        self._cases, self._queue, self._order = cases, queue, order
        after = self._shown()
        if after != self._ids or not is_same_order:
            self._arrange(after)
            return
        rows = [row for row in map(self._row.get, ids) if row is not None]
        if rows:
            self.dataChanged.emit(self.index(min(rows), 0), self.index(max(rows), len(Column) - 1))

    def set_filter(self, row_filter: RowFilter) -> None:
        """Show other cases."""
        if row_filter != self._filter:
            self._filter = row_filter
            self._arrange()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; -1 for the order of the queue. Called by the table's header."""
        self._sort = None if column < 0 else Column(column)
        self._descending = order == Qt.SortOrder.DescendingOrder
        self._arrange()

    def _arrange(self, ids: list[str] | None = None) -> None:
        if ids is None:
            ids = self._shown()
        self.beginResetModel()
        self._ids = ids
        self._row = {case: row for row, case in enumerate(ids)}
        self.endResetModel()
        self.rows_changed.emit()

    def _shown(self) -> list[str]:
        row_filter, sort, descending = self._filter, self._sort, self._descending
        return shown_rows(self._cases, self._queue, row_filter, self._order, sort, descending)

    def use_tones(self, tones: Mapping[str, str]) -> None:
        """Show the cells in these colours, see widgets.common.colours."""
        if tones is not self._tones:
            self._tones = tones
            if self._ids:
                self.dataChanged.emit(self.index(0, 0), self.index(len(self._ids) - 1, len(Column) - 1))

    def mark(self, case_id: str) -> None:
        """`case_id` is open now, "" for none."""
        for changed in (self._current, case_id):
            row = self._row.get(changed)
            if row is not None:
                self.dataChanged.emit(self.index(row, 0), self.index(row, len(Column) - 1))
        self._current = case_id

    # -- rows and cases --

    def ids(self) -> list[str]:
        """The cases as they are shown, from top to bottom."""
        return list(self._ids)

    def case_at(self, row: int) -> Case | None:
        """The case in a row, if it is still there."""
        return self._cases.get(self._ids[row]) if 0 <= row < len(self._ids) else None

    def row_of(self, case_id: str) -> int:
        """Where a case is shown; -1 if it is not."""
        return self._row.get(case_id, -1)

    def mask_of(self, case_id: str) -> str | None:
        """The current mask (revision) of a case."""
        case = self._cases.get(case_id)
        return None if case is None else case.revision

    # -- thumbnails --

    def show_picture(self, case_id: str, picture: QPixmap, mask: str | None) -> None:
        """`picture` is the thumbnail of a case with the mask of revision `mask`."""
        self._asked.discard(case_id)
        self._drawn[case_id] = mask
        self._pictures.pop(case_id, None)
        self._pictures[case_id] = picture
        while len(self._pictures) > _PICTURES:
            oldest = next(iter(self._pictures))
            del self._pictures[oldest]
            self._drawn.pop(oldest, None)
        row = self._row.get(case_id)
        if row is not None:
            index = self.index(row, Column.PICTURE)
            self.dataChanged.emit(index, index)

    def forget_picture(self, case_id: str) -> None:
        """The thumbnail is out of date: it is asked for again when its row is looked at."""
        self._asked.discard(case_id)
        self._drawn.pop(case_id, None)
        self._pictures.pop(case_id, None)
        row = self._row.get(case_id)
        if row is not None:
            index = self.index(row, Column.PICTURE)
            self.dataChanged.emit(index, index)

    def forget_pictures(self) -> None:
        """Another project: all thumbnails are out of date."""
        self._asked.clear()
        self._drawn.clear()
        self._pictures.clear()

    # -- what Qt asks --

    def rowCount(self, parent: QModelIndex = _TOP) -> int:
        """The number of cases that are shown."""
        return 0 if parent.isValid() else len(self._ids)

    def columnCount(self, parent: QModelIndex = _TOP) -> int:
        """The number of columns."""
        return 0 if parent.isValid() else len(Column)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _ROLE.DisplayRole) -> Any:
        """Titles of the columns; rows have none."""
        if orientation != Qt.Orientation.Horizontal or role != _ROLE.DisplayRole:
            return None
        return TITLES[Column(section)]

    def data(self, index: QModelIndex, role: int = _ROLE.DisplayRole) -> Any:
        """One cell."""
        case = self.case_at(index.row()) if index.isValid() else None
        if case is None:
            return None
        column = Column(index.column())
        if role == _ROLE.DisplayRole and column is Column.WHY:
            return short_why(case, self._order)
        if role == _ROLE.DisplayRole:
            return words_of(case, column, self._order)
        if role == _ROLE.ToolTipRole:
            return tip_of(case, self._order)
        if role == _ROLE.DecorationRole and column is Column.PICTURE:
            return self._picture(case.id)
        if role == _ROLE.FontRole and case.id == self._current:
            return self._bold
        if role == _ROLE.ForegroundRole:
            return self._tone(case, column)
        if role == _ROLE.SizeHintRole and column is Column.PICTURE:
            return QSize(THUMBNAIL, THUMBNAIL)
        return None

    def _picture(self, case_id: str) -> QPixmap | None:
        picture = self._pictures.get(case_id)
        if picture is None and case_id not in self._asked:
            self._asked.add(case_id)
            self.picture_requested.emit(case_id)
        return picture

    def _tone(self, case: Case, column: Column) -> QBrush | None:
        name = None
        if column is Column.WHY and is_unavailable(case):
            name = "warning"
        elif column is Column.STATUS:
            name = _TONES.get(case.status)
        return None if name is None else QBrush(QColor(self._tones[name]))
