"""What is learned from: the cases of the open review project, or layers that are open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QRadioButton, QVBoxLayout, QWidget
from superqt.utils import qthrottled

from napari_unet.core import evidence
from napari_unet.core.errors import UserError
from napari_unet.core.leaks import Fingerprint
from napari_unet.core.training_pair import FEW, TrainingPair
from napari_unet.models.card import ModelCard
from napari_unet.review.types import SET_ASIDE, USABLE, Case, Status
from napari_unet.training.taught import taught_by
from napari_unet.widgets.casework.connection import there
from napari_unet.widgets.common.forms import WrappedLabel
from napari_unet.widgets.common.jobs import Job, run_in_thread
from napari_unet.widgets.finetune.layer_pairs import LayerPairs, pairs_of
from napari_unet.widgets.finetune.requests import names_of
from napari_unet.widgets.session import Session

if TYPE_CHECKING:
    from napari_unet.review.store import ReviewProject

LEAST = 2
"""Cases without which there is nothing to learn: some to learn from, and another one to test on."""

_AT_MOST = f"With fewer than {evidence.LEAST} patients, the best possible verdict is “perhaps better”."
_CALM_MS = 300  # changes of cases that come within this time are counted together


@dataclass(frozen=True)
class Chosen:
    """What is learned from. names : of all cases for people, by the pair's id. protocol : what counts as lung
    in their masks, in words; "" if nobody said. untouched : images that only a model has seen."""

    pairs: Sequence[TrainingPair]
    names: Mapping[str, str]
    protocol: str = ""
    untouched: Sequence[TrainingPair] = ()


@dataclass(frozen=True)
class Count:
    """How much is chosen. corrected : cases of a project that somebody corrected, None for open masks."""

    cases: int = 0
    patients: int = 0
    corrected: int | None = None

    def words(self) -> str:
        """ "12 cases of 11 patients", bold, and of a project "8 corrected, 4 accepted as they were"."""
        much = " of ".join((_so_many(self.cases, "case"), _so_many(self.patients, "patient")))
        if self.corrected is None:
            return f"<b>{much}</b>"
        as_they_were = self.cases - self.corrected
        return f"<b>{much}</b>: {self.corrected} corrected, {as_they_were} accepted as they were"


class SourceBox(QWidget):
    """Two choices, and what is to be said about them. changed : something else is chosen, or more of it."""

    changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._casework = session.casework
        self._job: Job | None = None
        self._dropped: Callable[[UserError], None] | None = None  # who waits for the cases of the project
        self.project = QRadioButton("The review project")
        self.corrected = QCheckBox("Of CT, only slices that were corrected or marked")
        self.corrected.setToolTip(
            "For volumes of which some slices were corrected and the others not looked at. Volumes that are "
            "still in progress count too."
        )
        self.layers = QRadioButton("Masks that are open")
        self.pairs = LayerPairs(session)
        self.says = WrappedLabel(name="cases")
        self.warning = WrappedLabel(name="few")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for part in (self.project, self.corrected, self.layers, self.pairs, self.says, self.warning):
            column.addWidget(part)
        self._refresh_soon = qthrottled(self.refresh, timeout=_CALM_MS, leading=False, parent=self)
        self._wires = [
            (self._casework.project_changed, self._on_project),
            (self._casework.cases_changed, self._on_cases),
            (self._casework.queue_changed, self._on_cases),
        ]
        for signal, slot in self._wires:
            signal.connect(slot)
        self.pairs.changed.connect(self.refresh)
        (self.project if self._casework.project is not None else self.layers).setChecked(True)
        self.project.toggled.connect(self.refresh)
        self.corrected.toggled.connect(self.refresh)
        self._on_project(self._casework.project)

    def close_down(self) -> None:
        """Release viewer and review."""
        self._refresh_soon.cancel()
        for signal, slot in self._wires:
            signal.disconnect(slot)
        if self._job is not None:
            self._job.abandon()
        self.pairs.close_down()

    @property
    def protocol(self) -> str:
        """What counts as lung in the chosen masks; "" if nobody said."""
        project = self._casework.project
        return project.protocol if project is not None and self.project.isChecked() else ""

    def count(self) -> Count:
        """How much is chosen now."""
        if self.project.isChecked():
            usable = self._usable()
            by_slice = self.corrected.isChecked()
            corrected = sum(_is_corrected(case, by_slice) for case in usable)
            return Count(len(usable), len({case.patient or case.id for case in usable}), corrected)
        chosen = self.pairs.chosen()
        return Count(len(chosen), len({id(image) for image, _ in chosen}))

    def taught(self, card: ModelCard) -> int:
        """How many of the chosen cases, or other images of their patients, have taught a model before."""
        if not self.project.isChecked():
            return 0
        taught = taught_by(card, None)
        fingerprints = ([Fingerprint(case.id, case.patient, case.content_hash)] for case in self._usable())
        return taught.count(list(fingerprints))

    def _usable(self) -> list[Case]:
        by_slice = self.corrected.isChecked()
        return [case for case in self._casework.cases.values() if _is_usable(case, by_slice)]

    @property
    def _has_volumes(self) -> bool:
        return any(case.is_volume for case in self._casework.cases.values())

    def collector(self) -> Callable[[], Chosen]:
        """A function that makes the pairs of what is chosen now, for any thread."""
        if not self.project.isChecked():
            make = pairs_of(self.pairs.chosen(), self.pairs.begun)

            def from_layers() -> Chosen:
                found = make()
                return Chosen([pair for pair, _ in found], {pair.id: name for pair, name in found})

            return from_layers
        project = there(self._casework.project)
        cases, by_slice = dict(self._casework.cases), self.corrected.isChecked()

        def from_project() -> Chosen:
            pairs, untouched = project.training_pairs(by_slice), project.untouched_pairs()
            names = names_of((*pairs, *untouched), cases)
            return Chosen(pairs, names, project.protocol, untouched)

        return from_project

    def collect(self, done: Callable[[Chosen], None], failed: Callable[[UserError], None]) -> None:
        """One of the two is called with what is chosen now, strokes of this moment included."""
        try:
            collector = self.collector()
        except UserError as error:
            failed(error)
            return
        if not self.project.isChecked():
            job = self._job = run_in_thread(collector, self)
            job.succeeded.connect(done)
            job.failed.connect(failed)
            return
        recorder = self._casework.presenter.recorder
        if recorder is not None:
            recorder.compare()
            recorder.save()

        def hear(then: Callable[[Any], None]) -> Callable[[Any], None]:
            def tell(found: Any) -> None:
                self._dropped = None
                then(found)

            return tell

        self._dropped = failed
        self._casework.write(lambda _project: collector(), hear(done), hear(failed))

    def refresh(self, *_: Any) -> None:
        """Count again, and say what there is."""
        from_project = self.project.isChecked()
        self.pairs.setVisible(not from_project)
        self.corrected.setVisible(from_project and self._has_volumes)
        count = self.count()
        self.warning.say("")
        if from_project and self._casework.project is None:
            self.says.say("No project is open. Open one in the Review dock.")
        elif count.cases == 0:
            self.says.say(
                "No case is accepted or corrected yet. Do that in the Review dock."
                if from_project
                else "Open images, each with a mask that you have checked, and tick the masks."
            )
        else:
            few = LEAST <= count.patients < evidence.LEAST
            which = "" if from_project else self.pairs.slices_in_words()
            more = " ".join(filter(None, (_AT_MOST * few, which)))
            self.says.say(f"{count.words()}. {more}" if more else count.words())
            if count.patients < LEAST:
                self.warning.warn("At least 2 cases of different patients are needed: one to test on.")
            elif count.cases < FEW:
                self.warning.warn(
                    f"Too few cases for reliable training and testing. {2 * FEW} cases are a good start."
                )
        self.changed.emit()

    def _on_cases(self, *_: Any) -> None:
        self._refresh_soon()

    def _on_project(self, project: ReviewProject | None) -> None:
        self.project.setText(
            "The review project" if project is None else f"Review project “{project.folder.name}”"
        )
        if project is not None and not self.pairs.chosen():
            self.project.setChecked(True)
        self.refresh()
        dropped, self._dropped = self._dropped, None
        if dropped is not None:  # what a closed project was asked for is never answered
            dropped(UserError("The project was closed before its cases were read.", "Press Start once more."))


def _so_many(count: int, what: str) -> str:
    return f"{count} {what}" + "s" * (count != 1)


def _is_usable(case: Case, by_slice: bool) -> bool:
    """by_slice : volumes count if somebody changed their mask, also while they are in progress."""
    decided = case.status in USABLE
    if by_slice and case.is_volume:
        decided = case.changed is not None and (decided or case.status is Status.IN_PROGRESS)
    return decided and case.revision is not None and case.file_state not in SET_ASIDE


def _is_corrected(case: Case, by_slice: bool) -> bool:
    """Of usable cases; those that count by slices do because somebody changed them."""
    return case.status is Status.CORRECTED or (by_slice and case.is_volume)
