"""Opening and leaving cases: read ahead, shown, taken away."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_unet.core.errors import UserError
from napari_unet.core.wording import listed
from napari_unet.review.leases import CaseTaken
from napari_unet.review.types import Author, Case
from napari_unet.widgets.casework.cache import CaseLayers
from napari_unet.widgets.casework.case_list import CaseList
from napari_unet.widgets.casework.connection import ProjectConnection
from napari_unet.widgets.casework.layers import edit_to
from napari_unet.widgets.casework.lease import CaseLease
from napari_unet.widgets.casework.load import LoadedCase, load_case
from napari_unet.widgets.casework.presenter import CasePresenter
from napari_unet.widgets.casework.warm_up import ready_units
from napari_unet.widgets.casework.worker_thread import WorkerThread
from napari_unet.widgets.common.jobs import Job

if TYPE_CHECKING:
    from napari_unet.review.saving.saver import Saver


class CaseOpener(QObject):
    """Opens cases in the viewer and takes them away again.

    opened : id, its layers are there. closed : id. recovered : id of a case whose unsaved strokes were put
    back. failed : a UserError. reported : a sentence.
    """

    opened = Signal(str)
    closed = Signal(str)
    recovered = Signal(str)
    failed = Signal(object)
    reported = Signal(str)

    def __init__(
        self,
        connection: ProjectConnection,
        case_list: CaseList,
        presenter: CasePresenter,
        author: Callable[[], Author],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._connection = connection
        self._case_list = case_list
        self._presenter = presenter
        self.lease = CaseLease(connection, author, self)
        self._requested = ""
        self._or_next = False
        self._before = ""  # the case that was open before the one that is requested
        self._elsewhere: dict[str, CaseTaken] = {}  # cases that could not be opened meanwhile
        self._loading: dict[str, Job] = {}
        self._ahead: LoadedCase | None = None
        self.lease.lost.connect(self._lost)
        presenter.taken_away.connect(self._on_taken_away)

    def open(self, id: str, or_next: bool = False) -> None:
        """Show a case. The open one is saved first; an older request that still loads is forgotten.

        or_next : if another window has it open, the next one that is free; else the one before comes back.
        """
        self._elsewhere.clear()
        self._or_next = or_next
        self._before = "" if self._presenter.layers is None else self._presenter.layers.id
        self._open(id)

    def _open(self, id: str) -> None:
        self._requested = id
        if self.is_open(id):
            self._presenter.focus()
        elif (kept := self._presenter.take(id)) is not None:
            self._show(id, lambda worker, _saver: self._presenter.lay_out_kept(kept, worker))
        elif self._ahead is not None and self._ahead.case.id == id:
            self._show_loaded(self._ahead)
        else:
            self._load(id)

    @property
    def is_loading(self) -> bool:
        """Whether a case was asked for and is still being read."""
        return bool(self._requested) and not self.is_open(self._requested)

    def is_open(self, id: str) -> bool:
        """Whether the case is open."""
        return self._presenter.layers is not None and self._presenter.layers.id == id

    def leave(self) -> None:
        """Save the open case and take it out of the viewer."""
        self._requested = ""
        if self._presenter.layers is not None:
            id = self._presenter.layers.id
            try:
                self._presenter.lay_away()
            finally:  # a window that closes has lost its canvas before its layers are taken out
                self._give_back(id)

    def forget(self, id: str) -> None:
        """Read a case again when it is opened next."""
        self._presenter.forget(id)
        if self._ahead is not None and self._ahead.case.id == id:
            self._ahead = None

    def forget_all(self) -> None:
        """Read every case again."""
        self._presenter.forget_all()
        self._ahead = None
        self._loading.clear()

    def bring_in(
        self,
        layers: CaseLayers,
        labels: np.ndarray,
        known: bool = False,
        done: Callable[[], None] = lambda: None,
    ) -> None:
        """Make the mask of `layers` equal to `labels` by one edit, if they are still open.

        known : it is the case's own mask already, or unsaved work on it; nobody is asked. done : called once
        the mask is equal, and not at all if the case was left before that.
        """
        mask = layers.mask

        def difference() -> tuple[np.ndarray, np.ndarray]:
            flat = np.flatnonzero(labels != mask.data)
            return flat, labels.reshape(-1)[flat]

        def edit(found: tuple[np.ndarray, np.ndarray]) -> None:
            if self._presenter.layers is layers and labels.shape == mask.data.shape:
                with self._presenter.consented() if known else nullcontext():
                    edit_to(mask, *found)
                done()

        if labels.shape == mask.data.shape:
            self._connection.run(difference).succeeded.connect(edit)

    def restore(self, layers: CaseLayers, revision: str, known: bool = False) -> None:
        """Make the mask of `layers` equal to one of its revisions; see `bring_in`."""
        job = self._connection.read(lambda project: project.read_mask(revision))
        job.succeeded.connect(lambda labels: self.bring_in(layers, labels, known))

    def _load(self, id: str) -> None:
        if id in self._loading:
            return
        project = self._connection.project
        job = self._loading[id] = self._connection.read(lambda project: load_case(project, id), quiet=True)

        def loaded(found: LoadedCase) -> None:
            if project is not self._connection.project:
                return
            if id != self._requested:
                self._ahead = found
            elif not self.is_open(id):
                self._show_loaded(found)

        def failed(error: UserError) -> None:
            if project is self._connection.project and id == self._requested:
                self._requested = ""
                self.failed.emit(error)

        def ended() -> None:
            if self._loading.get(id) is job:
                del self._loading[id]

        job.succeeded.connect(loaded)
        job.failed.connect(failed)
        job.ended.connect(ended)
        ready_units()

    def _show_loaded(self, found: LoadedCase) -> None:
        id = found.case.id
        self._ahead = None
        self._show(id, lambda worker, saver: self._presenter.lay_out(found, worker, saver))

    def _show(self, id: str, lay_out: Callable[[WorkerThread, Saver], CaseLayers]) -> None:
        before, worker, saver = self._presenter.layers, self._connection.worker, self._connection.saver
        if worker is None or saver is None:  # the project was closed
            return
        with self._presenter.at_once():
            self._presenter.lay_away()
            layers = lay_out(worker, saver)
        if before is not None:
            self._give_back(before.id)
        self._requested = id
        self.lease.begin(id, lambda case: self._began(case, layers), lambda error: self._refused(id, error))
        self.opened.emit(id)
        self._read_ahead(id)

    def _read_ahead(self, id: str) -> None:
        following = self._case_list.next_undecided(id)
        if following is None or self._presenter.has(following):
            return
        if self._ahead is None or self._ahead.case.id != following:
            self._load(following)

    def _began(self, case: Case, layers: CaseLayers) -> None:
        """The case is this window's: strokes that were never saved come back.

        Otherwise, if somebody has changed its mask since it was read, show theirs.
        """
        self._case_list.took(case)
        if self._presenter.layers is not layers:
            return
        if self._elsewhere:
            self.reported.emit(f"{_open_elsewhere(self._elsewhere.values())}; case {case.number} is shown.")
            self._elsewhere.clear()
        elif notes := layers.loaded.header.get("notes"):
            self.reported.emit(" ".join(notes))
        if layers.loaded.unsaved is not None:
            self._recover(layers, layers.loaded.unsaved)
            return
        if case.revision is not None and case.revision != layers.head and not layers.head_unknown:
            self.restore(layers, case.revision, known=True)

    def _recover(self, layers: CaseLayers, unsaved: np.ndarray) -> None:
        """Put unsaved strokes back. If the case is left before that, they wait until it is opened again."""

        def done() -> None:
            layers.loaded.unsaved = None
            self.recovered.emit(layers.id)

        self.bring_in(layers, unsaved, known=True, done=done)

    def _refused(self, id: str, error: UserError) -> None:
        """The case is somebody else's just now: show the next one, or the one before."""
        if not self.is_open(id):
            self.failed.emit(error)
            return
        self._take_away(id)
        self._case_list.refresh(id)
        if isinstance(error, CaseTaken) and self._or_next:
            self._elsewhere[id] = error
            following = self._case_list.next_undecided(id, self._elsewhere)
            if following is not None:
                self._open(following)
                return
            none = f"{_open_elsewhere(self._elsewhere.values())}; no other case is left to decide."
            error = UserError(none, "Try again once they are closed there.")
        before, self._before = self._before, ""
        self._or_next = False
        self._elsewhere.clear()
        if before not in ("", id) and not self._case_list.is_decided(before):
            self._open(before)
        self.failed.emit(error)

    def _lost(self, id: str, error: UserError) -> None:
        """Another window took the open case, because this computer slept, say."""
        if isinstance(error, CaseTaken) and self.is_open(id):
            self._take_away(id)
            self._case_list.refresh(id)
        self.failed.emit(error)

    def _take_away(self, id: str) -> None:
        self._requested = ""
        self.lease.end()
        self._presenter.lay_away()
        self._presenter.forget(id)
        self.closed.emit(id)

    def _give_back(self, id: str) -> None:
        layers = self._presenter.kept(id)

        def left(case: Case, lost: CaseTaken | None) -> None:
            self._case_list.took(case)
            if layers is not None:
                layers.head, layers.head_unknown = case.revision, False
            if lost is not None and not self.is_open(id):
                self.forget(id)  # its mask is not the current one
                self.failed.emit(lost)

        if layers is not None:
            layers.head_unknown = True
        self.lease.give_back(left)
        self.closed.emit(id)

    def _on_taken_away(self, id: str) -> None:
        self._requested = ""
        self._give_back(id)
        self.reported.emit("The mask was taken out of the layer list. It is saved; open the case to go on.")


def _open_elsewhere(taken: Iterable[CaseTaken]) -> str:
    """ "Case 2 is open elsewhere (Dr. X)"; of several cases, with all names."""
    numbers, names = zip(*((error.number, error.who) for error in taken), strict=True)
    who = ", ".join(dict.fromkeys(name for name in names if name))
    by = f" ({who})" if who else ""
    if len(numbers) == 1:
        return f"Case {numbers[0]} is open elsewhere{by}"
    return f"Cases {listed(list(map(str, numbers)))} are open elsewhere{by}"
