"""Blocks, maps, cuts and clicks, with keys and the mouse."""

from __future__ import annotations

import numpy as np
import pytest
from inside_models import SIDE
from mouse_strokes import LEFT, PLAIN
from napari.layers import Image, Labels, Shapes
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_unet.core.inside import Alteration, AskLook, Look
from napari_unet.tour.picture import picture
from napari_unet.widgets.common.layers import is_image, is_mask
from napari_unet.widgets.explore import on_image
from napari_unet.widgets.explore.under_mouse import in_numbers


def drawn(explorer):
    return explorer.dock.network.network


def press(widget, key, modifier=PLAIN) -> None:
    QTest.keyClick(widget, key, modifier)


def test_the_u_is_that_of_this_network(explorer) -> None:
    texts = {name: drawn(explorer).stage_button(name).text() for name in ("encoder.0", "bottleneck", "head")}
    assert texts == {"encoder.0": "4 · 64", "bottleneck": "16 · 16", "head": "1 · 64"}
    said = drawn(explorer).stage_button("encoder.1").accessibleName()
    assert said.startswith("encoder level 2: 8 maps of 32 × 32, sees ") and "parameters" in said
    explorer.choose("lineage-unet-2015")
    assert drawn(explorer).stage_button("encoder.0").text().startswith("2 · 2")
    assert "mirrored" not in explorer.words("network_size") and "18 blocks" not in explorer.words("message")


def test_networks_that_are_no_u_are_a_column(explorer) -> None:
    explorer.choose("lineage-alexnet")
    assert drawn(explorer).stage_button("encoder.4").isEnabled()
    assert not drawn(explorer).stage_button("connected").isEnabled()
    assert not explorer.dock.network.padding.isEnabled()
    shown = [
        explorer.dock.network.operation.itemData(k) for k in range(explorer.dock.network.operation.count())
    ]
    assert "streams" in shown and "skip" not in shown


def test_keys_alone_choose_cut_and_silence(explorer) -> None:
    """Arrow keys through the U, Space on a block and on a skip connection, Delete, Alt+0."""
    network = drawn(explorer)
    first = network.stage_button("encoder.0")
    first.setFocus()
    assert network.focusWidget() is first
    press(first, Qt.Key.Key_Down)
    second = network.stage_button("encoder.1")
    assert network.focusWidget() is second
    press(second, Qt.Key.Key_Space)
    explorer.calm()
    assert network.current == "encoder.1" and len(explorer.named("Feature maps")) == 1
    press(second, Qt.Key.Key_Right)
    skip = network.skip_button(1)
    assert network.focusWidget() is skip
    press(skip, Qt.Key.Key_Space)
    explorer.calm()
    assert explorer.dock.network.alteration == Alteration(cut=frozenset({1})) and skip.text() == "✕"
    assert "Dice" in explorer.words("difference") and explorer.named("Mask of the altered")
    press(skip, Qt.Key.Key_Left)
    assert network.focusWidget() is second
    press(second, Qt.Key.Key_Delete)
    explorer.calm()
    assert explorer.dock.network.alteration.silenced == {"encoder.1"}
    assert second.accessibleName().endswith("silenced")
    press(second, Qt.Key.Key_0, Qt.KeyboardModifier.AltModifier)
    explorer.calm()
    assert not explorer.dock.network.alteration and not explorer.named("Mask")
    assert "Nothing is altered" in explorer.words("difference") and skip.text() == "→"


def test_maps_lie_over_the_image_in_their_size(explorer) -> None:
    drawn(explorer).stage_button("encoder.1").click()
    explorer.calm()
    (layer,) = explorer.named("Feature maps")
    assert isinstance(layer, Image) and layer.data.shape == (8, 32, 32)
    np.testing.assert_allclose(layer.data_to_world((3, 0, 0)), (3, 0.5, 0.5))
    np.testing.assert_allclose(layer.data_to_world((3, 31, 31)), (3, SIDE - 1.5, SIDE - 1.5))
    assert not is_image(layer) and explorer.dock.image.layer() is explorer.image


