"""The first page of the Review dock: who reviews, and which project; both are remembered on this computer."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QSettings, Signal
from qtpy.QtWidgets import QFileDialog, QPushButton, QVBoxLayout, QWidget

from napari_unet.widgets.common.forms import Fields, WrappedLabel
from napari_unet.widgets.common.text_fields import TextLine

_RECENT = 8


def _settings() -> QSettings:
    return QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "napari-unet-lung", "review")


def reviewer() -> str:
    """The name that was given last, "" if none was."""
    return str(_settings().value("reviewer", "") or "").strip()


def remember_reviewer(name: str) -> None:
    """Start with this name next time."""
    _settings().setValue("reviewer", name.strip())


def recent_projects() -> list[Path]:
    """Folders of projects that were open here and are still there, the last one first."""
    kept = _settings().value("projects", []) or []
    folders = [kept] if isinstance(kept, str) else list(kept)  # one entry comes back as it is
    return [Path(folder) for folder in folders if (Path(folder) / "review.db").is_file()]


def remember_project(folder: Path) -> None:
    """This project was opened now."""
    folder = Path(folder).absolute()
    others = [other for other in recent_projects() if other != folder]
    _settings().setValue("projects", [str(path) for path in [folder, *others][:_RECENT]])


def ask_for_project(parent: QWidget) -> Path | None:
    """The folder of a project that the person chooses; None if they do not."""
    folder = QFileDialog.getExistingDirectory(parent, "Open a review project: choose its folder")
    return Path(folder) if folder else None


_ABOUT = (
    "Go through many images by keyboard: look, then accept, correct or reject each one. "
    "A <b>review project</b> is a folder that keeps the masks and all decisions; "
    "your images stay where they are."
)
_MANY = 4  # recent projects that are offered


class StartPage(QWidget):
    """named : the reviewer's name. new_requested : make a project. open_requested : a folder."""

    named = Signal(str)
    new_requested = Signal()
    open_requested = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.reviewer = TextLine()
        self.reviewer.setPlaceholderText("Stored with every mask you correct")
        self.reviewer.textEdited.connect(self._on_named)
        self.new = QPushButton("New project…")
        self.new.setToolTip("Choose images; a folder for the project is created next to them.")
        self.new.clicked.connect(lambda: self.new_requested.emit())
        self.open = QPushButton("Open project…")
        self.open.clicked.connect(lambda: self._ask())
        self.hint = WrappedLabel("Enter your name first: it is stored with every decision.", name="name_hint")
        self._recent = QVBoxLayout()
        fields = Fields()
        fields.add("Your name", self.reviewer)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(WrappedLabel(_ABOUT))
        column.addLayout(fields)
        column.addWidget(self.hint)
        column.addWidget(self.new)
        column.addWidget(self.open)
        column.addLayout(self._recent)
        column.addStretch()
        self.reload()

    def reload(self) -> None:
        """Show the name and the projects of late as they are now."""
        self.reviewer.setText(reviewer())
        while self._recent.count():
            gone = self._recent.takeAt(0).widget()
            if gone is not None:
                gone.hide()  # it goes on the next turn, and would be drawn until then
                gone.deleteLater()
        folders = recent_projects()[:_MANY]
        if folders:
            self._recent.addWidget(WrappedLabel("<b>Recent projects</b>"))
        for folder in folders:
            button = QPushButton(folder.name)
            button.setToolTip(str(folder))
            button.setStyleSheet("text-align: left; padding-left: 8px")
            button.clicked.connect(lambda _=False, f=folder: self.open_requested.emit(f))
            self._recent.addWidget(button)
        self._enable()

    def recent_buttons(self) -> list[QPushButton]:
        """The projects of late, as they can be clicked."""
        widgets = (self._recent.itemAt(i).widget() for i in range(self._recent.count()))
        return [widget for widget in widgets if isinstance(widget, QPushButton)]

    def _on_named(self, text: str) -> None:
        self._enable()
        self.named.emit(text.strip())

    def _enable(self) -> None:
        has_name = bool(self.reviewer.text().strip())
        self.hint.setVisible(not has_name)
        for button in (self.new, self.open, *self.recent_buttons()):
            button.setEnabled(has_name)

    def _ask(self) -> None:
        folder = ask_for_project(self)
        if folder is not None:
            self.open_requested.emit(folder)
