"""The Fine-tune dock: a model learns from corrected masks, and proves itself before it is used."""

from __future__ import annotations

from html import escape
from typing import Any

from napari.utils.notifications import show_error, show_info
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_unet.core.errors import UserError
from napari_unet.widgets.common.forms import WrappedLabel, purpose_label
from napari_unet.widgets.common.preferences import chosen_library
from napari_unet.widgets.dock import Dock
from napari_unet.widgets.finetune.acceptance import AcceptancePage
from napari_unet.widgets.finetune.contours import ContourView
from napari_unet.widgets.finetune.earlier_test import EarlierTest
from napari_unet.widgets.finetune.in_use import InUse
from napari_unet.widgets.finetune.requests import Request
from napari_unet.widgets.finetune.running import RunPage
from napari_unet.widgets.finetune.setup import SetupPage
from napari_unet.widgets.finetune.training import BUSY, Stage, training_of

_CANCELLED = "Cancelled; no model was made."


class FineTuneWidget(Dock):
    """Plugins ▸ U-Net Lung ▸ Fine-tune.

    It shows the training of its viewer, which goes on when the dock is closed (see training.py).
    """

    TITLE = "Fine-tune"

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.training = training_of(self._viewer)
        self.training.attach(self._key)
        self._shown: Stage | None = None
        self._decides_about_present = False  # a model that is in use already was tested
        self._build()
        self._wires = [
            (self.training.changed, self._on_stage),
            (self.training.failed, self._on_failed),
        ]
        for signal, slot in self._wires:
            signal.connect(slot)
        self._on_stage()
        if self.training.problem is not None:  # nobody was there to see it
            self._on_failed(self.training.problem)

    def _build(self) -> None:
        self.message = WrappedLabel(name="message")
        self.status = WrappedLabel(name="status")
        self.setup = SetupPage(self._session, self.training)
        self.run = RunPage(self.training, self._session)
        self.acceptance = AcceptancePage()
        self.contours = ContourView(self._session)
        self.in_use = InUse(self._session)
        self.earlier_test = EarlierTest(self._session)
        self.setup.requested.connect(self._on_requested)
        self.earlier_test.requested.connect(self._on_requested)
        self.earlier_test.failed.connect(self._on_failed)
        self.setup.failed.connect(self._on_failed)
        self.acceptance.taken.connect(self._on_taken)
        self.acceptance.kept.connect(self._on_kept)
        self.acceptance.looked_at.connect(self._on_looked_at)
        self.acceptance.looked_away.connect(self.contours.hide)
        self.contours.shown.connect(self.acceptance.show_case)
        self.contours.left.connect(lambda: self.acceptance.show_case(""))
        self.contours.failed.connect(self._on_failed)
        self.in_use.used.connect(self._on_used)
        self.in_use.failed.connect(self._on_failed)
        body = QWidget()
        column = QVBoxLayout(body)
        for part in (self.setup, self.run, self.acceptance, self.in_use, self.earlier_test):
            column.addWidget(part, stretch=part is self.acceptance)  # its table takes what room there is
        column.addWidget(purpose_label())
        column.addStretch()
        self._area = self.fill(body, self.status, self.message)

    def close_down(self) -> None:
        """Release the viewer; a training goes on."""
        for signal, slot in self._wires:
            signal.disconnect(slot)
        self.setup.close_down()
        self.run.close_down()
        self.contours.close_down()
        self.in_use.close_down()
        self.earlier_test.close_down()
        self.training.detach(self._key)

    # -- what is shown --

    def _on_stage(self) -> None:
        stage, before = self.training.stage, self._shown
        self._shown = stage
        busy, decide = stage in BUSY, stage is Stage.DECIDE
        if not decide:
            self.contours.hide()
        focused = self.window().focusWidget()  # before anything is hidden, and it goes elsewhere
        has_keyboard = focused is not None and self.isAncestorOf(focused)
        self.run.setVisible(busy)
        self.acceptance.setVisible(decide)
        self.setup.setVisible(not busy and not decide)
        self.in_use.setVisible(not busy and not decide)
        self.earlier_test.setVisible(not busy and not decide)
        if busy:
            if before not in BUSY:
                self._say("")
            self.run.show_state()
        elif decide:
            if before is not Stage.DECIDE:
                self._show_acceptance(has_keyboard)
        else:
            if before is Stage.CANCELLING:
                tested = self.training.tests_only
                self._say("Cancelled; the model's card is as before." if tested else _CANCELLED)
            self.setup.show_state()
        self._area.updateGeometry()

    def _show_acceptance(self, has_keyboard: bool) -> None:
        if self.training.outcome is None:
            return
        request, result = self.training.outcome
        self._say("")
        seconds = result.train_seconds + result.acceptance_seconds
        self._decides_about_present = self.training.tests_only and self._is_in_use(result.card.name)
        self.acceptance.show_report(
            result.report, request, seconds, result.of_earlier_answers(), self._decides_about_present
        )
        self._session.library_changed.emit()
        self._area.verticalScrollBar().setValue(0)
        if has_keyboard:  # else somebody paints or types
            self.acceptance.focus()
        if self.visibleRegion().isEmpty():  # behind another tab
            show_info(f"{self.training.made()} See Fine-tune to decide about it.")

    def on_shown(self, shown: bool) -> None:
        """A dock that was closed shows nothing on the canvas."""
        if not shown:
            self.contours.hide()

    # -- what is done --

    def _on_looked_at(self, place: str, id: str, name: str) -> None:
        if self.training.outcome is None:
            return
        request, result = self.training.outcome
        compared = result.masks_at(place).get(id)
        pair = next((pair for pair in (*request.pairs, *request.untouched) if pair.id == id), None)
        if compared is None or (compared.image is None and pair is None):
            self.contours.hide()
            self._say(f"The masks of {escape(name)} were not kept.")
            return
        self._say("")
        self.contours.show(compared, pair if compared.image is None else None, name)

    def _on_requested(self, request: Request) -> None:
        self._say("")
        self.run.watch.setChecked(not self._viewer.layers)  # what is there is not covered unasked
        if self.training.start(request):
            (self.run.cancel if self.training.tests_only else self.run.pause).setFocus()  # the other is gone
        else:
            self._on_failed(UserError("Training is under way already.", "Wait for it, or cancel it."))

    def _on_taken(self) -> None:
        if self.training.outcome is None:
            return
        request, result = self.training.outcome
        own = result.folder.parent
        if own != chosen_library().own:
            self._on_failed(
                UserError(
                    f"The new model is in {own}, which was your model folder when training began.",
                    "Choose that folder again in the preferences to use it.",
                )
            )
            return
        if self._decides_about_present:
            self._decided(f"<b>{escape(result.card.name)}</b> stays in use.")
            return
        self.acceptance.setEnabled(False)
        self.in_use.use(result.card.name, request.parent_name)

    def _on_kept(self) -> None:
        if self.training.outcome is None:
            return
        request, result = self.training.outcome
        name = result.card.name
        if self._decides_about_present:
            self.acceptance.setEnabled(False)
            self.in_use.use(request.parent_name, request.parent_name)
            return
        self._decided(
            f"The current model stays in use. <b>{escape(name)}</b> is kept beside it, in every model list."
        )

    def _decided(self, text: str) -> None:
        """No other model is in use than before. text : simple HTML."""
        self.training.decided()
        self.setup.begin_again()
        self._say(text)

    def _is_in_use(self, name: str) -> bool:
        library = chosen_library()
        return name == (library.current(library.kind_of(name)) or self._session.model)

    def _on_used(self, name: str) -> None:
        """Another model is in use now: a new one, or an older one again."""
        self.acceptance.setEnabled(True)
        self.training.decided()
        self.setup.begin_again()
        text = f"<b>{escape(name)}</b> is in use now, in Segment and in Review."
        casework = self._session.casework
        if casework.project is not None:
            casework.masks.predict_again(name)
            text += (
                " Where a model drew the mask and nobody has opened the case since, it draws a new one, in "
                "the background. All other masks stay as they are."
            )
        self._say(text)

    def _on_failed(self, error: UserError) -> None:
        self.acceptance.setEnabled(True)
        self.training.problem = None  # it is reported now
        self._say("")
        text = self.training.in_words(error)
        self.message.warn(text)
        if self.visibleRegion().isEmpty():  # behind another tab
            show_error(text)

    def _say(self, text: str) -> None:
        """text : simple HTML."""
        self.message.say("")
        self.status.say(text)
