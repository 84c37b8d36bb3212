"""Tools for the mouse on a mask: smart brush, push the border, lasso."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import Signal

from napari_unet.core.change import Change
from napari_unet.core.correct import seed_at, smart_disc
from napari_unet.core.lung_labels import no_change
from napari_unet.core.palette import YELLOW
from napari_unet.widgets.correct.canvas_tool import CanvasTool
from napari_unet.widgets.correct.edits import put
from napari_unet.widgets.correct.target import Plane, Target
from napari_unet.widgets.napari_compat.history import one_step

_AT_ONCE = 16  # touches of the brush per movement of the mouse at most
_SKETCH_ALPHA = 0.6


class SmartBrush(CanvasTool):
    """Paints what looks like the place where the stroke began; Shift erases it. Shows what it would paint."""

    cursor = "circle"

    def __init__(self, target: Target, viewer: Any, tolerance: Callable[[], float]) -> None:
        """tolerance : 0..1, see core.brush."""
        super().__init__(target, viewer)
        self._tolerance = tolerance
        self._history: AbstractContextManager[None] | None = None
        self._at = np.zeros(2)
        self._seed = 0.0
        self._label = 0

    def _begin(self, plane: Plane, at: np.ndarray, shift: bool) -> bool:
        if plane.image is None:
            return False
        self._label = 0 if shift else int(plane.layer.selected_label)
        self._seed = seed_at(plane.image, tuple(at))
        self._history = one_step(plane.layer)
        self._history.__enter__()
        self._paint(plane, [at])
        self._at = at
        return True

    def _move(self, plane: Plane, at: np.ndarray) -> None:
        way = at - self._at
        length = float(np.hypot(*way))
        step = max(1.0, plane.layer.brush_size / 4, length / _AT_ONCE)
        count = max(1, round(length / step))
        self._paint(plane, [self._at + way * k / count for k in range(1, count + 1)])
        self._at = at

    def _release(self, plane: Plane) -> None:
        pass

    def _end_stroke(self) -> None:
        history, self._history = self._history, None
        if history is not None:
            history.__exit__(None, None, None)
            if self._layer is not None:
                self._layer.refresh(extent=False)  # for the thumbnail

    def _hover(self, plane: Plane, at: np.ndarray, shift: bool) -> None:
        label = 0 if shift else int(plane.layer.selected_label)
        change = self._touch(plane, plane.labels(), at, label, None)
        if not len(change):
            self._sketch.clear_patch()
            return
        rows, columns = change.indices()
        corner = (int(rows.min()), int(columns.min()))
        pixels = np.zeros((int(rows.max()) - corner[0] + 1, int(columns.max()) - corner[1] + 1), bool)
        pixels[rows - corner[0], columns - corner[1]] = True
        self._sketch.patch(plane.layer, corner, pixels, _sketch_colour(plane.layer, label))

    def _paint(self, plane: Plane, places: list[np.ndarray]) -> None:
        labels = plane.labels()
        touched = [self._touch(plane, labels, at, self._label, self._seed) for at in places]
        flat = np.unique(np.concatenate([change.flat for change in touched]))
        put(plane.layer, plane.lead, Change(labels.shape, flat, np.full(len(flat), self._label, np.uint8)))

    def _touch(
        self, plane: Plane, labels: np.ndarray, at: np.ndarray, label: int, seed: float | None
    ) -> Change:
        if plane.image is None:
            return no_change(labels)
        radius = max(0.5, plane.layer.brush_size / 2)
        where = (float(at[0]), float(at[1]))
        return smart_disc(
            plane.image,
            plane.probability_of_one(),
            labels,
            where,
            radius,
            label,
            self._tolerance(),
            seed,
            plane.threshold,
        )


class FreeLine(CanvasTool):
    """Draws a line, and emits it at the end. drawn : (Plane, points (N, 2), whether Shift was held)."""

    drawn = Signal(object, object, bool)

    def __init__(self, target: Target, viewer: Any, closed: bool) -> None:
        """closed : a lasso; otherwise a scribble."""
        super().__init__(target, viewer)
        self._closed = closed
        self._points: list[np.ndarray] = []
        self._shift = False

    def keep(self, plane: Plane, points: np.ndarray) -> None:
        """Go on showing a finished line, until the next one or `clear`."""
        self._sketch.line(plane.layer, points, YELLOW, self._closed)

    def clear(self) -> None:
        """Show no line."""
        self._sketch.clear()

    def _begin(self, plane: Plane, at: np.ndarray, shift: bool) -> bool:
        self._points, self._shift = [at], shift
        return True

    def _move(self, plane: Plane, at: np.ndarray) -> None:
        self._points.append(at)
        self._sketch.line(plane.layer, np.array(self._points), YELLOW, False)

    def _release(self, plane: Plane) -> None:
        self._sketch.clear()
        self.drawn.emit(plane, np.array(self._points), self._shift)


def _sketch_colour(layer: Labels, label: int) -> np.ndarray:
    """Of what would be painted with `label`: brighter than the mask, so that it can be distinguished."""
    if label == 0:
        return np.array([1.0, 0.25, 0.2, _SKETCH_ALPHA])
    colour = np.array(layer.get_color(label), float)
    colour[:3] = 0.5 + 0.5 * colour[:3]
    colour[3] = _SKETCH_ALPHA
    return colour
