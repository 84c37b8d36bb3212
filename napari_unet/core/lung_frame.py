"""The part of a chest X-ray around the lungs, for models that look at nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_unet.core.masks import bounding_box

SMALLEST = 0.03
"""A mask under this share of the image is too small to be two lungs: they are not found."""


@dataclass(frozen=True)
class LungFrame:
    """How an image is cut for a model.

    model : finds the lungs, by its name. margin : around the box of their mask, as a share of its sides.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (no field: misspelt settings are reported)

    model: str
    margin: float = 0.05

    def __post_init__(self) -> None:
        if not 0 <= self.margin <= 1:
            raise ValueError(f"margin must lie in 0..1, got {self.margin}")

    def box(self, mask: np.ndarray) -> tuple[slice, slice] | None:
        """Rows and columns around a mask of the lungs, bool (Y, X); None if it is too small to be lungs."""
        found = bounding_box(mask)
        if found is None or np.count_nonzero(mask) < SMALLEST * mask.size:
            return None
        rows, columns = (
            slice(max(0, part.start - beside), min(length, part.stop + beside))
            for part, length in zip(found, mask.shape, strict=True)
            for beside in [round(self.margin * (part.stop - part.start))]
        )
        return rows, columns
