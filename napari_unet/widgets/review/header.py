"""The top of the Review dock: which project, who, how far, and whether everything is saved."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from html import escape
from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QHBoxLayout,
    QInputDialog,
    QMenu,
    QProgressBar,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

from napari_unet.review.saving.save_state import Saved, SaveState, Saving
from napari_unet.widgets.common.forms import Toned, WrappedLabel
from napari_unet.widgets.common.text_fields import TextLine
from napari_unet.widgets.review.queue_rows import ASIDE, MASKLESS, Progress

_ENTRIES = {
    "add": "Add images…",
    "masks": "Create missing first masks",
    "run on": "Run first masks on…",
    "look": "Look for changed and moved files…",
    "export": "Export…",
    "again": "Read some cases again…",
    "compare": "Compare with an earlier reading…",
    "names": "Show file names…",
    "key": "Save linking table…",
    "keys": "Keys…",
    "name": "Change reviewer…",
    "open": "Open another project…",
    "close": "Close project",
}
_IGNORED = {
    ASIDE: ("{} image cannot be used", "{:,} images cannot be used"),
    MASKLESS: ("{} image has no first mask", "{:,} images have no first mask"),
}


class ReviewHeader(QWidget):
    """chosen : name of the entry of the menu that was clicked. named : another reviewer.

    name_given : the name that was asked for is set, and the keyboard is free. show_requested : title of the
    cases that are to be shown in the queue. `notices` come and go, and are elsewhere in the dock.
    """

    chosen = Signal(str)
    named = Signal(str)
    name_given = Signal()
    show_requested = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.project = _one_line()
        bold = self.project.font()
        bold.setBold(True)
        self.project.setFont(bold)
        self.menu = QMenu(self)
        self.entries = {name: self.menu.addAction(text) for name, text in _ENTRIES.items()}
        for name, entry in self.entries.items():
            entry.triggered.connect(lambda _=False, n=name: self._on_entry(n))
        self.button = QToolButton()
        self.button.setText("Project ▾")
        self.button.setStyleSheet("QToolButton::menu-indicator { image: none }")
        self.button.setToolTip("Add images, export, change the reviewer, open another project …")
        self.button.setMenu(self.menu)
        self.button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.bar = QProgressBar()
        self.bar.setTextVisible(True)
        self.saved = Toned()
        self.saved.setObjectName("saved")
        self.reviewer = _one_line()
        self.reviewer.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.name = TextLine()
        self.name.setPlaceholderText("Your name, then Enter: stored with every decision")
        self.name.returnPressed.connect(self._on_name)
        self.name.hide()
        self.ignored = WrappedLabel(name="ignored")
        self.ignored.setTextInteractionFlags(Qt.TextInteractionFlag.LinksAccessibleByMouse)
        self.ignored.linkActivated.connect(self.show_requested)
        self.trouble = WrappedLabel(name="not_saved")
        self.storage = WrappedLabel(name="storage")
        self.work = WrappedLabel(name="background")
        self._lay_out()

    def _lay_out(self) -> None:
        first, second = QHBoxLayout(), QHBoxLayout()
        first.addWidget(self.project, stretch=3)
        first.addWidget(self.reviewer, stretch=2)
        first.addWidget(self.name, stretch=5)
        first.addWidget(self.button)
        second.addWidget(self.bar, stretch=1)
        second.addWidget(self.saved)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(first)
        column.addLayout(second)
        least = max(self.name.sizeHint().height(), self.button.sizeHint().height())
        self.project.setMinimumHeight(least)  # the line for the name needs no more room than it
        self.notices = (self.trouble, self.storage, self.work, self.ignored)

    def show_project(self, folder: Path, protocol: str, storage_note: str) -> None:
        """Another project is open."""
        self.project.setText(folder.name)
        self.project.setToolTip(f"{folder}\n{protocol}".strip())
        self.storage.say(storage_note)
        self.work.say("")
        self.saved.say("Nothing to save")
        self.trouble.say("")

    def show_reviewer(self, name: str) -> None:
        """Who decides now."""
        self.reviewer.setText(name)
        self.reviewer.setToolTip(f"Reviewer: {name}")
        if name:
            self._ask(False)

    def ask_name(self) -> None:
        """Show the line for the name, with the keyboard in it."""
        self._ask(True)
        self.name.setFocus()

    def _ask(self, asked: bool) -> None:
        """The line is in the place of project and reviewer: nothing below it moves."""
        self.name.setVisible(asked)
        self.project.setVisible(not asked)
        self.reviewer.setVisible(not asked)

    def show_ignored(self, counts: Mapping[str, int]) -> None:
        """How many cases need more than a look. counts : by their title in the queue."""
        self.ignored.say(
            "<br>".join(
                f"⚠ {_IGNORED[title][number != 1].format(number)} – "
                f"<a href='{title}' style='color: var(--blue)'>show</a>"
                for title, number in counts.items()
                if number
            )
        )

    def show_progress(self, progress: Progress) -> None:
        """How many cases are decided."""
        self.bar.setRange(0, max(1, progress.total))
        self.bar.setValue(progress.done)
        self.bar.setFormat(progress.words())

    def show_saving(self, state: SaveState) -> None:
        """The hour of the last saving; in red, with what helps, what is not saved."""
        if isinstance(state, Saved):
            at = state.at if state.at.tzinfo else state.at.replace(tzinfo=UTC)
            self._say_saved(f"Saved {at.astimezone():%H:%M}", "good")
            self.trouble.say("")
        elif isinstance(state, Saving):
            if not self.trouble.text():
                self._say_saved("Saving…", "")
        else:
            self._say_saved("Not saved", "bad")
            where = (
                f"<br>Your work is kept in {escape(str(state.rescue))}."
                if state.rescue is not None
                else "<br>Your work is kept while this window is open, and saving is tried again."
            )
            problem = f"{escape(state.problem.problem)} <b>{escape(state.problem.remedy)}</b>"
            self.trouble.say(f"<span style='color: var(--bad)'>{problem}{where}</span>")

    def _say_saved(self, text: str, colour: str) -> None:
        self.saved.say(f"<span style='color: var(--{colour})'>{text}</span>" if colour else text)

    def _on_name(self) -> None:
        name = self.name.text().strip()
        if name:
            self.named.emit(name)
            self.name_given.emit()

    def _on_entry(self, name: str) -> None:
        if name != "name":
            self.chosen.emit(name)
            return
        before = self.reviewer.text()
        text, is_ok = QInputDialog.getText(self, "Reviewer", "Your name:", text=before)
        if is_ok and text.strip():
            self.named.emit(text.strip())


def _one_line() -> QElidingLabel:
    """A label that is shortened in its middle where there is no room for it."""
    label = QElidingLabel()
    label.setElideMode(Qt.TextElideMode.ElideMiddle)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    return label
