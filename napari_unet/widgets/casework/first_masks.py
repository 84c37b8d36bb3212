"""Masks from a model, in the background: the open case first, then the next ones."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_unet.core.errors import UserError
from napari_unet.core.label_set import LabelSet
from napari_unet.core.prediction import Prediction
from napari_unet.engine.protocol import Engine
from napari_unet.models.library import ModelLibrary
from napari_unet.review.types import Author, Case
from napari_unet.widgets.casework.case_list import CaseList
from napari_unet.widgets.casework.connection import ProjectConnection, there
from napari_unet.widgets.common.jobs import Job, run_on_engine
from napari_unet.widgets.common.preferences import preferences

if TYPE_CHECKING:
    from napari_unet.review.store import ReviewProject

_IN_A_ROW = 3  # failures after which something is wrong with the model, not with the images


@dataclass(frozen=True)
class FirstMasksProgress:
    """`done` of `total` cases have their first mask, or will have none."""

    done: int
    total: int


@dataclass(frozen=True)
class _Request:
    """model : whose mask, by which of its answers; None for its own choice. again : the case has a mask; it
    is replaced if nobody has touched the case."""

    model: str
    again: bool
    answer: str | None = None


class FirstMasks(QObject):
    """Asks the engine for one mask after another, and has them stored.

    progressed : FirstMasksProgress. stored : id of a case that has been looked at now. failed : a UserError;
    the other cases go on unless the model itself does not work. ended : nothing is left to do, or it was
    stopped. relabelled : the first mask of the project brought its labels along.
    """

    progressed = Signal(object)
    stored = Signal(str)
    failed = Signal(object)
    ended = Signal()
    relabelled = Signal()

    def __init__(
        self,
        connection: ProjectConnection,
        case_list: CaseList,
        author: Callable[[], Author],
        engine: Callable[[], Engine],
        library: Callable[[], ModelLibrary],
        coming: Callable[[], list[str]],
        parent: QObject,
    ) -> None:
        """coming : ids of the open case and those behind it in the queue: they go first.

        library : in which models are looked for, and which of them "auto" means.
        """
        super().__init__(parent)
        self._connection = connection
        self._case_list = case_list
        self._author = author
        self._engine = engine
        self._library = library
        self._coming = coming
        self._waiting: dict[str, _Request] = {}  # by case id
        self._job: Job | None = None
        self._asked = ""  # the case that the engine is at
        self._request: _Request | None = None  # what for
        self._done = self._failures = 0

    @property
    def running(self) -> bool:
        """Whether cases are waiting for their mask."""
        return self._job is not None

    def ask(self, ids: list[str], model: str, again: bool = False, answer: str | None = None) -> None:
        """Masks by `model` for these cases; one that waits already waits once, for the model asked for last.

        answer : which of the model's, None for its own choice.
        again : the cases have masks. Those of cases that nobody has touched are replaced, all others stay.
        """
        request = _Request(model, again, answer)
        self._waiting |= {id: request for id in ids if id != self._asked or request != self._request}
        self._tell()
        self._next()

    def change_model(self, model: str, ids: Collection[str]) -> None:
        """Masks by `model` for those of these cases that wait for one, and again for the one under way."""
        self._waiting |= {
            id: replace(request, model=model, answer=None)
            for id, request in self._waiting.items()
            if id in ids
        }
        if self._request is not None and self._request.model != model and self._asked in ids:
            self._waiting.setdefault(self._asked, _Request(model, again=True))

    def stop(self) -> None:
        """Make no more of them; the one under way is given up."""
        self._waiting.clear()
        job, self._job = self._job, None
        if job is not None:
            job.abandon()
            self._finish()

    def _next(self) -> None:
        if self._job is not None:
            return
        id = self._choose()
        if id is None:
            self._finish()
            return
        request, project = self._waiting.pop(id), self._connection.project
        self._asked, self._request = id, request
        device, library = preferences().device, self._library()

        def arguments() -> dict[str, Any]:
            return {
                "image": there(project).source(id),
                "model": request.model,
                "device": device,
                "library": library,
                "output": request.answer,
            }

        job = self._job = run_on_engine(self._engine(), "first_mask", arguments, owner=self)
        job.succeeded.connect(lambda found: self._store(id, found, request.again))
        job.failed.connect(lambda error: self._on_failed(id, error))
        job.ended.connect(self._on_ended)

    def _choose(self) -> str | None:
        """The open case, then those behind it in the queue, then any."""
        if not self._waiting:
            return None
        return next((id for id in self._coming() if id in self._waiting), next(iter(self._waiting)))

    def _store(self, id: str, found: Prediction, again: bool) -> None:
        self._failures = 0
        by, before = self._author().name, self._connection.labels

        def store(project: ReviewProject) -> Case:
            from napari_unet.review.check_results import store_first_mask, store_next_mask

            (store_next_mask if again else store_first_mask)(project, id, found, by)
            return project.case(id)

        self._connection.write(store, lambda case: self._on_stored(case, before), self._on_not_stored)

    def _on_stored(self, case: Case, before: LabelSet) -> None:
        if self._connection.labels != before:
            self.relabelled.emit()
        self._case_list.took(case)
        self.stored.emit(case.id)

    def _on_not_stored(self, error: UserError) -> None:
        """The model's masks would mean something else in this project, or the disk does not take them."""
        from napari_unet.review.labels import OtherLabels

        if isinstance(error, OtherLabels):  # so would all others of this model
            self._waiting.clear()
        self.failed.emit(error)

    def _on_failed(self, id: str, error: UserError) -> None:
        self._failures += 1
        number = self._case_list.cases[id].number if id in self._case_list.cases else "?"
        if self._failures < _IN_A_ROW:
            self.failed.emit(UserError(f"Case {number} got no mask. {error.problem}", error.remedy))
            return
        self._waiting.clear()
        self.failed.emit(UserError(f"No masks can be made. {error.problem}", error.remedy))

    def _on_ended(self) -> None:
        self._job, self._asked, self._request = None, "", None
        self._done += 1
        self._tell()
        self._next()

    def _finish(self) -> None:
        self._asked, self._request = "", None
        self._done = self._failures = 0
        self.ended.emit()

    def _tell(self) -> None:
        under_way = 0 if self._job is None else 1
        self.progressed.emit(FirstMasksProgress(self._done, self._done + len(self._waiting) + under_way))
