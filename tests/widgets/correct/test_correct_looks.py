"""The Correct dock on a small screen: nothing is cut, and nothing moves when something is said."""

from __future__ import annotations

import numpy as np
import pytest
from looks import cut_texts, on_small_screen, places, scroll_bars

from napari_unet.core.errors import UserError


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_tool_on_a_small_screen(dock, case, viewer, qtbot, theme):
    viewer.theme = theme
    on_small_screen(viewer, qtbot)
    for button in (None, *dock.tools.buttons):
        if button is not None:
            button.click()
        qtbot.wait(100)
        assert cut_texts(dock) == [] and scroll_bars(dock) == []


def test_a_stack_on_a_small_screen(dock, hands, viewer, qtbot):
    on_small_screen(viewer, qtbot)
    viewer.add_image(np.zeros((6, 40, 50), np.int16), name="stack", scale=(4, 1.5, 1.5))
    viewer.add_labels(np.ones((6, 40, 50), np.uint8), name="mask", scale=(4, 1.5, 1.5))
    hands.ready()
    dock.tools.buttons[2].click()
    qtbot.waitUntil(lambda: dock.numbers.is_calm)
    qtbot.wait(100)
    assert dock.slices.isVisible()
    assert cut_texts(dock) == []


def test_buttons_stay_where_they_are_when_something_is_said(dock, case, viewer, qtbot):
    on_small_screen(viewer, qtbot)
    qtbot.waitUntil(lambda: dock.numbers.is_calm)
    before = places(dock)
    dock._on_failed(UserError("Something went wrong, and the sentence is a long one.", "Try it once more."))
    qtbot.wait(100)
    assert dock.message.isVisible() and places(dock) == before
    dock._on_reported("Border pushed outwards.")
    qtbot.wait(100)
    assert dock.status.isVisible() and places(dock) == before
