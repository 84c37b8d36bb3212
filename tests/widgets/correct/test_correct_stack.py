"""The Correct dock on a stack: the slice in view, interpolation, copies; one slice of it; the bundled CT."""

from __future__ import annotations

from weakref import ref

import numpy as np
import pytest
from correct_hands import MaskHands
from napari.layers import Labels
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLabel

from napari_unet.core.raster import Modality
from napari_unet.io.formats import read_mask, read_raster
from napari_unet.samples import CT
from napari_unet.widgets.common.colours import mask_colormap
from napari_unet.widgets.common.mask_context import MaskContext
from napari_unet.widgets.correct import numbers
from napari_unet.widgets.session import session_of

SLICES = 7


@pytest.fixture
def stack(viewer, dock, hands):
    """(image, mask) of 7 slices of 64×64, 4×1×1 mm; the mask is empty; slice 1 (from 0) is in view."""
    rng = np.random.default_rng(0)
    pixels = np.full((SLICES, 64, 64), 100, np.int16) + rng.integers(-3, 3, (SLICES, 64, 64)).astype(np.int16)
    pixels[:, 10:54, 10:54] = -800
    image = viewer.add_image(pixels, scale=(4, 1, 1), units="mm", name="ct")
    mask = viewer.add_labels(
        np.zeros(pixels.shape, np.uint8), scale=(4, 1, 1), units="mm", colormap=mask_colormap()
    )
    viewer.dims.set_current_step(0, 1)
    hands.ready()
    return image, mask


def go_to(viewer, hands: MaskHands, at: int) -> None:
    viewer.dims.set_current_step(0, at)
    hands.ready()


def text(dock, name: str) -> str:
    return dock.findChild(QLabel, name).text()


def test_tools_and_clicks_change_the_slice_in_view(dock, viewer, stack, hands):
    _, mask = stack
    dock.tools.buttons[0].click()
    dock.tools.size.setValue(12)
    hands.drag(mask, (20, 20), (30, 30))
    assert mask.data[1, 25, 25] == 1
    go_to(viewer, hands, 3)
    mask.data[3, 20:40, 20:40] = 1
    before = mask.data.copy()
    dock.actions.amount.setValue(2.0)
    dock.actions.buttons["Grow"].click()
    hands.ready()
    assert mask.data[3, 18, 30] == 1
    assert [z for z in range(SLICES) if (mask.data[z] != before[z]).any()] == [3]
    dock.tools.buttons[1].click()
    hands.drag(mask, (30, 35), (30, 48))
    hands.ready()
    assert mask.data[3, 30, 46] == 1
    assert sorted(dock.slices.known()) == [1, 3]


def test_fill_in_between(dock, viewer, stack, hands):
    _, mask = stack
    for at, size in ((1, 10), (5, 30)):
        where = np.nonzero(np.pad(np.ones((size, size)), [(10, 54 - size)] * 2))
        mask.data_setitem((np.full(size * size, at), *where), 1)
    assert "1, 5" in text(dock, "slices")
    before = mask.data.copy()
    dock.slices.fill.click()
    hands.ready()
    areas = (mask.data > 0).sum(axis=(1, 2))
    assert areas[0] == areas[6] == 0 and (np.diff(areas[1:6]) > 0).all()
    assert len(mask._undo_history) == 3
    assert dock.slices.known() == [1, 5], "what was filled in is not what to go by"
    mask.undo()
    assert np.array_equal(mask.data, before)
    mask.undo()
    hands.ready()
    assert dock.slices.known() == [1], "undo takes a slice off the list"


def test_slices_can_be_marked(dock, viewer, stack, hands):
    _, mask = stack
    mask.data[:2] = 1  # not painted: as it came
    assert not dock.slices.fill.isEnabled() and not dock.slices.known()
    dock.slices.mark.click()
    assert dock.slices.known() == [1] and dock.slices.mark.text() == "Unmark key slice"
    go_to(viewer, hands, 4)
    dock.slices.mark.click()
    assert dock.slices.fill.isEnabled()
    dock.slices.mark.click()
    assert dock.slices.known() == [1]
    mask.data_setitem((np.array([1]), np.array([3]), np.array([3])), 2)
    assert dock.slices.known() == [1], "a key slice that is painted on stays one"


