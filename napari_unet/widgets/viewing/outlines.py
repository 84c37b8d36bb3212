"""Masks as outlines, so that the anatomy under them stays visible."""

from __future__ import annotations

from types import MethodType
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from napari import Viewer
from napari.layers import Labels
from superqt.utils import qdebounced

from napari_unet.core.outline import outline
from napari_unet.widgets.viewing.layers_in_view import Connections, step_on_canvas

SCREEN_PIXELS = 2.0
"""How thick an outline looks, whatever the zoom."""

THICKEST = 16
SETTLED_MS = 120


class MaskOutlines:
    """Shows all masks of a viewer filled or as outlines; masks that come later follow suit.

    The thickness, in pixels of the mask, follows the zoom, so that an outline neither vanishes nor grows into
    a band, and it is opaque, whatever the opacity of the filled mask. A layer whose contour the user has set
    by hand is left alone until the next switch. In 3D masks are solid: the outlines of their slices would be
    stripes.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._outlined = False
        self._set: WeakKeyDictionary[Labels, int] = WeakKeyDictionary()
        self._opacity: WeakKeyDictionary[Labels, float] = WeakKeyDictionary()
        self._fit_soon = qdebounced(self._fit_thickness, timeout=SETTLED_MS)
        self._events = Connections()
        self._events.add(self._on_zoom, viewer.scene.camera.events.zoom)
        self._events.add(self._fit_thickness, viewer.dims.events.ndisplay)
        self._events.add(self._on_inserted, viewer.layers.events.inserted)
        self._events.add(self._on_removed, viewer.layers.events.removed)
        for layer in self._masks():
            _draw_fast(layer)

    @property
    def outlined(self) -> bool:
        """True while masks are shown as outlines."""
        return self._outlined

    def switch(self) -> None:
        """From filled to outlines or back, for all masks of the viewer."""
        self._outlined = not self._outlined
        for layer in self._masks():
            if self._outlined:
                self._outline(layer)
            else:
                self._fill(layer)

    def remove(self) -> None:
        """Stop following; every mask that was switched here is filled again."""
        self._events.close()
        self._fit_soon.cancel()
        for layer in self._masks():
            if self._is_ours(layer):
                self._fill(layer)
            _draw_as_before(layer)

    def _masks(self) -> list[Labels]:
        return [layer for layer in self._viewer.layers if isinstance(layer, Labels)]

    def _is_ours(self, layer: Labels) -> bool:
        """Whether the layer's outline, or that it has none in 3D, is as it was made here."""
        return layer in self._opacity and layer.contour == self._set.get(layer)

    def _outline(self, layer: Labels) -> None:
        self._set[layer] = self._thickness(layer)
        if layer.contour != self._set[layer]:
            layer.contour = self._set[layer]
        if layer not in self._opacity:
            self._opacity[layer] = layer.opacity
            layer.opacity = 1.0

    def _fill(self, layer: Labels) -> None:
        layer.contour = 0
        layer.opacity = self._opacity.pop(layer, layer.opacity)

    def _thickness(self, layer: Labels) -> int:
        """In pixels of the mask, for SCREEN_PIXELS on the screen; 0 in 3D."""
        if self._viewer.dims.ndisplay == 3:
            return 0
        one_pixel = max(np.hypot(*step_on_canvas(self._viewer, layer, axis)) for axis in range(layer.ndim))
        on_screen = one_pixel * self._viewer.scene.camera.zoom
        return int(np.clip(round(SCREEN_PIXELS / max(on_screen, 1e-6)), 1, THICKEST))

    def _on_zoom(self) -> None:
        if self._outlined:
            self._fit_soon()

    def _fit_thickness(self, _event: Any = None) -> None:
        for layer in self._masks():
            if self._is_ours(layer):
                self._outline(layer)

    def _on_inserted(self, event: Any) -> None:
        if isinstance(event.value, Labels):
            _draw_fast(event.value)
            if self._outlined:
                self._outline(event.value)
            elif self._is_ours(event.value):  # it was away while masks were filled again
                self._fill(event.value)

    def _on_removed(self, event: Any) -> None:
        if isinstance(event.value, Labels):
            _draw_as_before(event.value)


# napari takes 0.1 to 0.4 s for the contours of a 2048×2048 mask, at every refresh: far too long for a
# threshold that follows a slider. The method that does it is private; a napari without it goes its own way.
_SLOW = "_calculate_contour"


def _draw_fast(layer: Labels) -> None:
    if hasattr(type(layer), _SLOW):
        setattr(layer, _SLOW, MethodType(_contour, layer))


def _draw_as_before(layer: Labels) -> None:
    vars(layer).pop(_SLOW, None)


def _contour(layer: Labels, labels: np.ndarray, data_slice: tuple[slice, ...]) -> np.ndarray | None:
    """What napari's method gives: the outlines within `data_slice`, or None if there are none to draw."""
    if layer.contour < 1 or labels.ndim != 2:
        return None
    around = tuple(
        slice(max(0, part.start - layer.contour), part.stop + layer.contour) for part in data_slice
    )
    inner = tuple(
        slice(part.start - wide.start, part.stop - wide.start)
        for part, wide in zip(data_slice, around, strict=True)
    )
    return outline(labels[around], layer.contour, layer.colormap.background_value)[inner]
