"""What can be done with a mask: threshold, undo, left and right, maps, numbers, saving."""

from __future__ import annotations

import threading
import time

import numpy as np
import PIL.Image
import pytest
from dock_fakes import settle, two_lungs
from napari.layers import Image, Labels
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QLabel, QStyle, QStyleOptionSlider

from napari_unet.core.lung_sides import split_left_right
from napari_unet.core.masks import threshold_mask
from napari_unet.io.formats import read_mask
from napari_unet.widgets.common import results
from napari_unet.widgets.common.colours import LUNGS, RIGHT_LEFT, mask_colormap
from napari_unet.widgets.segment import result_view
from napari_unet.widgets.segment.save_mask import Where


@pytest.fixture
def make(dock, viewer, click_segment, qtbot):
    """Segment an image of this shape; returns its mask layer."""

    def segment(shape=(64, 80), prediction=None, **options) -> Labels:
        viewer.add_image(np.zeros(shape, np.uint8), name="chest", **options)
        if len(shape) == 3:
            dock.slices.setCurrentText("All slices")
        click_segment().end(prediction or two_lungs(shape))
        qtbot.waitUntil(lambda: dock._job is None)
        settle(qtbot, dock)
        return viewer.layers[-1]

    return segment


@pytest.fixture
def drag(dock, qtbot):
    """Drag the threshold's handle with the mouse to the place of a value; release unless asked not to."""

    def handle(slider, value=None):
        option = QStyleOptionSlider()
        slider.initStyleOption(option)
        style, control = slider.style(), QStyle.ComplexControl.CC_Slider
        part = QStyle.SubControl.SC_SliderHandle
        knob = style.subControlRect(control, option, part, slider)
        if value is None:
            return knob.center()
        room = style.subControlRect(control, option, QStyle.SubControl.SC_SliderGroove, slider)
        share = (100 * value - slider.minimum()) / (slider.maximum() - slider.minimum())
        return QPoint(
            int(room.left() + knob.width() / 2 + share * (room.width() - knob.width())), knob.center().y()
        )

    def go(value: float, release: bool = True) -> float:
        slider = dock.result.threshold.slider
        start, end = handle(slider), handle(slider, value)
        qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=start)
        qtbot.mouseMove(slider, (start + end) / 2)
        qtbot.mouseMove(slider, end)
        if release:
            qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=end)
            settle(qtbot, dock)
        return dock.result.threshold.value()

    return go


def preview_of(viewer) -> Labels | None:
    return next((layer for layer in viewer.layers if layer.name.endswith(": threshold")), None)


def test_dragging_shows_the_raw_threshold_on_a_layer_of_its_own(dock, viewer, make, drag, qtbot):
    mask = make()
    before = mask.data.copy()
    threshold = drag(0.2, release=False)
    preview = preview_of(viewer)
    assert threshold == pytest.approx(0.2, abs=0.03)
    assert np.array_equal(preview.data, threshold_mask(two_lungs((64, 80)).probability[0], threshold))
    assert np.array_equal(mask.data, before) and not mask.visible
    assert viewer.layers.selection.active is mask
    qtbot.mouseRelease(dock.result.threshold.slider, Qt.MouseButton.LeftButton)
    settle(qtbot, dock)
    assert preview_of(viewer) is None and mask.visible


def test_letting_go_is_one_undoable_edit(viewer, make, drag):
    mask = make()
    before = mask.data.copy()
    threshold = drag(0.8)
    expected = two_lungs((64, 80)).mask(threshold).astype(np.uint8)
    assert np.array_equal(mask.data, expected) and not np.array_equal(before, expected)
    assert len(mask._undo_history) == 1
    mask.undo()
    assert np.array_equal(mask.data, before)
    mask.redo()
    assert np.array_equal(mask.data, expected)


def test_only_changed_pixels_are_in_the_history(make, drag):
    mask = make()
    before = mask.data.copy()
    drag(0.8)
    ((indices, _, _),) = mask._undo_history[0]
    assert len(indices[0]) == np.count_nonzero(mask.data != before)


def test_strokes_survive_the_threshold(make, drag):
    mask = make()
    mask.paint((2, 70), 1)
    mask.data_setitem((np.array([32]), np.array([22])), 0)  # erased in the middle of a lung
    drag(0.8)
    assert mask.data[2, 70] == 1
    assert mask.data[32, 22] == 0


