"""The live threshold: a slider, and a preview that is a layer of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import QDoubleSpinBox, QHBoxLayout, QSlider, QWidget

from napari_unet.core.errors import UserError
from napari_unet.core.masks import threshold_mask
from napari_unet.widgets.common.colours import mask_colormap
from napari_unet.widgets.common.layers import placement, slice_in_view
from napari_unet.widgets.common.results import MaskResult
from napari_unet.widgets.common.sources import MAP

_STEPS = 100
_NUMBER = 56  # pixels
_SETTLED_MS = 400  # after a key or the wheel, which have no release
_FINEST = 2048  # pixels per side; the preview of a larger image skips some


class ThresholdSlider(QWidget):
    """A slider and a box with the same number. moved : it changes. settled : it was released."""

    moved = Signal(float)
    settled = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.setToolTip(
            "How sure the model must be to call a pixel lung. Lower: larger mask; higher: smaller mask."
        )
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(1, _STEPS - 1)
        self.slider.setPageStep(_STEPS // 10)
        self.box = QDoubleSpinBox()
        self.box.setRange(1 / _STEPS, 1 - 1 / _STEPS)
        self.box.setSingleStep(1 / _STEPS)
        self.box.setKeyboardTracking(False)
        self.box.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
        self.box.setMaximumWidth(_NUMBER)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SETTLED_MS)
        self._timer.timeout.connect(self._settle)
        self.slider.valueChanged.connect(self._on_changed)
        self.slider.sliderReleased.connect(self._on_released)
        self.box.valueChanged.connect(lambda value: self.slider.setValue(round(value * _STEPS)))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.slider, stretch=1)
        row.addWidget(self.box)

    def value(self) -> float:
        """The threshold, 0..1."""
        return self.slider.value() / _STEPS

    def set_value(self, value: float) -> None:
        """Move the slider without telling anybody; not while somebody holds it."""
        if self.slider.isSliderDown() or self._timer.isActive():
            return
        self.slider.blockSignals(True)
        self.slider.setValue(round(value * _STEPS))
        self.slider.blockSignals(False)
        self._show_number()

    def _on_changed(self) -> None:
        self._show_number()
        self.moved.emit(self.value())
        if not self.slider.isSliderDown():
            self._timer.start()

    def _on_released(self) -> None:
        self._timer.stop()
        self._settle()

    def _settle(self) -> None:
        self.settled.emit(self.value())

    def _show_number(self) -> None:
        self.box.blockSignals(True)
        self.box.setValue(self.value())
        self.box.blockSignals(False)


class ThresholdPreview:
    """Shows the raw threshold of one mask in place of it: no parts, holes or smoothing, and no undo."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._mask: Labels | None = None
        self._was_visible = True
        self._layer: Labels | None = None
        self._probability = np.empty((0, 0), np.float32)

    def show(self, mask: Labels, result: MaskResult, threshold: float) -> None:
        """Show `threshold` for the slice in view of the layer `mask`; nothing where no slice is in view."""
        if self._mask is not mask:
            self.hide()
        layer = self._begin(mask, result) if self._layer is None else self._layer
        if layer is None:
            return
        raw = threshold_mask(self._probability, threshold).view(np.uint8)
        layer.data[...] = raw.reshape(layer.data.shape)
        layer.refresh(thumbnail=False, extent=False)

    def hide(self) -> None:
        """Remove the preview and show the mask again."""
        layer, mask, self._layer, self._mask = self._layer, self._mask, None, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)
        if mask is not None:
            mask.visible = self._was_visible

    def _begin(self, mask: Labels, result: MaskResult) -> Labels | None:
        try:
            lead = slice_in_view(self._viewer, mask)
        except UserError:
            return None
        probability = result.probability_at(lead)
        step = max(1, -(-max(probability.shape) // _FINEST))
        self._probability = probability[::step, ::step]
        where = placement(mask, lead)
        where["scale"] = np.asarray(where["scale"]) * ([1] * (mask.ndim - 2) + [step, step])
        layer = self._layer = Labels(
            np.zeros((1,) * (mask.ndim - 2) + self._probability.shape, np.uint8),
            name=f"{mask.name}: threshold",
            colormap=mask_colormap(),
            opacity=mask.opacity,
            metadata={MAP: "preview"},
            **where,
        )
        self._mask, self._was_visible = mask, mask.visible
        chosen = set(self._viewer.layers.selection)
        active = self._viewer.layers.selection.active
        self._viewer.layers.insert(self._viewer.layers.index(mask) + 1, layer)
        self._viewer.layers.selection = chosen
        self._viewer.layers.selection.active = active
        mask.visible = False
        return layer
