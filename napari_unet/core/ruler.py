"""Lengths of lines drawn in an image, and the cardiothoracic ratio."""

from __future__ import annotations

import math

Point = tuple[float, float]


def line_length(start: Point, end: Point, spacing: tuple[float, ...] | None) -> float:
    """Length of the line between two positions (row, column): in mm, or in pixels without `spacing`.

    spacing : mm per pixel down and across; of a stack's, the last two count.
    """
    down, across = (1.0, 1.0) if spacing is None else spacing[-2:]
    return math.hypot((end[0] - start[0]) * down, (end[1] - start[1]) * across)


def cardiothoracic_ratio(heart: float, chest: float) -> float | None:
    """Width of the heart over the inner width of the chest, both in the same unit; None if there is no width.

    On a PA view of an adult it is usually under 0.5; on an AP view the heart looks larger than it is.
    """
    return heart / chest if heart > 0 and chest > 0 else None


def length_text(length: float, in_mm: bool) -> str:
    """ "123.4 mm", or "567 px" where there is no spacing."""
    return f"{length:,.1f} mm" if in_mm else f"{length:,.0f} px"
