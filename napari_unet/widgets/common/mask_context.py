"""What is known about the mask in a Labels layer: what the correcting tools need besides its pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from weakref import ref

import numpy as np
from napari.layers import Image

from napari_unet.core.label_set import LUNGS, LabelSet
from napari_unet.core.raster import Modality


def _nothing(*_at: object) -> np.ndarray | None:
    return None


@dataclass(frozen=True)
class MaskContext:
    """What belongs to a mask layer, whoever made it.

    image : the layer that the mask lies over. index : as in layers.raster_source: the slice of a stack that
    the mask is of, or None for all. spacing_mm : one per axis of the mask without the leading axes of a
    slice, or None. row_direction, modality : as in Raster. threshold : of the model: from there on it says
    lung. per_slice : a stack of X-rays, each an image of its own. probability : float32 0..1 (Y, X) of the
    slice at a position on the mask's leading axes, or None. model_mask : labels (uint8) of the whole mask as
    the model (or the file the mask came from) had them, or None. Both may take long: never on the GUI thread.
    labels : what the numbers in the mask mean. marked : slices, from 0, that were marked as right when the
    context was made. mark : keeps those that are marked.
    """

    image: ref[Image]
    index: tuple[int, ...] | None = None
    spacing_mm: tuple[float, ...] | None = None
    row_direction: str | None = None
    modality: Modality = Modality.UNKNOWN
    per_slice: bool = False
    probability: Callable[[tuple[int, ...]], np.ndarray | None] = field(default=_nothing, repr=False)
    model_mask: Callable[[], np.ndarray | None] = field(default=_nothing, repr=False)
    threshold: float = 0.5
    labels: LabelSet = LUNGS
    marked: tuple[int, ...] = ()
    mark: Callable[[tuple[int, ...]], object] = field(default=_nothing, repr=False)
