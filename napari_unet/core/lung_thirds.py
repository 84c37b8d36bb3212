"""Zones of a frontal chest X-ray for saying where a finding is: thirds of the height of the lungs.

The same two lines divide both lungs, at a third and two thirds between apex and base of the taller one. Zones
are not lobes: the lobes lie behind each other in such an image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_unet.core.labels import LEFT, RIGHT
from napari_unet.core.lung_sides import split_left_right

UPPER, MIDDLE, LOWER = "upper", "middle", "lower"
OUTSIDE = "outside the lungs"
ZONES = tuple(f"{side} {third}" for side in ("right", "left") for third in (UPPER, MIDDLE, LOWER))
"""In words, by the patient's sides."""

_THIRDS = (UPPER, MIDDLE, LOWER)


@dataclass(frozen=True)
class LungThirds:
    """labels : uint8 (Y, X), 1 = the patient's right lung, 2 = the left, 0 elsewhere. apex, base : rows of
    the taller lung, the first one and the one after its last. assumed : nothing says which side is which.
    """

    labels: np.ndarray
    apex: int
    base: int
    assumed: bool

    @property
    def lines(self) -> tuple[float, float]:
        """The rows that divide upper from middle and middle from lower, on both sides."""
        third = (self.base - self.apex) / 3
        return self.apex + third, self.apex + 2 * third

    def zone(self, rows: slice, columns: slice) -> str:
        """The zone in which a rectangle of pixels lies: the side with more lung in it, by its middle row.

        `OUTSIDE` where there is no lung in it.
        """
        inside = self.labels[rows, columns]
        right, left = (int(np.count_nonzero(inside == side)) for side in (RIGHT, LEFT))
        if not right and not left:
            return OUTSIDE
        middle = (rows.start + rows.stop) / 2
        third = _THIRDS[sum(middle >= line for line in self.lines)]
        return f"{'right' if right >= left else 'left'} {third}"


def lung_thirds(mask: np.ndarray, row_direction: str | None = None) -> LungThirds | None:
    """The zones by a mask of both lungs, bool (Y, X); None if it is empty.

    row_direction : as in `split_left_right`; None: the patient's right is assumed on the image's left.
    """
    labels = split_left_right(mask, row_direction)
    spans = [rows for side in (RIGHT, LEFT) if len(rows := np.flatnonzero((labels == side).any(axis=1)))]
    if not spans:
        return None
    taller = max(spans, key=lambda rows: int(rows[-1] - rows[0]))
    return LungThirds(labels, int(taller[0]), int(taller[-1]) + 1, row_direction is None)
