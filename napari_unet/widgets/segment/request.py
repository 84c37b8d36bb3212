"""One click on Segment: what goes to the engine and what is made of its answer, outside the GUI thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import ref

import numpy as np
from napari.layers import Image

from napari_unet.core.prediction import Prediction
from napari_unet.core.wording import counted
from napari_unet.io.arriving import settled
from napari_unet.models.library import ModelEntry
from napari_unet.widgets.common.layers import raster_source
from napari_unet.widgets.common.results import MaskResult, first_labels


@dataclass(frozen=True)
class Segmented:
    """A result and its labels (uint8, of the shape that was segmented)."""

    result: MaskResult
    labels: np.ndarray


class SegmentRequest:
    """Made on the GUI thread; `arguments` and `finish` run in the job's."""

    def __init__(
        self,
        layer: Image,
        index: tuple[int, ...] | None,
        entry: ModelEntry,
        device: str,
        left_right: bool,
        answer: str | None = None,
    ) -> None:
        """index : see layers.raster_source. device : for the engine. left_right : which labels to make.

        answer : which of the model's, None for its own choice.
        """
        self.layer = layer
        self.index = index
        self.entry = entry
        self._data = layer.data
        self._raster = raster_source(layer, index)
        self._device = device
        self._left_right = left_right
        self._answer = answer
        self._header: dict[str, Any] = {}

    def arguments(self) -> dict[str, Any]:
        """For the engine's kind "segment"; copies the pixels."""
        raster = self._raster()
        self._header = raster.header()
        return {
            "raster": raster,
            "model": str(self.entry.folder),
            "device": self._device,
            "output": self._answer,
            "show_slices": self.index is None and raster.pixels.ndim == 3,
        }

    def finish(self, prediction: Prediction) -> Segmented:
        """The prediction with its first mask."""
        result = MaskResult(
            prediction,
            self._header,
            ref(self.layer),
            self.index,
            self._left_right and prediction.label_set.of_lungs,
            threshold=prediction.threshold,
        )
        return Segmented(result, first_labels(result))

    def still_fits(self) -> bool:
        """Whether the layer still holds the image that was sent."""
        return settled(self.layer.data) is settled(self._data)

    def name(self, stopped_at: int | None = None) -> str:
        """Of the mask's layer, from what the image is called now.

        stopped_at : how many slices have a mask (`Prediction.stopped_at`).
        """
        where = "" if self.index is None else f", slice {'/'.join(map(str, self.index))}"
        labels = self.entry.card.output.labels
        what = "lungs" if labels.of_lungs else labels.name
        part = "" if stopped_at is None else f", {stopped_at:,} of {counted(len(self.layer.data), 'slice')}"
        return f"{self.layer.name}{where} – {what} ({self.entry.card.name}){part}"
