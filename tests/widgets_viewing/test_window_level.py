"""Window and level by right-drag, inverted grey and reset, as the user does them."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt


def width_and_level(image) -> tuple[float, float]:
    low, high = image.contrast_limits
    return high - low, (low + high) / 2


def test_sideways_changes_the_window(viewer, viewing, hands):
    chest = viewer.layers["chest"]
    width, level = width_and_level(chest)
    across = viewer.canvas.size[1]
    hands.drag(-across // 4, 0)
    assert width_and_level(chest) == pytest.approx((width * 0.75, level), rel=0.01)
    hands.drag(across // 8, 0)
    assert width_and_level(chest) == pytest.approx((width * 0.875, level), rel=0.01)


def test_up_and_down_changes_the_level_downwards_darker(viewer, viewing, hands):
    chest, zoom = viewer.layers["chest"], viewer.scene.camera.zoom
    width, level = width_and_level(chest)
    hands.drag(0, viewer.canvas.size[0] // 4)
    assert width_and_level(chest) == pytest.approx((width, level * 1.5), rel=0.01)
    assert viewer.scene.camera.zoom == zoom, "napari zooms by a right-drag up or down"


def test_pixels_stay_as_they_are(viewer, viewing, hands):
    before = viewer.layers["chest"].data.copy()
    hands.drag(60, 40)
    hands.press_key("G")
    assert np.array_equal(viewer.layers["chest"].data, before)


def test_without_the_tools_right_drag_zooms(viewer, hands):
    zoom, limits = viewer.scene.camera.zoom, viewer.layers["chest"].contrast_limits
    hands.drag(0, -80)
    assert viewer.scene.camera.zoom != zoom
    assert viewer.layers["chest"].contrast_limits == limits


def test_left_drag_still_moves_the_view(viewer, viewing, hands):
    centre, limits = viewer.scene.camera.center, viewer.layers["chest"].contrast_limits
    hands.drag(50, 0, button=Qt.MouseButton.LeftButton)
    assert viewer.scene.camera.center != centre
    assert viewer.layers["chest"].contrast_limits == limits


@pytest.mark.parametrize("mode", ["paint", "erase", "fill", "pick", "polygon", "transform"])
def test_not_while_a_mask_is_painted(viewer, viewing, hands, mode):
    viewer.layers["lungs"].mode = mode
    limits = viewer.layers["chest"].contrast_limits
    hands.drag(60, 60)
    assert viewer.layers["chest"].contrast_limits == limits


def test_not_with_a_modifier_key(viewer, viewing, hands):
    limits = viewer.layers["chest"].contrast_limits
    hands.drag(60, 60, modifiers=Qt.KeyboardModifier.ShiftModifier)
    assert viewer.layers["chest"].contrast_limits == limits


def test_not_in_3d(viewer, viewing, hands):
    viewer.dims.ndisplay = 3
    limits = viewer.layers["chest"].contrast_limits
    hands.drag(60, 60)
    assert viewer.layers["chest"].contrast_limits == limits


def test_colour_photographs_keep_the_zoom(viewer, viewing, hands):
    viewer.layers.clear()
    viewer.add_image(np.zeros((64, 64, 3), np.uint8), rgb=True)
    zoom = viewer.scene.camera.zoom
    hands.drag(0, -80)
    assert viewer.scene.camera.zoom != zoom


def test_the_active_image_is_meant(viewer, viewing, hands):
    other = viewer.add_image(np.zeros((256, 256), np.uint8), name="other")
    hands.drag(-60, 0)
    assert viewer.layers["chest"].contrast_limits == [0, 4083]
    assert other.contrast_limits != [0, 255]


def test_otherwise_the_image_under_the_mask_never_a_probability_map(viewer, viewing, hands):
    viewer.add_image(np.zeros((256, 256)), name="hidden", visible=False)
    probability = viewer.add_image(
        np.random.rand(256, 256), name="probability", metadata={"napari_unet_map": "map"}
    )
    viewer.layers.selection.active = viewer.layers["lungs"]
    before = probability.contrast_limits
    hands.drag(-60, 0)
    assert viewer.layers["chest"].contrast_limits != [0, 4083]
    assert probability.contrast_limits == before


def test_an_image_removed_during_the_drag_does_no_harm(viewer, viewing, hands):
    hands.drag(60, 20, while_down=lambda: viewer.layers.remove("chest"))
    hands.drag(60, 20)  # no image left: napari's zoom


def test_tools_removed_during_the_drag_end_it(viewer, viewing, hands):
    limits = []

    def remove():
        viewing.remove()
        limits.append(viewer.layers["chest"].contrast_limits)

    hands.drag(60, 20, while_down=remove)
    assert viewer.layers["chest"].contrast_limits == limits[0]


def test_g_inverts_grey_and_keeps_the_window(viewer, viewing, hands):
    chest = viewer.layers["chest"]
    chest.contrast_limits = (1000, 3000)
    hands.press_key("G")
    assert chest.colormap.name == "gray_r"
    assert chest.contrast_limits == [1000, 3000]
    hands.press_key("G")
    assert chest.colormap.name == "gray"


def test_g_leaves_coloured_maps_alone_and_says_so(viewer, viewing, hands, capsys):
    chest = viewer.layers["chest"]
    chest.colormap = "viridis"
    hands.press_key("G")
    assert chest.colormap.name == "viridis"
    assert "only grey images" in capsys.readouterr().out


def test_w_goes_back_to_the_whole_range(viewer, viewing, hands):
    chest = viewer.layers["chest"]
    hands.press_key("G")
    hands.drag(200, 120)
    assert chest.contrast_limits != [0, 4083]
    hands.press_key("W")
    assert chest.contrast_limits == [0, 4083]
    assert chest.contrast_limits_range == [0, 4083]
    assert chest.colormap.name == "gray"


def test_w_goes_back_to_the_window_of_the_header(viewer, viewing, hands):
    chest = viewer.layers["chest"]
    chest.metadata = {"napari_unet": {"window": (500.0, 2500.0)}}
    hands.press_key("W")
    assert chest.contrast_limits == [500, 2500]


def test_w_keeps_grey_that_came_inverted(viewer, viewing, hands):
    chest = viewer.layers["chest"]
    chest.colormap = "gray_r"
    hands.press_key("W")
    assert chest.colormap.name == "gray_r"


def test_keys_without_an_image_say_what_to_do(viewer, viewing, hands, capsys):
    viewer.layers.clear()
    for key in "GWH":
        hands.press_key(key)
    assert "no image in view" in capsys.readouterr().out
