"""A case of the comparison on the canvas: its image with the contours of the old and of the new model."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from html import escape
from typing import Any
from weakref import WeakSet

import numpy as np
from napari.layers import Image, Labels, Layer
from qtpy.QtCore import QObject, Signal

from napari_unet.core import palette
from napari_unet.core.errors import UserError
from napari_unet.core.outline import outline
from napari_unet.core.training_pair import TrainingPair
from napari_unet.training.compared import ComparedCase
from napari_unet.widgets.common.colours import LabelColour, mask_colormap
from napari_unet.widgets.common.jobs import Job, run_in_thread
from napari_unet.widgets.common.sources import MAP
from napari_unet.widgets.finetune.preview import Picture, picture_of, place_on_canvas
from napari_unet.widgets.napari_compat.scene import added_unselected
from napari_unet.widgets.session import Session

OLD = LabelColour(1, "current model", palette.VERMILLION)
NEW = LabelColour(2, "new model", palette.SKY_BLUE)
_SHARE = 250  # of the longer side: how many times a contour's thickness goes into it


def legend(name: str, old: str, new: str) -> str:
    """Whose contour has which colour, as simple HTML. name : of the case on the canvas, "" for none."""
    entries = ((OLD, old, "current"), (NEW, new, "new"))
    lines = (
        f"<span style='color: {colour.colour}'>■</span> {word} model, {escape(model)}"
        for colour, model, word in entries
    )
    first = f"On the canvas: <b>{escape(name)}</b>" if name else "Click on a case to see both contours:"
    return "<br>".join((first, *lines))  # as many lines with and without a case: what is below stays put


@dataclass(frozen=True)
class _Drawn:
    picture: Picture
    old: np.ndarray
    new: np.ndarray


class ContourView(QObject):
    """Shows one case at a time; `hide` makes the canvas what it was: layers, the open case, the camera.

    shown : the name of a case that is on the canvas now. left : it is there no more. failed : a UserError.
    """

    shown = Signal(str)
    left = Signal()
    failed = Signal(object)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._viewer = session.viewer
        self._casework = session.casework
        self._layers: list[Layer] = []
        self._hidden: WeakSet[Layer] = WeakSet()
        self._job: Job | None = None
        self._before: tuple[tuple[float, ...], float, Any] | None = None  # camera, and the active layer
        self._left = ""  # the case that was open
        self._casework.case_opened.connect(self._on_case_opened)

    def close_down(self) -> None:
        """Release the viewer."""
        self._casework.case_opened.disconnect(self._on_case_opened)
        self.hide()

    def show(self, compared: ComparedCase, pair: TrainingPair | None, name: str) -> None:
        """Read and draw it in a thread, then put it on the canvas. pair : None for an image in `compared`."""
        job = self._job = run_in_thread(lambda: _drawn(compared, pair))
        job.succeeded.connect(lambda drawn: self._on_drawn(job, drawn, name))
        job.failed.connect(lambda error: self._on_failed(job, error))

    def hide(self) -> None:
        """The canvas is as it was before the first case was shown."""
        self._job = None
        if self._before is None:
            return
        self._take_away()
        center, zoom, active = self._before
        self._before = None
        for layer in list(self._hidden):
            if layer in self._viewer.layers:
                layer.visible = True
        self._hidden.clear()
        id, self._left = self._left, ""
        if id and self._casework.current is None:
            self._casework.navigator.open_case(id)
        else:
            with suppress(RuntimeError):  # a window that closes
                self._viewer.scene.camera.center, self._viewer.scene.camera.zoom = center, zoom
            if active in self._viewer.layers:
                self._viewer.layers.selection.active = active
        self.left.emit()

    def layers(self) -> tuple[Layer, ...]:
        """What is on the canvas now."""
        return tuple(self._layers)

    def _on_drawn(self, job: Job, drawn: _Drawn, name: str) -> None:
        if job is not self._job:
            return
        self._job = None
        viewer = self._viewer
        if self._before is None:
            camera = viewer.scene.camera
            self._before = (tuple(camera.center), camera.zoom, viewer.layers.selection.active)
            if self._casework.current is not None:
                self._left = self._casework.current.id
                self._casework.opener.leave()
        self._take_away()
        place = place_on_canvas(viewer, drawn.picture.pixels.shape)
        was_empty = not viewer.layers
        for layer in viewer.layers:
            if layer.visible:
                self._hidden.add(layer)
                layer.visible = False
        marked: dict[str, Any] = {"metadata": {MAP: "preview"}, **place}
        picture = drawn.picture
        made: list[Layer] = [
            Image(
                picture.pixels,
                name=name,
                contrast_limits=picture.limits,
                colormap=picture.colormap,
                **marked,
            )
        ]
        for colour, labels in ((OLD, drawn.old), (NEW, drawn.new)):
            colours = mask_colormap((colour,))
            contour = Labels(labels, name=f"{name} – {colour.name}", opacity=1.0, colormap=colours, **marked)
            contour.editable = False
            made.append(contour)
        with added_unselected(viewer):
            for layer in made:
                viewer.add_layer(layer)
        self._layers = made
        if was_empty:
            viewer.reset_view()
        self.shown.emit(name)

    def _on_failed(self, job: Job, error: UserError) -> None:
        if job is self._job:
            self._job = None
            self.failed.emit(error)

    def _on_case_opened(self, _case: object) -> None:
        """Who paints and decides sees what it is about: the contours make room, and the case stays."""
        self._left = ""
        self.hide()

    def _take_away(self) -> None:
        layers, self._layers = self._layers, []
        for layer in layers:
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)


def _drawn(compared: ComparedCase, pair: TrainingPair | None) -> _Drawn:
    old, new = compared.masks()
    if pair is None:
        image = np.zeros(compared.shape, np.uint8) if compared.image is None else compared.image
        picture = Picture(image, (0.0, 255.0), "gray")
    else:
        picture = picture_of(pair)
    if picture.pixels.shape != compared.shape:
        raise UserError(
            "The image of this case is not the one that was compared.", "Look for it in the review."
        )
    thick = max(1, round(max(compared.shape) / _SHARE))
    both = ((old, OLD), (new, NEW))
    return _Drawn(picture, *(outline(mask.astype(np.uint8) * colour.value, thick) for mask, colour in both))
