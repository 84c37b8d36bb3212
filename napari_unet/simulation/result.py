"""What `simulate` leaves: numbers as JSON, a table as Markdown, a plot as SVG."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.core.palette import BLUISH_GREEN, ORANGE, REDDISH_PURPLE, SKY_BLUE
from napari_unet.core.simulated import Arm, Outcome
from napari_unet.io.atomic import atomic_write

_COLOURS = {
    Arm.NONE: ORANGE,
    Arm.RANDOM: SKY_BLUE,
    Arm.USEFUL: BLUISH_GREEN,
    Arm.SURE: REDDISH_PURPLE,
}
_WIDTH, _HEIGHT = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 20, 20, 48


def write_result(folder: Path, outcomes: Sequence[Outcome], about: dict[str, Any]) -> str:
    """Writes simulation.json, .md and .svg into a folder; returns the table."""
    table = as_table(outcomes)
    record = {**about, "outcomes": [asdict(outcome) for outcome in outcomes]}
    texts = {
        "simulation.json": json.dumps(record, indent=1),
        "simulation.md": table + "\n",
        "simulation.svg": as_svg(outcomes, about["after"]),
    }
    for name, text in texts.items():
        with atomic_write(folder / name) as partial:
            partial.write_text(text, encoding="utf-8")
    return table


def as_table(outcomes: Sequence[Outcome]) -> str:
    """Per arm: strokes, their share of those without fine-tuning, pixels; mean and range of the seeds."""
    lines = [
        "| | strokes | relative to no fine-tuning | thousand pixels "
        "| strokes per case after the last model |",
        "|---|---|---|---|---|",
    ]
    plain = {outcome.seed: outcome.strokes for outcome in outcomes if outcome.arm is Arm.NONE}
    for arm in Arm:
        found = [outcome for outcome in outcomes if outcome.arm is arm]
        if not found:
            continue
        shares = [one.strokes / plain[one.seed] for one in found if plain.get(one.seed)]
        cells = (
            str(arm),
            _spread([float(one.strokes) for one in found], ".0f"),
            _spread(shares, ".2f"),
            _spread([one.pixels / 1000 for one in found], ".0f"),
            _spread([_late(one) for one in found], ".1f"),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def as_svg(outcomes: Sequence[Outcome], after: Sequence[int]) -> str:
    """Strokes so far against cases corrected: the mean of the seeds, one line an arm."""
    cases = max(len(outcome.costs) for outcome in outcomes)
    curves = {
        arm: np.mean([_so_far(outcome) for outcome in outcomes if outcome.arm is arm], axis=0)
        for arm in Arm
        if any(outcome.arm is arm for outcome in outcomes)
    }
    step = _round_step(max(curve[-1] for curve in curves.values()) / 5)
    top = float(step * np.ceil(max(curve[-1] for curve in curves.values()) / step))

    def x(case: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * case / cases

    def y(strokes: float) -> float:
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * strokes / top

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
    ]
    for strokes in np.arange(0, top + step / 2, step):
        parts.append(_line(_LEFT, y(strokes), _WIDTH - _RIGHT, y(strokes), "#ddd"))
        parts.append(_text(_LEFT - 8, y(strokes) + 4, f"{strokes:.0f}", "end"))
    for case in (k for k in after if k < cases):
        parts.append(_line(x(case), _TOP, x(case), _HEIGHT - _BOTTOM, "#bbb", ' stroke-dasharray="3 3"'))
        parts.append(_text(x(case), _HEIGHT - _BOTTOM + 16, str(case), "middle"))
    parts.append(_text(x(cases), _HEIGHT - _BOTTOM + 16, str(cases), "middle"))
    parts.append(_text((_LEFT + _WIDTH) / 2, _HEIGHT - 10, "cases corrected (dashed: fine-tuned)", "middle"))
    parts.append(_text(_LEFT, 14, "strokes so far", "middle"))
    for row, (arm, curve) in enumerate(curves.items()):
        points = " ".join(f"{x(case):.1f},{y(value):.1f}" for case, value in enumerate(curve))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{_COLOURS[arm]}" stroke-width="2.5"/>')
        height = _TOP + 18 + 18 * row
        parts.append(
            _line(_LEFT + 14, height - 4, _LEFT + 38, height - 4, _COLOURS[arm], ' stroke-width="3"')
        )
        parts.append(_text(_LEFT + 44, height, f"{arm} ({curve[-1]:.0f})", "start"))
    return "\n".join([*parts, "</svg>\n"])


def _so_far(outcome: Outcome) -> np.ndarray:
    return np.concatenate([[0.0], np.cumsum([cost.strokes for cost in outcome.costs])])


def _late(outcome: Outcome) -> float:
    last = max(cost.models for cost in outcome.costs)
    return float(np.mean([cost.strokes for cost in outcome.costs if cost.models == last]))


def _spread(values: Sequence[float], form: str) -> str:
    if not values:
        return "–"
    mean, low, high = (format(value, form) for value in (np.mean(values), min(values), max(values)))
    return mean if low == high else f"{mean} ({low}–{high})"


def _round_step(least: float) -> float:
    """The next of 1, 2, 5, 10, 20, ... that is not smaller."""
    power = 10.0 ** np.floor(np.log10(max(least, 1)))
    return float(next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least))


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, more: str = "") -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{more}/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'
