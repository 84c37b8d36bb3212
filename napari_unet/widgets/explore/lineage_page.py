"""The whole lineage on one image, each network with its time; and the window of 2012 with its counter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_unet.core.inside import Look, NetworkDone, Panel, WindowsDone
from napari_unet.core.lineage import LINEAGE
from napari_unet.core.raster import Raster
from napari_unet.core.window import display_pixels
from napari_unet.io.overlay import overlay
from napari_unet.widgets.common.forms import WrappedLabel

_COLUMNS = ("Network", "Time", "Answer", "Parameters")
_ROW = 24  # pixels


class LineagePage(QWidget):
    """A table and two buttons."""

    def __init__(self) -> None:
        super().__init__()
        self.run = QPushButton("Run the whole lineage")
        self.window_run = QPushButton("Run the 2012 sliding window")
        self.beside = WrappedLabel(name="windows_beside")
        self.counter = WrappedLabel(name="windows_counter")
        self.table = QTableWidget(0, len(_COLUMNS))
        self.table.setHorizontalHeaderLabels(_COLUMNS)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(_ROW)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setAccessibleName("The lineage on this image")
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.table.setMinimumHeight((len(LINEAGE) + 2) * _ROW)
        self.note = WrappedLabel(
            "Times are those of one prediction on this computer, without loading; they vary with what else "
            "runs. AlexNet's output is not a medical reading of this image.",
            name="lineage_note",
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 6, 0, 0)
        for part in (self.run, self.table, self.note, self.window_run, self.counter, self.beside):
            column.addWidget(part)
        column.addStretch()

    def clear(self) -> None:
        """Nothing has run."""
        self.table.setRowCount(0)
        self.counter.say("")
        self.beside.say("")

    def add(self, done: NetworkDone) -> None:
        """One more network has run, or is missing."""
        row = self.table.rowCount()
        self.table.insertRow(row)
        said = ", ".join(f"{name} {100 * score:.0f} %" for name, score in done.scores.items())
        named = done.name.removeprefix("lineage-")
        cells = (
            (named, "–", "is not in the library", "–")
            if done.missing
            else (named, f"{1000 * done.seconds:.0f} ms", said or "a mask", f"{done.parameters:,}")
        )
        for number, text in enumerate(cells):
            item = QTableWidgetItem(text)
            item.setToolTip(done.title or text)
            self.table.setItem(row, number, item)

    def say_beside(self, done: NetworkDone) -> None:
        """A network was done before the window had begun."""
        if done.missing:
            self.beside.say_plain(f"{done.name} is not in the library.")
        else:
            self.beside.say_plain(f"The outline: {done.name}, done after {1000 * done.seconds:.0f} ms.")

    def count(self, done: WindowsDone) -> None:
        """How far the window is."""
        left = done.seconds / max(done.done, 1) * (done.total - done.done) / 60
        self.counter.say_plain(
            f"{done.done:,} of {done.total:,} windows after {done.seconds:.1f} s; "
            f"about {left:.1f} minutes left."
        )


def side_by_side(raster: Raster, found: Sequence[NetworkDone]) -> Look:
    """The networks beside each other on one image (Y, X)."""
    panels = []
    for one in found:
        if one.missing:
            continue
        facts = {"name": one.name, "ms": 1000 * one.seconds, "parameters": one.parameters}
        if one.labels is None:
            finding, score = max(one.scores.items(), key=lambda named: named[1])
            facts |= {"finding": finding, "score": 100 * score}
            panels.append(Panel("network_word", _rgb(raster), facts=facts))
        else:
            panels.append(Panel("network", overlay(raster, one.labels > 0), facts=facts))
    return Look("lineage", tuple(panels), missing=tuple(one.name for one in found if one.missing))


def _rgb(raster: Raster) -> np.ndarray:
    grey = display_pixels(raster)
    return np.repeat(grey[..., None], 3, axis=-1)
