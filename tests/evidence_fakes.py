"""Evidence of two models as the acceptance test gathers it."""

from __future__ import annotations

from collections.abc import Sequence

from napari_unet.core.evidence import CaseScore, Evidence
from napari_unet.core.evidence_metrics import AUC, DICE, HD95

Pairs = Sequence[tuple[float, float]]


def masks(
    place: str,
    dice: Pairs,
    hd95: Pairs | None = None,
    unit: str = "px",
    ids: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    output: str = "lungs",
    label: str = "",
    against: str = "",
) -> tuple[Evidence, Evidence]:
    """Dice and HD95 (old, new) of each case of one place, by one label of one output."""
    ids = [f"c{k}" for k in range(len(dice))] if ids is None else ids
    groups = [""] * len(dice) if groups is None else groups

    def cases(pairs: Pairs) -> list[CaseScore]:
        return [CaseScore(id, *pair, group) for id, pair, group in zip(ids, pairs, groups, strict=True)]

    distances = [(9.0, 5.0)] * len(dice) if hd95 is None else hd95
    return (
        Evidence.of(DICE, place, output, cases(dice), label=label, against=against),
        Evidence.of(HD95, place, output, cases(distances), unit, label, against),
    )


def scores(
    place: str, old: Sequence[float], new: Sequence[float], truth: Sequence[bool], label: str = "effusion"
) -> Evidence:
    """The scores of a finding."""
    cases = [
        CaseScore(f"c{k}", *one, truth=t) for k, (*one, t) in enumerate(zip(old, new, truth, strict=True))
    ]
    return Evidence.of(AUC, place, "findings", cases, label=label)
