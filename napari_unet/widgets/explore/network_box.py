"""Choosing a network to look into: any model of the library, those for teaching too."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox

from napari_unet.models.library import ModelEntry, choose
from napari_unet.widgets.session import Session


class NetworkBox(QComboBox):
    """All models that can be read. Choosing one here changes nothing elsewhere. chosen : a ModelEntry."""

    chosen = Signal(object)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._entries: list[ModelEntry] = []
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(8)
        self.setPlaceholderText("No model")
        self.setAccessibleName("Network")
        self.reload()
        self.currentIndexChanged.connect(lambda _: self.chosen.emit(self.entry()))
        session.library_changed.connect(self.reload)
        session.model_changed.connect(self._on_session)

    def entry(self) -> ModelEntry | None:
        """The chosen one."""
        row = self.currentIndex()
        return self._entries[row] if 0 <= row < len(self._entries) else None

    def choose(self, name: str) -> None:
        """Choose a model by its name; one that is not there changes nothing."""
        row = self._row(name)
        if row >= 0:
            self.setCurrentIndex(row)

    def reload(self) -> None:
        """Look into the model folders again; the choice stays if it is still there."""
        before = self.entry()
        library = self._session.library()
        self._entries = [entry for entry in library.list() if entry.card.input.axes == 2]
        self.blockSignals(True)
        self.clear()
        for number, entry in enumerate(self._entries):
            teaching = " (for teaching)" if entry.card.for_teaching else ""
            self.addItem(f"{entry.card.name}{teaching}")
            self.setItemData(number, entry.card.title, Qt.ItemDataRole.ToolTipRole)
        wanted = (before.card.name if before is not None else "", self._session.model)
        rows = [row for name in wanted if (row := self._row(name)) >= 0]
        self.setCurrentIndex(rows[0] if rows else 0 if self._entries else -1)
        self.blockSignals(False)
        self.chosen.emit(self.entry())

    def _row(self, name: str) -> int:
        """Of the model that the library means by that name; -1 if there is none."""
        meant = choose(name, self._entries)
        return -1 if meant is None else self._entries.index(meant)

    def _on_session(self, name: str) -> None:
        if name not in [entry.card.name for entry in self._entries]:
            self.reload()  # it is new
