"""The way from the window to the open project: reading in jobs, writing by one saver, in order."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Qt, Signal

from napari_unet.core.errors import UserError
from napari_unet.core.label_set import LUNGS, LabelSet
from napari_unet.review.types import Case, Order
from napari_unet.widgets.casework.worker_thread import WorkerThread
from napari_unet.widgets.common.jobs import Job, in_words

if TYPE_CHECKING:
    from napari_unet.review.saving.saver import Saver
    from napari_unet.review.store import ReviewProject

ORDER = "order"
"""Setting of a project: how its queue is sorted."""

FirstLook = tuple["ReviewProject", list[Case], list[str], Order | None]
_PATIENCE_S = 20.0  # for what is still to be written when a project is closed


class ProjectConnection(QObject):
    """Holds the open project, its saver and its worker thread. Everything here returns at once.

    opened : list of Case, and ids of those with strokes that were never saved, when a project is there.
    save_state : see review.save_state. mask_saved : a Case whose mask was saved, as it is then. failed : a
    UserError that nobody else listens to.
    """

    opened = Signal(list, list)
    save_state = Signal(object)
    mask_saved = Signal(object)
    failed = Signal(object)
    _later = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.project: ReviewProject | None = None
        self.saver: Saver | None = None
        self.worker: WorkerThread | None = None
        self.order: Order | None = None  # that the project remembers
        self._jobs: set[Job] = set()
        self._ending: WorkerThread | None = None  # of the project before: it may still be writing
        self._later.connect(self._do, Qt.ConnectionType.QueuedConnection)

    @property
    def labels(self) -> LabelSet:
        """What the numbers in the project's masks mean; lungs while no project is open."""
        return LUNGS if self.project is None else self.project.labels

    def open(self, folder: Path) -> Job:
        """Open the project in `folder`."""

        def work() -> FirstLook:
            from napari_unet.review.store import ReviewProject

            return _first_look(ReviewProject.open(Path(folder)))

        return self._start_project(work)

    def create(self, folder: Path, protocol: str, labels: LabelSet) -> Job:
        """Make a project in `folder` and open it."""

        def work() -> FirstLook:
            from napari_unet.review.store import ReviewProject

            return _first_look(ReviewProject.create(Path(folder), protocol, labels))

        return self._start_project(work)

    def close(self) -> None:
        """Finish writing in the background, then close the project."""
        for job in list(self._jobs):
            job.cancel()
        if self.worker is not None:
            self.worker.close()
            self._ending = self.worker
        self.project = self.saver = self.worker = None

    def read(self, work: Callable[[ReviewProject], Any], quiet: bool = False) -> Job:
        """`work(project)` in a thread. It must not write."""
        project = self.project
        return self.run(lambda: work(there(project)), quiet)

    def write(
        self,
        work: Callable[[ReviewProject], Any],
        done: Callable[[Any], None] | None = None,
        failed: Callable[[UserError], None] | None = None,
    ) -> None:
        """`work(project)` after all that was asked before; then one of the others, on the GUI thread."""
        worker, saver, project = self.worker, self.saver, self.project
        if worker is None or saver is None:
            return

        def hear(what: Callable[[Any], None] | None) -> Callable[[Any], None]:
            def tell(result: Any) -> None:
                if what is not None:
                    self._soon(lambda: what(result) if project is self.project else None)

            return tell

        worker.post(lambda: saver.do(work, done=hear(done), failed=hear(failed or self.failed.emit)))

    def run(self, work: Callable[[], Any], quiet: bool = False) -> Job:
        """`work()` in a thread; see `start`."""
        return self.start(lambda job: work(), quiet)

    def start(self, work: Callable[[Job], Any], quiet: bool = False) -> Job:
        """`work(job)` in a thread; cancelled when the project is closed. quiet : report no failure."""
        job = Job(work, self)
        self._jobs.add(job)
        if not quiet:
            job.failed.connect(self.failed)
        job.ended.connect(lambda: self._jobs.discard(job))
        return job

    def _start_project(self, work: Callable[[], FirstLook]) -> Job:
        ending = self._ending

        def guarded(job: Job) -> FirstLook:
            if ending is not None:  # it may be the same project, whose cases are given back last of all
                ending.join(_PATIENCE_S)
            found = work()
            try:
                job.check()  # somebody wants another one meanwhile
            except BaseException:
                found[0].close()
                raise
            return found

        job = self.start(guarded)
        job.succeeded.connect(self._use)
        return job

    def _use(self, found: FirstLook) -> None:
        from napari_unet.review.saving.saver import Saver

        project, cases, unsaved, self.order = found
        self.project = project
        self.saver = saver = Saver(
            project,
            lambda state: self._soon(partial(self.save_state.emit, state)),
            on_mask=lambda case: self._soon(
                lambda: self.mask_saved.emit(case) if project is self.project else None
            ),
        )

        def at_end() -> None:
            saver.close(_PATIENCE_S)
            project.close()

        self.worker = WorkerThread(at_end)
        self.opened.emit(cases, unsaved)

    def _do(self, task: Callable[[], None]) -> None:
        """What was written is written, whether or not that is reported."""
        try:
            task()
        except Exception as error:
            self.failed.emit(in_words(error))

    def _soon(self, task: Callable[[], None]) -> None:
        """Do `task` on the GUI thread; from any thread."""
        try:
            self._later.emit(task)
        except RuntimeError:  # Qt is gone: napari was closed
            return


def there(project: ReviewProject | None) -> ReviewProject:
    """`project`, for work on it. Raises UserError if none was open when it was asked for."""
    if project is None:
        raise UserError("No project is open.", "Open one in the Review dock.")
    return project


def _first_look(project: ReviewProject) -> FirstLook:
    from napari_unet.review.saving.recovery import unsaved_cases

    try:
        stored = project.setting(ORDER)
        order = next((order for order in Order if order.value == stored), None)
        return project, project.cases(), unsaved_cases(project), order
    except BaseException:
        project.close()
        raise
