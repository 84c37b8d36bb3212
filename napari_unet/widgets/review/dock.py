"""The Review dock: go through the cases of a project by keyboard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_unet.core.auto import AUTO
from napari_unet.core.errors import UserError
from napari_unet.review.types import Case
from napari_unet.widgets.casework.decisions import EmptyMask, StillWrong
from napari_unet.widgets.common.forms import WrappedLabel
from napari_unet.widgets.common.preferences import review_keys, show_preferences, watch_review_keys
from napari_unet.widgets.common.run_on import RunOnDialog
from napari_unet.widgets.common.window_keys import WindowKeys
from napari_unet.widgets.dock import Dock
from napari_unet.widgets.napari_compat.window import window_of
from napari_unet.widgets.review.action_handler import ActionHandler
from napari_unet.widgets.review.actions import HELD, plan_keys, taken_keys
from napari_unet.widgets.review.add import AddDialog, Addition
from napari_unet.widgets.review.again import ReadAgain
from napari_unet.widgets.review.export import Exporter
from napari_unet.widgets.review.file_names import FileNames
from napari_unet.widgets.review.news import DockNews
from napari_unet.widgets.review.page import ReviewPage
from napari_unet.widgets.review.queue_pictures import PictureFeed
from napari_unet.widgets.review.queue_rows import is_unavailable
from napari_unet.widgets.review.start import (
    StartPage,
    ask_for_project,
    remember_project,
    remember_reviewer,
    reviewer,
)
from napari_unet.widgets.review.updates import CaseUpdates
from napari_unet.widgets.session import is_hidden

if TYPE_CHECKING:
    from napari_unet.io.identity import Identity
    from napari_unet.review.record import Revision
    from napari_unet.review.saving.save_state import SaveState
    from napari_unet.review.store import ReviewProject


class ReviewWidget(Dock):
    """Plugins ▸ U-Net Lung ▸ Review."""

    TITLE = "Review"

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.casework = self._session.casework
        self._addition: Addition | None = None  # for the project that is being made
        self._build()
        self._wire()
        self._on_reviewer(self.casework.reviewer or reviewer())
        self._on_project(self.casework.project)
        self._plan_keys()

    # -- the form --

    def _build(self) -> None:
        self.start = StartPage()
        self.page = ReviewPage(self._session)
        self.message = WrappedLabel(name="message")
        self.news = DockNews(self._viewer, self.casework, self.page, self.message, self)
        self.updates = CaseUpdates(self.casework, self.page, self)
        self.feed = PictureFeed(self.page.table.model, self.casework.reader.thumbnail, self)
        self.keys = WindowKeys(window_of(self._viewer), self, HELD)
        self.handler = ActionHandler(self.casework, self.page, self.keys, self)
        self.files = FileNames(self.casework, self.page, self)
        self.exporter = Exporter(self.casework, self.page, self, self.files.ask)
        self.again = ReadAgain(self.casework, self.page, self)
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(9, 4, 9, 4)
        column.addWidget(self.start)
        column.addWidget(self.page)
        self._scroll = self.fill(body, self.message, *self.page.notices)

    def _wire(self) -> None:
        casework, page = self.casework, self.page
        importer, masks = casework.importer, casework.masks.first_masks
        self._wires = [
            (casework.project_changed, self._on_project),
            (casework.cases_changed, self.updates.show),
            (casework.queue_changed, self.updates.show),
            (casework.case_opened, self._on_opened),
            (casework.case_closed, self._on_closed),
            (casework.save_state, self._on_saving),
            (casework.failed, self._on_failed),
            (casework.reported, self.news.tell_of_case),
            (casework.recovered, self.news.tell_recovered),
            (casework.presenter.painted, self.news.mask_changed),
            (importer.added, self._on_added),
            (importer.scanned, page.show_scan),
            (importer.scan_ended, page.end_scan),
            (masks.progressed, page.show_first_masks),
            (masks.ended, page.end_first_masks),
        ]
        for signal, slot in self._wires:
            signal.connect(slot)
        self.start.named.connect(self._on_reviewer)
        self.start.new_requested.connect(lambda: self.ask_images(new=True))
        self.start.open_requested.connect(self.open_project)
        page.header.chosen.connect(self._on_menu)
        page.header.named.connect(self._on_reviewer)
        page.header.name_given.connect(casework.presenter.focus)
        page.header.show_requested.connect(page.table.show_only)
        page.table.search.left.connect(casework.presenter.focus)
        page.table.opened.connect(self._open)
        page.table.ordered.connect(casework.set_order)
        page.unavailable.look_requested.connect(self._look)
        page.unavailable.resolved.connect(casework.importer.resolve_change)
        page.case.noted.connect(casework.decisions.set_note)
        page.case.note.left.connect(casework.presenter.focus)
        page.case.look_requested.connect(casework.views.show_revision)
        page.case.restore_requested.connect(casework.restore_revision)
        page.case.identity_requested.connect(self._on_identity)
        page.more.button().toggled.connect(self._load_revisions)
        self.updates.current_changed.connect(self._load_revisions)
        self.handler.done.connect(self.news.confirm)
        self.handler.nameless.connect(self._on_nameless)
        self.files.done.connect(self.news.tell)
        self.exporter.done.connect(self.news.tell)
        self.again.done.connect(self.news.tell)
        self.again.made.connect(self.open_project)
        self._unwatch = watch_review_keys(self._plan_keys)

    def on_shown(self, shown: bool) -> None:
        """Keys act while a project is open and the dock is, be it behind another tab."""
        self.keys.switch(self.casework.project is not None and shown)

    def close_down(self) -> None:
        """Release the viewer."""
        self.page.case.flush_note()
        self.page.ruler.close_down()
        self.files.close_down()
        self._unwatch()
        self.keys.switch(False)
        self.updates.close_down()
        self.news.fade.cancel()
        self.feed.clear()
        for signal, slot in self._wires:
            signal.disconnect(slot)

    def _plan_keys(self) -> None:
        plan = plan_keys(review_keys(), taken_keys(self._viewer))
        self.handler.show_keys(plan)
        if plan.problems:
            where = "Choose another under File ▸ Preferences ▸ U-Net Lung."
            self.news.say_problem(UserError(" ".join(plan.problems), where))

    # -- the project --

    def open_project(self, folder: Path) -> None:
        """Open the project in `folder`."""
        self.message.say("")
        self.casework.open_project(Path(folder))

    def ask_images(self, new: bool = False) -> AddDialog:
        """Show the dialog that asks for images. new : for a new project."""
        dialog = AddDialog(self, new=new, library=self._session.library())
        dialog.requested.connect(self.add)
        dialog.open()
        return dialog

    def add(self, addition: Addition) -> None:
        """Add images to the open project, or to a new one that is made first."""
        self.message.say("")
        if addition.folder is not None:
            self._addition = addition
            self.casework.create_project(addition.folder, addition.protocol, addition.labels)
        elif addition.inputs:
            self._add_images(addition)

    def _add_images(self, addition: Addition) -> None:
        self.page.say_work("Looking for images…")
        self.casework.importer.add_images(
            list(addition.inputs), addition.manifest, addition.masks, addition.model, addition.answer
        )

    def _on_project(self, project: ReviewProject | None) -> None:
        self.start.setVisible(project is None)
        self.page.setVisible(project is not None)
        self._scroll.updateGeometry()  # the other page is not as wide
        self.on_shown(not is_hidden(self))
        self.feed.clear()
        self.files.forget()
        self.page.table.forget()
        self._on_closed("")
        self.updates.forget()
        if project is None:
            self.start.reload()
            return
        self.message.say("")
        self.page.say_news("")
        self.page.wants_first = True
        remember_project(project.folder)
        self.page.header.show_project(project.folder, project.protocol, project.storage_note)
        self.updates.show_all()
        addition, self._addition = self._addition, None
        if self.casework.current is not None:  # this dock was opened again
            self._on_opened(self.casework.current)
        elif addition is not None and addition.inputs:
            self._add_images(addition)
        elif self.casework.cases:
            self.casework.importer.scan()
            self.casework.navigator.open_next()

    def _on_menu(self, name: str) -> None:
        if name == "add":
            self.ask_images()
        elif name == "masks":
            self.casework.masks.make_first_masks(AUTO)
        elif name == "run on":
            RunOnDialog(self).open()
        elif name == "look":
            self._look(None)
        elif name == "export":
            self.exporter.ask()
        elif name == "again":
            self.again.ask()
        elif name == "compare":
            self.again.compare()
        elif name == "names":
            self.files.switch()
        elif name == "key":
            self.files.write_key()
        elif name == "keys":
            show_preferences(self._viewer)
        elif name == "open":
            folder = ask_for_project(self)
            if folder is not None:
                self.open_project(folder)
        elif name == "close":
            self.page.case.flush_note()
            self.casework.close_project()

    def _on_reviewer(self, name: str) -> None:
        self.casework.set_reviewer(name)
        self.page.header.show_reviewer(name)
        if name:
            remember_reviewer(name)

    def _ask_name(self) -> None:
        """Before anything is decided or painted, ask who does it; the line has the keyboard until then."""
        if not self.casework.reviewer:
            self.page.header.ask_name()

    def _on_added(self, _added: Any) -> None:
        self.page.say_work("")

    def _look(self, folder: Path | None) -> None:
        """Look at the image files again; missing ones are sought in `folder` too."""
        self.casework.importer.scan(look_in=[] if folder is None else [folder])

    # -- the queue --

    def _open(self, case_id: str) -> None:
        """Open a case that was clicked; one whose file is not what it was is asked about first."""
        case = self.casework.cases.get(case_id)
        if case is None:
            return
        self.page.case.flush_note()
        self.page.unavailable.show_case(case)
        if is_unavailable(case):
            self._ask_why(case_id)
        else:
            self.casework.navigator.open_case(case_id)

    def _ask_why(self, case_id: str) -> None:
        """Of a series that was set aside: what is wrong with its files."""
        from napari_unet.review.why_aside import why_aside

        job = self.casework.read(lambda project: why_aside(project, case_id))
        job.succeeded.connect(lambda why: self.page.unavailable.say_why(case_id, why))

    # -- the open case --

    def _on_opened(self, case: Case) -> None:
        self.handler.reset()
        self.message.say("")
        self.news.opened(case.id)
        self.page.unavailable.show_case(None)
        self.page.show_case(case, self.casework.order)
        self._load_revisions()
        self._ask_name()

    def _on_closed(self, _case_id: str) -> None:
        self.handler.reset()
        self.news.mask_changed()  # also when the last case was accepted all the same
        self.page.show_case(None, self.casework.order)

    def _load_revisions(self, *_: Any) -> None:
        """The list is read while it can be seen."""
        case = self.casework.current
        if case is None or not self.page.more.button().isChecked():
            return

        def show(revisions: list[Revision]) -> None:
            now = self.casework.current
            if self._is_open and now is not None and now.id == case.id:
                self.page.case.show_revisions(revisions)

        self.casework.reader.revisions().succeeded.connect(show)

    def _on_identity(self) -> None:
        case = self.casework.current
        if case is None:
            return

        def show(identity: Identity) -> None:
            now = self.casework.current
            if self._is_open and now is not None and now.id == case.id:
                self.page.case.show_identity(identity)

        self.casework.reader.identity().succeeded.connect(show)

    # -- what comes from the case work --

    def _on_saving(self, state: SaveState) -> None:
        self.page.header.show_saving(state)

    def _on_nameless(self) -> None:
        self._ask_name()
        self.news.say_problem(UserError("Nothing was decided.", "Enter your name above, then decide again."))

    def _on_failed(self, error: UserError) -> None:
        self._addition = None
        self.page.say_work("")
        if isinstance(error, EmptyMask):
            error = self.handler.confirm_empty(error)
        if isinstance(error, StillWrong):
            self.news.say_still_wrong(self.handler.name_key(error))
        else:
            self.news.say_problem(error)
