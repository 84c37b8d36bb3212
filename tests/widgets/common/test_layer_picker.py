"""The picker holds the layer, not its name."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_unet.widgets.common.layer_picker import LayerPicker
from napari_unet.widgets.common.layers import MAP, is_image


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def picker(viewer, qtbot):
    box = LayerPicker(viewer, is_image, "nothing")
    qtbot.addWidget(box)
    return box


def test_the_first_image_is_chosen(viewer, picker):
    assert picker.layer() is None and picker.currentIndex() == -1
    image = viewer.add_image(np.zeros((4, 4)), name="a")
    assert picker.layer() is image and picker.currentText() == "a"


def test_renaming_does_not_change_the_choice(viewer, picker):
    first = viewer.add_image(np.zeros((4, 4)), name="a")
    second = viewer.add_image(np.zeros((4, 4)), name="b")
    picker.choose(first)
    first.name = "z"
    assert picker.layer() is first and picker.currentText() == "z"
    second.name = "a"
    assert picker.layer() is first


def test_removal_makes_it_none(viewer, picker):
    first = viewer.add_image(np.zeros((4, 4)))
    viewer.add_labels(np.zeros((4, 4), int))
    seen = []
    picker.chosen.connect(seen.append)
    viewer.layers.remove(first)
    assert picker.layer() is None and seen == [None]


def test_removing_another_does_nothing(viewer, picker):
    first = viewer.add_image(np.zeros((4, 4)))
    second = viewer.add_image(np.zeros((4, 4)))
    picker.choose(first)
    viewer.layers.selection.active = first
    viewer.layers.remove(second)
    assert picker.layer() is first and picker.count() == 1


def test_moving_does_not_change_the_choice(viewer, picker):
    layers = [viewer.add_image(np.zeros((4, 4)), name=name) for name in "abc"]
    picker.choose(layers[1])
    viewer.layers.move(0, 3)
    assert picker.layer() is layers[1] and picker.currentText() == "b"


def test_it_follows_the_active_image_but_no_mask(viewer, picker):
    first = viewer.add_image(np.zeros((4, 4)))
    second = viewer.add_image(np.zeros((4, 4)))
    labels = viewer.add_labels(np.zeros((4, 4), int))
    assert picker.layer() is second
    viewer.layers.selection.active = first
    assert picker.layer() is first
    viewer.layers.selection.active = labels
    assert picker.layer() is first


def test_only_images_are_offered(viewer, picker):
    viewer.add_labels(np.zeros((4, 4), int))
    viewer.add_points([[0, 0]])
    viewer.add_image(np.zeros((4, 4)), metadata={MAP: "map"})
    assert picker.count() == 0 and picker.layer() is None


def test_choosing_with_the_keyboard(viewer, picker, qtbot):
    first = viewer.add_image(np.zeros((4, 4)), name="a")
    viewer.add_image(np.zeros((4, 4)), name="b")
    qtbot.keyClicks(picker, "a")
    assert picker.layer() is first


def test_let_go_of_the_viewer(viewer, picker):
    image = viewer.add_image(np.zeros((4, 4)))
    picker.disconnect_layers()
    image.name = "new"
    viewer.add_image(np.zeros((4, 4)))
    assert picker.layer() is None


def test_a_choice_that_is_not_offered_any_more_is_told_once(viewer, qtbot):
    offered = True
    box = LayerPicker(viewer, lambda layer: offered, "nothing")
    qtbot.addWidget(box)
    viewer.add_image(np.zeros((4, 4)))
    seen = []
    box.chosen.connect(seen.append)
    offered = False
    box.refresh()
    box.refresh()
    assert seen == [None] and box.layer() is None
