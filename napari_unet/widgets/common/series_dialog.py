"""Which of several series napari opens: a dialog with what tells them apart, asked once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QIcon, QImage, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_unet.core.source import Source
from napari_unet.io.series_list import SeriesInfo, thumbnail
from napari_unet.widgets.common.forms import WrappedLabel
from napari_unet.widgets.common.jobs import Job

_COLUMNS = ("Series", "Description", "Slices", "Thickness", "Kernel", "Size")
_PICTURE = 72  # pixels
_SIZE = (760, 420)


class SeriesDialog(QDialog):
    """A row for each series; the one with most slices is selected when it opens."""

    def __init__(self, parent: QWidget | None, infos: Sequence[SeriesInfo]) -> None:
        super().__init__(parent)
        self.setWindowTitle("Several series")
        self.resize(*_SIZE)
        self._infos = list(infos)
        self.table = QTableWidget(len(self._infos), len(_COLUMNS))
        self.table.setHorizontalHeaderLabels(_COLUMNS)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setIconSize(QSize(_PICTURE, _PICTURE))
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(_PICTURE + 4)
        for row, info in enumerate(self._infos):
            cells = (info.number, info.description or info.modality, *info.in_columns())
            for column, words in enumerate(cells):
                self.table.setItem(row, column, QTableWidgetItem(words))
        self.table.resizeColumnsToContents()
        self.table.setColumnWidth(0, self.table.columnWidth(0) + _PICTURE)
        Job(self._read_pictures, owner=self).progressed.connect(self._show_picture)
        self.table.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        buttons = QDialogButtonBox.StandardButton
        self.buttons = QDialogButtonBox(buttons.Open | buttons.Cancel)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.table.doubleClicked.connect(lambda _: self.accept())
        column = QVBoxLayout(self)
        column.addWidget(WrappedLabel("Choose what to open; several with Ctrl or Shift."))
        column.addWidget(self.table)
        column.addWidget(self.buttons)
        self.table.itemSelectionChanged.connect(self._enable)
        self.table.selectRow(max(range(len(self._infos)), key=lambda row: self._infos[row].slices))
        self._enable()

    def selected(self) -> list[SeriesInfo]:
        """The series whose rows are selected, in their order."""
        rows = {index.row() for index in self.table.selectionModel().selectedRows()}
        return [self._infos[row] for row in sorted(rows)]

    def _read_pictures(self, job: Job) -> None:
        """In a thread: a picture takes as long as its slice takes to be read."""
        for row, info in enumerate(self._infos):
            job.check()
            job.progress((row, thumbnail(info.source)))

    def _show_picture(self, read: tuple[int, np.ndarray | None]) -> None:
        row, picture = read
        self.table.item(row, 0).setIcon(_icon(picture))

    def _enable(self) -> None:
        self.buttons.button(QDialogButtonBox.StandardButton.Open).setEnabled(bool(self.selected()))


def ask_for_series(infos: Sequence[SeriesInfo]) -> list[Source]:
    """The series that a person wants to see; [] if none. Waits for the answer."""
    dialog = SeriesDialog(QApplication.activeWindow(), infos)
    try:
        if dialog.exec() != QDialog.DialogCode.Accepted:
            return []
        return [info.source for info in dialog.selected()]
    finally:
        dialog.deleteLater()


def _icon(picture: np.ndarray | None) -> QIcon:
    if picture is None:
        return QIcon()
    grey = np.ascontiguousarray(picture)
    height, width = grey.shape
    image = QImage(grey.data, width, height, width, QImage.Format.Format_Grayscale8)
    return QIcon(
        QPixmap.fromImage(image).scaled(
            _PICTURE,
            _PICTURE,
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
    )
