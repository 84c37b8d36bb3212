"""A new acceptance test on the card of a model that is there already."""

from __future__ import annotations

from collections.abc import Sequence

from napari_unet.core.acceptance_report import AcceptanceReport
from napari_unet.core.errors import UserError
from napari_unet.io.alone import writing_alone
from napari_unet.io.atomic import atomic_write
from napari_unet.models.card import ModelCard, ScoreRow
from napari_unet.models.folder import CARD_FILE, read_card
from napari_unet.models.library import ModelEntry


def record_test(entry: ModelEntry, report: AcceptanceReport, scores: Sequence[ScoreRow]) -> ModelCard:
    """Puts a report and the scores that follow from it on the model's card; returns the card.

    All else stays as the card says now. Raises UserError for a shipped model, one that is another by now, and
    a card that cannot be written.
    """
    name = entry.card.name
    if entry.shipped:
        raise UserError(
            f"{name} came with the program: its card is not changed.", "Test a model of your own."
        )
    with writing_alone(entry.folder):
        card = read_card(entry.folder)
        if card.sha256 != entry.card.sha256:
            raise UserError(f"{name} was replaced while it was tested.", "Test it again.")
        card = card.model_copy(update={"gate": report, "scores": tuple(scores)})
        with atomic_write(entry.folder / CARD_FILE) as partial:
            partial.write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return card