def test_marks_of_a_review_are_there_and_are_kept(dock, viewer, hands):
    pixels, said = np.full((SLICES, 64, 64), -800, np.int16), []
    image = viewer.add_image(pixels, scale=(4, 1, 1), name="Case 1")
    mask = Labels(np.zeros(pixels.shape, np.uint8), scale=(4, 1, 1), name="Case 1: mask")
    session_of(viewer).keep_context(mask, MaskContext(ref(image), marked=(3, 5), mark=said.append))
    viewer.add_layer(mask)
    go_to(viewer, hands, 5)
    assert dock.slices.known() == [3, 5] and dock.slices.mark.text() == "Unmark key slice"
    dock.slices.mark.click()
    go_to(viewer, hands, 0)
    dock.slices.mark.click()
    assert said == [(3,), (0, 3)]


def test_copy_from_the_neighbours(dock, viewer, stack, hands):
    _, mask = stack
    mask.data[2, 20:30, 20:30] = 2
    dock.slices.after.click()
    hands.ready()
    assert np.array_equal(mask.data[1], mask.data[2])
    go_to(viewer, hands, 0)
    assert not dock.slices.before.isEnabled()
    go_to(viewer, hands, 3)
    dock.slices.before.click()
    hands.ready()
    assert np.array_equal(mask.data[3], mask.data[2])
    assert len(mask._undo_history) == 2


def test_numbers_are_of_the_volume(dock, stack, hands):
    _, mask = stack
    mask.data_setitem(np.nonzero(np.ones(mask.data.shape)), 1)
    hands.ready()
    assert "mL" in text(dock, "sizes")


def test_the_volume_is_at_least_what_is_measured_until_the_ends_are_empty(dock, stack, hands):
    _, mask = stack
    box = np.zeros(mask.data.shape, bool)
    box[:, 20:40, 14:24] = box[:, 20:40, 40:50] = True
    mask.data_setitem(np.nonzero(box), 1)
    hands.ready()
    assert "at least 11 mL" in text(dock, "sizes")  # 7 * 400 voxels of 4 mm³
    assert "The scan ends within the lungs, at its first and last slice." in text(dock, "sizes")
    mask.data_setitem(np.nonzero(box & np.isin(np.arange(SLICES), (0, 6))[:, None, None]), 0)
    hands.ready()
    assert ";8 mL" in text(dock, "sizes") and "at least" not in text(dock, "sizes")
    mask.undo()
    hands.ready()
    assert "at least 11 mL" in text(dock, "sizes")


def test_a_stack_of_x_rays_has_no_slices_in_between(dock, viewer, stack, hands):
    image, mask = stack
    session_of(viewer).keep_context(mask, MaskContext(ref(image), modality=Modality.CR, per_slice=True))
    hands.ready()
    assert dock.slices.isHidden()
    assert "Slice 1" in text(dock, "sizes")


def test_only_the_slice_in_view_of_a_probability_is_asked_for(dock, viewer, stack, hands):
    image, mask = stack
    asked, labels = [], np.full(mask.data.shape, 2, np.uint8)

    def probability(lead):
        asked.append(lead)
        return np.full((64, 64), lead[0] / 10, np.float32)

    def model_mask():
        asked.append("labels")
        return labels

    context = MaskContext(ref(image), probability=probability, model_mask=model_mask)
    session_of(viewer).keep_context(mask, context)
    hands.ready()
    go_to(viewer, hands, 3)
    plane = dock.target.plane()
    assert np.allclose(plane.probability, 0.3) and (plane.model == 2).all()
    assert asked.count("labels") == 1 and set(asked) == {"labels", (1,), (3,)}


