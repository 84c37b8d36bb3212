"""The choice of a device in the Segment dock."""

from __future__ import annotations

from collections.abc import Iterable

from qtpy.QtWidgets import QComboBox

from napari_unet.core.device import DeviceInfo

_AUTO = "auto"


class DeviceBox(QComboBox):
    """Automatic, and what can be used here; the data of an item is its name for the engine."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.addItem("Automatic", _AUTO)

    def want(self, name: str) -> None:
        """Choose what the preferences name, before anybody knows whether it is there."""
        if name != _AUTO:
            self.addItem(name, name)
            self.setCurrentIndex(1)

    def offer(self, devices: Iterable[DeviceInfo]) -> None:
        """Offer what can be used here; what is chosen stays, so that its problem is reported."""
        wanted = self.currentData()
        self.clear()
        self.addItem("Automatic", _AUTO)
        for info in devices:
            if info.usable or info.name == wanted:
                self.addItem(info.title, info.name)
        self.setCurrentIndex(max(0, self.findData(wanted)))
