"""The table of findings: what the shipped model tells in other places, and what else tells it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from scipy.stats import spearmanr

from benchmarks.finding.figures import auc, auc_interval, calibration
from benchmarks.finding.reading import BLANKED, WHOLE, Reader, Scores
from benchmarks.finding.sets import Picture, children, covid, montgomery, nih, shenzhen_val
from benchmarks.result import Column, NotMeasured, Result
from napari_unet.core.auto import FINDING_MODEL
from napari_unet.core.errors import UserError
from napari_unet.models.library import default_library

KEPT = Path(__file__).parents[2] / "build" / "finding" / "readings.json"
_QUICK = 12
LAST = "Montgomery"

Read = list[tuple[Picture, Scores]]


def reader() -> Reader:
    """Of the shipped model. Raises NotMeasured where it is not there."""
    try:
        return Reader(default_library().find_shipped(FINDING_MODEL), KEPT)
    except UserError as error:
        raise NotMeasured(str(error)) from error


def measure(quick: bool) -> Result:
    """Montgomery is only shown if it was read (benchmarks.finding.last), which is done once."""
    result = Result(
        "Findings, in other places",
        f"{FINDING_MODEL} on images that neither trained nor chose it. AUC: area under the ROC curve with "
        "its 95 % interval (2,000 bootstrap samples of patients). Sensitivity and specificity are those at "
        "the threshold of the card, which keeps 90 % sensitivity on validation images. Images in which no "
        "lungs are found get no score and are not counted.",
        (
            *(Column("images"), Column("finding"), Column("n"), Column("with it"), Column("AUC")),
            *(Column("sensitivity", "share"), Column("specificity", "share")),
        ),
    )
    read = _reading(quick)
    for title, pictures, kinds, findings in (
        ("NIH, test", nih, (), ("abnormal", "opacity", "effusion", "nodule_or_mass", "atelectasis")),
        ("NIH, test, PA", nih, ("PA",), ("abnormal",)),
        ("NIH, test, AP", nih, ("AP",), ("abnormal",)),
        ("Children, test", children, (), ("abnormal", "opacity")),
        ("Montgomery", montgomery, (), ("tb_like", "abnormal")),
    ):
        _rows(result, title, lambda of=pictures: read(of()), kinds, findings)
    _notes(result, read)
    return result


def measure_shortcuts(quick: bool) -> Result:
    """What is left when the lungs are blanked, and what tells as much without any network."""
    result = Result(
        "Findings, by what else than disease",
        "AUC of the same scores with parts of each image replaced by its mean grey: the lungs by one mean "
        "shape, the lungs as found and 2 % of the width around them, everything but the lungs, and the four "
        "corners (markers). What is left with the lungs blanked tells the place, the view or the patient, "
        "and no finding in a lung. Below: what tells it without a network.",
        (
            *(Column("images"), Column("finding"), Column("whole"), Column("lungs blanked, mean shape")),
            *(
                Column("lungs blanked, as found"),
                Column("all but the lungs blanked"),
                Column("corners blanked"),
            ),
        ),
    )
    read = _reading(quick)
    for title, pictures, finding in (
        ("NIH, test", nih, "abnormal"),
        ("Children, test", children, "opacity"),
        ("Montgomery", montgomery, "tb_like"),
    ):
        try:
            found = read(pictures())
            cells = [_auc_of(found, finding, name) for name in (WHOLE, *BLANKED)]
        except NotMeasured as why:
            result.add_missing(title, why)
            continue
        result.add(title, finding, *cells)
    for title, pictures, finding, of in (
        ("Children, test: pixels of the file alone", children, "opacity", _pixels),
        ("Children, test: aspect ratio alone", children, "opacity", _aspect),
        ("NIH, test: pixels of the file alone", nih, "abnormal", _pixels),
        ("NIH, test: aspect ratio alone", nih, "abnormal", _aspect),
        ("NIH, test: view alone (AP)", nih, "abnormal", lambda one: float("AP" in one.kinds)),
        ("NIH, test: sex alone", nih, "abnormal", lambda one: float("M" in one.kinds)),
        ("NIH, test: age alone", nih, "abnormal", lambda one: one.age or 0.0),
    ):
        try:
            result.add(title, finding, f"{_told_by(list(pictures()), finding, of):.3f}")
        except NotMeasured as why:
            result.add_missing(title, why)
    return result


class _Reading(Protocol):
    def __call__(self, pictures: Iterable[Picture], blanked: bool = True) -> Read: ...


def _reading(quick: bool) -> _Reading:
    def read(pictures: Iterable[Picture], blanked: bool = True) -> Read:
        wanted = list(pictures)
        if wanted[0].place == LAST and not reader().has_read(wanted):
            raise NotMeasured("it is read once, when the model is final: python -m benchmarks.finding.last")
        wanted = wanted[:: max(1, len(wanted) // _QUICK)] if quick else wanted
        found = reader().read(wanted, blanked)
        return [(one, scores) for one, scores in zip(wanted, found, strict=True) if scores is not None]

    return read


def _rows(
    result: Result, title: str, read: Callable[[], Read], kinds: Sequence[str], findings: Sequence[str]
) -> None:
    try:
        output = reader().entry.card.output
        found = [(one, scores) for one, scores in read() if not kinds or set(kinds) & set(one.kinds)]
    except NotMeasured as why:
        result.add_missing(title, why)
        return
    for finding in findings:
        if finding not in output.findings:
            continue
        truth, scores = _of(found, finding)
        cells: list[object] = [title, finding, str(len(truth)), str(int(truth.sum()))]
        cells.append(str(auc_interval(scores, truth, [one.patient for one, _ in found])))
        if (reference := output.reference(finding)) is not None:
            said = scores >= reference.threshold
            cells += [float(said[truth].mean()), float((~said[~truth]).mean())]
        result.add(*cells)


def _of(found: Read, finding: str, variant: str = WHOLE) -> tuple[np.ndarray, np.ndarray]:
    truth = np.array([one.truth[finding] for one, _ in found], bool)
    return truth, np.array([scores[variant][finding] for _, scores in found])


def _auc_of(found: Read, finding: str, variant: str) -> str:
    finding = finding if finding in reader().entry.card.output.findings else "abnormal"
    truth, scores = _of(found, finding, variant)
    return f"{auc(scores, truth):.3f}"


def _notes(result: Result, read: _Reading) -> None:
    """Shares above the threshold of tb_like, its calibration, and how it ranks beside abnormal."""
    try:
        output = reader().entry.card.output
        name = "tb_like" if "tb_like" in output.findings else "abnormal"
        least = output.reference(name)
        if least is None:
            return
        test, kids, sick = read(nih()), read(children()), read(covid(), False)
        groups = {
            **{f"NIH {kind}": [s for one, s in test if kind in one.kinds] for kind in _DISEASES},
            "COVID-19": [s for _, s in sick],
            "children with pneumonia": [s for one, s in kids if one.truth["opacity"]],
            "NIH without a finding": [s for one, s in test if not one.truth["abnormal"]],
            "Shenzhen val without tuberculosis": [
                s for one, s in read(shenzhen_val(), False) if not one.truth["tb_like"]
            ],
        }
        shares = (
            f"{title} {np.mean([s[WHOLE][name] >= least.threshold for s in scores]):.0%} (n {len(scores)})"
            for title, scores in groups.items()
            if scores
        )
        result.notes.append(f"Share above the threshold of {name}: {', '.join(shares)}.")
        if name == "tb_like":
            two = [
                np.array([s[WHOLE][one] for _, s in read(nih("val"), False)])
                for one in ("abnormal", "tb_like")
            ]
            result.notes.append(
                f"Rank correlation of tb_like and abnormal on NIH val: {spearmanr(*two).statistic:.2f}."
            )
        here = read(montgomery())
        fit = calibration(_of(here, name)[1], _of(here, name)[0])
        plot = ", ".join(f"{mean:.2f} → {share:.2f}" for mean, share, _ in fit.bins)
        result.notes.append(
            f"{name} as a probability on Montgomery: slope {fit.slope:.2f}, intercept {fit.intercept:.2f}, "
            f"Brier score {fit.brier:.3f}. Reliability, in fifths of the scores, mean score → share with the "
            f"finding: {plot}."
        )
    except NotMeasured:
        return


_DISEASES = ("Pneumonia", "Effusion", "Nodule")


def _pixels(one: Picture) -> float:
    return float(np.prod(one.shape)) if one.shape else 0.0


def _aspect(one: Picture) -> float:
    return one.shape[0] / one.shape[1] if one.shape else 0.0


def _told_by(pictures: list[Picture], finding: str, of: Callable[[Picture], float]) -> float:
    """AUC of a number that needs no network, in whichever direction it tells more."""
    truth = np.array([one.truth[finding] for one in pictures], bool)
    found = auc(np.array([of(one) for one in pictures]), truth)
    return max(found, 1 - found)
