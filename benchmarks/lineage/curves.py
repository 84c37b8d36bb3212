"""Learning curves as a picture: a small panel for each network."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from benchmarks.lineage.plan import ROWS
from benchmarks.lineage.train import Trained
from napari_unet.core.palette import ORANGE, SKY_BLUE

_COLUMNS = 4
_WIDTH, _HEIGHT = 190, 110  # of a panel
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 10, 26, 18
_LETTERS = 'font-family="sans-serif" font-size="9" fill="#555"'


def as_svg(found: Sequence[Trained]) -> str:
    """Dice on validation images along each training, all panels on one scale.

    A line for each seed; one that is still rising is orange, a quick one is dashed.
    """
    chosen = [row for row in ROWS if any(one.row == row.name for one in found)]
    low = min(min((score for _, score in one.curve), default=1.0) for one in found)
    low = max(0.0, int(low * 10 - 1e-9) / 10)
    rows = -(-len(chosen) // _COLUMNS)
    width, height = _COLUMNS * _WIDTH, rows * _HEIGHT
    panels = [
        _panel(row.title, [one for one in found if one.row == row.name], low, number)
        for number, row in enumerate(chosen)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}">\n<rect width="{width}" height="{height}" fill="#fff"/>\n'
        + "\n".join(panels)
        + "\n</svg>\n"
    )


def _panel(title: str, runs: Sequence[Trained], low: float, number: int) -> str:
    """Title, frame, scale, lines."""
    left, top = number % _COLUMNS * _WIDTH, number // _COLUMNS * _HEIGHT
    wide, high = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    parts = [
        f'<g transform="translate({left} {top})">',
        f'<text x="{_LEFT}" y="{_TOP - 8}" {_LETTERS}>{escape(_short(title))}</text>',
        f'<rect x="{_LEFT}" y="{_TOP}" width="{wide}" height="{high}" fill="none" stroke="#bbb"/>',
        f'<text x="{_LEFT - 4}" y="{_TOP + 8}" text-anchor="end" {_LETTERS}>1.0</text>',
        f'<text x="{_LEFT - 4}" y="{_TOP + high}" text-anchor="end" {_LETTERS}>{low:.1f}</text>',
        f'<text x="{_LEFT + wide}" y="{_TOP + high + 11}" text-anchor="end" {_LETTERS}>end</text>',
    ]
    for one in runs:
        points = " ".join(
            f"{_LEFT + wide * at:.1f},{_TOP + high * (1 - score) / (1 - low):.1f}" for at, score in one.curve
        )
        dashes = ' stroke-dasharray="3 2"' if one.quick else ""
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{ORANGE if one.is_rising else SKY_BLUE}" '
            f'stroke-width="1.5"{dashes}/>'
        )
    return "\n".join([*parts, "</g>"])


def _short(title: str) -> str:
    """Without what stands after a colon: a panel is narrow."""
    return title.partition(":")[0]
