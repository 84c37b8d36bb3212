"""Names of files on the screen and in the linking table: only for who asks and has seen the first ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QFileDialog, QMessageBox, QWidget

from napari_unet.widgets.common.jobs import exhaust
from napari_unet.widgets.review.page import ReviewPage

if TYPE_CHECKING:
    from napari_unet.review.store import ReviewProject
    from napari_unet.widgets.casework.work import CaseWork

SHOW, HIDE = "Show file names…", "Hide file names"


class FileNames(QObject):
    """What the entries *names* and *key* of the project's menu do. done : str, what was written."""

    done = Signal(object)

    def __init__(self, casework: CaseWork, page: ReviewPage, dock: QWidget) -> None:
        super().__init__(dock)
        self._casework, self._page, self._dock = casework, page, dock
        self._shown: dict[str, str] | None = None
        self.question: QMessageBox | None = None
        casework.cases_changed.connect(self._on_cases)

    def close_down(self) -> None:
        """Release the case work."""
        self._casework.cases_changed.disconnect(self._on_cases)

    def forget(self) -> None:
        """Another project is open, or none: its names are hidden until somebody asks."""
        self._use(None)

    def switch(self) -> None:
        """Show the names in the header and the search, after a question; or hide them again."""
        if self._shown is not None:
            self._use(None)
        else:
            more = "They are shown in the case's header and can be searched for until the project is closed."
            self.ask(more, "Show file names", self._read)

    def write_key(self) -> None:
        """Write the linking table, after a question, to a file that is asked for."""
        more = (
            "The linking table holds the names of all files and, from DICOM headers, the patients' IDs. Keep "
            "it to yourself: it must not be stored in a project or an export."
        )
        self.ask(more, "Choose a file…", self._choose)

    def ask(self, more: str, agree: str, then: Callable[[], None]) -> None:
        """Show the first names of files and, if the person agrees, go on with `then`."""
        from napari_unet.review.key import first_names, warning

        def show(names: list[str]) -> None:
            box = self.question = QMessageBox(self._dock)
            box.setObjectName("file_names")
            box.setIcon(QMessageBox.Icon.Warning)
            box.setWindowTitle("Names of files")
            box.setText(warning(names))
            box.setInformativeText(more)
            yes = box.addButton(agree, QMessageBox.ButtonRole.AcceptRole)
            no = box.addButton(QMessageBox.StandardButton.Cancel)
            box.setDefaultButton(no)
            box.setEscapeButton(no)

            def answered() -> None:
                self.question = None
                agreed = box.clickedButton() is yes
                box.deleteLater()
                if agreed:
                    then()

            box.finished.connect(lambda _: answered())
            box.open()

        if self._casework.project is not None:
            self._casework.read(first_names).succeeded.connect(show)

    def _read(self) -> None:
        self._casework.read(_names).succeeded.connect(self._use)

    def _use(self, names: dict[str, str] | None) -> None:
        self._shown = names
        self._page.show_file_names(names or {})
        self._page.header.entries["names"].setText(SHOW if names is None else HIDE)

    def _on_cases(self, ids: list[str]) -> None:
        if self._shown is not None and any(id not in self._shown for id in ids):
            self._read()

    def _choose(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self._dock, "Linking table", "key.csv", "Table (*.csv)")
        if name:
            self.write_to(Path(name))

    def write_to(self, path: Path) -> None:
        """Write the table to this file, in a thread."""
        from napari_unet.review.key import key_steps

        project, by = self._casework.project, self._casework.author().name
        if project is None:
            return
        job = self._casework.connection.start(lambda job: exhaust(key_steps(project, path, by), job))
        job.succeeded.connect(
            lambda at: self.done.emit(f"The linking table is {at.name}. Only you can read it.")
        )


def _names(project: ReviewProject) -> dict[str, str]:
    from napari_unet.review.key import shown_names

    return shown_names(project)