def test_over_an_image_with_a_scale_and_a_turn(explorer) -> None:
    explorer.image.scale = (0.5, 0.25)
    explorer.image.translate = (10, 20)
    explorer.image.rotate = 30
    drawn(explorer).stage_button("bottleneck").click()
    explorer.calm()
    (layer,) = explorer.named("Feature maps")
    place = np.asarray(layer.data_to_world((0, 2, 5)))[1:]
    np.testing.assert_allclose(place, explorer.image.data_to_world((2 * 4 + 1.5, 5 * 4 + 1.5)))


def test_one_map_is_silenced_by_its_place_in_the_stack(explorer) -> None:
    explorer.dock.network.silence_map.setEnabled(True)
    drawn(explorer).stage_button("decoder.0").click()
    explorer.calm()
    found = explorer.dock.on_image.found
    explorer.viewer.dims.set_point(0, 2)
    explorer.dock.network.silence_map.click()
    explorer.calm()
    assert explorer.dock.network.alteration.silenced_maps == {("decoder.0", found.order[2])}
    assert explorer.named("Mask of the altered")
    explorer.dock.network.silence_map.click()
    explorer.calm()
    assert not explorer.dock.network.alteration


def test_padding_is_switched_off_and_on(explorer) -> None:
    box = explorer.dock.network.padding
    assert box.isChecked()
    QTest.mouseClick(box, LEFT, PLAIN, QPoint(8, box.height() // 2))
    explorer.calm()
    assert explorer.dock.network.alteration == Alteration(padding=False)
    assert "Dice" in explorer.words("difference")
    QTest.mouseClick(box, LEFT, PLAIN, QPoint(8, box.height() // 2))
    explorer.calm()
    assert not explorer.dock.network.alteration and box.isChecked()


def test_what_is_shown_cannot_be_corrected(explorer) -> None:
    drawn(explorer).skip_button(0).click()
    explorer.calm()
    masks = [layer for layer in explorer.viewer.layers if isinstance(layer, Labels)]
    assert len(masks) == 2 and not any(is_mask(layer) for layer in masks)


def click(explorer, row: float, column: float) -> None:
    canvas = explorer.viewer.window._qt_viewer.canvas
    node = canvas.layer_to_visual[explorer.image].node
    x, y = node.get_transform("visual", "canvas").map([column + 0.5, row + 0.5])[:2]
    QTest.mouseClick(canvas.native, LEFT, PLAIN, QPoint(round(x), round(y)))


def test_a_click_draws_the_receptive_field_of_its_pixel(explorer, wait) -> None:
    click(explorer, 20, 30)
    explorer.calm()
    assert not explorer.named("Receptive field"), "only when it is asked for"
    explorer.dock.network.click.click()
    click(explorer, 20, 30)
    wait(lambda: bool(explorer.named("Receptive field")))
    explorer.calm()
    (frame,), (heat,) = explorer.named("Receptive field"), explorer.named("Measured receptive")
    assert isinstance(frame, Shapes) and isinstance(heat, Image)
    assert explorer.dock.on_image.pixel == (20, 30) and "gradient" in explorer.words("about_block")
    explorer.dock.network.click.click()
    explorer.dock.on_image.pixel = None
    click(explorer, 40, 30)
    explorer.calm()
    assert explorer.dock.on_image.pixel is None


_APART_MS = 30  # between two moves: vispy takes none in quick succession


def over(explorer, row: float, column: float) -> None:
    canvas = explorer.viewer.window._qt_viewer.canvas
    node = canvas.layer_to_visual[explorer.image].node
    x, y = node.get_transform("visual", "canvas").map([column + 0.5, row + 0.5])[:2]
    place, none = QPointF(round(x), round(y)), Qt.MouseButton.NoButton
    there = QPointF(canvas.native.mapToGlobal(place.toPoint()))
    QTest.qWait(_APART_MS)
    # as the window system would say it; QTest moves the pointer, and the word of that may come late or never
    QApplication.sendEvent(canvas.native, QMouseEvent(QEvent.Type.MouseMove, place, there, none, none, PLAIN))


def test_the_numbers_under_the_mouse_are_those_of_the_convolution_there(explorer, wait) -> None:
    page = explorer.dock.network
    over(explorer, 20, 30)
    assert "under the mouse" not in explorer.words("about_block"), "only when it is asked for"
    page.follow.click()
    over(explorer, 21, 31)
    wait(lambda: "under the mouse" in explorer.words("about_block"))
    first = explorer.words("about_block")
    assert "Encoder level 1, map" in first and first.count("<tr>") == 3 and "Sum of the products" in first
    said = explorer.answer(AskLook("convolution", "", (21, 31)))
    assert f"{said.facts['bias']:.3f}: {said.facts['sum']:.3f}." in first
    drawn(explorer).stage_button("encoder.1").click()
    explorer.calm()
    for row in range(40, 50):  # faster than answers come: the last pixel counts
        over(explorer, row, 20)
    wait(lambda: "Encoder level 2" in explorer.words("about_block"))
    last = explorer.answer(AskLook("convolution", "encoder.1", (30, 40)))

    over(explorer, 30, 40)
    wait(lambda: f"{last.facts['sum']:.3f}." in explorer.words("about_block"))
    page.follow.click()
    assert "Choose a block" in explorer.words("about_block")
    over(explorer, 10, 10)
    explorer.calm()
    assert "Choose a block" in explorer.words("about_block")


def test_of_a_large_kernel_only_the_sum_is_written() -> None:
    facts = {
        "stage": "encoder level 1",
        "map": 3,
        "side": 11,
        "inputs": 3,
        "part": 1.0,
        "bias": 0.5,
        "sum": 2.5,
        "folded": False,
    }
    said = in_numbers(Look("convolution", facts=facts))
    assert "<table" not in said and "With all 3 maps that go in and the bias of 0.500: 2.500." in said
    assert "normalisation" not in said
    assert "with the batch normalisation multiplied in" in in_numbers(
        Look("convolution", facts=facts | {"folded": True})
    )


def test_what_does_not_follow_a_cut_says_so(explorer, wait, monkeypatch) -> None:
    """The receptive field, the numbers under the mouse, and the picture of an operation."""
    page, unaltered = explorer.dock.network, "Of the unaltered network: "
    explorer.dock.on_image.click(30, 20)
    explorer.calm()
    assert "gradient" in explorer.words("about_block") and unaltered not in explorer.words("about_block")
    drawn(explorer).skip_button(0).click()
    explorer.calm()
    assert unaltered in explorer.words("about_block"), "what was said before is not of this mask"
    page.follow.click()
    over(explorer, 21, 31)
    wait(lambda: "under the mouse" in explorer.words("about_block"))
    assert unaltered in explorer.words("about_block")
    named: list[str] = []

    def noted(look, title, sentence, language):
        named.append(sentence)
        return picture(look, title, sentence, language)

    monkeypatch.setattr(on_image, "picture", noted)
    page.look.click()
    explorer.calm()
    page.put_back.click()
    explorer.calm()
    assert unaltered not in explorer.words("about_block")
    page.look.click()
    explorer.calm()
    assert named == ["lineage-residual, unaltered", "lineage-residual"]


def test_an_operation_is_a_picture_and_the_image_comes_back(explorer) -> None:
    page = explorer.dock.network
    page.operation.setCurrentIndex(page.operation.findData("convolution"))
    page.look.click()
    explorer.calm()
    (picture,) = explorer.named("Convolution")
    assert picture.rgb and not explorer.image.visible
    explorer.dock.back.click()
    assert not explorer.named("Convolution") and explorer.image.visible


@pytest.mark.parametrize(
    "model", ["lineage-residual", "lineage-unet-2015", "lineage-alexnet", "lineage-ciresan"]
)
def test_every_operation_that_is_offered_is_answered(explorer, model) -> None:
    explorer.choose(model)
    page = explorer.dock.network
    assert page.operation.count()
    for row in range(page.operation.count()):
        page.operation.setCurrentIndex(row)
        page.look.click()
        explorer.calm()
        assert explorer.dock.message.text() == "" and explorer.named(page.operation.currentText())


def test_a_slice_of_a_stack(explorer, viewer) -> None:
    stack = np.stack([explorer.image.data] * 3)
    volume = viewer.add_image(stack, name="stack")
    viewer.layers.remove(explorer.image)
    explorer.dock.image.choose(volume)
    viewer.dims.set_point(0, 1)
    drawn(explorer).stage_button("encoder.0").click()
    explorer.calm()
    (layer,) = explorer.named("Feature maps")
    assert layer.data.shape == (4, 1, SIDE, SIDE)
    np.testing.assert_allclose(layer.data_to_world((0, 0, 0, 0)), (0, 1, 0, 0))
    drawn(explorer).skip_button(0).click()
    explorer.calm()
    (mask,) = explorer.named("Mask of the altered")
    np.testing.assert_allclose(np.asarray(mask.data_to_world((0, 0, 0)))[-3:], (1, 0, 0))


def visible(explorer) -> set[str]:
    """The kinds of our layers that are seen."""
    ours = ("Feature maps", "Mask of the altered", "Mask before", "Measured", "Receptive", "Windows")
    names = [layer.name for layer in explorer.viewer.layers if layer.visible]
    return {start for start in ours for name in names if name.startswith(start)}


def test_each_look_takes_the_place_of_the_one_before(explorer) -> None:
    network = drawn(explorer)
    network.stage_button("encoder.1").click()
    explorer.calm()
    assert visible(explorer) == {"Feature maps"}
    network.skip_button(1).click()
    explorer.calm()
    assert visible(explorer) == {"Mask of the altered", "Mask before"}
    explorer.dock.on_image.click(30, 20)
    explorer.calm()
    assert visible(explorer) == {"Measured", "Receptive"}
    network.stage_button("encoder.0").click()
    explorer.calm()
    assert visible(explorer) == {"Feature maps"}


def test_back_to_the_image_takes_all_of_it_away(explorer) -> None:
    network = drawn(explorer)
    explorer.dock.network.click.setChecked(True)
    network.skip_button(0).click()
    network.stage_button("encoder.1").click()
    explorer.calm()
    explorer.dock.back.click()
    assert [layer.name for layer in explorer.viewer.layers] == ["chest"]
    assert not explorer.dock.network.click.isChecked()
    assert "Choose a block" in explorer.words("about_block")
    assert explorer.dock.network.silence_map.text() == "Silence this map"


def test_maps_after_a_cut_are_those_of_the_altered_network(explorer) -> None:
    network = drawn(explorer)
    network.stage_button("decoder.0").click()
    explorer.calm()
    before = explorer.named("Feature maps")[0].data.copy()
    assert "altered" not in explorer.words("about_block")
    network.skip_button(0).click()
    explorer.calm()
    network.stage_button("decoder.0").click()
    explorer.calm()
    assert not np.array_equal(explorer.named("Feature maps")[0].data, before)
    assert "decoder level 1, of the altered network" in explorer.words("about_block")


def test_the_button_names_the_map_that_the_slider_shows(explorer) -> None:
    drawn(explorer).stage_button("encoder.1").click()
    explorer.calm()
    order = explorer.dock.on_image.found.order
    for at in (0, 3):
        explorer.viewer.dims.set_point(0, at)
        assert explorer.dock.network.silence_map.text() == f"Silence map {order[at] + 1}"
    explorer.dock.network.silence_map.click()
    explorer.calm()
    assert explorer.dock.network.alteration.silenced_maps == {("encoder.1", order[3])}


def test_a_stage_of_one_map_has_no_slider_to_speak_of(explorer) -> None:
    drawn(explorer).stage_button("head").click()
    explorer.calm()
    assert "head: its only map." in explorer.words("about_block")


def test_networks_without_skips_offer_no_arrows(explorer) -> None:
    assert "arrow (→)" in explorer.words("about_block")
    explorer.choose("lineage-encoder-decoder")
    assert "arrow (→)" not in explorer.words("about_block")
