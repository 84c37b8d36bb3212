"""Saves the page about what the dock shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from napari.layers import Image
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QPushButton

from napari_unet.core.prediction import Prediction
from napari_unet.io.finding_page import write_finding_page
from napari_unet.widgets.common.jobs import Job, run_in_thread
from napari_unet.widgets.common.layers import raster_source
from napari_unet.widgets.finding.reading import Standing

_NO_NAME = re.compile(r"[^\w.-]+")


class PageButton(QPushButton):
    """Visible while there is something to save. saved : Path. failed : UserError."""

    saved = Signal(object)
    failed = Signal(object)

    def __init__(self) -> None:
        super().__init__("Save page…")
        self.setToolTip("One page (PDF): image, map, zones, scores, areas and your calls.")
        self._shown: tuple[Image, Prediction] | None = None
        self._calls: dict[str, Any] = {}
        self._title = ""
        self._job: Job | None = None
        self.clicked.connect(self._on_click)
        self.hide()

    def offer(
        self, layer: Image | None, found: Prediction | None, standing: Standing | None, reader: str
    ) -> None:
        """What would be saved: a prediction of the layer, and of a case what its reader has called."""
        self._shown = None if layer is None or found is None else (layer, found)
        self._calls = {}
        if standing is not None:
            self._calls = {"reader": reader, "calibrations": standing.calibrations}
            self._calls |= {"first": standing.first, "final": standing.final}
        name = "" if layer is None else layer.name
        self._title = name if standing is None else f"Case {standing.number}"
        self.setVisible(self._shown is not None)
        self.setEnabled(self._job is None)

    def close_down(self) -> None:
        """A page under way is thrown away."""
        if self._job is not None:
            self._job.abandon()

    def _on_click(self) -> None:
        if self._shown is None or self._job is not None:
            return
        (layer, found), title, calls = self._shown, self._title, self._calls
        suggested = Path.home() / f"{_NO_NAME.sub('_', title)}_findings.pdf"
        name, _ = QFileDialog.getSaveFileName(self, "Save page", str(suggested), "PDF (*.pdf)")
        if not name:
            return
        path, raster = Path(name), raster_source(layer)
        path = path if path.suffix.lower() == ".pdf" else path.with_name(f"{path.name}.pdf")
        job = run_in_thread(lambda: write_finding_page(path, raster(), found, title=title, **calls), self)
        self._job = job
        self.setEnabled(False)
        job.succeeded.connect(self.saved.emit)
        job.failed.connect(self.failed.emit)
        job.ended.connect(self._on_ended)

    def _on_ended(self) -> None:
        self._job = None
        self.setEnabled(True)
