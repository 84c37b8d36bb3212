"""A box to choose a layer in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.layers import Layer
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QStylePainter


class LayerPicker(QComboBox):
    """A box to choose a layer in. It holds the layer, not its name.

    Renaming does not change the choice, removal makes it none. It follows the layer that is active in the
    list, if that is one it accepts; the first acceptable layer is chosen by itself.
    """

    chosen = Signal(object)

    def __init__(self, viewer: Any, accepts: Callable[[Layer], bool], nothing: str) -> None:
        """accepts : which layers are offered. nothing : shown while no layer is chosen."""
        super().__init__()
        self._layer_list = viewer.layers
        self._accepts = accepts
        self._offered: list[Layer] = []
        self._layer: Layer | None = None
        self.setPlaceholderText(nothing)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(8)
        events = self._layer_list.events
        events.inserted.connect(self._on_inserted)
        events.removed.connect(self._on_removed)
        events.reordered.connect(self.refresh)
        self._layer_list.selection.events.active.connect(self._on_active)
        self.activated.connect(self._on_activated)
        for layer in self._layer_list:
            layer.events.name.connect(self.refresh)
        active = self._layer_list.selection.active
        candidates = [layer for layer in self._layer_list if accepts(layer)]
        self._layer = active if active in candidates else next(reversed(candidates), None)
        self.refresh()

    def layer(self) -> Layer | None:
        """The chosen layer."""
        return self._layer

    def choose(self, layer: Layer | None) -> None:
        """Choose `layer`; one that is not offered counts as none."""
        offered = layer is not None and layer in self._layer_list and self._accepts(layer)
        self._set(layer if offered else None)

    def refresh(self) -> None:
        """Offer what is in the layer list now, the topmost layer first; a choice that is gone is cleared."""
        self._offered = [layer for layer in reversed(self._layer_list) if self._accepts(layer)]
        lost = self._layer is not None and self._layer not in self._offered
        if lost:
            self._layer = None
        self.clear()
        self.addItems([layer.name for layer in self._offered])
        self.setCurrentIndex(-1 if self._layer is None else self._offered.index(self._layer))
        self.setToolTip("" if self._layer is None else self._layer.name)
        if lost:
            self.chosen.emit(None)

    def disconnect_layers(self) -> None:
        """Release the viewer's layers; the box is of no more use."""
        events = self._layer_list.events
        events.inserted.disconnect(self._on_inserted)
        events.removed.disconnect(self._on_removed)
        events.reordered.disconnect(self.refresh)
        self._layer_list.selection.events.active.disconnect(self._on_active)
        for layer in self._layer_list:
            layer.events.name.disconnect(self.refresh)
        self._offered, self._layer = [], None

    def paintEvent(self, event: Any) -> None:
        """Draw the box with a long name shortened in its middle: beginning and model stay readable."""
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        field = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, self
        )
        text = option.currentText or self.placeholderText()
        option.currentText = self.fontMetrics().elidedText(
            text, Qt.TextElideMode.ElideMiddle, field.width() - 6
        )
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def _on_inserted(self, event: Any) -> None:
        event.value.events.name.connect(self.refresh)
        if self._layer is None and self._accepts(event.value):
            self._set(event.value)
        else:
            self.refresh()

    def _on_removed(self, event: Any) -> None:
        event.value.events.name.disconnect(self.refresh)
        if event.value is self._layer:
            self._set(None)
        else:
            self.refresh()

    def _on_active(self, event: Any) -> None:
        if event.value is not None and self._accepts(event.value):
            self._set(event.value)

    def _on_activated(self, row: int) -> None:
        layer = self._offered[row]
        self._layer_list.selection.active = layer  # what is chosen is what keys and mouse change
        self._set(layer)

    def _set(self, layer: Layer | None) -> None:
        changed = layer is not self._layer
        self._layer = layer
        self.refresh()
        if changed:
            self.chosen.emit(layer)
