"""What is lit is what is on: of napari's tools, and of ours, whatever key comes next."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

NAPARIS = {
    "1": "erase",
    "2": "paint",
    "3": "polygon",
    "4": "fill",
    "5": "pick",
    "6": "pan_zoom",
    "7": "transform",
}
OURS = ("Smart brush", "Push border", "Lasso")
HIDE_AND_SHOW = "V"  # pressed twice
STAY = (HIDE_AND_SHOW, "Space", "G", "H", "W")
KEYS = (*NAPARIS, *STAY, "Escape")


def napari_lit(viewer, mask) -> list[str]:
    controls = viewer.window._qt_viewer.controls.widgets[mask]
    return [str(mode) for mode, button in controls._MODE_BUTTONS.items() if button.isChecked()]


def check(dock, viewer, mask) -> str:
    """What is on; it must be what is lit, and nothing else."""
    on = [name for name, tool in zip(OURS, dock.tools._tools, strict=True) if tool.is_on]
    assert on == [button.text() for button in dock.tools.buttons if button.isChecked()]
    lit = napari_lit(viewer, mask)
    if on:
        assert lit == [] and len(on) == 1
    else:
        assert lit == [mask.mode]
        assert mask._overlays["polygon"].enabled == (mask.mode == "polygon")
    return on[0] if on else mask.mode


def choose(dock, viewer, mask, hands, tool: str) -> None:
    if tool in OURS:
        QTest.mouseClick(dock.tools.buttons[OURS.index(tool)], Qt.MouseButton.LeftButton)
    else:
        button = viewer.window._qt_viewer.controls.widgets[mask]._MODE_BUTTONS[mask._modeclass(tool)]
        button.click()
    QApplication.processEvents()


def press(hands, key: str) -> None:
    code = getattr(Qt.Key, f"Key_{key}")
    for _ in range(2 if key == HIDE_AND_SHOW else 1):
        hands.key(hands.canvas, code)


def test_every_pair_of_tool_and_key(dock, viewer, hands, case):
    _, mask = case
    for tool, key in product((*NAPARIS.values(), *OURS), KEYS):
        choose(dock, viewer, mask, hands, "pan_zoom")
        if tool != "pan_zoom":
            choose(dock, viewer, mask, hands, tool)
        assert check(dock, viewer, mask) == tool, (tool, key)
        press(hands, key)
        expected = NAPARIS.get(key, tool)
        if key == "Escape" and tool in OURS:
            expected = "pan_zoom"
        assert check(dock, viewer, mask) == expected, (tool, key)


@pytest.mark.parametrize("ours", OURS)
def test_from_one_tool_of_ours_to_another_and_back(dock, viewer, hands, case, ours):
    _, mask = case
    for other in (*OURS, *NAPARIS.values()):
        if other != ours:
            choose(dock, viewer, mask, hands, ours)
            choose(dock, viewer, mask, hands, other)
            assert check(dock, viewer, mask) == other
    choose(dock, viewer, mask, hands, ours)
    QTest.mouseClick(dock.tools.buttons[OURS.index(ours)], Qt.MouseButton.LeftButton)
    assert check(dock, viewer, mask) == "pan_zoom"


def test_a_hidden_mask_has_no_tool_and_gets_it_back(dock, viewer, hands, case):
    _, mask = case
    choose(dock, viewer, mask, hands, "Lasso")
    mask.visible = False
    assert check(dock, viewer, mask) == "pan_zoom"
    mask.visible = True
    assert check(dock, viewer, mask) == "Lasso"


def test_a_tool_chosen_no_more_while_hidden_does_not_come_back(dock, viewer, hands, case):
    _, mask = case
    choose(dock, viewer, mask, hands, "Lasso")
    mask.visible = False
    viewer.window.remove_dock_widget(dock)
    mask.visible = True
    assert mask.mode == "pan_zoom" and napari_lit(viewer, mask) == ["pan_zoom"]


def test_no_tool_of_the_mask_is_lit_while_the_image_is_active(dock, viewer, hands, case):
    image, mask = case
    choose(dock, viewer, mask, hands, "Smart brush")
    viewer.layers.selection.active = image
    assert check(dock, viewer, mask) == "pan_zoom"
    viewer.layers.selection.active = mask
    assert check(dock, viewer, mask) == "Smart brush"


def test_a_mask_that_comes_with_its_brush_on_shows_it(dock, viewer, hands, case):
    _, mask = case
    mask.mode = "paint"
    viewer.layers.remove(mask)
    viewer.add_layer(mask)
    assert check(dock, viewer, mask) == "paint"


def test_naparis_polygon_draws_after_ours(dock, viewer, hands, case):
    _, mask = case
    choose(dock, viewer, mask, hands, "Smart brush")
    press(hands, "3")
    before = mask.data.copy()
    for row, column in ((20, 100), (20, 120), (40, 120)):
        hands.press(mask, row, column)
        hands.release(mask, row, column)
    hands.key(hands.canvas, Qt.Key.Key_Return)
    assert not np.array_equal(mask.data, before)
