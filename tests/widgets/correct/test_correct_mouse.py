"""The Correct dock's tools, with a real mouse on the canvas: smart brush, push the border, lasso."""

from __future__ import annotations

from weakref import ref

import numpy as np
import pytest
from correct_hands import RIGHT, SHIFT, MaskHands
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_unet.core.labels import IGNORE
from napari_unet.widgets.common.mask_context import MaskContext
from napari_unet.widgets.correct.toolbox import _NO_IMAGE
from napari_unet.widgets.session import session_of

BRUSH, SCRIBBLE, LASSO = range(3)


@pytest.fixture
def brush(dock, hands, case) -> MaskHands:
    dock.tools.buttons[BRUSH].click()
    dock.tools.size.setValue(16)
    hands.ready()
    return hands


def test_the_smart_brush_stays_inside_what_looks_alike(case, brush):
    image, mask = case
    brush.drag(mask, (60, 30), (90, 30), (90, 36))
    painted = mask.data == 1
    assert painted[75, 30]
    assert (image.data[painted] < 100).all(), "the brush reached over the bright wall"
    assert painted[:, 31:40].any(), "there is dark lung right up to the wall"


@pytest.mark.parametrize(("threshold", "reaches"), [(0.5, False), (0.3, True)])
def test_the_smart_brush_knows_the_threshold_of_the_model(viewer, case, brush, threshold, reaches):
    image, mask = case
    probability = np.full(mask.data.shape, 0.4, np.float32)
    context = MaskContext(ref(image), probability=lambda lead: probability, threshold=threshold)
    session_of(viewer).keep_context(mask, context)
    brush.ready()
    brush.drag(mask, (60, 30), (90, 30), (90, 36))
    assert (image.data[mask.data == 1] >= 100).any() == reaches


def test_one_stroke_is_one_step_of_undo(case, brush):
    _, mask = case
    before = mask.data.copy()
    brush.drag(mask, (60, 30), (70, 30), (80, 32))
    after = mask.data.copy()
    assert len(mask._undo_history) == 1
    mask.undo()
    assert np.array_equal(mask.data, before)
    mask.redo()
    assert np.array_equal(mask.data, after)


def test_only_changed_pixels_are_in_the_history_of_a_stroke(case, brush):
    _, mask = case
    brush.drag(mask, (60, 30), (70, 30))
    (step,) = mask._undo_history
    held = sum(len(indices[0]) for indices, _, _ in step)
    assert held == np.count_nonzero(mask.data == 1) - 40 * 20


def test_a_stroke_tells_its_paint_once(case, brush):
    _, mask = case
    told = []
    mask.events.paint.connect(lambda event: told.append(event.value))
    brush.drag(mask, (60, 30), (70, 30), (80, 30))
    assert len(told) == 1


def test_shift_erases(case, brush):
    _, mask = case
    brush.drag(mask, (80, 70), (90, 70), modifiers=SHIFT)
    assert mask.data[85, 70] == 0
    assert mask.data[62, 62] == 1


def test_the_stroke_is_seen_while_it_is_made(case, brush):
    _, mask = case
    seen = []
    brush.drag(mask, (60, 30), (80, 30), while_down=lambda: seen.append(mask.data[70, 30]))
    assert seen == [1]


def test_what_would_be_painted_is_seen_before(dock, case, brush):
    _, mask = case
    brush.hover(mask, 60, 30)
    assert "patch" in dock.tools.brush._sketch._nodes
    assert mask.data[60, 30] == 0
    brush.hover(mask, 80, 70)
    assert "patch" not in dock.tools.brush._sketch._nodes, "there is nothing to paint within the mask"


def test_not_sure_is_painted_and_stays(dock, case, brush):
    _, mask = case
    dock.labels.unsure.click()
    brush.drag(mask, (60, 30), (70, 30))
    unsure = mask.data == IGNORE
    assert unsure[65, 30]
    colour = mask.get_color(IGNORE)[:3]
    assert max(colour) - min(colour) > 0.2, "grey would not be seen on a grey image"
    dock.labels.lung.click()
    brush.drag(mask, (60, 30), (70, 30))
    assert np.array_equal(mask.data == IGNORE, unsure)


