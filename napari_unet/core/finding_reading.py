"""What is said of a chest X-ray beside its scores: where, and how high they are among normal images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from napari_unet.core.lung_thirds import LungThirds
from napari_unet.core.orientation import ASSUMED


@dataclass(frozen=True)
class FindingReading:
    """thirds : the zones of the lungs in the image. cell_px : rows and columns of the image that one cell of
    the heat map (core.heat) covers. zones : of each finding whose heat is drawn at all, where it is hottest.
    higher_than : of each finding, of 100 normal images of the calibration set the number with a lower score.
    thresholds : of each finding, on the model's card.
    """

    thirds: LungThirds
    cell_px: tuple[float, float]
    zones: Mapping[str, str] = field(default_factory=dict)
    higher_than: Mapping[str, int] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)

    @property
    def cells(self) -> str:
        """How large the cells of the map are, as a sentence."""
        rows, columns = self.cell_px
        return f"Each map square covers {columns:.0f} by {rows:.0f} image pixels."

    def sentences(self, scores: Mapping[str, float]) -> tuple[str, ...]:
        """For people: each score as its rank among normal images, and what is assumed."""
        ranks = (
            f"{name} {100 * scores[name]:.0f}: higher than {rank} of 100 normal images of the "
            "calibration set."
            for name, rank in self.higher_than.items()
        )
        return (*ranks, *((ASSUMED,) if self.zones and self.thirds.assumed else ()))


def in_words(finding: str) -> str:
    """A finding's name as people read it."""
    return finding.replace("_", " ")
