"""The mask of a volume while it is made: a preview on the network's own grid, slice after slice."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from napari.utils.colormaps import DirectLabelColormap
from qtpy.QtCore import QObject, QTimer

from napari_unet.core.events import SliceDone
from napari_unet.widgets.common.layers import lies_over, placement
from napari_unet.widgets.common.sources import MAP

_TICK_MS = 150  # what comes within one is drawn together
_CUT_S = 1.0  # between two drawings of all slices at once: in 3D, or in another plane


class GrowingMask(QObject):
    """Shows what is done of a segmentation, over its image, until the mask itself is there.

    The layer is no mask: no dock corrects, measures or saves it. Whoever removes it does not see it again.
    """

    def __init__(
        self,
        viewer: Any,
        image: Image,
        before: list[Labels],
        *,
        colormap: DirectLabelColormap,
        opacity: float,
    ) -> None:
        """before : masks that step aside for as long. colormap, opacity : of the mask that comes."""
        super().__init__()
        self._viewer = viewer
        self._image = image
        self._before = before
        self._look: dict[str, Any] = {"colormap": colormap, "opacity": opacity}
        self._layer: Labels | None = None
        self._hidden: list[Labels] = []
        self._stale: set[int] = set()
        self._drawn_at = 0.0
        self._ended = False
        self._tick = QTimer(self)
        self._tick.setSingleShot(True)
        self._tick.timeout.connect(self._draw)
        self.done = 0

    def show(self, event: SliceDone) -> None:
        """Show one more slice."""
        self.done = event.done
        if self._ended or self._image not in self._viewer.layers:
            self.take_away()
            return
        if self._layer is None:
            self._layer = self._begin(event)
            self._hidden = [mask for mask in self._before if mask in self._viewer.layers and mask.visible]
            for mask in self._hidden:
                mask.visible = False
        if self._layer not in self._viewer.layers:
            self.take_away()
            return
        z = event.done - 1
        self._layer.data[z] = event.labels
        self._stale.add(z)
        if not self._tick.isActive():
            self._tick.start(_TICK_MS)

    def take_away(self) -> None:
        """Remove the preview, and show again what stepped aside. More than once does no harm."""
        self._ended = True
        self._tick.stop()
        layer, self._layer = self._layer, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)
        hidden, self._hidden = self._hidden, []
        for mask in hidden:
            if mask in self._viewer.layers:
                mask.visible = True

    def _begin(self, event: SliceDone) -> Labels:
        """The layer, whose pixels are larger than the image's where the network's grid is coarser."""
        image, chosen = self._image, set(self._viewer.layers.selection)
        active = self._viewer.layers.selection.active
        sizes = [part.stop - part.start for part in event.box]
        steps = [size / count for size, count in zip(sizes, event.labels.shape, strict=True)]
        corner = [part.start + step / 2 - 0.5 for part, step in zip(event.box, steps, strict=True)]
        where = placement(image, (0.0, *corner))
        where["scale"] = np.asarray(where["scale"]) * (1.0, *steps)
        layer = Labels(
            np.zeros((event.total, *event.labels.shape), np.uint8),
            name=f"Preview: {image.name}",
            metadata={MAP: "preview"},
            **self._look,
            **where,
        )
        layer.editable = False
        lies_over(layer, image)
        self._viewer.layers.insert(self._viewer.layers.index(image) + 1, layer)
        self._viewer.layers.selection = chosen
        self._viewer.layers.selection.active = active
        return layer

    def _draw(self) -> None:
        layer, dims = self._layer, self._viewer.dims
        if layer is None or layer not in self._viewer.layers:
            return
        axis = dims.ndim - layer.ndim
        if axis in dims.displayed:
            wait = _CUT_S - (time.monotonic() - self._drawn_at)
            if wait > 0:
                self._tick.start(round(1000 * wait))
                return
            self._drawn_at = time.monotonic()
        elif round(layer.world_to_data(dims.point)[0]) not in self._stale:
            return
        self._stale.clear()
        layer.refresh(thumbnail=False, extent=False)