def test_the_slider_goes_back_with_undo(dock, make, drag, qtbot):
    mask = make()
    drag(0.8)
    mask.undo()
    qtbot.waitUntil(lambda: dock.result.threshold.value() == 0.5)


def test_a_key_moves_the_threshold_too(dock, viewer, make, qtbot):
    mask = make()
    slider = dock.result.threshold.slider
    for _ in range(2):
        qtbot.keyClick(slider, Qt.Key.Key_PageUp)
    assert preview_of(viewer) is not None
    qtbot.waitUntil(lambda: len(mask._undo_history) == 1)
    settle(qtbot, dock)
    assert preview_of(viewer) is None
    assert dock.result.threshold.value() == 0.7
    assert np.array_equal(mask.data, two_lungs((64, 80)).mask(0.7))


def test_a_number_moves_the_threshold_too(dock, make, qtbot):
    mask = make()
    dock.result.threshold.box.selectAll()
    qtbot.keyClicks(dock.result.threshold.box, "0.25\r")
    qtbot.waitUntil(lambda: len(mask._undo_history) == 1)
    settle(qtbot, dock)
    assert np.array_equal(mask.data, two_lungs((64, 80)).mask(0.25))


def test_the_mask_removed_during_a_drag(dock, viewer, make, drag, qtbot):
    mask = make()
    drag(0.2, release=False)
    viewer.layers.remove(mask)
    qtbot.mouseRelease(dock.result.threshold.slider, Qt.MouseButton.LeftButton)
    settle(qtbot, dock)
    assert [type(layer) for layer in viewer.layers] == [Image]
    assert not dock.result.isVisible()


def test_the_preview_of_a_stack_is_the_slice_in_view(viewer, make, drag):
    mask = make((3, 64, 80), scale=(2, 1, 1))
    viewer.dims.set_current_step(0, 2)
    threshold = drag(0.2, release=False)
    preview = preview_of(viewer)
    assert preview.data.shape == (1, 64, 80)
    assert np.allclose(preview.data_to_world((0, 0, 0)), mask.data_to_world((2, 0, 0)))
    assert np.array_equal(preview.data[0], threshold_mask(two_lungs((64, 80)).probability[0], threshold))


def test_the_preview_of_a_huge_image_leaves_pixels_out(viewer, make, drag):
    mask = make((64, 5000), scale=(0.5, 0.5))
    drag(0.2, release=False)
    preview = preview_of(viewer)
    assert max(preview.data.shape) <= 2048
    assert np.allclose(preview.data_to_world((10, 100)), mask.data_to_world((30, 300)))


@pytest.mark.parametrize("outlined", [False, True])
def test_the_preview_keeps_up_with_the_slider(dock, viewer, make, outlined):
    make((2048, 2048))
    if outlined:
        dock._session._viewing.outlines.switch()
    dock.result.threshold.slider.setValue(40)  # makes the preview
    seconds = []
    for value in range(41, 60):
        start = time.thread_time()
        dock.result.threshold.slider.setValue(value)
        seconds.append(time.thread_time() - start)
    assert preview_of(viewer).data.shape == (2048, 2048)
    assert np.median(seconds) < 0.05
    settle_now(dock)


def test_left_and_right(dock, make):
    mask = make()
    dock.result.left_right.click()
    settle_now(dock)
    assert np.array_equal(mask.data, split_left_right(two_lungs((64, 80)).mask()))
    assert not np.array_equal(mask.get_color(1), mask.get_color(2))
    mask.undo()
    assert mask.data.max() == 1


@pytest.mark.parametrize("on", [True, False])
def test_undo_takes_the_sides_along(dock, make, save_to, tmp_path, on):
    mask = make()
    for _ in range(1 if on else 2):
        dock.result.left_right.click()
        settle_now(dock)
    mask.undo()
    settle_now(dock)
    assert dock.result.left_right.isChecked() is not on
    assert mask.data.max() == (1 if on else 2)
    assert np.allclose(mask.get_color(1), mask_colormap(LUNGS if on else RIGHT_LEFT).color_dict[1])
    save_to(tmp_path / "m.png")
    assert set(np.unique(PIL.Image.open(tmp_path / "m.png"))) == ({0, 255} if on else {0, 1, 2})
    mask.redo()
    settle_now(dock)
    assert dock.result.left_right.isChecked() is on


