"""What is done after layers went: in the canvas's own OpenGL context, and when nobody waits for it."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QOpenGLContext, QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget
from vispy.gloo.glir import GlirParser

from napari_unet.widgets.napari_compat import scene
from napari_unet.widgets.viewing import install_viewing


@pytest.fixture
def strays(viewer, monkeypatch):
    """What was flushed while another context than the canvas's was current."""
    found: list[tuple] = []
    parse = GlirParser.parse
    native = viewer.window._qt_viewer.canvas.native

    def watched(parser, commands):
        if QOpenGLContext.currentContext() is not native.context():
            found.extend(commands)
        return parse(parser, commands)

    monkeypatch.setattr(GlirParser, "parse", watched)
    return found


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=True)


def wheel(widget) -> None:
    """The wheel is turned by one notch over the middle of a widget."""
    at = widget.rect().center()
    turn = QWheelEvent(
        QPointF(at),
        QPointF(widget.mapToGlobal(at)),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, turn)


def painted(viewer, qtbot) -> None:
    """A case is in view, and Qt has put the window together: the canvas's context is not the current one."""
    viewer.add_image(np.zeros((32, 40), np.uint8), name="chest")
    viewer.add_labels(np.ones((32, 40), np.uint8), name="mask")
    qtbot.wait(100)
    viewer.window._qt_viewer.canvas.native.doneCurrent()


@pytest.mark.parametrize("way", ["one", "batch", "all"])
def test_a_layer_goes_in_the_context_of_the_canvas(viewer, strays, qtbot, way):
    viewing = install_viewing(viewer)
    painted(viewer, qtbot)
    strays.clear()
    if way == "one":
        viewer.layers.remove("mask")
    elif way == "batch":
        with viewer.layers.batched_update():
            viewer.layers.remove("mask")
            viewer.layers.remove("chest")
    else:
        viewer.layers.clear()
    qtbot.wait(50)
    viewing.remove()
    assert strays == []


def test_nothing_is_left_behind(viewer):
    canvas = viewer.window._qt_viewer.canvas
    before = set(vars(canvas))
    install_viewing(viewer).remove()
    assert set(vars(canvas)) == before


@pytest.fixture
def collections(monkeypatch):
    """How often all garbage was looked for."""
    found: list[int] = []
    collect = gc.collect
    monkeypatch.setattr(gc, "collect", lambda *generation: (found.append(1), collect(*generation))[1])
    return found


@pytest.fixture
def short_pauses(monkeypatch):
    monkeypatch.setattr(scene, "_IDLE_MS", 250)


def test_garbage_is_collected_once_what_comes_next_is_there(viewer, qtbot, collections, short_pauses):
    viewing = install_viewing(viewer)
    painted(viewer, qtbot)
    collections.clear()
    with viewer.layers.batched_update():
        viewer.layers.remove("mask")
        viewer.add_labels(np.ones((32, 40), np.uint8), name="next")
    assert scene.node_of(viewer, viewer.layers["next"]).visible
    assert collections == []
    qtbot.waitUntil(lambda: collections == [1])
    viewing.remove()
    assert collections == [1]


def test_however_many_layers_go_nothing_is_collected_between_them(viewer, qtbot, collections, monkeypatch):
    monkeypatch.setattr(scene, "_IDLE_MS", 600_000)  # after so many a moment is enough
    viewing = install_viewing(viewer)
    painted(viewer, qtbot)
    collections.clear()
    for _ in range(20):
        viewer.add_image(np.zeros((2, 2)), name="short")
        viewer.layers.remove("short")
    assert collections == []
    qtbot.waitUntil(lambda: collections == [1])
    viewing.remove()


@pytest.mark.parametrize("hand", ["mouse", "wheel", "keys"])
def test_a_pause_is_awaited_for_as_long_as_the_user_works(qtbot, hand):
    widget, over = QWidget(), []
    qtbot.addWidget(widget)
    widget.show()
    pause = scene.Pause(lambda: over.append(1))
    pause.wait(400)
    for step in range(16):
        if hand == "mouse":
            QTest.mouseMove(widget, QPoint(20 + step, 20))
        elif hand == "wheel":
            wheel(widget)
        else:
            QTest.keyClick(widget, Qt.Key.Key_Shift)
        qtbot.wait(50)
    assert over == []
    qtbot.waitUntil(lambda: over == [1])


def test_a_pause_that_nobody_awaits_any_more_is_not_reported(qtbot):
    over: list[int] = []
    pause = scene.Pause(lambda: over.append(1))
    pause.wait(50)
    pause.cancel()
    QTest.keyClick(QWidget(), Qt.Key.Key_Shift)  # nobody listens either: it would begin again
    qtbot.wait(150)
    assert over == []


def test_what_is_still_to_be_collected_is_collected_when_the_last_dock_closes(viewer, qtbot, collections):
    viewing = install_viewing(viewer)
    painted(viewer, qtbot)
    viewer.layers.remove("mask")
    collections.clear()
    viewing.remove()
    assert collections == [1]
