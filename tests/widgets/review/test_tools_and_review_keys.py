"""With Review and Correct open: whatever key comes, what is lit is what is on."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from casework_fakes import write_images
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_unet.core.prediction import Prediction
from napari_unet.widgets.correct import CorrectWidget

NAPARIS = ("pan_zoom", "paint", "erase", "fill", "pick", "polygon")
OURS = ("Smart brush", "Push border", "Lasso")
KEYS = ("D", "DD", "DDD", "K", "KK", "J", "N")


class Hands:
    def __init__(self, viewer, dock, review) -> None:
        self.viewer, self.dock, self.review = viewer, dock, review
        self.canvas = viewer.window._qt_viewer.canvas.native

    @property
    def mask(self):
        return self.review.work.current_layer

    def choose(self, tool: str) -> None:
        if tool in OURS:
            QTest.mouseClick(self.dock.tools.buttons[OURS.index(tool)], Qt.MouseButton.LeftButton)
        else:
            self.mask.mode = tool
        QApplication.processEvents()

    def press(self, keys: str) -> None:
        for key in keys:
            QTest.keyClick(self.canvas, getattr(Qt.Key, f"Key_{key}"))
            self.ready()

    def ready(self) -> None:
        self.review.settle()
        target = self.dock.target
        self.review.qtbot.waitUntil(lambda: target._job is None and self.mask is not None)
        QApplication.processEvents()

    def on(self) -> str:
        """What is on; it must be what is lit, and nothing else."""
        mask = self.mask
        ours = [name for name, tool in zip(OURS, self.dock.tools._tools, strict=True) if tool.is_on]
        assert ours == [button.text() for button in self.dock.tools.buttons if button.isChecked()]
        controls = self.viewer.window._qt_viewer.controls.widgets[mask]
        lit = [str(mode) for mode, button in controls._MODE_BUTTONS.items() if button.isChecked()]
        assert lit == ([] if ours else [mask.mode])
        if not ours:
            assert mask._overlays["polygon"].enabled == (mask.mode == "polygon")
        return ours[0] if ours else mask.mode


@pytest.fixture
def hands(review, review_dock, viewer, tmp_path):
    dock = CorrectWidget(viewer)
    viewer.window.add_dock_widget(dock, name="Correct")
    ids = review.start(write_images(tmp_path / "images", 4))
    review.open(ids[0])
    made = Hands(viewer, dock, review)
    made.ready()
    yield made
    for widget in (dock, review_dock):
        viewer.window.remove_dock_widget(widget)


@pytest.mark.parametrize("tools", [NAPARIS, OURS])
def test_every_pair_of_tool_and_key(hands, tools):
    for tool, key in product(tools, KEYS):
        hands.choose("pan_zoom")
        if tool != "pan_zoom":
            hands.choose(tool)
        assert hands.on() == tool, (tool, key)
        hands.press(key)
        shown = hands.mask.visible
        assert hands.on() == (tool if shown else "pan_zoom"), (tool, key)
        hands.press({"DD": "D", "K": "K", "D": "DD"}.get(key, ""))
        assert hands.mask.visible and hands.on() == tool, (tool, key)


def test_after_a_case_change_the_brush_that_is_lit_paints_and_pan_pans(hands, viewer):
    hands.choose("paint")
    hands.press("N")
    assert hands.on() == "paint"
    hands.choose("pan_zoom")
    hands.press("N")
    assert hands.on() == "pan_zoom"
    before = hands.mask.data.copy()
    middle = hands.canvas.rect().center()
    QTest.mousePress(hands.canvas, Qt.MouseButton.LeftButton, pos=middle)
    QTest.mouseMove(hands.canvas, middle + QPoint(40, 0))
    QTest.mouseRelease(hands.canvas, Qt.MouseButton.LeftButton, pos=middle + QPoint(40, 0))
    assert np.array_equal(hands.mask.data, before)


def test_the_ruler_and_a_tool_are_never_on_together(hands, review_dock, viewer):
    from napari_unet.widgets.review.ruler import RulerBox

    box = review_dock.findChild(RulerBox)
    for tool in ("paint", "polygon", *OURS):
        hands.choose(tool)
        QTest.mouseClick(box.buttons["distance"], Qt.MouseButton.LeftButton)
        assert box.buttons["distance"].isChecked() and hands.on() == "pan_zoom"
        hands.choose(tool)
        assert not box.buttons["distance"].isChecked() and not box._tool.is_on
        assert hands.on() == tool
        hands.choose("pan_zoom")


def test_the_uncertain_place_is_marked(hands, review, viewer):
    probability = np.zeros((60, 80), np.uint8)
    probability[10:20, 10:20] = 128
    review.work.project.put_map(review.work.current.id, Prediction(probability[None]))
    hands.press("J")
    ring = review.work.views._ring
    assert ring._nodes["line"].parent is not None
    hands.press("N")
    assert not ring._nodes
