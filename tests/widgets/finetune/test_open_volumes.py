"""Of an open CT, what a person touched is learned from, not what the model drew."""

from __future__ import annotations

from dataclasses import replace
from weakref import ref

import numpy as np
import pytest
from dock_fakes import two_lungs
from finetune_fakes import lungs
from qtpy.QtCore import Qt

from napari_unet.core.masks import MaskRule
from napari_unet.widgets.common.results import MaskResult, edit_to, first_labels
from napari_unet.widgets.correct import CorrectWidget

SLICES = 8
SHAPE = (SLICES, 60, 80)
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def segmented(dock, viewer):
    """Show an image with the mask that a model made of it; returns the mask's layer and its result."""

    def show(name: str, per_slice: bool = False):
        pixels = np.random.default_rng(len(name)).integers(0, 255, SHAPE).astype(np.int16)
        image = viewer.add_image(pixels, name=name)
        prediction = replace(two_lungs(SHAPE, (4.0, 1.0, 1.0)), rule=MaskRule(per_slice=per_slice))
        result = MaskResult(prediction, {}, ref(image))
        mask = viewer.add_labels(first_labels(result), name=f"{name} – ct-lung")
        dock._session.keep_result(mask, result)
        return mask, result

    return show


@pytest.fixture
def other_case(viewer):
    """A second patient, so that a training can start."""
    viewer.add_image(np.full((40, 50), 7, np.uint8), name="X-ray")
    viewer.add_labels(lungs((40, 50)), name="X-ray lungs")


def paint(mask, z: int) -> None:
    mask.brush_size, mask.selected_label = 6, 1
    mask.paint((z, 30, 40), 1)


def start(dock, engines, qtbot):
    qtbot.waitUntil(dock.setup.start.isEnabled)
    qtbot.mouseClick(dock.setup.start, LEFT)
    qtbot.waitUntil(lambda: bool(engines.jobs))
    return {pair.image.shape: pair for pair in engines.jobs[-1].arguments["pairs"]}


@pytest.mark.usefixtures("other_case")
def test_corrected_and_marked_slices_of_a_model_s_mask_count_and_no_others(
    dock, viewer, segmented, engines, qtbot
):
    mask, result = segmented("thorax")
    assert mask.data.any(axis=(1, 2)).all(), "the model drew in every slice"
    correct = CorrectWidget(viewer)
    viewer.window.add_dock_widget(correct, name="Correct")
    viewer.layers.selection.active = mask
    for z in (2, 5):
        paint(mask, z)
    viewer.dims.set_point(0, 4 * 7)
    qtbot.waitUntil(correct.slices.mark.isEnabled)
    qtbot.mouseClick(correct.slices.mark, LEFT)
    assert correct.slices.known() == [2, 5, 7]
    assert "only slices that you changed or marked" in dock.setup.source.says.text()
    assert "</b>. " in dock.setup.source.says.text(), "a sentence after the number of cases"
    edit = edit_to(result, mask.data, 0.3)  # the threshold draws in all slices, and a person in none
    mask.data_setitem(edit.where, edit.values)
    assert start(dock, engines, qtbot)[SHAPE].slices == (2, 5, 7)


@pytest.mark.usefixtures("other_case")
def test_a_mask_that_nobody_touched_teaches_nothing_and_that_is_said(dock, segmented, engines, qtbot):
    mask, _ = segmented("thorax")
    qtbot.waitUntil(dock.setup.start.isEnabled)
    qtbot.mouseClick(dock.setup.start, LEFT)
    qtbot.waitUntil(lambda: "No slice of thorax – ct-lung was changed" in dock.message.text())
    assert "untick this mask" in dock.message.text() and not engines.jobs
    paint(mask, 3)
    assert start(dock, engines, qtbot)[SHAPE].slices == (3,)


@pytest.mark.usefixtures("other_case")
def test_each_x_ray_of_a_stack_counts_with_its_mask(dock, segmented, engines, qtbot):
    mask, _ = segmented("four X-rays", per_slice=True)
    mask.data[3] = 0
    paint(mask, 1)
    assert "all slices with a mask" in dock.setup.source.says.text()
    assert start(dock, engines, qtbot)[SHAPE].slices == (0, 1, 2, 4, 5, 6, 7)


def test_what_counts_is_said_for_both_kinds_of_masks(dock, viewer, segmented):
    source = dock.setup.source
    mask, _ = segmented("thorax")
    assert "you changed or marked" in source.says.text() and "stack" not in source.says.text()
    viewer.add_image(np.zeros((4, 40, 50), np.int16), name="own")
    viewer.add_labels(np.ones((4, 40, 50), np.uint8), name="own lungs")
    assert "you changed or marked" in source.says.text() and "Of other stacks" in source.says.text()
    viewer.layers.remove(mask)
    assert "you changed" not in source.says.text() and "Of a stack, all" in source.says.text()
