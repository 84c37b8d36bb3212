"""What a fine-tune gives back, and what one would take; read in the window too, so without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from napari_unet.core.gate_report import GateReport
from napari_unet.models.card import ModelCard
from napari_unet.training.compared import ComparedCase


@dataclass(frozen=True)
class FineTuneResult:
    """A new model in the library: its card, its folder, and how it compares with its parent.

    train_seconds : wall time of reading the cases and training on all of them. gate_seconds : of the
    trainings on parts of them and of comparing. held_out, reference : by the ids of the report's cases, what
    both models drew: of a held-out case by the model that had not seen its patient.
    """

    card: ModelCard
    folder: Path
    report: GateReport
    train_seconds: float
    gate_seconds: float
    held_out: Mapping[str, ComparedCase] = field(default_factory=dict)
    reference: Mapping[str, ComparedCase] = field(default_factory=dict)


@dataclass(frozen=True)
class Estimate:
    """How long a fine-tune would take on this machine; seconds as in `FineTuneResult`."""

    train_seconds: float
    gate_seconds: float

    @property
    def seconds(self) -> float:
        """Of the whole."""
        return self.train_seconds + self.gate_seconds
