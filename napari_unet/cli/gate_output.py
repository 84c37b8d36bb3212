"""Two models, case by case, as tables and as JSON."""

from __future__ import annotations

from math import isnan
from typing import Any

from rich.table import Table

from napari_unet.cli.console import show_table, stdout
from napari_unet.core.gate_report import LEAST, GateReport, GateSide


def show_side(side: GateSide, old: str, new: str) -> None:
    """A table of all cases with their mean, and what the paired test says."""
    table = Table(title=side.name.capitalize(), title_justify="left", box=None, pad_edge=False)
    table.add_column("case")
    for column in (f"Dice {old}", f"Dice {new}", f"HD95 {old} ({side.unit})", f"HD95 {new} ({side.unit})"):
        table.add_column(column, justify="right")
    for case in side.cases:
        table.add_row(case.id, *_cells(case.old_dice, case.new_dice, case.old_hd95, case.new_hd95))
    table.add_section()
    table.add_row("mean", *_cells(side.old, side.new, side.old_hd95, side.new_hd95))
    show_table(table)
    worst = side.worst
    if worst is not None:
        stdout.print(f"Worst change: {worst.id}, {worst.new_dice - worst.old_dice:+.3f}", markup=False)
    if not isnan(side.p_value):
        stdout.print(
            f"Wilcoxon signed-rank test of Dice, {side.patients} patients: p = {side.p_value:.2g}"
        )
    elif 0 < side.patients < LEAST:
        patients = f"{side.patients} patient" + "s" * (side.patients != 1)
        stdout.print(f"{patients}: too few for a test whether this is chance; it takes {LEAST}.")


def report_record(report: GateReport) -> dict[str, Any]:
    """`verdict` and `scores` for JSON; null where there is no answer."""
    sides = {"held_out": report.new_site, "reference": report.old_domain}
    return {
        "verdict": report.verdict(),
        "passed": report.passed,
        "scores": {name: None if side is None else side_record(side) for name, side in sides.items()},
    }


def side_record(side: GateSide) -> dict[str, Any]:
    """The figures of one side; `old` and `new` are the parent and the new model."""
    return {
        "on": side.name,
        "cases": len(side.compared),
        "patients": side.patients,
        "dice": {"old": _number(side.old), "new": _number(side.new)},
        "hd95": {"old": _number(side.old_hd95), "new": _number(side.new_hd95), "unit": side.unit},
        "better_in": side.wins,
        "worst": None if side.worst is None else side.worst.id,
        "p_value": _number(side.p_value),
        "each": [
            {
                "case": case.id,
                "dice": {"old": _number(case.old_dice), "new": _number(case.new_dice)},
                "hd95": {"old": _number(case.old_hd95), "new": _number(case.new_hd95)},
            }
            for case in side.cases
        ],
    }


def _cells(old_dice: float, new_dice: float, old_hd95: float, new_hd95: float) -> list[str]:
    return [
        "–" if isnan(value) else f"{value:.{digits}f}"
        for value, digits in ((old_dice, 3), (new_dice, 3), (old_hd95, 1), (new_hd95, 1))
    ]


def _number(value: float) -> float | None:
    return None if isnan(value) else round(value, 6)
