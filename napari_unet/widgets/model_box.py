"""Choosing a model."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox

from napari_unet.models.library import ModelEntry, choose
from napari_unet.widgets.common.preferences import chosen_library
from napari_unet.widgets.model_card_view import ModelCardView
from napari_unet.widgets.session import Session

_TOOL_TIP = Qt.ItemDataRole.ToolTipRole


class ModelBox(QComboBox):
    """A box with the models on this computer, and the view of the chosen one's card, which stands below it.

    Choosing one makes it the session's model. What cannot be read is greyed out, with the reason.
    """

    chosen = Signal(object)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._entries: list[ModelEntry] = []
        self.card = ModelCardView()
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(8)
        self.setPlaceholderText("No model")
        self.reload()
        self.currentIndexChanged.connect(self._on_chosen)
        session.model_changed.connect(self._on_session)
        session.library_changed.connect(self.reload)

    def entry(self) -> ModelEntry | None:
        """The chosen model."""
        row = self.currentIndex()
        return self._entries[row] if 0 <= row < len(self._entries) else None

    def reload(self) -> None:
        """Look into the model folders again; the choice stays if it is still there."""
        library = chosen_library()
        self._entries, broken = library.scan()
        names = [entry.card.name for entry in self._entries]
        labels = [(entry.card.name, entry.card.version) for entry in self._entries]
        self.blockSignals(True)
        self.clear()
        for entry in self._entries:
            label = entry.card.name
            if names.count(label) > 1:
                twice = labels.count((label, entry.card.version)) > 1
                whose = (", shipped" if entry.shipped else ", your own") if twice else ""
                label += f" (version {entry.card.version}{whose})"
            self.addItem(label)
            self.setItemData(self.count() - 1, entry.card.title, _TOOL_TIP)
        for unreadable in broken:
            self.addItem(f"{unreadable.folder.name} (cannot be used)")
            self.setItemData(self.count() - 1, str(unreadable.error), _TOOL_TIP)
            self.model().item(self.count() - 1).setEnabled(False)
        self.blockSignals(False)
        self.setCurrentIndex(max(0, self._row(self._session.model)) if names else -1)
        self._on_chosen()

    def _on_chosen(self) -> None:
        entry = self.entry()
        self.card.show_card(None if entry is None else entry.card)
        if entry is not None:
            self._session.use_model(entry.card.name)
        self.chosen.emit(entry)

    def _on_session(self, name: str) -> None:
        entry = self.entry()
        if name not in [one.card.name for one in self._entries]:
            self.reload()  # it is new
        if (entry is None or entry.card.name != name) and self._row(name) >= 0:
            self.setCurrentIndex(self._row(name))

    def _row(self, name: str) -> int:
        """Of the model that the library means by that name; -1 if there is none."""
        meant = choose(name, self._entries)
        return -1 if meant is None else self._entries.index(meant)
