"""Window and level by right-drag, inverted grey and reset, as the user does them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_unet.npe2_io import get_reader

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton


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


TOOLS = ["paint", "erase", "fill", "pick", "polygon", "transform"]
OTHER_BUTTONS = [RIGHT, Qt.MouseButton.MiddleButton, Qt.MouseButton.BackButton]
MODIFIERS = [
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
]


def history(layer) -> list:
    return [*layer._undo_history, *layer._redo_history, *layer._staged_history]


@pytest.mark.parametrize("button", OTHER_BUTTONS)
def test_only_the_left_button_touches_a_mask(viewer, viewing, hands, button):
    lungs, chest = viewer.layers["lungs"], viewer.layers["chest"]
    before, place = lungs.data.copy(), np.array(lungs.affine.affine_matrix)
    lungs.selected_label = 3
    for mode in TOOLS:
        lungs.mode = mode
        for modifiers in MODIFIERS:
            hands.drag(60, 60, button=button, modifiers=modifiers, moves=2)
            assert (chest.contrast_limits != [0, 4083]) == (button == RIGHT)
            chest.contrast_limits = (0, 4083)
        hands.hover(-80, -80)
        hands.hover(80, 80)
        assert np.array_equal(lungs.data, before) and not history(lungs)
        assert np.array_equal(lungs.affine.affine_matrix, place)
        assert lungs.mode == mode and lungs.selected_label == 3
        assert not lungs._overlays["polygon"].points and not lungs._overlays["brush_stroke"].active


def test_only_the_left_button_touches_a_mask_in_3d(viewer, viewing, hands):
    viewer.dims.ndisplay = 3
    lungs = viewer.layers["lungs"]
    before = lungs.data.copy()
    for mode in ("paint", "erase", "fill"):
        lungs.mode = mode
        hands.drag(60, 60)
        assert np.array_equal(lungs.data, before) and not history(lungs)
        assert viewer.layers["chest"].contrast_limits != [0, 4083]


def test_the_right_button_in_the_middle_of_a_stroke_changes_nothing(viewer, viewing, hands):
    lungs, chest = viewer.layers["lungs"], viewer.layers["chest"]
    lungs.mode, lungs.selected_label, lungs.brush_size = "paint", 3, 4
    hands.drag(60, 0, button=LEFT, while_down=lambda: hands.drag(0, 60))
    assert chest.contrast_limits == [0, 4083]
    assert len(lungs._undo_history) == 1 and not lungs._block_history
    painted = lungs.data.copy()
    hands.hover(0, 80)
    assert np.array_equal(lungs.data, painted)


def test_the_left_button_in_the_middle_of_a_right_drag_paints_nothing(viewer, viewing, hands):
    lungs = viewer.layers["lungs"]
    lungs.mode = "paint"
    before = lungs.data.copy()
    hands.drag(60, 0, while_down=lambda: hands.drag(0, 60, button=LEFT))
    assert np.array_equal(lungs.data, before)
    hands.drag(30, 0, button=LEFT)
    assert not np.array_equal(lungs.data, before), "the next press of the left button paints again"


def test_a_drag_that_leaves_the_canvas_ends_with_the_button(viewer, viewing, hands):
    lungs, chest = viewer.layers["lungs"], viewer.layers["chest"]
    lungs.mode = "paint"
    before = lungs.data.copy()
    hands.drag(-3000, 0)
    limits = chest.contrast_limits
    assert limits != [0, 4083]
    hands.hover(60, 60)
    assert chest.contrast_limits == limits and np.array_equal(lungs.data, before)


def test_a_release_that_is_lost_ends_the_drag(viewer, viewing, hands):
    chest = viewer.layers["chest"]
    hands.drag(60, 0, release=False)
    limits = chest.contrast_limits
    hands.hover(0, 80)
    assert chest.contrast_limits == limits
    hands.drag(60, 0, button=LEFT)
    assert chest.contrast_limits == limits


def test_a_double_click_of_the_right_button_paints_nothing(viewer, viewing, hands):
    lungs = viewer.layers["lungs"]
    lungs.mode = "polygon"
    hands.double_click()
    assert not lungs._overlays["polygon"].points and not history(lungs)


def test_the_middle_button_moves_the_view(viewer, viewing, hands):
    for mode in ("pan_zoom", "paint", "polygon"):
        viewer.layers["lungs"].mode = mode
        zoom, centre = viewer.scene.camera.zoom, np.array(viewer.scene.camera.center)
        hands.drag(50, 20, button=Qt.MouseButton.MiddleButton)
        moved = (np.array(viewer.scene.camera.center) - centre)[-2:]
        assert moved * zoom == pytest.approx([-20, -50], abs=2)


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
    assert "only greyscale images" in capsys.readouterr().out


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


@pytest.mark.parametrize("name", ["window_outside.dcm", "padding_65535.dcm"])
def test_w_brings_back_what_an_image_opened_with(viewer, viewing, hands, name):
    """A window that holds no pixel, and a border that is none of the image: neither counts."""
    path = str(Path(__file__).parents[2] / "data" / "cases" / name)
    viewer.layers.clear()
    ((pixels, options, _),) = get_reader(path)(path)
    image = viewer.add_image(pixels, **options)
    opened = tuple(image.contrast_limits)
    assert 400 < opened[0] < 1000 and 2000 < opened[1] < 4000
    image.contrast_limits = (60000, 60100)
    hands.press_key("W")
    assert tuple(image.contrast_limits) == opened
    shown = viewer.screenshot(canvas_only=True, flash=False)[..., 0]
    assert np.percentile(shown, 99) > 100