def test_sides_given_by_hand_count_and_stay(dock, make, drag):
    mask = make()
    dock.result.left_right.click()
    settle_now(dock)
    mask.data_setitem((np.array([32]), np.array([22])), 2)  # in the middle of the right lung
    settle_now(dock)
    right = np.count_nonzero(mask.data == 1)
    assert f"{right:,}" in text(dock, "sizes")
    drag(0.2)
    assert mask.data[32, 22] == 2


def test_a_stroke_of_2_makes_no_left_lung(dock, make):
    mask = make()
    mask.data_setitem((np.array([2]), np.array([70])), 2)
    settle_now(dock)
    assert not dock.result.left_right.isChecked()


def settle_now(dock) -> None:
    while dock.result._jobs or dock.result._calm.isActive():
        QApplication.processEvents()


def test_left_and_right_stay_with_the_threshold(dock, make, drag):
    mask = make()
    dock.result.left_right.click()
    settle_now(dock)
    threshold = drag(0.8)
    assert np.array_equal(mask.data, split_left_right(two_lungs((64, 80)).mask(threshold)))


def test_wishes_that_come_quickly_are_all_granted(dock, make):
    mask = make()
    dock.result.threshold.settled.emit(0.3)
    dock.result.threshold.settled.emit(0.8)
    dock.result.left_right.click()
    settle_now(dock)
    assert np.array_equal(mask.data, split_left_right(two_lungs((64, 80)).mask(0.8)))


def test_labels_painted_by_hand_stay(dock, make, drag):
    mask = make()
    mask.data_setitem((np.array([0, 32]), np.array([0, 22])), 3)
    dock.result.left_right.click()
    settle_now(dock)
    drag(0.2)
    assert mask.data[0, 0] == 3 and mask.data[32, 22] == 3


def test_maps_on_request(dock, viewer, make):
    mask = make(scale=(0.2, 0.3), units="mm")
    dock.result.probability.click()
    dock.result.uncertainty.click()
    settle_now(dock)
    probability, uncertainty = viewer.layers[-2:]
    assert np.array_equal(probability.data, two_lungs((64, 80)).probability[0])
    assert np.allclose(uncertainty.scale, mask.scale) and uncertainty.units == mask.units
    assert dock.image.layer().name == "chest"  # a map is not an image to segment
    assert dock.result.picker.layer() is mask


def test_a_map_leaves_the_mask_active_and_goes_at_the_second_press(dock, viewer, make):
    mask = make()
    count = len(viewer.layers)
    for button in (dock.result.probability, dock.result.uncertainty):
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        settle_now(dock)
        assert len(viewer.layers) == count + 1 and viewer.layers.selection.active is mask
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        assert len(viewer.layers) == count and viewer.layers.selection.active is mask
    QTest.mouseClick(dock.result.probability, Qt.MouseButton.LeftButton)
    settle_now(dock)
    viewer.layers.pop()  # taken away in the layer list
    QTest.mouseClick(dock.result.probability, Qt.MouseButton.LeftButton)
    settle_now(dock)
    assert len(viewer.layers) == count + 1
    for _ in range(2):  # pressed again while the map is being made: taken back
        QTest.mouseClick(dock.result.uncertainty, Qt.MouseButton.LeftButton)
    settle_now(dock)
    assert len(viewer.layers) == count + 1


def test_a_map_of_a_stack_takes_half_the_memory(dock, viewer, make):
    make((3, 64, 80))
    dock.result.uncertainty.click()
    settle_now(dock)
    shown, expected = viewer.layers[-1].data, two_lungs((3, 64, 80)).uncertainty
    assert shown.dtype == np.float16
    np.testing.assert_allclose(shown, expected, atol=1e-3)


def text(dock, name: str) -> str:
    return dock.findChild(QLabel, name).text()


def test_sizes_in_mm2_where_the_spacing_is_known(dock, make):
    mask = make(prediction=two_lungs((64, 80), (2.0, 3.0), row_direction="L"), scale=(2, 3), units="mm")
    pixels = int(mask.data.sum())
    assert f"{pixels * 6:,} mm²" in text(dock, "sizes")
    assert f"{pixels:,} pixels" in text(dock, "sizes")
    assert "assumed" not in text(dock, "sizes")


def test_no_spacing_is_said(dock, make):
    make()
    assert "Pixel size unknown" in text(dock, "sizes")
    assert "mm²" not in text(dock, "sizes")
    assert "assumed" in text(dock, "sizes")


