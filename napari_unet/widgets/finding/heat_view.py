"""The heat map of a finding over its image: as colour, contour or grey, with the zones of the lungs."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image
from napari.utils import Colormap
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QComboBox, QVBoxLayout, QWidget
from superqt import QLabeledSlider

from napari_unet.core.finding_reading import in_words
from napari_unet.core.heat import HEAT_COLOURS, SHOWN_FROM, heat
from napari_unet.core.outline import outline
from napari_unet.core.palette import SKY_BLUE, YELLOW
from napari_unet.core.prediction import Prediction
from napari_unet.widgets.common.forms import Fields, WrappedLabel
from napari_unet.widgets.common.layers import show_map

COLOUR, CONTOUR, GREY, OFF = "Colour", "Contour", "Grey", "Off"
_CLEAR = "#00000000"
_AT = (0.0, SHOWN_FROM - 1e-3, *(value for value, _ in HEAT_COLOURS))
_COLOURS = {
    COLOUR: (_CLEAR, _CLEAR, *(colour for _, colour in HEAT_COLOURS)),
    GREY: (_CLEAR, _CLEAR, "#4c4c4c", "#999999", "#ffffff"),
}


class HeatView(QWidget):
    """What of a prediction is drawn over its image, and how. Layers that the user deletes stay deleted."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self._image: Image | None = None
        self._found: Prediction | None = None
        self._layers: dict[str, Image] = {}
        self.finding = QComboBox()
        self.style_box = QComboBox()
        self.style_box.addItems([COLOUR, CONTOUR, GREY, OFF])
        self.opacity = QLabeledSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(10, 100)
        self.opacity.setValue(50)
        self.zones = QCheckBox("Zones of the lungs")
        self.about = WrappedLabel(name="about_heat")
        fields = Fields()
        fields.add("Heat map of", self.finding)
        fields.add("Show as", self.style_box)
        fields.add("Opacity, %", self.opacity)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(fields)
        column.addWidget(self.zones)
        column.addWidget(self.about)
        self.finding.currentIndexChanged.connect(lambda _: self._draw_heat())
        self.style_box.currentIndexChanged.connect(lambda _: self._draw_heat())
        self.zones.toggled.connect(lambda _: self._draw_zones())
        self.opacity.valueChanged.connect(self._set_opacity)
        self.hide()

    def show_found(self, image: Image, found: Prediction) -> None:
        """Draw what a model found in `image`."""
        self.clear()
        self._image, self._found = image, found
        self.finding.blockSignals(True)
        self.finding.clear()
        for name in found.scores:
            self.finding.addItem(in_words(name), name)
        self.finding.blockSignals(False)
        self.show()
        self._draw_heat()
        self._draw_zones()

    def clear(self) -> None:
        """Take everything away."""
        self._image = self._found = None
        for what in tuple(self._layers):
            self._take_away(what)
        self.about.say("")
        self.hide()

    def _draw_heat(self) -> None:
        self._take_away("heat")
        image, found, finding = self._image, self._found, self.finding.currentData()
        if image is None or found is None or finding is None:
            return
        warm, how = heat(found, finding), self.style_box.currentText()
        shown = bool((warm >= SHOWN_FROM).any())
        self._say_about(found, shown)
        if how == OFF or not shown:
            return
        if how == CONTOUR:
            rim = outline((warm >= SHOWN_FROM).astype(np.uint8), thickness=_thickness(warm.shape))
            values, colours = (rim > 0).astype(np.uint8), _line_colours(YELLOW)
        else:
            values, colours = warm, Colormap(_COLOURS[how], controls=_AT, name=f"heat, {how.lower()}")
        self._add("heat", values, f"{image.name}: heat map, {in_words(finding)}", colours, self._opacity())

    def _draw_zones(self) -> None:
        self._take_away("zones")
        image, found = self._image, self._found
        if image is None or found is None or found.reading is None or not self.zones.isChecked():
            return
        thirds = found.reading.thirds
        wide = _thickness(thirds.labels.shape)
        lines = (outline(thirds.labels, thickness=wide) > 0).astype(np.uint8)
        for row in thirds.lines:
            lines[round(row) : round(row) + wide] = 1
        self._add("zones", lines, f"{image.name}: zones", _line_colours(SKY_BLUE), 1.0)

    def _say_about(self, found: Prediction, shown: bool) -> None:
        if not shown:
            self.about.say(f"The map stays under {100 * SHOWN_FROM:.0f} of 100 everywhere: nothing is drawn.")
            return
        size = "" if found.reading is None else f" {found.reading.cells}"
        self.about.say(
            f"Drawn from {100 * SHOWN_FROM:.0f} of 100 upwards, on the same scale for all images.{size} "
            "Zones are thirds, not lobes."
        )

    def _add(self, what: str, values: np.ndarray, name: str, colours: Colormap, opacity: float) -> None:
        assert self._image is not None
        active = self._viewer.layers.selection.active
        layer = show_map(
            self._viewer,
            values,
            self._image,
            name=name,
            colormap=colours,
            contrast_limits=(0.0, 1.0),
            opacity=opacity,
            blending="translucent_no_depth",
            interpolation2d="nearest",
        )
        self._layers[what] = layer
        if active in self._viewer.layers:
            self._viewer.layers.selection.active = active

    def _take_away(self, what: str) -> None:
        layer = self._layers.pop(what, None)
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)

    def _set_opacity(self) -> None:
        if "heat" in self._layers:
            self._layers["heat"].opacity = self._opacity()

    def _opacity(self) -> float:
        return float(self.opacity.value()) / 100


def _thickness(shape: tuple[int, ...]) -> int:
    return max(1, round(min(shape[-2:]) / 300))


def _line_colours(colour: str) -> Colormap:
    return Colormap((_CLEAR, colour), name=f"lines {colour}")
