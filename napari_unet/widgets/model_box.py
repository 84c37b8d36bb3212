"""Choosing a model, and its card in words."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QVBoxLayout, QWidget

from napari_unet.core.image_kind import XRAY
from napari_unet.models.card import ModelCard, ScoreRow
from napari_unet.models.library import ModelEntry, choose
from napari_unet.models.output import Output
from napari_unet.training.outcome import was_tested_less
from napari_unet.widgets.common.forms import Foldable, WrappedLabel
from napari_unet.widgets.common.preferences import chosen_library
from napari_unet.widgets.session import Session

_TOOL_TIP = Qt.ItemDataRole.ToolTipRole


class ModelBox(QComboBox):
    """A box with the models on this computer, and the view of the chosen one's card, which is shown below it.

    Choosing one makes it the session's model. `show_kind` makes the box follow an image, whose kind has a
    model of its own. What cannot be read is greyed out, with the reason.
    """

    chosen = Signal(object)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._entries: list[ModelEntry] = []
        self._kind: str | None = None  # of the image that is followed
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

    def show_kind(self, kind: str) -> None:
        """Show the model in use for images of this kind, unless one for them is chosen. It stays the only one
        that changes: neither the session's model nor other boxes follow an image."""
        self._kind = kind
        entry = self.entry()
        if entry is None or entry.kind != kind:
            self._show(self._row(self._session.model_for(kind)))

    def _show(self, row: int) -> None:
        """Show a row that nobody has chosen."""
        if row < 0 or row == self.currentIndex():
            return
        self.blockSignals(True)
        self.setCurrentIndex(row)
        self.blockSignals(False)
        self._say_chosen()

    def reload(self) -> None:
        """Look into the model folders again; the choice stays if it is still there."""
        library = chosen_library()
        self._entries, broken = library.offered(drawing=True)
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
        wanted = self._session.model if self._kind is None else self._session.model_for(self._kind)
        rows = (self._row(name) for name in (wanted, self._session.model_for(XRAY)))
        self.blockSignals(True)
        self.setCurrentIndex(next((row for row in rows if row >= 0), 0) if names else -1)
        self.blockSignals(False)
        if self._kind is None:
            self._on_chosen()
        else:
            self._say_chosen()

    def _on_chosen(self) -> None:
        entry = self.entry()
        if entry is not None:
            self._session.use_model(entry.card.name)
        self._say_chosen()

    def _say_chosen(self) -> None:
        entry = self.entry()
        self.card.show_card(None if entry is None else entry.card)
        self.chosen.emit(entry)

    def _on_session(self, name: str) -> None:
        if name not in [one.card.name for one in self._entries]:
            self.reload()  # it is new
        entry, row = self.entry(), self._row(name)
        if row < 0 or (entry is not None and entry.card.name == name):
            return
        if self._kind in (None, self._entries[row].kind):
            self._show(row)

    def _row(self, name: str) -> int:
        """Of the model that the library means by that name; -1 if there is none."""
        meant = choose(name, self._entries)
        return -1 if meant is None else self._entries.index(meant)


class AnswerBox(QComboBox):
    """The answers of a model; hidden where it has only one."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(8)
        self.hide()

    def offer(self, outputs: Sequence[Output]) -> bool:
        """Offer these, the last one first chosen; True if there are several."""
        if [output.id for output in outputs] != [self.itemData(k) for k in range(self.count())]:
            self.clear()
            for output in outputs:
                self.addItem(output.id, output.id)
                self.setItemData(self.count() - 1, output.protocol, _TOOL_TIP)
            self.setCurrentIndex(self.count() - 1)
        self.setVisible(len(outputs) > 1)
        return len(outputs) > 1

    def chosen(self) -> str | None:
        """The id of the answer; None for a model's only one."""
        return str(self.currentData()) if self.count() > 1 else None


class ModelCardView(QWidget):
    """What a model is for; folded away: what its masks include, how good it is, its licence."""

    def __init__(self) -> None:
        super().__init__()
        self._use = WrappedLabel(name="model_use")
        self._details = WrappedLabel(name="model_details")
        self._fold = Foldable("About this model", self._details)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._use)
        column.addWidget(self._fold)
        self.show_card(None)

    def show_card(self, card: ModelCard | None) -> None:
        """Show `card`, or nothing."""
        self._use.say("" if card is None else f"For {card.use}." if card.use else card.title)
        self._fold.setVisible(card is not None)
        if card is not None:
            self._details.setText(details(card))


def details(card: ModelCard) -> str:
    """Everything but the first sentence of a card, as simple HTML."""
    made_from = f" (made from {escape(card.parent)})" if card.parent else ""
    parts = [f"<p><b>{escape(card.title or card.name)}</b>, version {escape(card.version)}{made_from}</p>"]
    if card.output.protocol:
        parts.append(f"<p><b>What counts as lung:</b> {escape(card.output.protocol)}.</p>")
    if card.views:
        parts.append(f"<p><b>Views:</b> {escape(', '.join(card.views))}</p>")
    if card.scores:
        parts.append("<p><b>Agreement with experts</b> (Dice; 1 is perfect)</p>")
        parts.append(_table(card.scores))
    if was_tested_less(card):
        parts.append(
            "<p><b>Acceptance test:</b> by an earlier program version, without images from other "
            "hospitals. The dock Fine-tune tests it on more images.</p>"
        )
    if card.limits:
        parts.append(f"<p><b>Limits:</b> {escape(' '.join(card.limits))}</p>")
    for source in card.data:
        images = f", {source.images} images" if source.images else ""
        licence = f" Licence: {source.licence}." if source.licence else ""
        credit = f" {source.attribution}." if source.attribution else ""
        parts.append(f"<p><b>Trained on:</b> {escape(source.name + images)}.{escape(credit + licence)}</p>")
    return "".join(parts)


def _table(scores: tuple[ScoreRow, ...]) -> str:
    head = "<tr><th align=left>Images</th><th>&nbsp;Mean&nbsp;</th><th>&nbsp;Worst&nbsp;</th></tr>"
    rows = [
        f"<tr><td>{escape(row.set)} ({row.n})</td><td align=center>{row.mean:.3f}</td>"
        f"<td align=center>{row.worst:.2f}</td></tr>"
        for row in scores
    ]
    return f"<table>{head}{''.join(rows)}</table>"