def test_the_tools_of_napari_end_ours(dock, case, brush):
    _, mask = case
    brush.key(brush.canvas, Qt.Key.Key_2)
    assert mask.mode == "paint"
    assert not dock.tools.brush.is_on
    assert not dock.tools.buttons[BRUSH].isChecked()
    brush.drag(mask, (20, 100), (24, 100))
    assert mask.data[22, 100] == 1, "napari's own brush paints what looks different too"


def test_escape_ends_the_tool(dock, case, brush):
    _, mask = case
    brush.key(brush.canvas, Qt.Key.Key_Escape)
    assert not dock.tools.buttons[BRUSH].isChecked()
    assert mask.mode == "pan_zoom"


def test_space_pauses_the_tool(dock, case, brush):
    _, mask = case
    before = mask.data.copy()
    QTest.keyPress(brush.canvas, Qt.Key.Key_Space)
    brush.drag(mask, (60, 30), (70, 50))
    assert mask.mode == "pan_zoom"
    QTest.keyRelease(brush.canvas, Qt.Key.Key_Space)
    assert np.array_equal(mask.data, before)
    assert dock.tools.brush.is_on
    brush.drag(mask, (60, 30), (70, 30))
    assert mask.data[65, 30] == 1


def test_the_right_button_paints_nothing(case, brush):
    _, mask = case
    before = mask.data.copy()
    brush.drag(mask, (60, 30), (70, 50), button=RIGHT)
    assert np.array_equal(mask.data, before)


def test_the_brush_has_the_size_of_the_layer(dock, case, brush):
    _, mask = case
    assert mask.brush_size == 16
    brush.key(brush.canvas, Qt.Key.Key_BracketRight)
    assert mask.brush_size == 18 == dock.tools.size.value() == dock.tools.size_slider.value()
    dock.tools.size_slider.setValue(30)
    assert mask.brush_size == 30


@pytest.mark.parametrize("contour", [0, 2])
def test_the_canvas_shows_what_was_painted(viewer, case, brush, contour):
    _, mask = case
    mask.contour = contour
    brush.drag(mask, (60, 30), (80, 30))
    view = mask._slice.image.view.copy()
    mask.refresh()
    assert np.array_equal(view, mask._slice.image.view)


def test_pushing_outwards(dock, case, hands):
    _, mask = case
    dock.tools.buttons[SCRIBBLE].click()
    before = mask.data.copy()
    hands.drag(mask, (80, 62), (80, 45))
    hands.ready()
    assert mask.data[80, 47] == 1
    assert (mask.data >= before).all()
    assert len(mask._undo_history) == 1
    mask.undo()
    assert np.array_equal(mask.data, before)


def test_pushing_inwards(dock, case, hands):
    _, mask = case
    dock.tools.buttons[SCRIBBLE].click()
    before = mask.data.copy()
    hands.drag(mask, (80, 52), (80, 60))
    hands.ready()
    assert mask.data[80, 59] == 0
    assert (mask.data <= before).all() and mask.data.any()


def test_a_scribble_can_be_told_what_it_shows(dock, case, hands):
    _, mask = case
    dock.tools.buttons[SCRIBBLE].click()
    dock.tools.says.setCurrentIndex(1)
    hands.drag(mask, (80, 45), (80, 56))
    hands.ready()
    assert mask.data[80, 50] == 1


def test_the_scribble_is_seen_while_it_is_drawn(dock, case, hands):
    _, mask = case
    dock.tools.buttons[SCRIBBLE].click()
    seen = []
    hands.drag(mask, (80, 62), (80, 45), while_down=lambda: seen.extend(dock.tools.scribble._sketch._nodes))
    assert seen == ["line"]
    assert not dock.tools.scribble._sketch._nodes


def test_a_scribble_that_changes_nothing_says_so(dock, case, hands):
    _, mask = case
    dock.tools.buttons[SCRIBBLE].click()
    hands.drag(mask, (80, 65), (80, 70))
    hands.ready()
    assert "Nothing to push" in dock.status.text()
    assert not mask._undo_history


def choose(box, text: str) -> None:
    box.setCurrentText(text)
    assert box.currentText() == text
    box.activated.emit(box.currentIndex())


def square(*, top, left, size):
    low, right = top + size, left + size
    return (top, left), (top, right), (low, right), (low, left), (top, left)


@pytest.mark.parametrize("use, label", [("Paint", 1), ("Erase", 0)])
def test_lasso(dock, case, hands, use, label):
    _, mask = case
    dock.tools.buttons[LASSO].click()
    choose(dock.tools.inside, use)
    top, left = (20, 20) if label else (75, 65)
    hands.drag(mask, *square(top=top, left=left, size=20))
    hands.ready()
    assert (mask.data[top + 3 : top + 17, left + 3 : left + 17] == label).all()
    assert len(mask._undo_history) == 1


