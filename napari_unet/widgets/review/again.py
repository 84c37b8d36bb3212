"""Brings decided cases of the open project back as a project of their own, and compares both readings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QFileDialog, QInputDialog, QWidget

from napari_unet.core.wording import counted
from napari_unet.widgets.common.jobs import Job, exhaust
from napari_unet.widgets.review.export import free_folder

if TYPE_CHECKING:
    from napari_unet.review.store import ReviewProject
    from napari_unet.widgets.casework.work import CaseWork
    from napari_unet.widgets.review.page import ReviewPage

_SHARE = 5  # percent
_QUESTION = (
    "How many of the decided cases, in percent?\n\nThey come back in a project of their own, drawn at "
    "random, with their first masks and without what was decided. Nothing in this project changes."
)


class ReadAgain(QObject):
    """done : str, what came of it. made : Path of the new project."""

    done = Signal(object)
    made = Signal(object)

    def __init__(self, casework: CaseWork, page: ReviewPage, dock: QWidget) -> None:
        super().__init__(dock)
        self._casework, self._page, self._dock = casework, page, dock

    def ask(self) -> None:
        """Ask for the share, and make the project beside the open one."""
        share, wanted = QInputDialog.getInt(self._dock, "Read some cases again", _QUESTION, _SHARE, 1, 100)
        if not wanted:
            return

        def make(project: ReviewProject, job: Job) -> tuple[Path, int]:
            from napari_unet.review.again import again_steps

            folder = free_folder(project.folder.with_name(f"{project.folder.name} again"))
            return folder, exhaust(again_steps(project, folder, by, share / 100), job)

        by = self._casework.author().name
        self._start("Drawing cases…", make, self._on_made)

    def compare(self) -> None:
        """Ask for the project of the first reading, and say how well both agree."""
        chosen = QFileDialog.getExistingDirectory(self._dock, "The project that was read first")
        if not chosen:
            return

        def look(project: ReviewProject, job: Job) -> list[str]:
            from napari_unet.review.again import repeated, sentence
            from napari_unet.review.store import ReviewProject as Project

            with Project.open(Path(chosen)) as first:
                return [sentence(one) for one in repeated(first, project)]

        self._start("Comparing…", look, lambda said: self.done.emit(" ".join(said)))

    def _start(
        self, title: str, work: Callable[[ReviewProject, Job], Any], then: Callable[[Any], None]
    ) -> None:
        """In a thread, once all that was decided so far is saved."""
        self._page.say_work(title)

        def start(project: ReviewProject) -> None:
            job = self._casework.connection.start(lambda job: work(project, job))
            job.succeeded.connect(then)
            job.ended.connect(lambda: self._page.say_work(""))

        self._casework.write(lambda project: project, start)

    def _on_made(self, found: tuple[Path, int]) -> None:
        folder, count = found
        self.done.emit(f"{counted(count, 'case')} to be read again, in {folder.name}.")
        self.made.emit(folder)
