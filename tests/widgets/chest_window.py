"""A real window with an X-ray-like image and a mask, and hands that use mouse and keys on its canvas."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_unet.widgets.viewing import install_viewing


class Hands:
    """Mouse and keyboard on the canvas of one window."""

    def __init__(self, viewer, qtbot) -> None:
        self._canvas = viewer.window._qt_viewer.canvas.native
        self._qtbot = qtbot

    def wait(self, ms: int = 30) -> None:
        self._qtbot.wait(ms)

    def press_key(self, letter: str) -> None:
        QTest.keyClick(self._canvas, getattr(Qt.Key, f"Key_{letter}"))
        self.wait()

    def drag(
        self,
        right: int,
        down: int,
        button=Qt.MouseButton.RightButton,
        modifiers=Qt.KeyboardModifier.NoModifier,
        while_down: Callable[[], None] | None = None,
        release: bool = True,
        moves: int = 5,
    ) -> None:
        start = QPoint(self._canvas.width() // 2, self._canvas.height() // 2)
        QTest.mousePress(self._canvas, button, modifiers, start)
        for share in np.linspace(0, 1, moves + 1)[1:]:
            here = start + QPoint(round(right * share), round(down * share))
            self._move(here, button, modifiers)
            self.wait(15)  # napari takes a move at most every 5 ms
        if while_down is not None:
            while_down()
        if release:
            QTest.mouseRelease(self._canvas, button, modifiers, here)
        self.wait()

    def hover(self, right: int, down: int) -> None:
        """Move with no button held, so far from the middle."""
        middle = QPoint(self._canvas.width() // 2, self._canvas.height() // 2)
        self._move(middle + QPoint(right, down), Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier)
        self.wait(15)

    def double_click(self, button=Qt.MouseButton.RightButton) -> None:
        middle = QPoint(self._canvas.width() // 2, self._canvas.height() // 2)
        QTest.mouseClick(self._canvas, button, pos=middle)
        QTest.mouseDClick(self._canvas, button, pos=middle)
        self.wait()

    def _move(self, here: QPoint, button, modifiers) -> None:
        """QTest's own moves forget the button, and without it napari does not zoom."""
        place, on_screen = QPointF(here), QPointF(self._canvas.mapToGlobal(here))
        kind, none = QEvent.Type.MouseMove, Qt.MouseButton.NoButton
        QApplication.sendEvent(self._canvas, QMouseEvent(kind, place, on_screen, none, button, modifiers))


@pytest.fixture
def viewer(make_napari_viewer, qtbot):
    """A window of 1000×700 with the image "chest", grey values 0..4095, and the mask "lungs", active."""
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1000, 700)
    rows, columns = np.mgrid[:256, :256]
    chest = viewer.add_image((rows * 16 + columns // 64).astype(np.uint16), name="chest")
    assert chest.contrast_limits == [0, 4083]
    lungs = np.zeros((256, 256), np.uint8)
    lungs[60:200, 40:110] = 1
    lungs[60:200, 150:220] = 2
    viewer.add_labels(lungs, name="lungs", opacity=0.5)
    qtbot.wait(100)
    return viewer


@pytest.fixture
def hands(viewer, qtbot) -> Hands:
    return Hands(viewer, qtbot)


@pytest.fixture
def viewing(viewer):
    """The viewing tools, installed and at the end removed."""
    viewing = install_viewing(viewer)
    yield viewing
    viewing.remove()
