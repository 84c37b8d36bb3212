"""The Correct dock at a click: edits, undo from anywhere, labels, numbers, and what happens meanwhile."""

from __future__ import annotations

import threading
from pathlib import Path
from weakref import ref

import numpy as np
import pytest
from correct_hands import PLAIN, SHIFT
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QDockWidget, QLabel, QScrollArea

from napari_unet.core.correct import fill_holes_change, grow
from napari_unet.core.labels import IGNORE
from napari_unet.io.formats import read_raster
from napari_unet.widgets.common.mask_context import MaskContext
from napari_unet.widgets.correct import CorrectWidget
from napari_unet.widgets.session import _sessions, session_of

CASES = Path(__file__).parents[2] / "data" / "cases"
CTRL = Qt.KeyboardModifier.ControlModifier


def text(dock, name: str) -> str:
    return dock.findChild(QLabel, name).text()


@pytest.fixture
def holed(case, hands):
    """(image, mask) with a hole and a speck."""
    image, mask = case
    mask.data[70:75, 60:65] = 0
    mask.data[5:7, 5:7] = 1
    mask.refresh()
    hands.ready()
    return image, mask


def test_each_edit_at_a_click_is_one_step_of_undo(dock, holed, hands):
    _, mask = holed
    mask.data[20:60, 100:130] = 1
    mask.data[20, 100:130:2] = 0  # a ragged border
    before = mask.data.copy()
    names = [
        "Fill holes",
        "Keep two largest parts",
        "Smooth",
        "Grow",
        "Shrink",
        "Mirror right lung",
        "Mirror left lung",
    ]
    for name in names:
        dock.actions.buttons[name].click()
        hands.ready()
        changed = np.count_nonzero(mask.data != before)
        assert changed, name
        assert len(mask._undo_history) == 1, name
        ((indices, _, _),) = mask._undo_history[0]
        assert len(indices[0]) == changed, name
        mask.undo()
        assert np.array_equal(mask.data, before), name


def test_what_is_undone_is_not_told_as_done(dock, holed, hands):
    _, mask = holed
    dock.actions.buttons["Grow"].click()
    hands.ready()
    assert dock.status.text() == "Border moved outwards."
    dock.undo.click()
    hands.ready()
    assert dock.status.text() == "Undone: border moved outwards."
    dock.redo.click()
    hands.ready()
    assert dock.status.text() == "Border moved outwards."
    mask.data_setitem((np.array([0]), np.array([0])), np.array([1], np.uint8))
    assert dock.status.text() == ""


def test_clicks_that_come_quickly_are_all_done(dock, holed, hands):
    _, mask = holed
    labels = mask.data.copy()
    for name in ("Fill holes", "Grow"):
        dock.actions.buttons[name].click()
    hands.ready()
    fill_holes_change(labels).apply(labels)
    grow(labels.copy(), 3.0, None).apply(labels)
    assert np.array_equal(mask.data, labels)
    assert len(mask._undo_history) == 2


def test_distances_are_in_mm_where_the_spacing_is_known(dock, known, hands):
    _, mask = known
    assert dock.actions.amount.suffix() == " mm"
    before = mask.data.copy()
    dock.actions.amount.setValue(1.0)
    dock.actions.buttons["Grow"].click()
    hands.ready()
    assert np.flatnonzero(mask.data.any(axis=1))[0] == np.flatnonzero(before.any(axis=1))[0] - 2


def test_without_spacing_distances_are_in_pixels(dock, case):
    assert dock.actions.amount.suffix() == " px"


def test_the_first_mask_comes_back(dock, known, hands):
    _, mask = known
    first = mask.data.copy()
    mask.data_setitem((np.array([5, 80]), np.array([5, 60])), np.array([1, 0], np.uint8))
    hands.ready()
    dock.actions.buttons["Restore first mask"].click()
    hands.ready()
    assert np.array_equal(mask.data, first)
    assert len(mask._undo_history) == 2


def test_without_a_first_mask_that_is_grey_and_says_why(dock, case):
    button = dock.actions.buttons["Restore first mask"]
    assert not button.isEnabled() and "no first mask" in button.toolTip()


# -- undo --