def test_the_mask_of_one_slice(dock, viewer, stack, hands):
    image, _ = stack
    image.data[4, 30:34] = 100  # another picture than in the other slices
    labels = np.zeros((1, 64, 64), np.uint8)
    mask = viewer.add_labels(labels, scale=(4, 1, 1), translate=(16, 0, 0), units="mm")
    session_of(viewer).keep_context(mask, MaskContext(ref(image), index=(4,), spacing_mm=(1.0, 1.0)))
    go_to(viewer, hands, 4)
    assert np.array_equal(dock.target.plane().image, image.data[4])
    dock.tools.buttons[0].click()
    mask.brush_size = 16
    hands.drag(mask, (25, 30), (25, 34))
    assert mask.data[0, 25, 32] == 1 and not mask.data[0, 30:34].any()
    assert dock.slices.isHidden()


def test_the_bundled_ct(dock, viewer, hands):
    raster, labels = read_raster(CT.image), read_mask(CT.mask).astype(np.uint8)
    where = {"scale": raster.spacing_mm, "units": "mm"}
    image = viewer.add_image(raster.pixels, name="ct", **where)
    mask = viewer.add_labels((labels > 0).astype(np.uint8), **where)
    first = mask.data.copy()
    context = MaskContext(
        ref(image),
        spacing_mm=raster.spacing_mm,
        row_direction=raster.row_direction,
        modality=Modality.CT,
        model_mask=lambda: first,
    )
    session_of(viewer).keep_context(mask, context)
    at = int(np.argmax(first.sum(axis=(1, 2))))
    go_to(viewer, hands, at)
    assert "Dice 1.000" in text(dock, "sizes")
    dock.actions.amount.setValue(5.0)
    dock.actions.buttons["Shrink"].click()
    hands.ready()
    assert 0 < mask.data[at].sum() < first[at].sum() and np.array_equal(mask.data[at + 1], first[at + 1])
    assert "Dice 1.000" not in text(dock, "sizes")
    dock.actions.buttons["Restore first mask"].click()
    hands.ready()
    assert np.array_equal(mask.data, first)


@pytest.mark.parametrize("order", [(1, 0, 2), (2, 0, 1)])
def test_from_the_front_and_the_side_everything_is_grey_and_says_why(dock, viewer, hands, order):
    viewer.add_image(np.zeros((5, 32, 40), np.uint8))
    mask = viewer.add_labels(np.ones((5, 32, 40), np.uint8))
    hands.ready()
    dock.tools.buttons[0].click()
    hands.ready()
    assert dock.tools.brush.is_on
    viewer.dims.order = order
    hands.ready()
    slices = dock.slices
    buttons = (slices.mark, slices.fill, slices.before, slices.after)
    for button in (*dock.tools.buttons, *dock.actions.buttons.values(), *buttons):
        assert not button.isEnabled() and "as they were taken" in button.toolTip(), button.text()
    assert not dock.tools.brush.is_on and mask.mode == "pan_zoom"
    assert "as they were taken" in dock.tools.hint.text()
    viewer.dims.order = (0, 1, 2)
    hands.ready()
    assert dock.tools.brush.is_on and slices.mark.isEnabled()
    assert "Key" in slices.mark.toolTip() or "key slice" in slices.mark.toolTip()


@pytest.mark.parametrize("tool", ["paint", "smart brush"])
def test_a_stroke_is_counted_once(dock, viewer, hands, monkeypatch, tool):
    viewer.add_image(np.zeros((5, 64, 64), np.uint8))
    mask = viewer.add_labels(np.zeros((5, 64, 64), np.uint8))
    mask.brush_size = 6
    hands.ready()
    if tool == "paint":
        mask.mode = "paint"
    else:
        dock.tools.buttons[0].click()
    hands.ready()
    real, counted = numbers.live_numbers, []

    def count(*arguments):
        counted.append(1)
        return real(*arguments)

    monkeypatch.setattr(numbers, "live_numbers", count)
    hands.drag(mask, (20, 20), (30, 30))
    hands.ready()
    hands.wait(lambda: bool(counted))
    hands.ready()
    QTest.qWait(600)
    assert mask.data.any() and len(counted) == 1
