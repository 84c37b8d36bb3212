"""Answers as layers: each in its place over the image, replaced by the next one, gone with the dock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer, Shapes

from napari_unet.core.inside import AlteredMask, FeatureMaps, Place, ReceptiveField, WindowsDone
from napari_unet.core.label_set import LabelSet
from napari_unet.core.network_facts import stage_words
from napari_unet.core.palette import VERMILLION
from napari_unet.widgets.common.colours import legend_of, mask_colormap
from napari_unet.widgets.common.layers import lies_over
from napari_unet.widgets.common.sources import MAP

MAPS, MASK, BEFORE, FIELD, BOX, WINDOWS, BESIDE, PICTURE = (
    "Feature maps",
    "Mask of the altered network",
    "Mask before",
    "Measured receptive field",
    "Receptive field",
    "Windows done",
    "U-Net, done",
    "Picture",
)
_OPACITY = 0.45
_ITSELF = Place((0.0, 0.0), (1.0, 1.0))  # the image's own pixels


def affine_of(layer: Layer) -> np.ndarray:
    """From the layer's pixels to the world, with all its transforms: (n + 1, n + 1)."""
    origin = np.asarray(layer.data_to_world(np.zeros(layer.ndim)))
    steps = [np.asarray(layer.data_to_world(axis)) - origin for axis in np.eye(layer.ndim)]
    matrix = np.eye(layer.ndim + 1)
    matrix[:-1, :-1] = np.stack(steps, axis=1)
    matrix[:-1, -1] = origin
    return matrix


def placed(layer: Layer, index: tuple[int, ...], place: Place, more: int = 0) -> np.ndarray:
    """Where maps go: an affine for arrays of `more` axes, then the layer's own, at slice `index`.

    place : of the last two axes, in pixels of the layer.
    """
    inner = np.eye(layer.ndim + 1)
    for axis, at in enumerate(index):
        inner[axis, -1] = at
    for axis in (0, 1):
        inner[layer.ndim - 2 + axis, layer.ndim - 2 + axis] = place.step[axis]
        inner[layer.ndim - 2 + axis, -1] = place.origin[axis]
    whole = np.eye(layer.ndim + more + 1)
    whole[more:, more:] = affine_of(layer) @ inner
    return whole