@pytest.mark.parametrize(
    "where, floating", [("button", True), ("box", False), ("box", True), ("image active", False)]
)
def test_ctrl_z_from_the_dock(dock, viewer, holed, hands, where, floating):
    image, mask = holed
    if floating:
        next(
            d for d in viewer.window._qt_window.findChildren(QDockWidget) if d.isAncestorOf(dock)
        ).setFloating(True)
        QApplication.processEvents()
    before = mask.data.copy()
    dock.tools.buttons[0].click()
    dock.actions.buttons["Fill holes"].click()
    hands.ready()
    assert not np.array_equal(mask.data, before)
    if where == "image active":
        viewer.layers.selection.active = image
    focus = {"box": dock.mask}
    widget = focus.get(where, dock.actions.buttons["Fill holes"])
    QApplication.setActiveWindow(widget.window())
    widget.setFocus()
    hands.key(widget, Qt.Key.Key_Z, CTRL)
    assert np.array_equal(mask.data, before)
    hands.key(widget, Qt.Key.Key_Z, CTRL | SHIFT)
    assert not np.array_equal(mask.data, before)
    assert len(mask._undo_history) == 1, "once, not twice"


def test_ctrl_z_while_typing_belongs_to_the_field(dock, holed, hands):
    _, mask = holed
    dock.actions.buttons["Fill holes"].click()
    hands.ready()
    after = mask.data.copy()
    field = dock.actions.amount
    QApplication.setActiveWindow(field.window())
    field.setFocus()
    hands.key(field.lineEdit(), Qt.Key.Key_5, PLAIN)
    hands.key(field.lineEdit(), Qt.Key.Key_Z, CTRL)
    assert np.array_equal(mask.data, after)


def test_ctrl_z_on_the_canvas(dock, holed, hands):
    _, mask = holed
    before = mask.data.copy()
    dock.actions.buttons["Fill holes"].click()
    hands.ready()
    hands.key(hands.canvas, Qt.Key.Key_Z, CTRL)
    assert np.array_equal(mask.data, before)


def test_buttons_undo_and_redo(dock, holed, hands):
    _, mask = holed
    before = mask.data.copy()
    assert not dock.undo.isEnabled() and not dock.redo.isEnabled()
    dock.actions.buttons["Fill holes"].click()
    hands.ready()
    dock.undo.click()
    assert np.array_equal(mask.data, before)
    assert not dock.undo.isEnabled() and dock.redo.isEnabled()
    dock.redo.click()
    assert not np.array_equal(mask.data, before)


# -- labels --


def test_one_lung_or_two(dock, case, hands):
    _, mask = case
    assert dock.labels.left.isHidden() and dock.labels.lung.text() == "Lung"
    mask.data_setitem((np.array([30]), np.array([100])), 2)
    hands.ready()
    assert not dock.labels.left.isHidden() and dock.labels.lung.text() == "Right lung"
    dock.labels.left.click()
    assert mask.selected_label == 2


def test_the_label_follows_napari(dock, case):
    _, mask = case
    mask.selected_label = IGNORE
    assert dock.labels.unsure.isChecked()
    mask.selected_label = 7
    assert not any(b.isChecked() for b in dock.labels._group.buttons())
    dock.labels.erase.click()
    assert mask.selected_label == 0


def test_not_sure_needs_labels_up_to_255(dock, viewer, hands):
    viewer.add_labels(np.zeros((32, 32), np.int8))
    hands.ready()
    assert not dock.labels.unsure.isEnabled()
    viewer.add_labels(np.zeros((32, 32), np.int32))
    hands.ready()
    assert dock.labels.unsure.isEnabled()


# -- numbers --


def test_numbers_against_the_first_mask(dock, known, hands):
    _, mask = known
    assert "Dice 1.000" in text(dock, "sizes")
    mask.data_setitem(np.nonzero(mask.data[:80] == 1), 0)  # half of it: 400 pixels of 0.25 mm²
    hands.ready()
    assert "Dice 0.667" in text(dock, "sizes")
    assert "100 mm²" in text(dock, "sizes")
    mask.undo()
    hands.ready()
    assert "Dice 1.000" in text(dock, "sizes")


def test_check_results_are_shown(dock, known):
    assert "missing" in text(dock, "check_results")


def test_labels_that_mean_nothing_are_told(dock, known, hands, viewer):
    _, mask = known
    QTest.keyClick(viewer.window._qt_viewer.canvas.native, Qt.Key.Key_M)  # napari: a new label
    assert mask.selected_label == 2
    mask.data_setitem((np.arange(40, 60), np.full(20, 70)), 2)
    hands.ready()
    assert "Labels 1 and 2 (right and left lung) lie in the same lung" in text(dock, "check_results")
    mask.data_setitem((np.arange(40, 60), np.full(20, 72)), 3)
    hands.ready()
    assert "Label 3 means nothing in a lung mask" in text(dock, "check_results")