def test_shift_with_the_lasso_erases(dock, case, hands):
    _, mask = case
    dock.tools.buttons[LASSO].click()
    hands.drag(mask, *square(top=75, left=62, size=14), modifiers=SHIFT)
    hands.ready()
    assert not mask.data[78:86, 65:73].any()


def test_the_lasso_brings_the_first_mask_back(dock, known, hands):
    _, mask = known
    first = mask.data.copy()
    mask.data_setitem(np.nonzero(mask.data == 1), 0)
    dock.tools.buttons[LASSO].click()
    choose(dock.tools.inside, "Restore the first mask")
    hands.drag(mask, *square(top=70, left=55, size=20))
    hands.ready()
    assert np.array_equal(mask.data[72:88, 57:73], first[72:88, 57:73])
    assert not mask.data[92:].any()


def test_the_threshold_inside_a_lasso_follows_the_slider(dock, known, hands, qtbot):
    _, mask = known
    dock.tools.buttons[LASSO].click()
    assert dock.tools.inside.currentText() == "Apply a threshold"
    hands.drag(mask, *square(top=55, left=40, size=50))
    hands.ready()
    probability = dock.target.plane().probability
    inner = (slice(58, 102), slice(43, 87))
    assert np.array_equal(mask.data[inner] > 0, probability[inner] >= 0.5)
    for _ in range(2):
        qtbot.keyClick(dock.tools.threshold.slider, Qt.Key.Key_PageUp)
    qtbot.waitUntil(lambda: not dock.tools.threshold._timer.isActive())
    hands.ready()
    assert np.array_equal(mask.data[inner] > 0, probability[inner] >= 0.7)
    mask.undo()
    assert np.array_equal(mask.data[inner] > 0, probability[inner] >= 0.5)


def test_without_an_image_the_tools_that_need_one_are_grey(dock, viewer, hands):
    viewer.layers.clear()
    mask = viewer.add_labels(np.zeros((64, 64), np.uint8))
    hands.ready()
    for at in (BRUSH, SCRIBBLE):
        assert not dock.tools.buttons[at].isEnabled()
        assert dock.tools.buttons[at].toolTip() == _NO_IMAGE
    dock.tools.buttons[LASSO].click()
    items = dock.tools.inside.model()
    assert [items.item(row).isEnabled() for row in range(4)] == [False, False, True, True]
    hands.drag(mask, *square(top=10, left=10, size=30))
    hands.ready()
    assert mask.data[20, 20] == 1


def test_a_mask_removed_in_the_middle_of_a_stroke(dock, viewer, case, brush):
    _, mask = case
    told = []
    mask.events.paint.connect(lambda event: told.append(event.value))
    brush.press(mask, 60, 30)
    brush.move(mask, 70, 30)
    viewer.layers.remove(mask)
    assert len(told) == 1 and len(mask._undo_history) == 1
    mask.undo()
    assert not mask.data[60, 30]
    viewer.add_layer(mask)
    brush.ready()
    assert dock.mask.layer() is mask and dock.tools.brush.is_on
    brush.drag(mask, (60, 30), (70, 30))
    assert mask.data[65, 30] == 1


def test_the_tool_goes_on_with_the_next_mask(dock, viewer, case, brush):
    image, mask = case
    viewer.layers.remove(mask)
    assert dock.tools.buttons[BRUSH].isChecked()
    other = viewer.add_labels(np.zeros(image.data.shape, np.uint8), name="next")
    brush.ready()
    other.brush_size = 16
    brush.drag(other, (60, 30), (70, 30))
    assert other.data[65, 30] == 1 and not mask.data[65, 30]
    assert not any(
        callback.__self__ is dock.tools.brush
        for callback in mask.mouse_drag_callbacks
        if hasattr(callback, "__self__")
    )


def test_closing_the_dock_gives_the_mouse_back(dock, viewer, case, brush):
    _, mask = case
    viewer.window.remove_dock_widget(dock)
    assert mask.mode == "pan_zoom" and mask.cursor == "standard"
    before = mask.data.copy()
    brush.drag(mask, (60, 30), (70, 30))
    assert np.array_equal(mask.data, before)
