"""Sizes of a brush in steps that one can feel, whatever its size."""

from __future__ import annotations

SMALLEST, LARGEST = 1, 200
"""Diameter in pixels."""

_STEP = 1.15


def resized(size: float, steps: float) -> int:
    """The brush of `size` pixels after so many steps, larger or (below 0) smaller; each is about 15 %.

    Whole steps change it by at least a pixel. A brush beyond the limits is brought back to them.
    """
    wanted = round(size * _STEP**steps)
    if steps >= 1:
        wanted = max(wanted, round(size) + 1)
    elif steps <= -1:
        wanted = min(wanted, round(size) - 1)
    return int(min(max(wanted, SMALLEST), LARGEST))
