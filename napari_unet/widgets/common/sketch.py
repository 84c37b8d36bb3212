"""What is drawn over a mask while a tool is used: a line, or the pixels that a touch would paint.

It is not a layer: nothing comes into the layer list, nothing is saved, nothing can be undone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps.standardize_color import transform_color
from vispy.scene.visuals import Image, Line
from vispy.visuals.transforms import STTransform

from napari_unet.widgets.napari_compat.scene import node_of, texture_step

_ABOVE = 1000  # drawn after the masks
_WIDTH = 2  # of a line, screen pixels


class Sketch:
    """One line and one patch over a mask layer. Positions are (row, column) in pixels of the mask's slice."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._nodes: dict[str, Any] = {}

    def line(self, layer: Labels, points: np.ndarray, colour: str, closed: bool = False) -> None:
        """Show a line through `points` (N, 2), joined to its beginning if `closed`."""
        self._drop("line")
        parent = node_of(self._viewer, layer)
        if parent is None or len(points) < 2:  # a napari that keeps it elsewhere: nothing is drawn
            return
        corners = np.concatenate([points, points[:1]]) if closed else np.asarray(points)
        where = corners[:, ::-1].astype(np.float32)
        line = Line(pos=where, color=transform_color(colour)[0], width=_WIDTH, method="gl", parent=parent)
        self._place("line", line, layer, (0.0, 0.0))

    def patch(self, layer: Labels, corner: tuple[int, int], pixels: np.ndarray, colour: np.ndarray) -> None:
        """Show `pixels` (bool) in `colour` (RGBA, 0..1), with their first one at `corner`."""
        self._drop("patch")
        parent = node_of(self._viewer, layer)
        if parent is None or not pixels.any():
            return
        image = (pixels[..., None] * np.asarray(colour, np.float32)).astype(np.float32)
        patch = Image(image, interpolation="nearest", parent=parent)
        self._place("patch", patch, layer, (-0.5, -0.5), corner)

    def clear(self) -> None:
        """Show nothing."""
        for kind in list(self._nodes):
            self._drop(kind)

    def clear_patch(self) -> None:
        """Show the line only."""
        self._drop("patch")

    def _place(
        self,
        kind: str,
        node: Any,
        layer: Labels,
        shift: tuple[float, float],
        corner: tuple[int, int] = (0, 0),
    ) -> None:
        down, across = texture_step(layer)
        offset = (0.5 + (corner[1] + shift[1]) / across, 0.5 + (corner[0] + shift[0]) / down)
        node.transform = STTransform(scale=(1 / across, 1 / down), translate=offset)
        node.order = _ABOVE
        node.set_gl_state("translucent", depth_test=False)
        self._nodes[kind] = node

    def _drop(self, kind: str) -> None:
        node = self._nodes.pop(kind, None)
        if node is not None:
            node.parent = None
