"""What to do about a case whose image file is missing, has changed, or cannot be read."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QFrame, QGridLayout, QPushButton

from napari_unet.review.types import Case, FileState
from napari_unet.widgets.common.forms import Words

_SAYS = {
    FileState.MISSING: (
        "The image file of case {} is not where it was. Was the folder moved, or a drive disconnected?"
    ),
    FileState.CHANGED: (
        "The image file of case {} has changed since it was added. Its mask may not fit any more, so it was "
        "set aside until you decide."
    ),
    FileState.UNREADABLE: "The image file of case {} cannot be read. Replace it, then look again.",
}


class AsideBox(QFrame):
    """look_wanted : a folder in which missing files may be, or None to look again where they were.

    resolved : id of a case, and whether its new content counts. Hidden while there is nothing to decide.
    """

    look_wanted = Signal(object)
    resolved = Signal(str, bool)

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.text = Words(name="aside")
        self.take = QPushButton("Use the new image")
        self.take.setToolTip("An earlier decision no longer holds: the case needs a second look.")
        self.take.clicked.connect(lambda: self._resolve(True))
        self.leave = QPushButton("Keep it set aside")
        self.leave.clicked.connect(lambda: self._resolve(False))
        self.search = QPushButton("Search a folder…")
        self.search.setToolTip("All missing files are searched for there, by content, whatever their names.")
        self.search.clicked.connect(lambda: self._ask())
        self.again = QPushButton("Look again")
        self.again.clicked.connect(lambda: self.look_wanted.emit(None))
        grid = QGridLayout(self)
        grid.addWidget(self.text, 0, 0, 1, 2)
        for place, button in enumerate((self.take, self.leave, self.search, self.again)):
            grid.addWidget(button, 1 + place // 2, place % 2)
        self._case: Case | None = None
        self._why = ""
        self.show_case(None)

    def show_case(self, case: Case | None) -> None:
        """Ask about this case; None hides the box."""
        state = FileState.PRESENT if case is None else case.file_state
        before = self._case
        self._case = case if state in _SAYS else None
        if before is None or case is None or (before.id, before.file_state) != (case.id, state):
            self._why = ""
        self.setVisible(self._case is not None)
        if self._case is None:
            return
        self._say()
        for button in (self.take, self.leave):
            button.setVisible(state is FileState.CHANGED)
        self.search.setVisible(state is FileState.MISSING)
        self.again.setVisible(state is not FileState.CHANGED)

    def say_why(self, case_id: str, why: str) -> None:
        """Add what is wrong with the files of the case that is asked about."""
        if self._case is not None and case_id == self._case.id:
            self._why = why
            self._say()

    def _say(self) -> None:
        assert self._case is not None
        self.text.say(f"{_SAYS[self._case.file_state].format(self._case.number)} {self._why}".rstrip())

    def case_id(self) -> str:
        """The case that is asked about, "" if none is."""
        return "" if self._case is None else self._case.id

    def _resolve(self, keep: bool) -> None:
        if self._case is not None:
            case, self._case = self._case, None
            self.setVisible(False)
            self.resolved.emit(case.id, keep)

    def _ask(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Choose a folder to search for the missing images")
        if folder:
            self.look_wanted.emit(Path(folder))
