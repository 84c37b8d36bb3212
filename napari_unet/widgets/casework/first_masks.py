"""Masks from a model, in the background: the open case first, then the next ones.

On this computer one after the other; on a cluster, if one was chosen, all that wait for the same at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_unet.core.errors import UserError
from napari_unet.core.events import FirstMaskMade
from napari_unet.core.label_set import LabelSet
from napari_unet.core.prediction import Prediction
from napari_unet.core.wording import counted
from napari_unet.engine.messages import PAUSE, RESUME
from napari_unet.engine.protocol import Engine
from napari_unet.models.library import ModelLibrary
from napari_unet.review.types import Author, Case
from napari_unet.widgets.casework.case_list import CaseList
from napari_unet.widgets.casework.connection import ProjectConnection, there
from napari_unet.widgets.common.jobs import Job, run_on_engine
from napari_unet.widgets.common.preferences import preferences
from napari_unet.widgets.common.run_on import HERE, chosen_cluster

if TYPE_CHECKING:
    from napari_unet.review.store import ReviewProject

_IN_A_ROW = 3  # failures after which something is wrong with the model, not with the images
_UNSTORED = 24  # masks that came from a cluster faster than the disk takes them: no more are fetched


@dataclass(frozen=True)
class FirstMasksProgress:
    """`done` of `total` cases have their first mask, or will have none.

    where : the cluster that is at them, "" for this computer.
    """

    done: int
    total: int
    where: str = ""


@dataclass(frozen=True)
class _Request:
    """model : whose mask, by which of its answers; None for its own choice. again : the case has a mask; it
    is replaced if nobody has touched the case."""

    model: str
    again: bool
    answer: str | None = None


class FirstMasks(QObject):
    """Asks the engine for masks, and has them stored.

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
        cluster_engine: Callable[[], Engine],
        library: Callable[[], ModelLibrary],
        coming: Callable[[], list[str]],
        parent: QObject,
    ) -> None:
        """coming : ids of the open case and those behind it in the queue: they go first.

        cluster_engine : one that may be busy for hours. library : in which models are looked for, and which
        of them "auto" means.
        """
        super().__init__(parent)
        self._connection = connection
        self._case_list = case_list
        self._author = author
        self._engine = engine
        self._cluster_engine = cluster_engine
        self._library = library
        self._coming = coming
        self._waiting: dict[str, _Request] = {}  # by case id
        self._job: Job | None = None
        self._under_way: dict[str, _Request] = {}  # by case id
        self._where = ""  # the cluster that is at them
        self._unstored = 0  # of masks that came from there
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
        self._waiting |= {id: request for id in ids if self._under_way.get(id) != request}
        self._tell()
        self._next()

    def change_model(self, model: str, ids: Collection[str]) -> None:
        """Masks by `model` for those of these cases that wait for one, and again for the one under way."""
        self._waiting |= {
            id: replace(request, model=model, answer=None)
            for id, request in self._waiting.items()
            if id in ids
        }
        for id, request in self._under_way.items():
            if request.model != model and id in ids:
                self._waiting.setdefault(id, _Request(model, again=True))

    def stop(self) -> None:
        """Make no more of them; the one under way is given up."""
        self._waiting.clear()
        job, self._job = self._job, None
        self._unstored = 0
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
        request, cluster = self._waiting[id], chosen_cluster()
        alike = self._alike(request) if cluster else [id]
        if len(alike) > 1:
            self._ask_cluster(cluster, alike, request)
        else:
            self._ask_engine(id, request)

    def _alike(self, request: _Request) -> list[str]:
        """The cases that wait for the same, in the order in which they are wanted."""
        alike = dict.fromkeys(id for id, asked in self._waiting.items() if asked == request)
        return list(dict.fromkeys([*(id for id in self._coming() if id in alike), *alike]))

    def _ask_engine(self, id: str, request: _Request) -> None:
        """One case, on this computer."""
        project = self._connection.project
        device, library = preferences().device, self._library()

        def arguments() -> dict[str, Any]:
            return {
                "image": there(project).source(id),
                "model": request.model,
                "device": device,
                "library": library,
                "output": request.answer,
            }

        job = self._begin(run_on_engine(self._engine(), "first_mask", arguments, owner=self), [id])
        job.succeeded.connect(lambda found: self._store(id, found, request.again))
        job.failed.connect(lambda error: self._on_failed(id, error))

    def _ask_cluster(self, address: str, ids: list[str], request: _Request) -> None:
        """Many cases, which come back in any order."""
        project, library = self._connection.project, self._library()

        def arguments() -> dict[str, Any]:
            return {
                "address": address,
                "images": {id: there(project).source(id) for id in ids},
                "model": request.model,
                "library": library,
                "output": request.answer,
            }

        self._where = address
        job = self._begin(run_on_engine(self._cluster_engine(), "first_masks", arguments, owner=self), ids)
        job.progressed.connect(self._on_made)
        job.failed.connect(self._on_cluster_failed)

    def _begin(self, job: Job, ids: list[str]) -> Job:
        self._job = job
        self._under_way = {id: self._waiting.pop(id) for id in ids}
        job.ended.connect(self._on_ended)
        self._tell()
        return job

    def _choose(self) -> str | None:
        """The open case, then those behind it in the queue, then any."""
        if not self._waiting:
            return None
        return next((id for id in self._coming() if id in self._waiting), next(iter(self._waiting)))

    def _on_made(self, made: FirstMaskMade) -> None:
        """A case has come from the cluster. What is not stored yet keeps others from coming."""
        request = self._under_way.pop(made.case)
        self._done += 1
        self._tell()
        if made.prediction is None:
            assert made.error is not None
            self._say_none(made.case, made.error)
            return
        self._unstored += 1
        if self._unstored == _UNSTORED and self._job is not None:
            self._job.ask(PAUSE)
        self._store(made.case, made.prediction, request.again)

    def _store(self, id: str, found: Prediction, again: bool) -> None:
        self._failures = 0
        by, before = self._author().name, self._connection.labels

        def store(project: ReviewProject) -> Case:
            from napari_unet.review.check_results import store_first_mask, store_next_mask

            (store_next_mask if again else store_first_mask)(project, id, found, by)
            return project.case(id)

        def stored(case: Case) -> None:
            self._on_taken()
            self._on_stored(case, before)

        def not_stored(error: UserError) -> None:
            self._on_taken()
            self._on_not_stored(error)

        self._connection.write(store, stored, not_stored)

    def _on_taken(self) -> None:
        """The disk has one mask less before it."""
        if not self._unstored:
            return
        self._unstored -= 1
        if self._unstored == _UNSTORED // 2 and self._job is not None:
            self._job.ask(RESUME)

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
            if self._where and self._job is not None:
                self._job.cancel()
        self.failed.emit(error)

    def _on_failed(self, id: str, error: UserError) -> None:
        self._failures += 1
        if self._failures < _IN_A_ROW:
            self._say_none(id, error)
            return
        self._waiting.clear()
        self.failed.emit(UserError(f"No masks can be made. {error.problem}", error.remedy))

    def _on_cluster_failed(self, error: UserError) -> None:
        self._waiting.clear()
        left = counted(len(self._under_way), "case")
        problem = f"{left} got no mask on {self._where}. {error.problem}"
        here = f"Or choose “{HERE}” under Project ▸ Run first masks on…"
        self.failed.emit(UserError(problem, f"{error.remedy} {here}".strip()))

    def _say_none(self, id: str, error: UserError) -> None:
        number = self._case_list.cases[id].number if id in self._case_list.cases else "?"
        self.failed.emit(UserError(f"Case {number} got no mask. {error.problem}", error.remedy))

    def _on_ended(self) -> None:
        self._done += len(self._under_way)
        self._job, self._under_way, self._where = None, {}, ""
        self._tell()
        self._next()

    def _finish(self) -> None:
        self._under_way, self._where = {}, ""
        self._done = self._failures = 0
        self.ended.emit()

    def _tell(self) -> None:
        total = self._done + len(self._waiting) + len(self._under_way)
        self.progressed.emit(FirstMasksProgress(self._done, total, self._where))