def test_what_nobody_is_sure_of_is_counted(dock, known, hands):
    _, mask = known
    mask.data_setitem(np.nonzero(mask.data[:80] == 1), IGNORE)
    hands.ready()
    assert "Not sure" in text(dock, "sizes")


def test_without_spacing_numbers_are_in_pixels(dock, case):
    assert "800 px" in text(dock, "sizes") and "Pixel size unknown" in text(dock, "sizes")
    assert "Dice" not in text(dock, "sizes")


# -- meanwhile --


@pytest.fixture
def held(dock, known, hands):
    """An edit that waits for `go`; returns (mask, go)."""
    _, mask = known
    go, started = threading.Event(), threading.Event()

    def make(labels):
        started.set()
        assert go.wait(20)
        return grow(labels, 1.0, None)

    dock.editor.edit(mask, (), make)
    hands.wait(started.is_set)
    return mask, go


def test_a_stroke_meanwhile_is_kept(held, hands):
    mask, go = held
    mask.data_setitem((np.array([10]), np.array([10])), 1)
    go.set()
    hands.ready()
    assert mask.data[9:12, 10].all(), "the stroke has grown too"
    assert len(mask._undo_history) == 2


def test_a_stroke_under_way_is_waited_for(held, hands):
    mask, go = held
    with mask.block_history():
        go.set()
        for _ in range(30):
            QApplication.processEvents()
        mask.data_setitem((np.array([10]), np.array([10])), 1)
    hands.ready()
    assert len(mask._undo_history) == 2
    mask.undo()
    assert mask.data[10, 10] == 1 and not mask.data[9, 10]


def test_the_mask_removed_meanwhile(dock, viewer, held, hands):
    mask, go = held
    before = mask.data.copy()
    viewer.layers.remove(mask)
    go.set()
    hands.ready()
    assert np.array_equal(mask.data, before)
    assert "closed in the meantime" in dock.status.text()


def test_the_mask_replaced_meanwhile(dock, held, hands):
    mask, go = held
    mask.data = np.zeros_like(mask.data)
    go.set()
    hands.ready()
    assert not mask.data.any()
    assert "replaced in the meantime" in dock.status.text()


def test_the_mask_renamed_meanwhile(dock, held, hands):
    mask, go = held
    before = mask.data.copy()
    mask.name = "other"
    go.set()
    hands.ready()
    assert dock.mask.layer() is mask and dock.mask.currentText() == "other"
    assert not np.array_equal(mask.data, before)


def test_another_mask_chosen_meanwhile(dock, viewer, held, hands):
    mask, go = held
    other = viewer.add_labels(np.zeros_like(mask.data))
    before = mask.data.copy()
    go.set()
    hands.ready()
    assert not np.array_equal(mask.data, before) and not other.data.any()


def test_a_bug_in_a_tool_is_told_and_the_next_edit_works(dock, known, hands, monkeypatch):
    told = []
    monkeypatch.setattr("napari_unet.widgets.correct.dock.show_error", told.append)
    _, mask = known
    dock.editor.edit(mask, (), lambda labels: 1 / 0)
    hands.ready()
    assert told and "went wrong" in dock.message.text()
    dock.actions.buttons["Grow"].click()
    hands.ready()
    assert len(mask._undo_history) == 1 and not dock.message.text()


def test_the_image_removed_greys_what_needs_it(dock, viewer, known, hands):
    image, _ = known
    viewer.layers.remove(image)
    hands.ready()
    assert not dock.tools.buttons[0].isEnabled()


def test_what_is_told_later_about_a_mask_counts(dock, viewer, case, hands):
    image, mask = case
    context = MaskContext(ref(image), spacing_mm=(1.0, 1.0), model_mask=lambda: np.zeros_like(mask.data))
    session_of(viewer).keep_context(mask, context)
    hands.ready()
    assert dock.actions.buttons["Restore first mask"].isEnabled()
    assert "Dice 0.000" in text(dock, "sizes")


# -- the dock --


