"""Axial slices as they are read everywhere: the patient's left on the right, the back below.

A network that tells right from left lung learned it from slices that lie so. How a slice is stored (prone,
feet first, mirrored) is in its affine, and the affine alone decides: never how the image looks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.events import Note, SliceDone, TileDone
from napari_unet.core.orientation import axes_towards
from napari_unet.core.prediction import Box, Prediction
from napari_unet.core.raster import Raster


@dataclass(frozen=True)
class Turn:
    """Which axes of each slice are flipped, rows and columns. Its own inverse."""

    rows: bool
    columns: bool

    def __bool__(self) -> bool:
        return self.rows or self.columns

    def pixels(self, array: np.ndarray) -> np.ndarray:
        """A view of an array (..., Y, X), turned."""
        return array[..., :: -1 if self.rows else 1, :: -1 if self.columns else 1]

    def raster(self, raster: Raster) -> Raster:
        """The image, turned; it says of itself that X increases to the patient's left."""
        pixels, affine = self.pixels(raster.pixels), raster.affine
        if affine is not None and raster.pixels.ndim == 3:
            turn = np.eye(4)
            for axis, flipped in ((1, self.rows), (2, self.columns)):
                if flipped:
                    turn[axis, axis], turn[axis, 3] = -1, raster.shape[axis] - 1
            affine = affine @ turn
        return replace(
            raster, pixels=pixels, affine=affine, frame=None, row_direction="L", column_direction=None
        )

    def prediction(self, found: Prediction, of: Raster) -> Prediction:
        """What was found in the turned image, for the image `of` itself."""
        boxes = tuple(self.box(box, of) for box in found.boxes)
        maps = np.ascontiguousarray(self.pixels(found.maps))
        return replace(found, maps=maps, boxes=boxes, row_direction=of.row_direction)

    def event(self, event: TileDone | Note, of: Raster) -> TileDone | Note:
        """An event of a run on the turned image, for the image `of` itself."""
        if not isinstance(event, SliceDone):
            return event
        labels = np.ascontiguousarray(self.pixels(event.labels))
        return replace(event, labels=labels, box=self.box(event.box, of))

    def box(self, box: Box, of: Raster) -> Box:
        """Of rows and columns of one, those of the other; `of` : either image."""
        height, width = of.shape[-2:]
        return _mirrored(box[0], height, self.rows), _mirrored(box[1], width, self.columns)


def turn_to_stand(raster: Raster) -> Turn:
    """How slices are to be turned, by the affine of a volume or the two directions of a slice.

    What nothing says is taken as it should be.

    Raises UserError if the slices of a volume are coronal or sagittal.
    """
    towards = axes_towards(raster.affine)
    if towards is None:
        return Turn(raster.column_direction == "A", raster.row_direction == "R")
    across, down, along = towards
    if across not in "SI":
        raise UserError(
            f"The slices of this volume are {'coronal' if across in 'AP' else 'sagittal'}, and the model "
            "is for axial ones.",
            "Open the axial series of the same scan.",
        )
    if down not in "AP" or along not in "LR":
        raise UserError(
            "The rows of these slices do not run left–right in the patient.",
            "Reorient the volume, and save it with its position and orientation.",
        )
    return Turn(down == "A", along == "R")


def _mirrored(part: slice, length: int, flipped: bool) -> slice:
    return slice(length - part.stop, length - part.start) if flipped else part