class Shown:
    """The layers of the dock in one viewer. None of them can be corrected, or be taken for an image."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._layers: dict[str, Layer] = {}
        self._hidden: list[Layer] = []
        self._active: Layer | None = None  # before a picture hid it

    def layer(self, name: str) -> Layer | None:
        """The layer of that kind, if it is in the viewer."""
        found = self._layers.get(name)
        return found if found is not None and found in self._viewer.layers else None

    def maps(self, image: Image, index: tuple[int, ...], found: FeatureMaps) -> None:
        """Feature maps as a stack over the image; the slider in front goes from map to map."""
        stack = found.maps.reshape(len(found.maps), *(1,) * len(index), *found.maps.shape[1:])
        affine = placed(image, index, found.place, more=1)
        name = f"{MAPS}: {stage_words(found.stage)}"
        if not self._renew(MAPS, stack, affine, name):
            self._replace(
                MAPS,
                Image(
                    stack,
                    name=name,
                    affine=affine,
                    units=("pixel", *image.units),
                    axis_labels=("map", *image.axis_labels),
                    contrast_limits=(0, 255),
                    colormap="viridis",
                    interpolation2d="nearest",
                    opacity=0.75,
                    metadata={MAP: "map"},
                ),
                image,
            )
        self._viewer.dims.set_point(0, 0)

    def only(self, *names: str) -> None:
        """Of our layers those of these kinds are seen; the others stay, hidden, in the list of layers."""
        for name in tuple(self._layers):
            layer = self.layer(name)
            if layer is not None:
                _see(layer, name in names)

    def map_in_view(self) -> int | None:
        """Which of the maps of the stack is seen; None if there is no stack."""
        if self.layer(MAPS) is None:
            return None
        return round(float(self._viewer.dims.point[0]))

    def mask(self, image: Image, index: tuple[int, ...], found: AlteredMask, labels: LabelSet) -> None:
        """The mask of the altered network, and the outline of that before."""
        colours = mask_colormap(legend_of(labels))
        self._labels(BEFORE, image, index, found.unaltered, contour=3, colours=colours)
        self._labels(MASK, image, index, found.labels, colours=colours)

    def beside(self, image: Image, index: tuple[int, ...], labels: np.ndarray) -> None:
        """The outline of a mask (Y, X) that was done at once, beside the sliding window."""
        self._labels(BESIDE, image, index, labels, contour=3)

    def field(self, image: Image, index: tuple[int, ...], found: ReceptiveField) -> None:
        """A receptive field: the frame of the theoretical one, and how strong the measured one is."""
        affine = placed(image, index, found.place)
        measured = _at(found.measured, index)
        if not self._renew(FIELD, measured, affine, FIELD):
            self._replace(
                FIELD,
                Image(
                    measured,
                    name=FIELD,
                    affine=affine,
                    units=image.units,
                    contrast_limits=(0, 128),
                    colormap="magma",
                    blending="additive",
                    metadata={MAP: "map"},
                ),
                image,
            )
        top, bottom, left, right = found.box
        corners = [(top, left), (top, right), (bottom, right), (bottom, left)]
        row, column = found.pixel
        height, width = image.data.shape[-2:]
        arm = max(2.0, min(height, width) / 60)
        lines = [[(row, column - arm), (row, column + arm)], [(row - arm, column), (row + arm, column)]]
        shapes: Any = [_points(index, [(r - 0.5, c - 0.5) for r, c in corners])]
        shapes += [_points(index, line) for line in lines]
        self._replace(
            BOX,
            Shapes(
                shapes,
                shape_type=["polygon", "line", "line"],
                name=BOX,
                affine=affine_of(image),
                units=image.units,
                edge_color=VERMILLION,
                face_color="transparent",
                edge_width=max(1.0, min(height, width) / 200),
            ),
            image,
        )

    def windows(self, image: Image, index: tuple[int, ...], found: WindowsDone) -> None:
        """How far the sliding window has come."""
        self._labels(WINDOWS, image, index, found.labels, place=found.place)

    def picture(self, pixels: np.ndarray, name: str) -> None:
        """A picture alone: all else is hidden until it is taken away."""
        layers = self._viewer.layers
        if self._renew(PICTURE, pixels, None, name):
            self._viewer.reset_view()
            return
        if self.layer(PICTURE) is None:
            self._hidden = [layer for layer in layers if layer.visible]
            self._active = layers.selection.active
        options: Any = {"rgb": True, "interpolation2d": "linear", "metadata": {MAP: "map"}}
        shown = Image(pixels, name=name, **options)
        self._replace(PICTURE, shown, None)  # napari selects it, so that no marks of an image lie over it
        for layer in layers:
            _see(layer, layer is shown)
        self._viewer.reset_view()

    def end_picture(self) -> bool:
        """Take the picture away and show again what it hid; False if there was none."""
        if self.layer(PICTURE) is None:
            return False
        for layer in self._hidden:
            if layer in self._viewer.layers:
                _see(layer, True)
        active, self._hidden, self._active = self._active, [], None
        if active is not None and active in self._viewer.layers:
            self._viewer.layers.selection.active = active  # first: the window follows each choice
        self.take_away(PICTURE)
        self._viewer.reset_view()
        return True

    def take_away(self, *names: str) -> None:
        """Remove layers of these kinds; all of them if none is named."""
        for name in names or tuple(self._layers):
            layer = self._layers.pop(name, None)
            if layer is not None and layer in self._viewer.layers:
                self._viewer.layers.remove(layer)

    def _labels(
        self,
        name: str,
        image: Image,
        index: tuple[int, ...],
        values: np.ndarray,
        *,
        place: Place = _ITSELF,
        contour: int = 0,
        colours: Any = None,
    ) -> None:
        """Labels (y, x) in their place. contour : width of outlines; 0 fills."""
        affine, layer = placed(image, index, place), self.layer(name)
        if isinstance(layer, Labels) and layer.data.shape[-2:] == values.shape:
            layer.data = _at(values, index)
            layer.affine = affine
            return
        made = Labels(
            _at(values, index),
            name=name,
            affine=affine,
            units=image.units,
            opacity=_OPACITY,
            colormap=mask_colormap() if colours is None else colours,
            metadata={MAP: "preview"},
        )
        made.editable = False
        made.contour = contour
        self._replace(name, made, image)

    def _renew(self, name: str, values: np.ndarray, affine: np.ndarray | None, title: str) -> bool:
        """Put other values into the layer that is there: much faster than another layer. False if none is."""
        layer = self.layer(name)
        if not isinstance(layer, Image) or np.ndim(layer.data) != values.ndim:
            return False
        layer.data = values
        if affine is not None:
            layer.affine = affine
        layer.name = title
        return True

    def _replace(self, name: str, layer: Layer, image: Image | None) -> None:
        active = self._viewer.layers.selection.active
        self.take_away(name)
        self._layers[name] = layer
        if image is not None:
            lies_over(layer, image)
        self._viewer.add_layer(layer)
        if image is not None and active is not None and active in self._viewer.layers:
            self._viewer.layers.selection.active = active


def _see(layer: Layer, seen: bool) -> None:
    """Show or hide a layer; napari would draw it again where nothing changes."""
    if layer.visible != seen:
        layer.visible = seen


def _at(values: np.ndarray, index: tuple[int, ...]) -> np.ndarray:
    """An array (y, x) with an axis of length 1 for each of the slice's."""
    return np.ascontiguousarray(values).reshape((1,) * len(index) + values.shape)


def _points(index: tuple[int, ...], places: Sequence[tuple[float, float]]) -> np.ndarray:
    return np.array([(*index, row, column) for row, column in places], float)
