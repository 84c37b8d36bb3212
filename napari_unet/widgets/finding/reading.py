"""A reader's way through one case of a review: first call, score, final call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from napari_unet.core.calibration import Calibration, Truth, thresholds_of
from napari_unet.core.prediction import Prediction
from napari_unet.core.second_reading import FindingCall
from napari_unet.widgets.casework.work import CaseWork

if TYPE_CHECKING:
    from napari_unet.review.store import ReviewProject


@dataclass(frozen=True)
class Standing:
    """How far a reader is with a case. open : whether scores are shown: after a first call, or in triage.
    calibrations : of the project.
    """

    case: str
    number: int
    first: Mapping[str, FindingCall] = field(default_factory=dict)
    final: Mapping[str, FindingCall] = field(default_factory=dict)
    open: bool = False
    triage: bool = False
    calibrations: tuple[Calibration, ...] = ()


@dataclass(frozen=True)
class ListedCase:
    """A case whose score of a finding the reader may see. score : 0 to 1. call : the reader's first one; None
    in triage only. differs : whether they take different sides.
    """

    case: str
    number: int
    finding: str
    score: float
    call: FindingCall | None
    differs: bool


class CaseReading(QObject):
    """What the dock knows of the open case of a review, and writes about it.

    changed : a Standing, or None while no case is open. shown : the scores may be shown now, and it is
    recorded that they were. listed : list of ListedCase.
    failed : a UserError.
    """

    changed = Signal(object)
    shown = Signal(object)
    listed = Signal(list)
    failed = Signal(object)

    def __init__(self, casework: CaseWork) -> None:
        super().__init__()
        self._casework = casework
        self.standing: Standing | None = None
        casework.case_opened.connect(self._on_opened)
        casework.case_closed.connect(self._on_closed)
        casework.project_changed.connect(self._on_closed)
        casework.reviewer_changed.connect(self._on_reviewer)
        if casework.current is not None:
            self._on_opened(casework.current)

    def close_down(self) -> None:
        """Listen no longer."""
        self._casework.case_opened.disconnect(self._on_opened)
        self._casework.case_closed.disconnect(self._on_closed)
        self._casework.project_changed.disconnect(self._on_closed)
        self._casework.reviewer_changed.disconnect(self._on_reviewer)

    def reload(self) -> None:
        """Look again how far the reader is."""
        current = self._casework.current
        if current is None:
            self._on_closed()
        else:
            self._on_opened(current)

    def lock(self, said: Mapping[str, FindingCall]) -> None:
        """The first call, or what mends it while no score was seen."""
        id, by = self._here()
        if id:
            self._casework.write(
                lambda project: project.first_call(id, by, said), lambda _: self.reload(), self.failed.emit
            )

    def show(self, found: Prediction) -> None:
        """Keep the scores of the open case and record that they are seen; then `shown`."""
        id, by = self._here()
        if not id:
            return

        def keep(project: ReviewProject) -> None:
            project.put_scores(id, found.scores, found.model, found.version, found.output)
            project.show_scores(id, by)

        def then(_: object) -> None:
            if self.standing is not None and self.standing.case == id:
                self.shown.emit(found)
                self.list_cases(found)

        self._casework.write(keep, then, self.failed.emit)

    def finish(self, said: Mapping[str, FindingCall]) -> None:
        """The final call, in place of an earlier one."""
        id, by = self._here()
        if id:
            self._casework.write(
                lambda project: project.final_call(id, by, said), lambda _: self.reload(), self.failed.emit
            )

    def set_triage(self, on: bool) -> None:
        """Show scores before any call, or no longer."""
        by = self._casework.author().name
        self._casework.write(
            lambda project: project.set_triage(on, by), lambda _: self.reload(), self.failed.emit
        )

    def calibrate(self, truth: Truth, model: str, version: str, sensitivity: float) -> None:
        """Set the thresholds of a model by cases of the project."""
        by = self._casework.author().name
        self._casework.write(
            lambda project: project.calibrate(by, truth, model, version, sensitivity),
            lambda _: self.reload(),
            self.failed.emit,
        )

    def list_cases(self, found: Prediction) -> None:
        """Look for the cases whose scores this reader may see. found : says where the thresholds are."""
        if self._casework.project is None:
            self.listed.emit([])
            return
        by = self._casework.author().name
        job = self._casework.read(
            lambda project: listed_cases(project, by, thresholds_of(found, project.calibrations()))
        )
        job.succeeded.connect(self.listed.emit)

    def _here(self) -> tuple[str, str]:
        return ("" if self.standing is None else self.standing.case), self._casework.author().name

    def _on_opened(self, case: object) -> None:
        current = self._casework.current
        if current is None:
            return
        id, number, by = current.id, current.number, self._casework.author().name

        def look(project: ReviewProject) -> Standing:
            first = project.reader_call(id, by)
            triage = project.in_triage
            final = project.reader_call(id, by, final=True)
            calibrations = tuple(project.calibrations())
            return Standing(id, number, first, final, bool(first) or triage, triage, calibrations)

        def use(found: Standing) -> None:
            now = self._casework.current
            if now is not None and now.id == id:
                self.standing = found
                self.changed.emit(found)

        self.standing = None
        self._casework.read(look).succeeded.connect(use)

    def _on_reviewer(self) -> None:
        """What one reader may see is not for the next."""
        self._on_closed()
        self.listed.emit([])
        self.reload()

    def _on_closed(self, *_: object) -> None:
        self.standing = None
        self.changed.emit(None)


def listed_cases(project: ReviewProject, by: str, thresholds: Mapping[str, float]) -> list[ListedCase]:
    """Cases whose scores a reader may see, the highest score first: those with a first call of this reader;
    in triage the others, too.
    """
    numbers = {case.id: case.number for case in project.cases()}
    said = {(one.case, one.finding): one.first for one in project.readings() if one.reader == by}
    found = []
    for id, scores in project.visible_scores(by).items():
        last = {one.finding: one for one in scores}  # of the model that was added last
        for finding, one in last.items():
            call, limit = said.get((id, finding)), thresholds.get(finding)
            side = None if call is None else call.present
            differs = side is not None and limit is not None and side != (one.score >= limit)
            found.append(ListedCase(id, numbers[id], finding, one.score, call, differs))
    return sorted(found, key=lambda one: -one.score)
