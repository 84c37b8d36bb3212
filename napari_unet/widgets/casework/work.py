"""CaseWork: between the review project on disk and the viewer. The docks talk to it, never to the project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from napari.layers import Labels
from qtpy.QtCore import QObject, Signal

from napari_unet.core.errors import UserError
from napari_unet.core.label_set import LUNGS, LabelSet
from napari_unet.engine.protocol import Engine
from napari_unet.models.library import ModelLibrary
from napari_unet.review.login import login_name
from napari_unet.review.types import Author, AuthorKind, Case, Order
from napari_unet.widgets.casework.approved import ApprovedMasks
from napari_unet.widgets.casework.case_list import CaseList
from napari_unet.widgets.casework.connection import ORDER, ProjectConnection
from napari_unet.widgets.casework.decisions import Decisions
from napari_unet.widgets.casework.first_masks import FirstMasks
from napari_unet.widgets.casework.importer import Importer
from napari_unet.widgets.casework.label_words import said_of_labels
from napari_unet.widgets.casework.layers import OtherLayers
from napari_unet.widgets.casework.mask_requests import MaskRequests
from napari_unet.widgets.casework.navigator import CaseNavigator
from napari_unet.widgets.casework.opener import CaseOpener
from napari_unet.widgets.casework.presenter import CasePresenter
from napari_unet.widgets.casework.reader import CaseReader
from napari_unet.widgets.casework.views import CaseViews
from napari_unet.widgets.common.jobs import Job
from napari_unet.widgets.common.mask_context import MaskContext

if TYPE_CHECKING:
    from napari_unet.review.store import ReviewProject
    from napari_unet.widgets.viewing.outlines import MaskOutlines

_NOBODY = "unnamed reviewer"


class Host(Protocol):
    """What a review needs of the session that it belongs to."""

    viewer: Any

    @property
    def engine(self) -> Engine:
        """See Session."""

    @property
    def cluster_engine(self) -> Engine:
        """See Session."""

    @property
    def outlines(self) -> MaskOutlines | None:
        """See Session."""

    def keep_context(self, layer: Labels, context: MaskContext) -> None:
        """See Session."""

    def library(self) -> ModelLibrary:
        """See Session."""

    def model_for(self, kind: str) -> str:
        """See Session."""


class CaseWork(QObject):
    """The review of one viewer: its project, its queue, the open case and what is decided about it.

    All methods are for the GUI thread and return at once; what they bring about comes in signals, on the GUI
    thread too. Reading is done in jobs, writing by one saver, in the order of the calls. `views` has what is
    shown of the open case, `decisions` what is decided about it, `reader` what is read of cases; `navigator`
    goes through the queue, `importer` adds images, `masks` asks models for masks.

    project_changed : the project that is open now, or None. cases_changed : ids of cases that are new or
    changed in `cases`. queue_changed : `queue` is another. case_opened : a Case, when its layers are there.
    case_closed : its id. save_state : see review.save_state. failed : a UserError (an EmptyMask if the mask
    is to be confirmed). reported : a sentence. recovered : id of a case whose unsaved strokes were put
    back. painted : the mask of the open case was changed. reviewer_changed : somebody else works now.
    """

    project_changed = Signal(object)
    cases_changed = Signal(list)
    queue_changed = Signal()
    case_opened = Signal(object)
    case_closed = Signal(str)
    save_state = Signal(object)
    failed = Signal(object)
    reported = Signal(str)
    recovered = Signal(str)
    painted = Signal()
    reviewer_changed = Signal()

    def __init__(self, host: Host) -> None:
        super().__init__()
        self.reviewer = ""
        self.connection = ProjectConnection(self)
        self._resting = ""  # the case that was open when the docks were hidden
        self.connection.opened.connect(self._on_project)
        self.connection.save_state.connect(self.save_state)
        self.connection.failed.connect(self.failed)
        self.case_list = CaseList(self.connection, self)
        self.connection.mask_saved.connect(self.case_list.took_mask)
        self.case_list.cases_changed.connect(self.cases_changed)
        self.case_list.queue_changed.connect(self.queue_changed)
        self.approved = ApprovedMasks(self.case_list, host.viewer, self)
        self.presenter = CasePresenter(host.viewer, host.keep_context, self.author, self.approved.protects)
        self.presenter.asked.connect(lambda: self.approved.ask(self.presenter))
        self.presenter.painted.connect(self.painted)
        self.presenter.used.connect(self._on_used)
        self.presenter.failed.connect(self.failed)
        self.opener = CaseOpener(self.connection, self.case_list, self.presenter, self.author, self)
        self.opener.failed.connect(self.failed)
        self.opener.reported.connect(self.reported)
        self.opener.closed.connect(self.approved.withdraw)
        self.opener.closed.connect(self.case_closed)
        self.opener.recovered.connect(self.recovered)
        self.navigator = CaseNavigator(self.connection, self.case_list, self.presenter, self.opener, self)
        self.navigator.reported.connect(self.reported)
        self.reader = CaseReader(self.connection, self.case_list, self.navigator.here)
        self._others = OtherLayers(host.viewer)
        self.views = CaseViews(self.connection, self.presenter, host.viewer, lambda: host.outlines, self)
        self.views.reported.connect(self.reported)
        self.opener.closed.connect(self.views.closed)
        self.decisions = Decisions(
            self.connection,
            self.case_list,
            self.presenter,
            self.opener,
            self.views,
            self.approved,
            self.author,
            self,
        )
        self.decisions.failed.connect(self.failed)
        self.decisions.reported.connect(self.reported)
        self.presenter.marked.connect(self.decisions.set_marked)
        self.opener.opened.connect(self._on_opened)
        first_masks = FirstMasks(
            self.connection,
            self.case_list,
            self.author,
            lambda: host.engine,
            lambda: host.cluster_engine,
            host.library,
            self.navigator.coming,
            self,
        )
        first_masks.relabelled.connect(self.show_labels)
        first_masks.failed.connect(self.failed)
        self.masks = MaskRequests(
            self.connection,
            self.case_list,
            self.presenter,
            self.opener,
            first_masks,
            host.model_for,
            self,
        )
        self.masks.reported.connect(self.reported)
        self.importer = Importer(
            self.connection, self.case_list, self.presenter, self.opener, self.masks, self.author, self
        )
        self.importer.failed.connect(self.failed)
        self.importer.reported.connect(self.reported)
        first_masks.stored.connect(self.views.map_came)
        self.views.map_requested.connect(self.masks.ask_for_map)
        self._cursor = host.viewer.cursor.events.position
        self._cursor.connect(self.opener.lease.time.alive)
        self.painted.connect(self.opener.lease.time.alive)

    # -- who --

    def set_reviewer(self, name: str) -> None:
        """Who decides and corrects from now on."""
        before, self.reviewer = self.author(), name.strip()
        if self.author() != before:
            self.reviewer_changed.emit()

    def author(self) -> Author:
        """The reviewer as the author of a revision; the login name while no name was given."""
        return Author(AuthorKind.PERSON, self.reviewer or login_name(_NOBODY))

    # -- the project --

    @property
    def project(self) -> ReviewProject | None:
        """The open project. Its methods take time: call them through `read` and `write` only."""
        return self.connection.project

    def open_project(self, folder: Path) -> Job:
        """Open the project in `folder`, in place of the one that is open."""
        self.close_project()
        return self.connection.open(folder)

    def create_project(self, folder: Path, protocol: str = "", labels: LabelSet = LUNGS) -> Job:
        """Make a project in `folder` and open it. protocol : what its masks hold, in words."""
        self.close_project()
        return self.connection.create(folder, protocol, labels)

    def close_project(self) -> None:
        """Finish writing in the background and close the project."""
        was_open = self.project is not None
        try:
            self.opener.leave()
        finally:  # whatever becomes of the layers, all is written and the process can end
            self.importer.stop()
            self.masks.first_masks.stop()
            self.connection.close()
        self.opener.forget_all()
        self.case_list.use([])
        if was_open:
            self._others.show()
            self.project_changed.emit(None)

    def shut(self) -> None:
        """The last dock is closed: everything is written, nothing of this stays in the viewer."""
        self.close_project()
        self.presenter.close()
        self._cursor.disconnect(self.opener.lease.time.alive)

    def rest(self, on: bool) -> None:
        """The docks are all hidden: the open case is saved and left. It comes back with them."""
        if on:
            self._resting = self.navigator.here()
            self.opener.leave()
            self._others.show()
        else:
            id, self._resting = self._resting, ""
            if self.project is not None:
                self._others.hide()
            self.navigator.open_case(id)

    def read(self, work: Callable[[ReviewProject], Any]) -> Job:
        """`work(project)` in a thread, for what has no method here. It must not write."""
        return self.connection.read(work)

    def write(
        self,
        work: Callable[[ReviewProject], Any],
        done: Callable[[Any], None] | None = None,
        failed: Callable[[UserError], None] | None = None,
    ) -> None:
        """`work(project)` after all that was asked before; then one of the others, on the GUI thread."""
        self.connection.write(work, done, failed)

    def _on_project(self, cases: list[Case], unsaved: list[str]) -> None:
        self.navigator.unsaved = unsaved
        self._others.hide()
        self.case_list.order = self.connection.order or self.case_list.order
        self.case_list.use(cases)
        self.project_changed.emit(self.project)

    @property
    def labels(self) -> LabelSet:
        """What the numbers in the project's masks mean; lungs while no project is open."""
        return self.connection.labels

    def show_labels(self) -> None:
        """The project's labels have changed, to those of its first mask: say so, and show them."""
        self.opener.forget_all()
        self.presenter.show_labels(self.labels)
        self.reported.emit(
            f"The masks of this project hold {self.labels.in_words()}, like those of the model."
        )

    # -- the queue --

    @property
    def cases(self) -> dict[str, Case]:
        """What is known of each case now."""
        return self.case_list.cases

    @property
    def queue(self) -> list[str]:
        """Ids of all cases, in the order of work."""
        return self.case_list.queue

    @property
    def order(self) -> Order:
        """How the queue is sorted."""
        return self.case_list.order

    def set_order(self, order: Order) -> None:
        """Sort the queue another way; the project remembers it."""
        self.case_list.set_order(order)
        self.write(lambda project: project.set_setting(ORDER, order.value))

    # -- the open case --

    @property
    def current(self) -> Case | None:
        """The case that is open, as it is now."""
        layers = self.presenter.layers
        return None if layers is None else self.cases.get(layers.id)

    @property
    def current_layer(self) -> Labels | None:
        """The mask layer of the open case."""
        return None if self.presenter.layers is None else self.presenter.layers.mask

    def _on_opened(self, id: str) -> None:
        self.views.opened()
        self.case_opened.emit(self.cases[id])

    def _on_used(self, labels: tuple[int, ...]) -> None:
        layers = self.presenter.layers
        said = "" if layers is None else said_of_labels(labels, self.labels, layers)
        if isinstance(said, UserError):
            self.failed.emit(said)
        elif said:
            self.reported.emit(said)

    def restore_revision(self, revision: str) -> None:
        """Put an older mask into the layer, as one edit that can be undone; it is saved like a stroke."""
        layers = self.presenter.layers
        if layers is not None:
            self.opener.restore(layers, revision)
