"""Whatever goes wrong in a stroke, an edit or a job: it is said, and nothing is lost or left busy."""

from __future__ import annotations

from weakref import ref

import numpy as np
import pytest
from correct_hands import MaskHands
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_unet.widgets.common.mask_context import MaskContext
from napari_unet.widgets.correct import edits, numbers, tools
from napari_unet.widgets.session import session_of

BRUSH, SCRIBBLE, LASSO = range(3)


def grow(dock) -> None:
    QTest.mouseClick(dock.actions.buttons["Grow"], Qt.MouseButton.LeftButton)


def is_free(dock, hands: MaskHands, mask) -> bool:
    """Whether the next edit is made."""
    hands.ready()
    before = mask.data.copy()
    dock.actions.amount.setValue(3)
    grow(dock)
    hands.ready()
    return mask.data.sum() > before.sum() and not mask._block_history


@pytest.fixture
def failing(monkeypatch):
    """Puts a function that raises in the place of one, once."""

    def put(owner, name: str) -> None:
        real = getattr(owner, name)
        calls = []

        def fails(*arguments, **options):
            calls.append(1)
            if len(calls) == 1:
                raise ValueError("Data is too large")
            return real(*arguments, **options)

        monkeypatch.setattr(owner, name, fails)

    return put


def test_a_put_that_fails_frees_the_dock(dock, hands, case, failing):
    _, mask = case
    before = mask.data.copy()
    failing(edits, "put")
    grow(dock)
    hands.ready()
    assert "Data is too large" in dock.message.text()
    assert np.array_equal(mask.data, before)
    assert is_free(dock, hands, mask)


def test_an_edit_of_napari_that_fails_frees_the_dock(dock, hands, case, failing):
    _, mask = case
    failing(type(mask), "data_setitem")
    grow(dock)
    hands.ready()
    assert "Data is too large" in dock.message.text()
    assert is_free(dock, hands, mask)


def test_a_listener_that_fails_loses_no_edit(dock, hands, case):
    _, mask = case
    before = mask.data.copy()

    def fails(_event=None):
        mask.events.paint.disconnect(fails)
        raise RuntimeError("a fault of others")

    mask.events.paint.connect(fails)
    grow(dock)
    hands.ready()
    assert "a fault of others" in dock.message.text()
    assert mask.data.sum() > before.sum() and len(mask._undo_history) == 1
    assert is_free(dock, hands, mask)


def test_a_computation_that_fails_frees_the_dock(dock, hands, case, failing):
    _, mask = case
    failing(edits, "as_labels")
    grow(dock)
    hands.ready()
    assert "Data is too large" in dock.message.text()
    assert is_free(dock, hands, mask)


def test_a_thread_that_cannot_start_frees_the_dock(dock, hands, case, failing):
    _, mask = case
    failing(edits, "run_in_thread")
    grow(dock)
    hands.ready()
    assert "Data is too large" in dock.message.text()
    assert is_free(dock, hands, mask)


def test_edits_that_wait_behind_one_that_fails_are_made(dock, hands, case, failing):
    _, mask = case
    before = int(mask.data.sum())
    failing(edits, "put")
    dock.actions.amount.setValue(3)
    grow(dock)
    grow(dock)
    hands.ready()
    assert mask.data.sum() > before and not dock.editor.is_busy


@pytest.mark.parametrize("touches", [1, 3])
def test_a_stroke_that_fails_ends_and_keeps_what_it_painted(dock, hands, case, monkeypatch, touches):
    _, mask = case
    real, calls = tools.smart_disc, []
    dock.tools.buttons[BRUSH].click()
    dock.tools.size.setValue(12)
    hands.ready()

    def fails(*arguments):
        calls.append(1)
        if len(calls) >= touches:
            raise ValueError("Data is too large")
        return real(*arguments)

    monkeypatch.setattr(tools, "smart_disc", fails)
    before = mask.data.copy()
    hands.drag(mask, (30, 50), (40, 50), (50, 50))
    assert "Data is too large" in dock.message.text()
    assert not mask._block_history, "napari waits for the end of the stroke for ever"
    assert len(mask._undo_history) == int(not np.array_equal(mask.data, before))
    monkeypatch.setattr(tools, "smart_disc", real)
    painted = mask.data.copy()
    hands.drag(mask, (30, 30), (40, 30))
    assert not np.array_equal(mask.data, painted) and is_free(dock, hands, mask)


@pytest.mark.parametrize("tool", [SCRIBBLE, LASSO])
def test_a_line_that_fails_leaves_the_tool_usable(dock, hands, case, monkeypatch, tool):
    _, mask = case
    dock.tools.buttons[tool].click()
    hands.ready()
    monkeypatch.setattr("napari_unet.widgets.correct.toolbox.pushed", None)
    monkeypatch.setattr("napari_unet.widgets.correct.toolbox.lassoed", None)
    hands.drag(mask, (70, 60), (70, 30), (80, 30))
    assert "not callable" in dock.message.text()
    assert dock.tools.buttons[tool].isChecked() and is_free(dock, hands, mask)


def test_a_map_that_cannot_be_read_leaves_the_other_tools(dock, viewer, hands, case):
    image, mask = case

    def fails(lead):
        raise OSError("the disk is gone")

    session_of(viewer).keep_context(mask, MaskContext(ref(image), probability=fails))
    hands.ready()
    assert "the disk is gone" in dock.message.text()
    assert is_free(dock, hands, mask)


def test_numbers_that_fail_say_so(dock, hands, case, failing):
    _, mask = case
    failing(numbers, "live_numbers")
    mask.data_setitem((np.array([3]), np.array([3])), 1)
    hands.ready()
    assert "could not be computed" in dock.numbers._check_results.text()
    mask.undo()
    hands.ready()
    assert "Right lung" in dock.numbers._sizes.text()


def test_a_slice_that_the_mask_does_not_have_is_not_corrected(dock, viewer, hands):
    viewer.add_image(np.full((5, 32, 40), 9, np.uint8))
    mask = np.zeros((1, 32, 40), np.uint8)
    mask[0, 8:20, 8:20] = 1
    layer = viewer.add_labels(mask, name="first slice")
    viewer.dims.set_current_step(0, 2)
    hands.ready()
    before = layer.data.copy()
    for button in (*dock.actions.buttons.values(), *dock.tools.buttons):
        assert not button.isEnabled()
        assert "nothing in the slice in view" in button.toolTip()
    grow(dock)
    dock.actions.buttons["Grow"].clicked.emit(False)
    hands.ready()
    assert np.array_equal(layer.data, before)
    viewer.dims.set_current_step(0, 0)
    hands.ready()
    assert is_free(dock, hands, layer)
