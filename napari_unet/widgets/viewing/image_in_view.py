"""The image that is meant is the one that is seen: what covers it steps aside."""

from __future__ import annotations

from weakref import WeakKeyDictionary, WeakSet

import numpy as np
from napari import Viewer
from napari.layers import Image, Layer

from napari_unet.widgets.common.layers import image_of, is_image
from napari_unet.widgets.viewing.layers_in_view import Connections

_COVERS = ("translucent", "translucent_no_depth", "opaque")


class ImageInView:
    """Follows the active layer of a viewer: an image, or a mask or map of one, shows that image.

    Opaque images above it in the same place are hidden, and the masks and maps of other images that would lie
    on it; they come back with their image. An image beside it, a see-through one and grid mode stay as they
    are.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._set_aside: WeakKeyDictionary[Image, WeakSet[Layer]] = WeakKeyDictionary()
        self._events = Connections()
        self._events.add(self._on_active, viewer.layers.selection.events.active)

    def remove(self) -> None:
        """Follow no more."""
        self._events.close()

    def show(self, image: Image) -> None:
        """Show `image` and what belongs to it."""
        layers = list(self._viewer.layers)
        if image not in layers:
            return
        if not self._viewer.canvas.grid.enabled:
            above = layers[layers.index(image) + 1 :]
            rivals = [other for other in layers if self._is_rival(other, image)]
            for layer in above:
                owner = layer if layer in rivals else image_of(layer)
                if owner in rivals and layer.visible:
                    self._set_aside.setdefault(owner, WeakSet()).add(layer)
                    layer.visible = False
        if not image.visible:
            image.visible = True
        for layer in self._set_aside.pop(image, ()):
            if layer in layers and not layer.visible:
                layer.visible = True

    def _on_active(self, _event: object = None) -> None:
        layer = self._viewer.layers.selection.active
        image = layer if layer is not None and is_image(layer) else image_of(layer)
        if image is not None:
            self.show(image)

    def _is_rival(self, other: Layer, image: Image) -> bool:
        """Whether `other` is another image in the same place that is not see-through."""
        if other is image or not is_image(other):
            return False
        if other.opacity < 1 or str(other.blending) not in _COVERS:
            return False
        theirs, ours = other.extent.world[:, -2:], image.extent.world[:, -2:]
        return bool((np.minimum(theirs[1], ours[1]) > np.maximum(theirs[0], ours[0])).all())
