"""The result of a fine-tune, and an estimate of its duration. The window reads both, so no torch here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from napari_unet.core.acceptance_report import AcceptanceReport
from napari_unet.core.wording import listed
from napari_unet.models.card import ModelCard
from napari_unet.training.compared import ComparedCase
from napari_unet.training.travel import travels


@dataclass(frozen=True)
class FineTuneResult:
    """A new model in the library, and how it compares with its parent.

    Parameters
    ----------
    card : ModelCard
        The new model's card.
    folder : Path
        Folder of the new model.
    report : AcceptanceReport
        The acceptance test: new model against parent, case by case, and the verdict.
    train_seconds : float
        Wall time of reading the cases and training on all of them.
    acceptance_seconds : float
        Wall time of the trainings on parts of the cases, and of comparing.
    held_out, reference : mapping of str to ComparedCase
        What both models drew, by the ids of the report's cases. For a held-out case, the new model is the one
        that had not seen its patient.
    drift : mapping of str to mapping of str to ComparedCase
        The same for each place of the report's drift, by the ids of its cases.
    earlier_change : float, optional
        For a model with an answer of its own beside those of its parent: the largest difference between the
        probabilities of the parent's answers in both models. None where the answer itself was trained.
    """

    card: ModelCard
    folder: Path
    report: AcceptanceReport
    train_seconds: float
    acceptance_seconds: float
    held_out: Mapping[str, ComparedCase] = field(default_factory=dict)
    reference: Mapping[str, ComparedCase] = field(default_factory=dict)
    drift: Mapping[str, Mapping[str, ComparedCase]] = field(default_factory=dict)
    earlier_change: float | None = None

    def of_earlier_answers(self) -> str:
        """A sentence about the parent's answers, "" where they were trained."""
        if self.earlier_change is None:
            return ""
        *earlier, new = self.card.outputs
        names, several = listed([output.id for output in earlier]), len(earlier) > 1
        which = f"Its answers {names} are those" if several else f"Its answer {names} is that"
        change = self.earlier_change
        much = f"differ by {change:.0e} at most" if change else "do not differ at all"
        return (
            f"What follows your masks is the answer {new.id} of {self.card.name}. {which} of "
            f"{self.report.parent} as before: the probabilities {much}."
        )

    def masks_at(self, place: str) -> Mapping[str, ComparedCase]:
        """What both models drew at one place of the report; none where masks are not kept."""
        known = dict(zip(self.report.places, (self.held_out, self.reference), strict=False))
        return {**known, **self.drift}.get(place, {})


@dataclass(frozen=True)
class Estimate:
    """How long a fine-tune would take on this machine; seconds as in `FineTuneResult`."""

    train_seconds: float
    acceptance_seconds: float

    @property
    def seconds(self) -> float:
        """Of the whole."""
        return self.train_seconds + self.acceptance_seconds


def was_tested_less(card: ModelCard) -> bool:
    """Whether an earlier version made a model by a fine-tune, and tested it less than one is tested today.

    Then there was no look at other machines and places, although there is something to look at: the travel
    set, or the parent's reference images, which its report has then as a second place.
    """
    if card.parent is None or card.gate is None or card.gate.drift:
        return False
    return travels(card) or len(card.gate.places) > 1
