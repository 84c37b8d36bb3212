"""python -m benchmarks.finding.card: puts the figures of the test sets on the card of the shipped model.

The weights stay as they are; the training knows nothing of these images.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from benchmarks.finding.figures import auc
from benchmarks.finding.measure import LAST, reader
from benchmarks.finding.reading import GROWN, LUNGS_ONLY, MEAN_SHAPE, WHOLE, Scores
from benchmarks.finding.sets import Picture, children, covid, montgomery, nih
from napari_unet.io.atomic import atomic_write
from napari_unet.models.card import FindingRow, ModelCard
from napari_unet.models.folder import CARD_FILE

Read = list[tuple[Picture, Scores]]


def main() -> None:
    """Reads what is not read yet, and writes `card.json`."""
    entry = reader().entry
    sets = {
        "NIH ChestX-ray14, test": (_read(nih()), "same hospital as in training, other patients"),
        "Children (Guangzhou), test": (_read(children()), "same hospital as in training, other patients"),
    }
    there = list(montgomery())
    if reader().has_read(there):
        words = "another country; no image of it has trained or chosen anything"
        sets = {LAST: (_read(there), words), **sets}
    rows = [
        row
        for title, (found, note) in sets.items()
        for finding in entry.card.output.findings
        if (row := _row(title, found, finding, entry.card, note)) is not None
    ]
    card = entry.card.model_copy(
        update={
            "finding_scores": tuple(rows),
            "limits": (*_measured(sets, entry.card), *_written(entry.card)),
        }
    )
    with atomic_write(entry.folder / CARD_FILE) as partial:
        partial.write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _read(pictures: Iterable[Picture], blanked: bool = True) -> Read:
    wanted = list(pictures)
    found = reader().read(wanted, blanked)
    return [(one, scores) for one, scores in zip(wanted, found, strict=True) if scores is not None]


def _row(title: str, found: Read, finding: str, card: ModelCard, note: str) -> FindingRow | None:
    told = [(one, scores) for one, scores in found if finding in one.truth]
    if not told:
        return None
    truth = np.array([one.truth[finding] for one, _ in told], bool)
    scores = np.array([all_of[WHOLE][finding] for _, all_of in told])
    reference = card.output.reference(finding)
    said = scores >= (card.output.threshold if reference is None else reference.threshold)
    return FindingRow(
        set=title,
        finding=finding,
        n=len(truth),
        positives=int(truth.sum()),
        auc=round(auc(scores, truth), 4),
        sensitivity=round(float(said[truth].mean()), 4),
        specificity=round(float((~said[~truth]).mean()), 4),
        note=note,
    )


def _written(card: ModelCard) -> tuple[str, ...]:
    """The limits that people wrote: those without figures of ours."""
    return tuple(limit for limit in card.limits if not limit.startswith(_OURS))


_OURS = ("Above the threshold of ", "With the lungs blanked ")


def _measured(sets: dict[str, tuple[Read, str]], card: ModelCard) -> tuple[str, ...]:
    """The first lines: what else than tuberculosis raises the score, and what is left without lungs."""
    name = "tb_like" if "tb_like" in card.output.findings else card.output.findings[0]
    reference = card.output.reference(name)
    if reference is None:
        return ()
    least = reference.threshold
    test, kids = sets["NIH ChestX-ray14, test"][0], sets["Children (Guangzhou), test"][0]
    sick: dict[str, list[Scores]] = {
        "NIH pneumonia": [s for one, s in test if "Pneumonia" in one.kinds],
        "NIH effusion": [s for one, s in test if "Effusion" in one.kinds],
        "NIH nodule": [s for one, s in test if "Nodule" in one.kinds],
        "COVID-19": [s for _, s in _read(covid(), False)],
        "sick children": [s for one, s in kids if one.truth["abnormal"]],
        "NIH without a finding": [s for one, s in test if not one.truth["abnormal"]],
    }
    above = ", ".join(
        f"{np.mean([s[WHOLE][name] >= least for s in scores]):.0%} of {title}"
        for title, scores in sick.items()
    )
    theirs = ", ".join(f"{words} {_auc(test, 'abnormal', kind):.2f}" for kind, words in _KINDS.items())
    elsewhere = ""
    if LAST in sets:
        blanked = (f"{words} {_auc(sets[LAST][0], name, kind):.2f}" for kind, words in _KINDS.items())
        elsewhere = f" {name} on {LAST}: {', '.join(blanked)}."
    said = "It does not tell tuberculosis from other disease." if name == "tb_like" else ""
    return (
        f"Above the threshold of {name} (90 % sensitivity on {reference.source}): {above}. {said}".strip(),
        f"With the lungs blanked, what is told cannot be disease of the lungs. AUC of abnormal on NIH test: "
        f"{theirs}.{elsewhere}",
    )


_KINDS = {
    WHOLE: "whole image",
    MEAN_SHAPE: "lungs blanked by a mean shape",
    GROWN: "by their mask and 2 % more",
    LUNGS_ONLY: "all but the lungs blanked",
}


def _auc(found: Read, finding: str, variant: str) -> float:
    truth = np.array([one.truth[finding] for one, _ in found], bool)
    return auc(np.array([scores[variant][finding] for _, scores in found]), truth)


if __name__ == "__main__":
    main()
