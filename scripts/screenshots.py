"""Takes the pictures of the README and the docs in a real napari window: `make screenshots`.

Needs a screen of at least 1366×768; the Makefile gives it one under Xvfb. Settings and models of whoever runs
it are left out, so that the pictures show what a new user sees.
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["NAPARI_UNET_MODELS"] = tempfile.mkdtemp(prefix="no-models-")
os.environ["NAPARI_CONFIG"] = ""  # napari's settings stay in memory

import napari
from napari._qt.dialogs.qt_notification import NapariQtNotification
from napari.layers import Labels
from PIL import Image
from qtpy.QtCore import QBuffer, QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QDockWidget

from napari_unet.samples import SAMPLES
from napari_unet.widgets.viewing.keys import OUTLINE, RESET

_PLUGIN = "napari-unet-lung"
_SCREEN = (1366, 768)
_PATIENCE_S = 180.0
_LARGEST = 400_000  # bytes; pictures on a web page should not be slow


class Desk:
    """A napari window with the Segment dock, and hands that use it."""

    def __init__(self, sample: str, folder: Path) -> None:
        self._folder = folder
        self.viewer = napari.Viewer(title="napari")
        window = self.viewer.window._qt_window
        window.setGeometry(0, 0, *_SCREEN)
        self.viewer.open_sample(_PLUGIN, sample)
        dock, self.dock = self.viewer.window.add_plugin_dock_widget(_PLUGIN, "Segment")
        window.resizeDocks([dock], [360], Qt.Orientation.Horizontal)
        self.canvas = self.viewer.window._qt_viewer.canvas.native
        self.wait(1.5)
        for toast in window.findChildren(NapariQtNotification):
            toast.close()  # napari's own news
        self.viewer.reset_view()

    def wait(self, seconds: float) -> None:
        """Let the window live for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            QApplication.processEvents()
            time.sleep(0.01)

    def wait_until(self, happened: Callable[[], Any], what: str) -> None:
        """Raises SystemExit if it does not happen."""
        end = time.monotonic() + _PATIENCE_S
        while not happened():
            if time.monotonic() > end:
                raise SystemExit(f"After {_PATIENCE_S:.0f} seconds there was no {what}.")
            self.wait(0.05)

    def segment(self) -> Labels:
        """Presses Segment and waits for the mask and its numbers."""
        QTest.mouseClick(self.dock.run, Qt.MouseButton.LeftButton)
        self.wait_until(lambda: self.dock.result.picker.layer() is not None, "mask")
        self.wait(1.5)
        return self.dock.result.picker.layer()

    def press(self, letter: str) -> None:
        """A key, while the canvas has the focus."""
        QTest.keyClick(self.canvas, getattr(Qt.Key, f"Key_{letter}"))
        self.wait(0.5)

    def right_drag(self, right: int, down: int) -> None:
        """Window and level; QTest's own moves forget which button is down."""
        button, none = Qt.MouseButton.RightButton, Qt.KeyboardModifier.NoModifier
        start = QPoint(self.canvas.width() // 2, self.canvas.height() // 2)
        QTest.mousePress(self.canvas, button, none, start)
        for step in range(1, 11):
            here = start + QPoint(right * step // 10, down * step // 10)
            place, screen = QPointF(here), QPointF(self.canvas.mapToGlobal(here))
            kind, no_button = QEvent.Type.MouseMove, Qt.MouseButton.NoButton
            QApplication.sendEvent(self.canvas, QMouseEvent(kind, place, screen, no_button, button, none))
            self.wait(0.03)
        QTest.mouseRelease(self.canvas, button, none, here)
        self.wait(0.5)

    def picture(self, name: str) -> None:
        """The whole window as `<name>.png`, in as many colours as fit into the size that is allowed."""
        self.wait(1.0)
        buffer = QBuffer()
        buffer.open(QBuffer.OpenModeFlag.WriteOnly)
        QApplication.primaryScreen().grabWindow(0).save(buffer, "PNG")
        shot = Image.open(io.BytesIO(bytes(buffer.data()))).convert("RGB")
        path = self._folder / f"{name}.png"
        for colours in (None, 256, 128, 64):
            fewer = shot if colours is None else shot.quantize(colours, Image.Quantize.MEDIANCUT)
            fewer.save(path, optimize=True)
            if path.stat().st_size < _LARGEST:
                break
        print(f"{path}: {path.stat().st_size // 1000} kB")

    def close(self) -> None:
        """Ends the engine too."""
        for dock in self.viewer.window._qt_window.findChildren(QDockWidget):
            dock.close()
        self.viewer.close()


def main() -> None:
    """All pictures, one after the other, in one window."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("docs/images"))
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    desk = Desk(SAMPLES[1].key, folder)
    mask = desk.segment()
    desk.picture("segment")

    desk.press(OUTLINE)
    desk.dock.result.left_right.click()
    desk.right_drag(-desk.canvas.width() // 3, -desk.canvas.height() // 24)
    desk.picture("outline")

    desk.press(RESET)
    desk.press(OUTLINE)
    desk.dock.result.left_right.click()
    desk.wait(1.0)
    slider = desk.dock.result.threshold.slider
    settled = slider.value()
    slider.setSliderDown(True)
    slider.setValue(5)
    desk.picture("threshold")

    slider.setValue(settled)
    slider.setSliderDown(False)
    desk.wait(2.5)
    desk.dock.result.uncertainty.click()
    mask.visible = False
    desk.picture("uncertainty")
    desk.close()


if __name__ == "__main__":
    main()
