"""The Finding dock: scores of findings in a chest X-ray, for a reader who has looked first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari.layers import Image
from napari.utils.notifications import show_error
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_unet.core.calibration import Truth, of_model
from napari_unet.core.errors import UserError
from napari_unet.core.events import Note
from napari_unet.core.orientation import ASSUMED
from napari_unet.core.prediction import Prediction
from napari_unet.models.library import ModelEntry
from napari_unet.widgets.common.forms import Fields, Foldable, WrappedLabel
from napari_unet.widgets.common.jobs import Job, run_on_engine
from napari_unet.widgets.common.layer_picker import LayerPicker
from napari_unet.widgets.common.layers import is_image, raster_source
from napari_unet.widgets.common.preferences import chosen_library, preferences
from napari_unet.widgets.dock import Dock
from napari_unet.widgets.finding.call_form import CallForm
from napari_unet.widgets.finding.case_list import CaseList
from napari_unet.widgets.finding.heat_view import HeatView
from napari_unet.widgets.finding.page_button import PageButton
from napari_unet.widgets.finding.reading import CaseReading, Standing
from napari_unet.widgets.finding.score_view import ScoreView
from napari_unet.widgets.finding.threshold_box import ThresholdBox
from napari_unet.widgets.model_box import ModelCardView

_BAR = 6  # pixels: height of the bar that shows that something is going on


class FindingWidget(Dock):
    """Plugins ▸ U-Net Lung ▸ Finding."""

    TITLE = "Finding"

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self._job: Job | None = None
        self._entries: list[ModelEntry] = []
        self._found: Prediction | None = None  # what is shown
        self._casework = self._session.casework
        self._build()
        self.reading = CaseReading(self._casework)
        self.reading.changed.connect(self._on_standing)
        self.reading.shown.connect(self._on_shown_scores)
        self.reading.listed.connect(self.cases.show_cases)
        self.reading.failed.connect(self._on_failed)
        self._session.library_changed.connect(self._offer_models)
        self._offer_models()
        self._session.engine.warm()

    # -- the form --

    def _build(self) -> None:
        self.image = LayerPicker(self._viewer, is_image, "Open a chest X-ray first")
        self.image.chosen.connect(self._on_image)
        self.model = QComboBox()
        self.model.setPlaceholderText("No model scores findings")
        self.model.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.model.setMinimumContentsLength(8)
        self.model.currentIndexChanged.connect(self._on_model)
        self.card = ModelCardView()
        self.hint = WrappedLabel(name="hint")
        self.form = CallForm()
        self.form.changed.connect(self._show_state)
        self.lock = QPushButton("Lock my first call")
        self.lock.setToolTip("Then you see the score. It cannot be changed after that.")
        self.lock.clicked.connect(lambda: self.reading.lock(self.form.said()))
        self.finish = QPushButton("Save my final call")
        self.finish.clicked.connect(lambda: self.reading.finish(self.form.said()))
        self.run = QPushButton("Score")
        self.run.clicked.connect(self._on_score)
        self.cancel = QPushButton("Cancel")
        self.cancel.clicked.connect(self._on_cancel)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(_BAR)
        self.bar.setRange(0, 0)
        room = self.bar.sizePolicy()
        room.setRetainSizeWhenHidden(True)  # what is below stays in its place
        self.bar.setSizePolicy(room)
        self.scores = ScoreView(name="scores")
        self.heat = HeatView(self._viewer)
        self.page = PageButton()
        self.page.saved.connect(self._on_saved)
        self.page.failed.connect(self._on_failed)
        self.status = WrappedLabel(name="status")
        self.message = WrappedLabel(name="message")
        self.cases: CaseList = CaseList()
        self.cases.opened.connect(self._casework.navigator.open_case)
        self._cases = Foldable("Cases you have called", self.cases)
        self.threshold = ThresholdBox()
        self.threshold.asked.connect(self._on_calibrate)
        self._threshold = Foldable("Threshold by your own cases", self.threshold)
        self.triage = QCheckBox("Show scores before my call")
        self.triage.clicked.connect(self._on_triage)
        self._triage = Foldable("Triage", _with_words(self.triage, _TRIAGE))
        fields = Fields()
        fields.add("Image", self.image)
        fields.add("Model", self.model)
        fields.add_wide(self.card)
        buttons = QHBoxLayout()
        for part, stretch in ((self.lock, 2), (self.finish, 2), (self.run, 2), (self.cancel, 1)):
            buttons.addWidget(part, stretch=stretch)
        body = QWidget()
        column = QVBoxLayout(body)
        column.addLayout(fields)
        for part in (self.hint, self.form):
            column.addWidget(part)
        column.addLayout(buttons)
        for part in (self.bar, self.scores, self.heat, self.page, self._cases, self._threshold, self._triage):
            column.addWidget(part)
        column.addWidget(
            WrappedLabel("For research only; not a medical device, not for diagnosis.", name="purpose")
        )
        column.addStretch()
        self.fill(body, self.status, self.message)

    def close_down(self) -> None:
        """Release the viewer."""
        if self._job is not None:
            self._job.abandon()
        self.reading.close_down()
        self.page.close_down()
        self._session.library_changed.disconnect(self._offer_models)
        self.heat.clear()
        self.image.disconnect_layers()

    def _offer_models(self) -> None:
        """The models that score findings; the choice stays if it is still there."""
        before = self._entry()
        self._entries = [
            entry for entry in chosen_library().offered()[0] if entry.card.output.task == "classification"
        ]
        self.model.blockSignals(True)
        self.model.clear()
        for entry in self._entries:
            self.model.addItem(entry.card.name, entry.card.title)
        names = [entry.card.name for entry in self._entries]
        name = "" if before is None else before.card.name
        self.model.setCurrentIndex(names.index(name) if name in names else 0 if names else -1)
        self.model.blockSignals(False)
        self._on_model()

    def _entry(self) -> ModelEntry | None:
        row = self.model.currentIndex()
        return self._entries[row] if 0 <= row < len(self._entries) else None

    # -- what is open --

    def _on_model(self) -> None:
        entry = self._entry()
        self.card.show_card(None if entry is None else entry.card)
        self.form.offer(() if entry is None else entry.card.output.findings)
        self._forget()
        self.reading.reload()

    def _on_image(self, layer: Image | None) -> None:
        self._forget()
        self.status.say("")
        self.message.say("")
        self._show_state()

    def _on_standing(self, standing: Standing | None) -> None:
        """Another case is open, or something was written about it."""
        if standing is None:
            self._forget()
        else:
            self.form.say(standing.final or standing.first)
            self.triage.setChecked(standing.triage)
            self._show_calibrations(standing)
            layers = self._casework.presenter.layers
            if layers is not None:
                self.image.choose(layers.image)
            if standing.open and not self._is_shown and not standing.triage:
                self._on_score()
        self._show_state()

    def _of_case(self) -> Standing | None:
        """How far the reader is, if the chosen image is that of the open case."""
        return self.reading.standing if self._is_case() else None

    def _is_case(self) -> bool:
        layers = self._casework.presenter.layers
        return layers is not None and self.image.layer() is layers.image

    @property
    def _is_shown(self) -> bool:
        return self._found is not None

    def _forget(self) -> None:
        """Nothing is said of the image any more; a score under way is thrown away."""
        if self._job is not None:
            self._job.abandon()
            self._job = None
        self._found = None
        self.scores.say("")
        self.heat.clear()

    def _show_state(self) -> None:
        standing, is_case, busy = self._of_case(), self._is_case(), self._job is not None
        ready = self._entry() is not None and self.image.layer() is not None
        called = standing is not None and bool(standing.first)
        scored = called and self._is_shown
        self.form.setVisible(is_case)
        self.lock.setVisible(is_case and not scored)
        self.finish.setVisible(scored)
        self.lock.setEnabled(standing is not None and self.form.is_complete() and not busy)
        self.finish.setEnabled(scored and self.form.is_complete())
        self.run.setVisible(not is_case or (standing is not None and standing.open and not self._is_shown))
        self.run.setEnabled(ready and not busy)
        self.cancel.setVisible(busy)
        reader = self._casework.author().name if standing is not None else ""
        self.page.offer(self.image.layer(), self._found, standing, reader)
        self.bar.setVisible(busy)
        in_review = self._casework.project is not None
        self._triage.setVisible(in_review)
        self._cases.setVisible(in_review)
        self._threshold.setVisible(in_review and self._entry() is not None)
        self.hint.say(_hint(ready, is_case, standing, self._is_shown))

    # -- a score --

    def _on_score(self) -> None:
        """Score the image: of a case only after the reader's first call, or in triage."""
        layer, entry = self.image.layer(), self._entry()
        if self._job is not None or layer is None or entry is None:
            return
        standing = self._of_case()
        if self._is_case() and (standing is None or not standing.open):
            return
        raster, device, folder = raster_source(layer), preferences().device, str(entry.folder)
        engine, library = self._session.engine, self._session.library()
        job = run_on_engine(
            engine,
            "find",
            lambda: {"raster": raster(), "model": folder, "device": device, "library": library},
            owner=self,
        )
        self._job = job
        self.message.say("")
        self.status.say("Looking for the lungs, then scoring…")
        job.progressed.connect(self._on_progress)
        job.succeeded.connect(lambda found: self._on_found(layer, found))
        job.failed.connect(self._on_failed)
        job.cancelled.connect(lambda: self.status.say("Cancelled."))
        job.ended.connect(lambda: self._on_ended(job))
        self._show_state()

    def _on_cancel(self) -> None:
        if self._job is not None:
            self._job.cancel()

    def _on_progress(self, event: object) -> None:
        if isinstance(event, Note):
            self.status.say(event.text)

    def _on_found(self, layer: Image, found: Prediction) -> None:
        if self.image.layer() is not layer:
            return
        if self._is_case():
            self.reading.show(found)  # what is written first is shown then
        else:
            self._show_scores(found)

    def _on_shown_scores(self, found: Prediction) -> None:
        if self._is_case():
            self._show_scores(found)

    def _show_scores(self, found: Prediction) -> None:
        layer = self.image.layer()
        if layer is None:
            return
        self._found = found
        self._write_scores()
        self.heat.show_found(layer, found)
        self.status.say(f"Done in {found.seconds:.1f} s." if found.seconds >= 0.05 else "Done.")
        told = () if found.reading is None else found.reading.sentences(found.scores)
        notes = " ".join(note for note in found.notes if note not in told or note == ASSUMED)
        self.message.warn(notes) if found.image_checks else self.message.say_plain(notes)
        self._show_state()

    def _write_scores(self) -> None:
        """The table of what is shown, of a case beside its reader's calls."""
        standing = self._of_case()
        calls = () if standing is None else (standing.first, standing.calibrations)
        if self._found is not None:
            self.scores.show_scores(self._found, *calls)

    def _on_ended(self, job: Job) -> None:
        if self._job is job:
            self._job = None
        self._show_state()

    def _on_failed(self, error: UserError) -> None:
        self.status.say("")
        self.message.warn(str(error))
        show_error(str(error))
        self._show_state()

    def _on_saved(self, path: Path) -> None:
        self.status.say(f"Saved {path}")

    # -- all cases --

    def _on_triage(self, on: bool) -> None:
        self.reading.set_triage(on)

    def _on_calibrate(self, truth: Truth, sensitivity: float) -> None:
        entry = self._entry()
        if entry is not None:
            self.message.say("")
            self.reading.calibrate(truth, entry.card.name, entry.card.version, sensitivity)

    def _show_calibrations(self, standing: Standing) -> None:
        entry = self._entry()
        if entry is not None:
            of = entry.card.name, entry.card.version
            self.threshold.show_calibrations(of_model(standing.calibrations, *of))
        if self._is_case():
            self._write_scores()


_TRIAGE = (
    "For sorting cases by score. Calls made in this project from then on no longer count as second reading, "
    "even after triage is switched off."
)


def _with_words(box: QWidget, words: str) -> QWidget:
    both = QWidget()
    column = QVBoxLayout(both)
    column.setContentsMargins(0, 0, 0, 0)
    column.addWidget(box)
    column.addWidget(WrappedLabel(words, name="triage_words"))
    return both


def _hint(ready: bool, is_case: bool, standing: Standing | None, shown: bool) -> str:
    if not ready or (is_case and standing is None):
        return ""
    if standing is None:
        return "" if shown else "Look at the image first: a score that is seen first is hard to forget."
    if not standing.first:
        return f"Case {standing.number}: what do you see? The score is shown after your call."
    if not shown:
        return "Your first call is locked."
    if standing.final:
        return "Your final call is saved."
    return "Your first call is locked. Say what you think now."