def test_numbers_follow_the_brush(dock, make, qtbot):
    mask = make()
    before = text(dock, "sizes")
    mask.paint((32, 22), 0)
    qtbot.waitUntil(lambda: text(dock, "sizes") != before)
    assert f"{int(mask.data.sum()):,} pixels" in text(dock, "sizes")
    mask.undo()
    qtbot.waitUntil(lambda: text(dock, "sizes") == before)


def test_numbers_that_take_long_are_announced(dock, make, qtbot, monkeypatch):
    go_on = threading.Event()
    before = results.summarise

    def slow(*arguments):
        go_on.wait(30)
        return before(*arguments)

    mask = make()
    monkeypatch.setattr(results, "summarise", slow)
    mask.paint((32, 22), 0)
    qtbot.waitUntil(lambda: text(dock, "sizes") == "Measuring…")
    go_on.set()
    qtbot.waitUntil(lambda: "Both" in text(dock, "sizes"))


def test_numbers_of_a_stack_are_those_of_the_slice(dock, viewer, make, qtbot):
    make((3, 64, 80))
    viewer.dims.set_current_step(0, 0)
    qtbot.waitUntil(lambda: "Slice 0" in text(dock, "sizes"))
    viewer.dims.set_current_step(0, 2)
    qtbot.waitUntil(lambda: "Slice 2" in text(dock, "sizes"))


def test_check_results(dock, make):
    one = two_lungs((64, 80))
    one.maps[..., 40:] = 0
    make(prediction=one)
    assert "missing" in text(dock, "check_results")


def test_no_check_result_is_not_called_all_clear(dock, make):
    make()
    check_results = dock.result.report._check_results
    assert check_results.text() == "Shape checks passed."
    assert "miss errors" in check_results.toolTip() and "disease" in check_results.toolTip()


def test_no_lung_is_a_result(dock, make):
    none = two_lungs((64, 80))
    none.maps[:] = 0
    mask = make(prediction=none)
    assert mask.data.max() == 0
    assert "No lung" in text(dock, "sizes")


def test_the_panel_follows_the_mask_that_is_selected(dock, viewer, make, drag):
    first = make()
    drag(0.8)
    second = make()
    assert dock.result.picker.layer() is second
    viewer.layers.selection.active = first
    assert dock.result.picker.layer() is first
    assert dock.result.threshold.value() == pytest.approx(0.8, abs=0.03)


@pytest.fixture
def save_to(dock, monkeypatch):
    def save(path) -> None:
        monkeypatch.setattr(result_view, "ask_where", lambda parent, result: Where(path))
        dock.result.save.click()
        settle_now(dock)

    return save


@pytest.mark.parametrize("name", ["a mask.png", "폐.tif", "m.nii.gz"])
def test_save(dock, make, save_to, tmp_path, name):
    mask = make(prediction=two_lungs((64, 80), (0.2, 0.3)), scale=(0.2, 0.3), units="mm")
    save_to(tmp_path / name)
    assert np.array_equal(read_mask(tmp_path / name) > 0, mask.data > 0)
    assert name in text(dock, "status")


def test_saved_masks_are_0_and_255_or_left_and_right(dock, make, save_to, tmp_path):
    mask = make()
    save_to(tmp_path / "lungs.png")
    assert set(np.unique(PIL.Image.open(tmp_path / "lungs.png"))) == {0, 255}
    dock.result.left_right.click()
    settle_now(dock)
    save_to(tmp_path / "sides.png")
    assert np.array_equal(PIL.Image.open(tmp_path / "sides.png"), mask.data)


def test_what_was_painted_is_saved(make, save_to, tmp_path):
    mask = make()
    mask.paint((2, 70), 1)
    save_to(tmp_path / "m.png")
    assert np.asarray(PIL.Image.open(tmp_path / "m.png"))[2, 70] == 255


def test_saving_where_one_may_not(dock, make, save_to, tmp_path, told):
    make()
    (tmp_path / "file").write_text("")
    save_to(tmp_path / "file" / "m.png")
    assert len(told) == 1 and str(told[0])
    assert dock.result.save.isEnabled()
    assert text(dock, "message")
    save_to(tmp_path / "m.png")
    assert not text(dock, "message")


def test_changing_ones_mind_saves_nothing(dock, make, monkeypatch, tmp_path):
    make()
    monkeypatch.setattr(result_view, "ask_where", lambda parent, result: None)
    dock.result.save.click()
    assert not dock.result._jobs
