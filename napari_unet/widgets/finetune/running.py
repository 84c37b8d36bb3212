"""The page of the Fine-tune dock while a model is trained."""

from __future__ import annotations

import time
from html import escape

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_unet.core.events import Preview
from napari_unet.widgets.common.forms import WrappedLabel
from napari_unet.widgets.finetune.curves import CurvesView
from napari_unet.widgets.finetune.preview import PreviewLayers
from napari_unet.widgets.finetune.requests import RetestRequest
from napari_unet.widgets.finetune.training import BUSY, Stage, Training
from napari_unet.widgets.finetune.training_progress import in_words, where
from napari_unet.widgets.session import Session

_TICK_MS = 1000
_SAYS = {
    Stage.PAUSED: "Paused after the step under way.",
    Stage.STOPPING: "Stopping: the training ends here, then the models are compared…",
    Stage.CANCELLING: "Cancelling…",
}


class RunPage(QWidget):
    """Says where the training is, shows its curves, and has the buttons that hold and end it.

    A held-out case and a case of the review are never on the canvas together: who paints and decides sees
    what it is about.
    """

    def __init__(self, training: Training, session: Session) -> None:
        super().__init__()
        viewer = session.viewer
        self._training = training
        self._casework = session.casework
        self._left = ""  # the case that was open before the held-out one was shown
        self.title = WrappedLabel(name="title")
        self.bar = QProgressBar()
        self.bar.setRange(0, 100)
        self.where = WrappedLabel(name="where")
        self.curves = CurvesView(viewer)
        self.preview = PreviewLayers(viewer)
        self.watch = QCheckBox("Show a held-out case as it improves")
        self.watch.setToolTip("Two layers: an image that is not trained on, and its mask.")
        self.watch.toggled.connect(self._on_watch)
        self.shown = WrappedLabel(name="shown")
        self.pause = QPushButton("Pause")
        self.pause.clicked.connect(lambda: self._on_pause())
        self.stop = QPushButton("Stop and keep the best")
        self.stop.setToolTip("End the training here; the best model so far is compared and kept.")
        self.stop.clicked.connect(training.stop)
        self.cancel = QPushButton("Cancel")
        self.cancel.clicked.connect(training.cancel)
        self.state = WrappedLabel(name="state")
        self.notes = WrappedLabel(name="notes")
        buttons = QHBoxLayout()
        buttons.addWidget(self.pause, stretch=1)
        buttons.addWidget(self.stop, stretch=2)
        buttons.addWidget(self.cancel, stretch=1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for part in (self.title, self.bar):
            column.addWidget(part)
        column.addLayout(buttons)  # above all that comes while it trains: they stay under the pointer
        for part in (self.watch, self.where, self.state, self.curves, self.shown, self.notes):
            column.addWidget(part)
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self._show_time)
        training.reported.connect(self._on_reported)
        training.changed.connect(self.show_state)
        self._casework.case_opened.connect(self._on_case_opened)

    def close_down(self) -> None:
        """Release viewer and training."""
        self._tick.stop()
        self._training.reported.disconnect(self._on_reported)
        self._training.changed.disconnect(self.show_state)
        self._casework.case_opened.disconnect(self._on_case_opened)
        self.curves.close_down()
        self.preview.remove()

    def begin(self, watch: bool) -> None:
        """A training begins. watch : whether to show a held-out case from the start."""
        self.watch.setChecked(watch)

    def show_state(self) -> None:
        """Another stage, or another training."""
        training, request = self._training, self._training.request
        if training.stage not in BUSY or request is None:
            self._tick.stop()
            self._hide_preview()
            return
        self._tick.start()
        if isinstance(request, RetestRequest):
            self.title.say(f"<b>{escape(request.name)}</b> is tested against {escape(request.parent_name)}")
        else:
            cases = f"{len(request.pairs)} cases of {request.patients} patients"
            self.title.say(f"<b>{escape(request.name)}</b> learns from {cases}")
        for part in (self.pause, self.stop, self.watch, self.curves):
            part.setVisible(not training.tests_only)
        self.cancel.setToolTip(
            "End it; the model's card stays as it is." if training.tests_only else "End it; no model is made."
        )
        self.state.say(_SAYS.get(training.stage, ""))
        self.pause.setText("Resume" if training.stage is Stage.PAUSED else "Pause")
        self.pause.setEnabled(training.stage in (Stage.RUNNING, Stage.PAUSED))
        self.stop.setEnabled(training.stage in (Stage.RUNNING, Stage.PAUSED))
        self.cancel.setEnabled(training.stage is not Stage.CANCELLING)
        self.curves.show_progress(training.progress)
        self._show_progress()
        self._on_watch(self.watch.isChecked())

    def _on_pause(self) -> None:
        if self._training.stage is Stage.PAUSED:
            self._training.resume()
        else:
            self._training.pause()

    def _on_reported(self, event: object) -> None:
        self._show_progress()
        self.curves.refresh()
        if isinstance(event, Preview) and self.watch.isChecked():
            self._show_preview(event)

    def _show_progress(self) -> None:
        progress, request = self._training.progress, self._training.request
        self.where.say(where(progress))
        notes = " ".join(progress.notes)
        self.notes.say_plain(notes if request is None else request.in_words(notes))
        self._show_time()

    def _show_time(self) -> None:
        progress = self._training.progress
        self.bar.setValue(round(100 * progress.share()))
        left = in_words(progress.seconds_left(time.monotonic()))
        paused = self._training.stage is Stage.PAUSED
        self.bar.setFormat("%p %" + (f" · {left} left" if left and not paused else ""))

    def _on_watch(self, on: bool) -> None:
        preview = self._training.progress.preview
        if not on or self._training.stage not in BUSY:
            self._hide_preview()
        elif preview is not None:
            self._show_preview(preview)
        else:
            self.shown.say("It appears with the first scores.")

    def _hide_preview(self) -> None:
        """The case that was open before comes back."""
        self.preview.remove()
        self.shown.say("")
        id, self._left = self._left, ""
        if id and self._casework.current is None:
            self._casework.navigator.open_case(id)

    def _on_case_opened(self, _case: object) -> None:
        self._left = ""
        self.watch.setChecked(False)

    def _show_preview(self, preview: Preview) -> None:
        request = self._training.request
        pairs = () if request is None else request.pairs
        pair = next((pair for pair in pairs if pair.id == preview.case), None)
        if request is None or pair is None:
            return
        if self._casework.current is not None:
            self._left = self._casework.current.id
            self._casework.opener.leave()
        name = request.names.get(pair.id, "a case")
        self.preview.show(pair, name, preview)
        self.shown.say(f"{name} after step {preview.step}, by a model that has not seen its patient.")
