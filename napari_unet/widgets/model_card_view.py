"""A model's card in words."""

from __future__ import annotations

from html import escape

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_unet.models.card import ModelCard, ScoreRow
from napari_unet.widgets.common.forms import Foldable, Words


class ModelCardView(QWidget):
    """What a model is for; folded away: what its masks include, how good it is, its licence."""

    def __init__(self) -> None:
        super().__init__()
        self._use = Words(name="model_use")
        self._details = Words(name="model_details")
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