def test_masks_of_wide_numbers(dock, viewer, case, hands):
    image, _ = case
    mask = viewer.add_labels(np.zeros(image.data.shape, np.int64))
    mask.data[40:60, 60:70] = 1
    mask.data[45:50, 62:66] = 0
    mask.data[0, 0] = 70_000
    hands.ready()
    dock.actions.buttons["Fill holes"].click()
    hands.ready()
    assert mask.data[47, 64] == 1 and mask.data[0, 0] == 70_000
    dock.tools.buttons[0].click()
    hands.drag(mask, (30, 30), (36, 30))
    assert mask.data[33, 30] == 1
    mask.selected_label = 300
    for tool in dock.tools.buttons:
        if not tool.isChecked():
            tool.click()
        before = mask.data.copy()
        hands.drag(mask, (60, 30), (66, 30), (66, 40), (60, 40))
        hands.ready()
        assert np.array_equal(mask.data, before)
        assert "cannot hold label 300" in text(dock, "message") + text(dock, "status")


def test_a_hidden_mask_is_changed_too(dock, holed, hands):
    _, mask = holed
    mask.visible = False
    dock.actions.buttons["Fill holes"].click()
    hands.ready()
    assert mask.data[72, 62] == 1


def test_in_3d_the_tools_are_grey_and_say_what_to_do(dock, viewer, case, hands):
    viewer.dims.ndisplay = 3
    for button in (*dock.actions.buttons.values(), *dock.tools.buttons):
        assert not button.isEnabled() and "2D" in button.toolTip()
    viewer.dims.ndisplay = 2
    hands.ready()
    assert dock.actions.buttons["Fill holes"].isEnabled() and dock.tools.buttons[0].isEnabled()


def test_closing_leaves_the_viewer_as_it_was(make_napari_viewer, qtbot):
    viewer = make_napari_viewer()
    mask = viewer.add_labels(np.zeros((16, 16), np.uint8))
    emitters = (mask.events, viewer.layers.events, viewer.dims.events)

    def state():
        return (
            [len(e.callbacks) for group in emitters for e in group.emitters.values()],
            list(mask.mouse_drag_callbacks),
            list(mask.mouse_move_callbacks),
            dict(viewer.keymap),
        )

    before = state()
    dock = CorrectWidget(viewer)
    viewer.window.add_dock_widget(dock)
    dock.tools.buttons[2].click()
    assert state() != before
    viewer.window.remove_dock_widget(dock)
    QApplication.processEvents()
    assert state()[:1] == before[:1] and state()[3] == before[3]
    assert not any(getattr(c, "__self__", None) is dock.tools.lasso for c in mask.mouse_drag_callbacks)
    assert id(viewer) not in _sessions


def test_closing_in_the_middle_of_an_edit(viewer, dock, held, qtbot):
    mask, go = held
    before = mask.data.copy()
    viewer.window.remove_dock_widget(dock)
    go.set()
    qtbot.wait(100)
    assert np.array_equal(mask.data, before)


def test_the_dock_fits_a_small_screen(viewer, dock, known):
    viewer.window.resize(1366, 768)
    for button in dock.tools.buttons:
        button.click()
        QApplication.processEvents()
        area = dock.findChild(QScrollArea)
        assert dock.minimumSizeHint().width() <= 360 and dock.minimumSizeHint().height() <= 200
        assert area.widget().width() <= area.viewport().width()


def test_a_mask_painted_over_a_tiff_is_measured_in_its_own_unit(viewer, dock, hands, qtbot):
    (image,) = viewer.open(str(CASES / "imagej_0.2mm.tif"), plugin="napari")
    viewer.add_labels(np.pad(np.ones((50, 40), np.uint8), ((20, 186), (30, 186))), name="painted")
    hands.ready()
    assert dock.target.spacing == pytest.approx((0.2, 0.2))
    assert tuple(image.scale) == (1, 1)
    qtbot.waitUntil(lambda: f"{50 * 40 * 0.04:,.0f} mm²" in text(dock, "sizes"))


@pytest.mark.parametrize("name", ["cmyk.jpg", "orientation2.jpg"])
def test_the_grey_values_under_a_mask_are_those_of_the_file_where_they_lie(viewer, dock, hands, name):
    viewer.open(str(CASES / name), plugin="napari")
    viewer.add_labels(np.ones((256, 256), np.uint8), name="painted")
    hands.ready()
    expected = read_raster(CASES / name).pixels
    shown = expected[:, ::-1] if "orientation" in name else expected
    np.testing.assert_array_equal(dock.target.plane().image, shown)
