"""What is done after layers went: in the canvas's own OpenGL context, and when nobody waits for it."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from qtpy.QtGui import QOpenGLContext
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


def test_garbage_is_collected_once_what_comes_next_is_there(viewer, qtbot, collections):
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


def test_it_is_not_put_off_for_ever(viewer, qtbot, collections):
    viewing = install_viewing(viewer)
    painted(viewer, qtbot)
    collections.clear()
    for _ in range(20):
        viewer.add_image(np.zeros((2, 2)), name="short")
        viewer.layers.remove("short")
    assert len(collections) == 2
    viewing.remove()
    assert len(collections) == 3
