"""A napari window and hands that use it, for the pictures of the docs.

Import it before anything of napari or Qt: settings, models and projects of whoever runs it are ignored, so
that the pictures show what a new user sees.
"""

from __future__ import annotations

import io
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

os.environ["NAPARI_UNET_MODELS"] = tempfile.mkdtemp(prefix="no-models-")
os.environ["XDG_CONFIG_HOME"] = tempfile.mkdtemp(prefix="no-settings-")
os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp(prefix="no-data-")
os.environ["NAPARI_CONFIG"] = ""  # napari's settings stay in memory

import napari
from napari._qt.dialogs.qt_notification import NapariQtNotification
from PIL import Image
from qtpy.QtCore import QBuffer, QEvent, QEventLoop, QPoint, QPointF, Qt, QTimer
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QDockWidget, QWidget

PLUGIN = "napari-unet-lung"
SCREEN = (1366, 768)
_PATIENCE_S = 180.0
_LARGEST = 400_000  # bytes; pictures on a web page should not be slow
_NO_MODIFIER = Qt.KeyboardModifier.NoModifier


class Desk:
    """An empty window of the size of the screen. folder : where its pictures go."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.viewer = napari.Viewer(title="napari")
        self.window = self.viewer.window._qt_window
        self.window.setGeometry(0, 0, *SCREEN)
        self.canvas = self.viewer.window._qt_viewer.canvas.native

    def dock(self, name: str, width: int, *, tabify: bool = False) -> Any:
        """Opens one of our docks; returns its widget."""
        dock, widget = self.viewer.window.add_plugin_dock_widget(PLUGIN, name, tabify=tabify)
        self.wait(0.2)
        self.window.resizeDocks([dock], [width], Qt.Orientation.Horizontal)
        return widget

    def settle(self) -> None:
        """Wait until all is drawn, without napari's own news."""
        self.wait(1.5)
        for toast in self.window.findChildren(NapariQtNotification):
            toast.close()
        self.wait(0.2)

    def wait(self, seconds: float) -> None:
        """Let the window live for a while."""
        loop = QEventLoop()
        QTimer.singleShot(round(1000 * seconds), loop.quit)
        loop.exec()

    def wait_until(self, happened: Callable[[], Any], what: str, patience_s: float = _PATIENCE_S) -> None:
        """Raises SystemExit if it does not happen."""
        end = time.monotonic() + patience_s
        while not happened():
            if time.monotonic() > end:
                raise SystemExit(f"After {patience_s:.0f} seconds there was no {what}.")
            self.wait(0.05)

    def click(self, button: QWidget) -> None:
        """The left button on the middle of a widget."""
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        self.wait(0.1)

    def press(self, letter: str) -> None:
        """A key, while the canvas has the focus."""
        QTest.keyClick(self.canvas, getattr(Qt.Key, f"Key_{letter}"))
        self.wait(0.5)

    def drag(
        self, places: Sequence[QPoint], button: Any = Qt.MouseButton.LeftButton, *, release: bool = True
    ) -> None:
        """Over places of the canvas with a button down; QTest's own moves forget which button that is."""
        QTest.mousePress(self.canvas, button, _NO_MODIFIER, places[0])
        for start, end in pairwise(places):
            for step in range(1, 11):
                self._move(start + (end - start) * step / 10, button)
        if release:
            QTest.mouseRelease(self.canvas, button, _NO_MODIFIER, places[-1])
        self.wait(0.5)

    def hover(self, place: QPoint) -> None:
        """The mouse over a place of the canvas, no button down."""
        self._move(place, Qt.MouseButton.NoButton)

    def _move(self, here: QPoint, button: Any) -> None:
        place, screen = QPointF(here), QPointF(self.canvas.mapToGlobal(here))
        kind, none = QEvent.Type.MouseMove, Qt.MouseButton.NoButton
        QApplication.sendEvent(self.canvas, QMouseEvent(kind, place, screen, none, button, _NO_MODIFIER))
        self.wait(0.03)

    def picture(self, name: str) -> None:
        """The whole screen as `<name>.png`."""
        self.wait(1.0)
        buffer = QBuffer()
        buffer.open(QBuffer.OpenModeFlag.WriteOnly)
        QApplication.primaryScreen().grabWindow(0).save(buffer, "PNG")
        keep(Image.open(io.BytesIO(bytes(buffer.data()))), self._folder / f"{name}.png")

    def close(self) -> None:
        """Ends the engine too, and lets Qt delete what was closed: at the very end that may crash."""
        for dock in self.window.findChildren(QDockWidget):
            dock.close()
        self.viewer.close()
        self.wait(1.0)


def keep(shot: Image.Image, path: Path) -> None:
    """Writes a picture in as many colours as fit into the size that is allowed."""
    shot = shot.convert("RGB")
    for colours in (None, 256, 128, 64):
        fewer = shot if colours is None else shot.quantize(colours, Image.Quantize.MEDIANCUT)
        fewer.save(path, optimize=True)
        if path.stat().st_size < _LARGEST:
            break
    print(f"{path}: {path.stat().st_size // 1000} kB")
