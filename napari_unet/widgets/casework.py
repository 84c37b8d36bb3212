"""CaseWork: between the review project on disk and the viewer. The docks talk to it, never to the project."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, Qt, Signal

from napari_unet.core.errors import UserError
from napari_unet.review.types import DECIDED, Author, AuthorKind, Case, Measurement, Order, Reason, Status
from napari_unet.widgets.case_layers import edit_to
from napari_unet.widgets.casework_clerk import Clerk
from napari_unet.widgets.casework_clock import ActiveTime
from napari_unet.widgets.casework_desk import CaseDesk
from napari_unet.widgets.casework_intake import Intake
from napari_unet.widgets.casework_load import LoadedCase, load_case
from napari_unet.widgets.casework_pictures import thumbnail_of
from napari_unet.widgets.casework_views import CaseViews
from napari_unet.widgets.jobs import Job
from napari_unet.widgets.preferences import preferences

if TYPE_CHECKING:
    from napari_unet.review.store import ReviewProject

_NOBODY = "unnamed reviewer"
_FEW = 8  # cases that are read one by one
_PATIENCE_S = 20.0  # for what is still to be written when a project is closed


class EmptyMask(UserError):
    """The mask to be accepted is empty: the person is to confirm it with `accept(empty_ok=True)`."""


class CaseWork(QObject):
    """The review of one viewer: its project, its queue, the open case and what is decided about it.

    All methods are for the GUI thread and return at once; what they bring about comes in signals, on the GUI
    thread too. Reading is done in jobs, writing by one saver, in the order of the calls.

    project_changed : the project that is open now, or None. cases_changed : ids of cases that are new or
    changed in `cases`. queue_changed : `queue` is another. case_opened : a Case, when its layers are there.
    case_closed : its id. save_state : see review.save_state. failed : a UserError (an EmptyMask if the
    mask is to be confirmed). told : news in a sentence. recovered : id of a case whose unsaved strokes were
    put back. painted : the mask of the open case was changed.
    """

    project_changed = Signal(object)
    cases_changed = Signal(list)
    queue_changed = Signal()
    case_opened = Signal(object)
    case_closed = Signal(str)
    save_state = Signal(object)
    failed = Signal(object)
    told = Signal(str)
    recovered = Signal(str)
    painted = Signal()
    _later = Signal(object)

    def __init__(self, session: Any) -> None:
        super().__init__()
        self.session = session
        self.project: ReviewProject | None = None
        self.cases: dict[str, Case] = {}
        self.queue: list[str] = []
        self.order = Order.CHECKS
        self.reviewer = ""
        self.desk = CaseDesk(session, self.author)
        self.desk.painted.connect(self.painted)
        self.desk.failed.connect(self.failed)
        self.desk.taken_away.connect(self._on_taken_away)
        self.intake = Intake(self)
        self.views = CaseViews(self)
        self.intake.first_masks.stored.connect(self._on_first_mask)
        self._viewer = session.viewer
        self._saver: Any = None
        self._clerk: Clerk | None = None
        self._wanted = ""
        self._opening: dict[str, Job] = {}
        self._ahead: dict[str, LoadedCase] = {}
        self._jobs: set[Job] = set()
        self._time = ActiveTime()
        self._viewer.cursor.events.position.connect(self._time.alive)
        self.painted.connect(self._time.alive)
        self._later.connect(lambda task: task(), Qt.ConnectionType.QueuedConnection)

    # -- who --

    def set_reviewer(self, name: str) -> None:
        """Who decides and corrects from now on."""
        self.reviewer = name.strip()

    def author(self) -> Author:
        """The reviewer as the author of a revision."""
        return Author(AuthorKind.PERSON, self._by)

    @property
    def _by(self) -> str:
        return self.reviewer or _NOBODY

    # -- the project --

    def open_project(self, folder: Path) -> Job:
        """Open the project in `folder`, in place of the one that is open."""

        def work() -> tuple[Any, ...]:
            from napari_unet.review.store import ReviewProject

            return _first_look(ReviewProject.open(Path(folder)), self.order)

        return self._start_project(work)

    def create_project(self, folder: Path, protocol: str = "") -> Job:
        """Make a project in `folder` and open it. protocol : what its masks hold, in words."""

        def work() -> tuple[Any, ...]:
            from napari_unet.review.store import ReviewProject

            return _first_look(ReviewProject.create(Path(folder), protocol), self.order)

        return self._start_project(work)

    def close_project(self) -> None:
        """Finish writing in the background and close the project."""
        if self.project is None:
            return
        self._leave()
        self._wanted = ""
        self.intake.stop()
        for job in list(self._jobs):
            job.cancel()
        self._opening.clear()
        self._ahead.clear()
        self.desk.forget_all()
        project, saver, clerk = self.project, self._saver, self._clerk
        self.project = self._saver = self._clerk = None
        self.cases, self.queue = {}, []

        def end() -> None:
            saver.close(_PATIENCE_S)
            project.close()

        clerk.post(end)
        clerk.close()
        self.project_changed.emit(None)

    def shut(self) -> None:
        """The last dock is closed: everything is written, nothing of this stays in the viewer."""
        self.close_project()
        self.desk.close()
        self._viewer.cursor.events.position.disconnect(self._time.alive)

    def _start_project(self, work: Callable[[], tuple[Any, ...]]) -> Job:
        self.close_project()
        job = self.run(work)
        job.succeeded.connect(self._use_project)
        return job

    def _use_project(self, found: tuple[Any, ...]) -> None:
        from napari_unet.review.saver import Saver

        self.close_project()  # another one was opened meanwhile
        self.project, cases, self.queue = found
        self.cases = {case.id: case for case in cases}
        self._saver = Saver(self.project, lambda state: self._soon(partial(self.save_state.emit, state)))
        self._clerk = Clerk()
        self.project_changed.emit(self.project)

    # -- the queue --

    def set_order(self, order: Order) -> None:
        """Sort the queue anew."""
        self.order = order
        self.sort_queue()

    def sort_queue(self) -> None:
        """Sort the queue by what is known now."""
        from napari_unet.review.queue import order_cases

        cases, order = list(self.cases.values()), self.order
        job = self.run(lambda: order_cases(cases, order))
        job.succeeded.connect(self._use_queue)

    def _use_queue(self, queue: list[str]) -> None:
        if set(queue) == set(self.cases):
            self.queue = queue
            self.queue_changed.emit()
        elif self.project is not None:
            self.sort_queue()

    def reload_cases(self, ids: Sequence[str] | None = None) -> None:
        """Take cases from the project anew, after many of them have changed; None: all."""
        project = self.project
        if project is None:
            return
        if ids is not None and len(ids) <= _FEW:
            for id in ids:
                self.refresh_case(id)
            return
        job = self.run(lambda: project.cases())

        def use(cases: Sequence[Case]) -> None:
            if project is not self.project:
                return
            before, self.cases = self.cases, {case.id: case for case in cases}
            known = [id for id in self.queue if id in self.cases]
            self.queue = known + [id for id in self.cases if id not in set(known)]
            self.cases_changed.emit([id for id, case in self.cases.items() if before.get(id) != case])
            self.sort_queue()

        job.succeeded.connect(use)

    # -- the open case --

    @property
    def current(self) -> Case | None:
        """The case that is open, as it stands now."""
        layers = self.desk.layers
        return None if layers is None else self.cases.get(layers.id)

    @property
    def current_layer(self) -> Any:
        """The mask layer of the open case, or None."""
        return None if self.desk.layers is None else self.desk.layers.mask

    def open_case(self, id: str) -> None:
        """Show a case. The one that is open is saved first; an older wish that still loads is forgotten."""
        if self.project is None or id not in self.cases:
            return
        self._wanted = id
        self._time.alive()
        if self.desk.layers is not None and self.desk.layers.id == id:
            self.desk.focus()
        elif self.desk.has(id):
            self._show_kept(id)
        elif id in self._ahead:
            self._show(self._ahead.pop(id))
        else:
            self._load(id)

    def open_next(self) -> None:
        """The next case of the queue that is not decided; the next one if all are."""
        self._step(1)

    def open_previous(self) -> None:
        """The case before the open one in the queue, decided or not."""
        self._step(-1)

    def _step(self, by: int) -> None:
        at = self._place()
        if at is None:
            at = -1 if by > 0 else len(self.queue)
        found = self.next_undecided() if by > 0 else None
        if found is None and 0 <= at + by < len(self.queue):
            found = self.queue[at + by]
        if found is None:
            self.told.emit("This is the last case." if by > 0 else "This is the first case.")
        else:
            self.open_case(found)

    def next_undecided(self) -> str | None:
        """The first case behind the open one that is not decided, else the first of all, or None."""
        at = self._place()
        start = 0 if at is None else at + 1
        here = self.queue[at] if at is not None else ""
        for id in (*self.queue[start:], *self.queue[:start]):
            if id != here and self.cases[id].status not in DECIDED:
                return id
        return None

    def coming(self) -> list[str]:
        """The open case and those behind it in the queue, in order."""
        return self.queue[self._place() or 0 :]

    def _place(self) -> int | None:
        layers = self.desk.layers
        return self.queue.index(layers.id) if layers is not None and layers.id in self.queue else None

    def _load(self, id: str, ahead: bool = False) -> None:
        if id in self._opening:
            return
        project = self.project
        job = self._opening[id] = self.run(lambda: load_case(project, id), quiet=True)

        def loaded(found: LoadedCase) -> None:
            if project is not self.project:
                return
            if id == self._wanted and not self._is_open(id):
                self._show(found)
            else:
                self._ahead = {id: found}

        def failed(error: UserError) -> None:
            if project is self.project and id == self._wanted:
                self.failed.emit(error)

        job.succeeded.connect(loaded)
        job.failed.connect(failed)
        job.ended.connect(lambda: self._opening.pop(id, None))

    def _is_open(self, id: str) -> bool:
        return self.desk.layers is not None and self.desk.layers.id == id

    def _show_kept(self, id: str) -> None:
        self._leave()
        if self.desk.lay_out_kept(id, self._clerk):
            self._opened(id)

    def _show(self, loaded: LoadedCase) -> None:
        self._leave()
        self.desk.lay_out(loaded, self._clerk, self._saver)
        self._opened(loaded.case.id)
        if loaded.unsaved is not None:
            loaded.unsaved = None
            self.recovered.emit(loaded.case.id)

    def _opened(self, id: str) -> None:
        by = self._by
        self._time.take()
        self.write(lambda project: project.begin(id, by), self.took, lambda error: self._refused(id, error))
        self.views.opened()
        self.case_opened.emit(self.cases[id])
        self._prefetch()

    def _prefetch(self) -> None:
        following = self.next_undecided()
        if following and not self.desk.has(following) and following not in self._ahead:
            self._load(following)

    def _refused(self, id: str, error: UserError) -> None:
        """The case is somebody else's just now."""
        if self._is_open(id):
            self.desk.lay_away()
            self.desk.forget(id)
            self.case_closed.emit(id)
        self.failed.emit(error)

    def _leave(self) -> None:
        """Save the open case and take it out of the viewer."""
        layers = self.desk.layers
        if layers is None:
            return
        id, by, seconds = layers.id, self._by, self._time.take()
        self.desk.lay_away()
        self.write(lambda project: project.leave(id, by, seconds))
        self.case_closed.emit(id)

    def _on_taken_away(self, id: str) -> None:
        by, seconds = self._by, self._time.take()
        self._wanted = ""
        self.write(lambda project: project.leave(id, by, seconds))
        self.case_closed.emit(id)
        self.told.emit("The mask was taken out of the layer list. It is saved; open the case to go on.")

    # -- decisions --

    def accept(self, empty_ok: bool = False) -> bool:
        """Accept the mask and go on. False if nothing is done: an EmptyMask is told, to be confirmed."""
        layers = self.desk.layers
        if layers is None:
            return False
        if not empty_ok and not _has_lung(layers.mask.data):
            self.failed.emit(EmptyMask("The mask is empty.", "Accept once more if there is no lung to mark."))
            return False
        self._decide(Status.ACCEPTED, empty_ok=empty_ok)
        return True

    def reject(self, reason: Reason) -> None:
        """Leave the case out, and go on."""
        self._decide(Status.REJECTED, reason)

    def second_look(self) -> None:
        """Mark the case for somebody to look at once more, and go on."""
        self._decide(Status.SECOND_LOOK)

    def take_back(self) -> None:
        """Undo this reviewer's last decision and open its case."""
        by = self._by

        def back(case: Case | None) -> None:
            if case is None:
                self.told.emit("There is no decision to take back.")
                return
            self.took(case)
            self.open_case(case.id)

        self.write(lambda project: project.take_back(by), back)

    def _decide(self, status: Status, reason: Reason | None = None, empty_ok: bool = False) -> None:
        case = self.current
        if case is None:
            return
        id, by = case.id, self._by
        following = self.next_undecided()
        recorder = self.desk.recorder
        recorder.compare()
        recorder.save()
        self.write(
            lambda project: project.decide(id, status, by, reason, empty_ok),
            self.took,
            lambda error: self._not_decided(id, error),
        )
        self.took(replace(case, status=status, reason=reason, reviewer=by, decided=datetime.now(UTC)))
        if following is None:
            self._leave()
            self._wanted = ""
            self.told.emit("All cases of the queue are decided.")
        else:
            self.open_case(following)

    def _not_decided(self, id: str, error: UserError) -> None:
        self.failed.emit(error)
        self.refresh_case(id)

    def set_note(self, text: str) -> None:
        """The note of the open case."""
        case = self.current
        if case is not None and text != case.note:
            id, by = case.id, self._by
            self.took(replace(case, note=text))
            self.write(lambda project: project.set_note(id, text, by))

    def set_measurements(self, measurements: tuple[Measurement, ...]) -> None:
        """The lines that were measured in the open case."""
        case = self.current
        if case is not None and measurements != case.measurements:
            id, by = case.id, self._by
            self.took(replace(case, measurements=measurements))
            self.write(lambda project: project.set_measurements(id, measurements, by))

    # -- what is shown --

    def show_probability(self, on: bool) -> None:
        """Show or hide what the model thought of each pixel; for all cases that follow too."""
        self.views.show_probability(on)

    def flip_before_after(self) -> None:
        """Show the first mask in place of the mask as it is now, or go back."""
        self.views.flip()

    def next_uncertain_place(self) -> None:
        """Go to the next place where the model is in doubt."""
        self.views.next_uncertain_place()

    def mask_display(self, how: str) -> None:
        """The mask "filled", as "outline", or "off"; for all cases that follow too."""
        self.views.mask_display(how)

    def revisions(self) -> Job:
        """The masks of the open case: a list of Revision, the first one first."""
        id = self.desk.layers.id if self.desk.layers is not None else ""
        return self.read(lambda project: project.revisions(id) if id else [])

    def show_revision(self, revision: str | None) -> None:
        """Show an older mask as an outline over the mask; None takes it away."""
        self.views.show_revision(revision)

    def restore_revision(self, revision: str) -> None:
        """Put an older mask into the layer, as one edit that can be undone; it is saved like a stroke."""
        layers = self.desk.layers
        if layers is not None:
            job = self.read(lambda project: project.read_mask(revision))
            job.succeeded.connect(lambda labels: self._bring_in(layers, labels))

    def read_identity(self) -> Job:
        """Who the open image is of (an io.identity.Identity), read from its file now and kept nowhere."""
        from napari_unet.io.identity import read_identity

        id = self.desk.layers.id
        return self.read(lambda project: read_identity(project.source(id)))

    def thumbnail(self, id: str) -> Job | None:
        """A small picture of a case with its mask: uint8 (rows, columns, 3). Failures are not told."""
        project, case = self.project, self.cases.get(id)
        if project is None or case is None:
            return None
        return self.run(lambda: thumbnail_of(project, id, case.revision), quiet=True)

    def _bring_in(self, layers: Any, labels: Any) -> None:
        """Make the mask of an open case `labels`, as one edit."""
        if self.desk.layers is layers and labels.shape == layers.mask.data.shape:
            flat = np.flatnonzero(labels != layers.mask.data)
            edit_to(layers.mask, flat, labels.reshape(-1)[flat])

    # -- images and first masks --

    def add_images(
        self,
        inputs: Sequence[Path],
        manifest: Path | None = None,
        masks: Path | None = None,
        model: str | None = None,
    ) -> Job:
        """Add images by folder, file or glob; then read them, and make first masks, in the background.

        masks : folder with masks that are there already. model : for cases that are without. The job's result
        is an `Added`.
        """
        return self.intake.add_images(inputs, manifest, masks, model)

    def scan(self, ids: Sequence[str] | None = None, look_in: Sequence[Path] = ()) -> None:
        """Look at the files again. look_in : folders in which to look for files that are missing."""
        self.intake.scan(ids, look_in)

    def make_first_masks(self, model: str, ids: Sequence[str] | None = None) -> None:
        """First masks by `model` in the background; None: for all cases without a mask."""
        if ids is None:
            ids = [id for id in self.queue if self.cases[id].revision is None]
        self.intake.first_masks.ask(list(ids), model)

    def resolve_change(self, id: str, keep: bool) -> None:
        """Decide about a changed file. keep : its new content is the case's from now on."""
        by = self._by
        self.desk.forget(id)
        self._ahead.pop(id, None)
        self.write(lambda project: project.resolve_change(id, keep, by))
        self.refresh_case(id)

    def relocate(self, id: str, path: Path) -> None:
        """The file of a case lies elsewhere now."""
        by = self._by
        self.write(lambda project: project.relocate(id, str(path), by))
        self.refresh_case(id)

    def ask_for_map(self, id: str) -> None:
        """Make a model's map of a case that is not kept any more, with the model that was used before."""
        model = self.session.model

        def ask(author: Author | None) -> None:
            name = author.name if author is not None else model
            if name:
                self.told.emit("The model is looking at this case…")
                self.intake.first_masks.ask([id], name)
            else:
                self.told.emit("No model has seen this case. Make first masks with a model to see one.")

        def used(project: Any) -> Author | None:
            made = [revision.author for revision in project.revisions(id)]
            return next((author for author in made if author.kind == AuthorKind.MODEL), None)

        self.read(used).succeeded.connect(ask)

    @property
    def device(self) -> str:
        """Where models run."""
        return preferences().device

    def _on_first_mask(self, id: str) -> None:
        """Show a first mask at once if its case is open and has none."""
        self._ahead.pop(id, None)
        self.desk.forget(id)
        layers = self.desk.layers
        if layers is not None and layers.id == id:
            untouched = not layers.mask._undo_history and not _has_lung(layers.mask.data)
            if untouched and self.cases[id].revision is not None:
                self.restore_revision(self.cases[id].revision)
        self.views.map_came(id)

    # -- reading and writing --

    def read(self, work: Callable[[Any], Any]) -> Job:
        """`work(project)` in a thread, for what has no method here. It must not write."""
        project = self.project
        return self.run(lambda: work(project))

    def write(
        self,
        work: Callable[[Any], Any],
        done: Callable[[Any], None] | None = None,
        failed: Callable[[UserError], None] | None = None,
    ) -> None:
        """`work(project)` after all that was asked before; then one of the others, on the GUI thread."""
        if self._clerk is None:
            return
        saver, project = self._saver, self.project

        def hear(what: Callable[[Any], None] | None) -> Callable[[Any], None]:
            def tell(result: Any) -> None:
                if what is not None:
                    self._soon(lambda: what(result) if project is self.project else None)

            return tell

        self._clerk.post(lambda: saver.do(work, done=hear(done), failed=hear(failed or self.failed.emit)))

    def refresh_case(self, id: str) -> None:
        """Take one case from the project anew, after what is being written."""
        self.write(lambda project: project.case(id), self.took)

    def took(self, case: Case) -> None:
        """The snapshot of one case is out of date."""
        if self.cases.get(case.id) != case:
            is_new = case.id not in self.cases
            self.cases[case.id] = case
            if is_new:
                self.queue.append(case.id)
            self.cases_changed.emit([case.id])

    def _soon(self, task: Callable[[], None]) -> None:
        """Do `task` on the GUI thread; from any thread."""
        try:
            self._later.emit(task)
        except RuntimeError:  # Qt is gone: napari was closed
            return

    def run(self, work: Callable[[], Any], quiet: bool = False) -> Job:
        """`work()` in a thread; see `start`."""
        return self.start(lambda job: work(), quiet)

    def start(self, work: Callable[[Job], Any], quiet: bool = False) -> Job:
        """`work(job)` in a thread; it goes with the project. quiet : its failure is not told."""
        job = Job(work, self)
        self._jobs.add(job)
        if not quiet:
            job.failed.connect(self.failed)
        job.ended.connect(lambda: self._jobs.discard(job))
        return job


def _first_look(project: Any, order: Order) -> tuple[Any, list[Case], list[str]]:
    from napari_unet.review.queue import order_cases

    cases = project.cases()
    return project, cases, order_cases(cases, order)


def _has_lung(labels: Any) -> bool:
    """Whether any pixel is lung: neither background nor the ignore label."""
    step = max(1, (1 << 20) // max(1, labels[:1].size))
    parts = (labels[at : at + step] for at in range(0, len(labels), step))
    return any((part - 1).min(initial=255) < 254 for part in parts)  # 0 and 255 become 255 and 254
