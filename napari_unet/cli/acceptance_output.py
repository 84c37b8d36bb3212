"""Two models, case by case, as tables and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan, nan
from typing import Any

from rich.table import Table

from napari_unet.cli.console import show_table, stdout
from napari_unet.core.acceptance_report import AcceptanceReport
from napari_unet.core.evidence import LEAST, CaseScore, Evidence
from napari_unet.core.evidence_metrics import DICE, HD95
from napari_unet.core.evidence_sheet import EvidenceSheet, sheets

_MOST_CHANGED = 10  # rows of a table


def show_report(report: AcceptanceReport) -> None:
    """An acceptance test: tables of what was compared and of what moved, then the verdict and remarks."""
    show_evidence([one for one in report.evidence if one.cases], report.parent, report.child)
    _show_drift(report)
    for sentence in (report.verdict(), *report.remarks()):
        stdout.print(sentence, markup=False)


def show_evidence(evidence: Sequence[Evidence], old: str, new: str) -> None:
    """For each place and output a table of all cases with their mean, and what the paired tests say."""
    several = len({one.output for one in evidence}) > 1
    for sheet in sheets(evidence):
        output = f", output {sheet.output}" if several else ""
        _show_sheet(sheet, f"{sheet.place.capitalize()}{output}", old, new)


def _show_sheet(sheet: EvidenceSheet, title: str, old: str, new: str) -> None:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("case")
    labelled = sheet.labels != ("",)
    known = any(one.rules.ranks_scores for one in sheet.evidence)
    for column in ("of",) * labelled + ("finding",) * known:
        table.add_column(column)
    for one in sheet.columns:
        value = "score" if one.rules.ranks_scores else one.rules.title
        unit = f" ({one.unit})" if one.unit else ""
        for model in (old, new):
            table.add_column(f"{value} {model}{unit}", justify="right")
    for row in sheet.rows():
        said = (row.label or "all",) * labelled + (_truth(row.scores),) * known
        table.add_row(row.case, *said, *_cells(sheet, row.scores))
    table.add_section()
    for label in sheet.labels:
        said = (label or "all",) * labelled + ("",) * known
        table.add_row("AUC" if known else "mean", *said, *_cells(sheet, sheet.pieces(label)))
    show_table(table)
    for one in sheet.evidence:
        if one.judges:
            _show_test(one)


def _show_test(one: Evidence) -> None:
    """The case that lost most, and what the paired test says."""
    of = f" of {one.label}" if one.label else ""
    worst = one.worst
    if worst is not None:
        stdout.print(f"Worst change{of}: {worst.id}, {worst.new - worst.old:+.3f}", markup=False)
    if not isnan(one.p_value):
        test = f"{one.test} of {one.rules.title}{of}"
        stdout.print(f"{test}, {one.patients} patients: p = {one.p_value:.2g}", markup=False)
    elif 0 < one.patients < LEAST:
        patients = f"{one.patients} patient" + "s" * (one.patients != 1)
        stdout.print(f"{patients}: too few to test whether this is chance; at least {LEAST} are needed.")


def _show_drift(report: AcceptanceReport) -> None:
    """Of each place a table of the images whose masks changed most, with the reason."""
    for place in report.drift:
        table = Table(title=f"Drift on {place.place}", title_justify="left", box=None, pad_edge=False)
        table.add_column("image")
        table.add_column(f"Dice against {report.parent}", justify="right")
        table.add_column("reason")
        for case in place.most_changed_first()[:_MOST_CHANGED]:
            table.add_row(case.id, f"{case.dice:.3f}", case.reason(report.asked_zones))
        show_table(table)


def report_record(report: AcceptanceReport) -> dict[str, Any]:
    """`verdict`, `scores` and `evidence` for JSON; null where there is no answer."""
    places = dict(zip(("held_out", "reference"), report.places, strict=False))
    sides = {name: place_record(report.at(place)) for name, place in places.items()}
    return {
        "verdict": report.verdict(),
        "passed": report.passed,
        "scores": {"held_out": None, "reference": None} | sides,
        "evidence": evidence_records(report.evidence),
        "drift": drift_records(report),
    }


def place_record(evidence: Sequence[Evidence]) -> dict[str, Any]:
    """The figures of one place by its first output as a whole; `old` and `new` are parent and new model.

    Dice and HD95 are null for an output of scores.
    """
    sheet = sheets(evidence)[0]
    main, whole = sheet.main, {one.metric: one for one in sheet.evidence if not one.label}
    dice, hd95 = whole.get(DICE.name), whole.get(HD95.name)
    distances = {case.id: case for case in hd95.cases} if hd95 else {}
    return {
        "on": sheet.place,
        "cases": len(main.compared),
        "patients": main.patients,
        "dice": _figures(dice),
        "hd95": {**_figures(hd95), "unit": hd95.unit if hd95 else None},
        "better_in": main.wins,
        "worst": None if main.worst is None else main.worst.id,
        "p_value": _number(main.p_value),
        "each": [
            {"case": case.id, "dice": _figures(case), "hd95": _figures(distances.get(case.id))}
            for case in (dice.cases if dice else ())
        ],
    }


def evidence_records(evidence: Sequence[Evidence]) -> list[dict[str, Any]]:
    """All of it; `label` is "" for the output as a whole, `against` the parent's output."""
    return [
        {
            "on": one.place,
            "output": one.output,
            "against": one.against or one.output,
            "label": one.label,
            "metric": one.metric,
            "up_is_better": one.up_is_better,
            "unit": one.unit,
            "judges": one.judges,
            **_figures(one),
            "cases": len(one.compared),
            "patients": one.patients,
            "better_in": one.wins,
            "worst": None if one.worst is None else one.worst.id,
            "p_value": _number(one.p_value),
            "each": [{"case": case.id, **_figures(case), "finding": case.truth} for case in one.cases],
        }
        for one in evidence
    ]


def drift_records(report: AcceptanceReport) -> list[dict[str, Any]]:
    """The places without a reference, each with its images, the most changed first."""
    return [
        {
            "on": place.place,
            "dice": _number(place.dice),
            "objections": list(place.objections()),
            "each": [
                {
                    "image": case.id,
                    "dice": _number(case.dice),
                    "zones": dict(case.zones),
                    "leaks": list(case.leaks),
                    "checks": list(case.checks),
                    "reason": case.reason(report.asked_zones),
                }
                for case in place.most_changed_first()
            ],
        }
        for place in report.drift
    ]


def _truth(scores: Sequence[CaseScore | None]) -> str:
    truths = [score.truth for score in scores if score is not None and score.truth is not None]
    return ("yes" if truths[0] else "no") if truths else ""


def _cells(sheet: EvidenceSheet, scores: Sequence[CaseScore | Evidence | None]) -> list[str]:
    return [
        "–" if isnan(value) else f"{value:.{one.rules.digits}f}"
        for one, score in zip(sheet.columns, scores, strict=True)
        for value in ((nan, nan) if score is None else (score.old, score.new))
    ]


def _figures(of: CaseScore | Evidence | None) -> dict[str, float | None]:
    return {"old": _number(of.old), "new": _number(of.new)} if of else {"old": None, "new": None}


def _number(value: float) -> float | None:
    return None if isnan(value) else round(value, 6)
