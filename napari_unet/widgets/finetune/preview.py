"""A held-out case on the canvas, and its mask as the model in training sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer

from napari_unet.core.events import Preview
from napari_unet.core.raster import Raster
from napari_unet.core.training_pair import TrainingPair
from napari_unet.core.window import display_window
from napari_unet.io.formats import read_raster
from napari_unet.training.compared import middle, shown_pixels
from napari_unet.widgets.common.colours import mask_colormap
from napari_unet.widgets.common.jobs import Job, run_in_thread
from napari_unet.widgets.common.sources import MAP
from napari_unet.widgets.napari_compat.scene import added_unselected

_OPACITY = 0.4
_HALF = 128  # of the 8 bits of a probability


class PreviewLayers:
    """Two layers above all others, as high as what is on the canvas; what is painted on stays active."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._case = ""
        self._image: Image | None = None
        self._mask: Labels | None = None
        self._reading: Job | None = None
        self._preview: Preview | None = None
        self._name = ""

    def show(self, pair: TrainingPair, name: str, preview: Preview) -> None:
        """Show a case, or how its mask goes on; another case takes the place of the one before."""
        self._preview, self._name = preview, name
        if pair.id != self._case:
            self.remove()
            self._case, self._preview = pair.id, preview
            job = self._reading = run_in_thread(lambda: picture_of(pair))
            job.succeeded.connect(lambda picture: self._on_read(job, picture))
            job.failed.connect(lambda error: None)  # the training itself reports an image it cannot read
        elif self._mask is not None and self._mask in self._viewer.layers:
            self._mask.data = _labels(preview)
            self._mask.name = self._title(preview)

    def remove(self) -> None:
        """Take the layers away."""
        self._case, self._reading = "", None
        for layer in (self._mask, self._image):
            if layer is not None and layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        self._image = self._mask = None

    def layers(self) -> tuple[Layer, ...]:
        """The layers that are shown now."""
        return tuple(layer for layer in (self._image, self._mask) if layer is not None)

    def _on_read(self, job: Job, picture: Picture) -> None:
        if self._reading is not job or self._preview is None:
            return
        self._reading = None
        labels = _labels(self._preview)
        viewer = self._viewer
        was_empty, active = not viewer.layers, viewer.layers.selection.active
        place = place_on_canvas(viewer, picture.pixels.shape)
        marked: dict[str, Any] = {"metadata": {MAP: "preview"}, "units": place.pop("units")}
        fit = np.array(picture.pixels.shape) / labels.shape  # the mask is of the size that the model sees
        image = Image(
            picture.pixels,
            name=f"Held-out {self._name}",
            contrast_limits=picture.limits,
            colormap=picture.colormap,
            **place,
            **marked,
        )
        mask = Labels(
            labels,
            name=self._title(self._preview),
            opacity=_OPACITY,
            colormap=mask_colormap(),
            scale=place["scale"] * fit,
            translate=place["translate"] + place["scale"] * (fit - 1) / 2,
            **marked,
        )
        mask.editable = False
        self._image, self._mask = image, mask
        with added_unselected(viewer):
            viewer.add_layer(image)
            viewer.add_layer(mask)
        viewer.layers.selection.active = active
        if was_empty:
            viewer.reset_view()

    def _title(self, preview: Preview) -> str:
        return f"Held-out {self._name} – step {preview.step}"


def _labels(preview: Preview) -> np.ndarray:
    return (preview.probability >= _HALF).astype(np.uint8)


@dataclass(frozen=True)
class Picture:
    """A plane to be shown: its grey values, and those that are black and white."""

    pixels: np.ndarray
    limits: tuple[float, float]
    colormap: str


def picture_of(pair: TrainingPair) -> Picture:
    """The image of a pair, of a stack the slice in its middle that counts; 2D, and not very large."""
    raster = pair.image if isinstance(pair.image, Raster) else read_raster(pair.image)
    pixels = raster.pixels
    if pixels.ndim == 3 and pair.slices:
        pixels = pixels[list(pair.slices)]
    pixels = shown_pixels(middle(pixels))
    window = display_window(raster)
    return Picture(pixels, (window.low, window.high), "gray_r" if raster.inverted else "gray")


def place_on_canvas(viewer: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    """Scale, translation and units by which a picture covers what is on the canvas, as large as fits in."""
    if not viewer.layers:
        return {"scale": np.ones(2), "translate": np.zeros(2), "units": ("pixel", "pixel")}
    extent = viewer.layers.extent
    step = np.asarray(extent.step)[-2:]
    corner, far = np.asarray(extent.world)[:, -2:] + np.array([-0.5, 0.5])[:, None] * step
    scale = float(np.min((far - corner) / np.array(shape)))
    return {
        "scale": np.full(2, scale),
        "translate": corner + scale / 2,
        "units": viewer.layers[0].units[-2:],
    }
