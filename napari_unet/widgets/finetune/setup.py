"""The page of the Fine-tune dock before a training: what is learned from, by which model, for how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget
from superqt.utils import qdebounced

from napari_unet.core.errors import UserError
from napari_unet.core.protocol import ProtocolQuestion, protocols_differ
from napari_unet.nets.registry import layers_of
from napari_unet.training.naming import check_name, free_name
from napari_unet.training.outcome import Estimate
from napari_unet.widgets.common.forms import Fields, WrappedLabel
from napari_unet.widgets.common.preferences import chosen_library
from napari_unet.widgets.common.text_fields import TextLine
from napari_unet.widgets.finetune.presets import PresetBox
from napari_unet.widgets.finetune.protocol_choice import ProtocolChoice
from napari_unet.widgets.finetune.requests import TrainingRequest
from napari_unet.widgets.finetune.source import LEAST, Chosen, SourceBox
from napari_unet.widgets.finetune.training import BUSY, Training
from napari_unet.widgets.model_box import ModelBox
from napari_unet.widgets.session import Session

_CALM_MS = 800  # after the last change, before the time is measured again
_OTHERS = 0.25  # share by which the number of cases may change before it is
_TYPED_MS = 250
_LONGEST = 40  # letters of a name: more make the dock wider than a small screen allows
_STAGES = 4  # of a network whose card does not say how deep it is


class SetupPage(QWidget):
    """requested : a TrainingRequest; the button was pressed and all is there. failed : a UserError."""

    requested = Signal(object)
    failed = Signal(object)

    def __init__(self, session: Session, training: Training) -> None:
        super().__init__()
        self._training = training
        self._collecting = False
        self._is_open = True
        self._measured: tuple[Any, int, Any] | None = None  # what the times are for
        self.source = SourceBox(session)
        self.model = ModelBox(session)
        self.name = TextLine()
        self.name.setMaxLength(_LONGEST)
        self.name.setToolTip("What the new model is called. The base model stays as it is.")
        self._typed = False  # a name of the user's own is not replaced
        self.presets = PresetBox()
        self.protocol = WrappedLabel(name="protocol")
        self.taught = WrappedLabel(name="taught")
        self.problem = WrappedLabel(name="problem")
        self.start = QPushButton("Start")
        self.start.clicked.connect(lambda: self._on_start())
        self.choice = ProtocolChoice()
        self.choice.decided.connect(self._on_decided)
        self._asked: tuple[TrainingRequest, Any] | None = None  # whose protocol is in question, and the form
        fields = Fields()
        top = Qt.AlignmentFlag.AlignTop
        fields.setAlignment(fields.add("Train on", self.source), top)
        fields.add("Base model", self.model)
        fields.add("New model", self.name)
        fields.add_wide(self.problem)
        fields.setAlignment(fields.add("Duration", self.presets), top)
        fields.add_wide(self.presets.fold)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(fields)
        for part in (self.protocol, self.taught, self.start, self.choice):
            column.addWidget(part)
        self._measure_soon = qdebounced(self._measure, timeout=_CALM_MS, parent=self)
        self._check_soon = qdebounced(self.show_state, timeout=_TYPED_MS, parent=self)
        self.source.changed.connect(self._on_source)
        self.model.chosen.connect(lambda _: self._on_model())
        self.name.textEdited.connect(self._on_typed)
        self.presets.changed.connect(self._on_setting)
        self._on_model()

    def close_down(self) -> None:
        """Release viewer and review."""
        self._is_open = False
        self._measure_soon.cancel()
        self._check_soon.cancel()
        self.source.close_down()

    def begin_again(self) -> None:
        """After a training: its name is taken now, and there is one more model to begin with."""
        self._typed = False
        self._collecting = False
        self.model.reload()
        self._on_model()

    def show_state(self) -> None:
        """What can be done, and what is in the way."""
        count, entry = self.source.count(), self.model.entry()
        problem = "" if self.name.text().strip() else "The new model needs a name."
        if entry is not None and self.name.text().strip():
            try:
                check_name(chosen_library(), self.name.text().strip())
            except UserError as error:
                problem = str(error)
        self.problem.warn(problem) if problem else self.problem.say("")
        self.protocol.warn(self.differs()) if self.differs() else self.protocol.say("")
        self.taught.say(self.known())
        has_all = entry is not None and bool(self.name.text().strip()) and not problem
        ready = has_all and count.patients >= LEAST and not self._collecting and self._asked is None
        self.start.setEnabled(ready and self._training.stage not in BUSY)

    def differs(self) -> str:
        """What is to be known before two protocols are mixed, "" if they agree or one is not known."""
        entry, yours = self.model.entry(), self.source.protocol
        theirs = "" if entry is None else entry.card.output.protocol
        if not protocols_differ(yours, theirs):
            return ""
        return (
            f"Your masks follow a different protocol from the model's. Yours: “{yours.strip()}” The model's: "
            f"“{theirs.strip()}” After you press Start, you choose how the new model handles this."
        )

    def known(self) -> str:
        """What is to be known where cases have taught this model before, "" if none has."""
        entry, cases = self.model.entry(), self.source.count().cases
        if entry is None or not (taught := self.source.taught(entry.card)):
            return ""
        others = "only the others" if taught < cases else "none of them"
        first = f" To test it on all of them, begin with {entry.card.parent}." if entry.card.parent else ""
        return (
            f"{taught} of these {cases} cases were used to train {entry.card.name}: {others} can test the "
            f"new model.{first}"
        )

    # -- what changes --

    def _on_model(self) -> None:
        self._withdraw_question()
        entry = self.model.entry()
        if entry is not None:
            *_, (_, arguments) = layers_of(entry.card.net.kind, entry.card.net.arguments)
            self.presets.settings.limit_stages(int(arguments.get("depth", _STAGES)))
            if not self._typed:
                self.name.setText(free_name(chosen_library(), entry.card.name))
        self.show_state()
        self._measure_soon()

    def _on_source(self) -> None:
        self._withdraw_question()
        self.show_state()
        self._measure_soon()

    def _on_setting(self) -> None:
        self._withdraw_question()
        self.show_state()
        self._measure_soon()

    def _on_typed(self, text: str) -> None:
        self._withdraw_question()
        self._typed = bool(text.strip())
        self.start.setEnabled(False)
        self._check_soon()

    # -- how long it takes --

    def showEvent(self, event: Any) -> None:
        """Measure what was not measured while nobody looked."""
        super().showEvent(event)
        self._measure_soon()

    def _measure(self) -> None:
        entry, cases = self.model.entry(), self.source.count().cases
        busy = self._collecting or self._training.stage in BUSY
        if entry is None or cases < LEAST or not self.isVisible() or busy:
            return
        configs = self.presets.configs()
        if self._measured is not None:
            folder, before, settings = self._measured
            same = folder == entry.folder and settings == configs
            if same and abs(cases - before) <= _OTHERS * before:
                return
        self._measured = (entry.folder, cases, configs)
        self.presets.say_times("measuring…")
        self._training.estimate(cases, entry.folder, configs, self._show_times, self._on_unmeasured)

    def _show_times(self, found: Mapping[str, Estimate]) -> None:
        if self._is_open:
            self.presets.show_seconds({name: estimate.seconds for name, estimate in found.items()})

    def _on_unmeasured(self, error: UserError) -> None:
        """What cannot be tried cannot be trained either."""
        if self._is_open:
            self._measured = None
            self.presets.say_times("")
            self.failed.emit(error)

    # -- the button --

    def _on_start(self) -> None:
        entry = self.model.entry()
        if entry is None or self._collecting or self._training.stage in BUSY:
            return
        self._collecting = True
        self.show_state()
        name, preset, config = self.name.text().strip(), self.presets.preset(), self.presets.config()

        def go(chosen: Chosen) -> None:
            if self._is_open:
                request = TrainingRequest(
                    chosen.pairs,
                    chosen.names,
                    entry.folder,
                    entry.card.name,
                    name,
                    preset,
                    config,
                    chosen.protocol,
                    untouched=chosen.untouched,
                )
                self._training.compare_protocols(
                    request, lambda found: self._on_compared(request, found), stay
                )

        def stay(error: UserError) -> None:
            self._collecting = False
            if self._is_open:
                self.failed.emit(error)
                self.show_state()

        self.source.collect(go, stay)

    def _on_compared(self, request: TrainingRequest, question: ProtocolQuestion) -> None:
        self._collecting = False
        if not self._is_open:
            return
        if question.open:
            self._asked = request, self._form()
            self.choice.ask(question)
        else:
            self.requested.emit(request)
        self.show_state()

    def _on_decided(self, same: bool) -> None:
        asked, self._asked = self._asked, None
        if asked is not None:
            self.requested.emit(replace(asked[0], same_protocol=same))
        self.show_state()

    def _form(self) -> tuple[object, ...]:
        """What is chosen."""
        entry, source = self.model.entry(), self.source
        model = None if entry is None else entry.folder
        return (
            model,
            source.count(),
            source.protocol,
            self.name.text(),
            self.presets.preset(),
            self.presets.config(),
        )

    def _withdraw_question(self) -> None:
        """Where something else is chosen now."""
        if self._asked is not None and self._asked[1] != self._form():
            self._asked = None
            self.choice.hide()
