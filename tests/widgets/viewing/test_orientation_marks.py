"""L and R are at the right side of the canvas, however the view is turned."""

from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core.raster import Modality, Raster
from napari_unet.widgets.viewing.orientation_marks import Marks, marks_of


def on_canvas(viewer) -> dict[str, str]:
    """What can be read where, of our marks."""
    return {
        str(overlay.position): overlay.text
        for name, overlay in viewer.canvas.overlays.items()
        if name.startswith("napari_unet") and overlay.visible and "caption" not in name
    }


def caption(viewer) -> str:
    overlay = viewer.canvas.overlays["napari_unet_caption"]
    return overlay.text if overlay.visible else ""


def known(towards: str, **more) -> dict:
    return {"napari_unet": Raster(np.zeros((4, 4)), row_direction=towards, **more).header()}


USUAL = {"middle_left": "R", "middle_right": "L"}
SWAPPED = {"middle_left": "L", "middle_right": "R"}


def test_without_a_header_the_sides_are_assumed_and_it_is_said(viewer, viewing):
    assert on_canvas(viewer) == USUAL
    assert caption(viewer) == "L and R assumed"


def test_the_header_decides(viewer, viewing):
    viewer.layers["chest"].metadata = known("R", view="AP")
    assert on_canvas(viewer) == SWAPPED
    assert caption(viewer) == "AP"


def test_metadata_changed_in_place_needs_a_refresh(viewer, viewing):
    viewer.layers["chest"].metadata.update(known("R"))
    viewing.marks.refresh()
    assert on_canvas(viewer) == SWAPPED and caption(viewer) == ""


def test_turning_the_camera_takes_the_letters_along(viewer, viewing):
    viewer.scene.camera.orientation2d = ("down", "left")
    assert on_canvas(viewer) == SWAPPED
    viewer.scene.camera.orientation2d = ("up", "left")
    assert on_canvas(viewer) == SWAPPED
    viewer.scene.camera.orientation2d = ("up", "right")
    assert on_canvas(viewer) == USUAL


def test_a_mirrored_layer_takes_the_letters_along(viewer, viewing):
    chest = viewer.layers["chest"]
    chest.scale = (1, -1)
    assert on_canvas(viewer) == SWAPPED
    chest.scale = (-1, 1)
    assert on_canvas(viewer) == USUAL
    chest.affine = np.diag([1.0, -1.0, 1.0])
    assert on_canvas(viewer) == SWAPPED


def test_turned_layers_and_axes(viewer, viewing):
    viewer.dims.transpose()
    assert on_canvas(viewer) == {"top_center": "R", "bottom_center": "L"}
    viewer.scene.camera.orientation2d = ("up", "right")
    assert on_canvas(viewer) == {"top_center": "L", "bottom_center": "R"}
    viewer.scene.camera.orientation2d = ("down", "right")
    viewer.dims.transpose()
    viewer.layers["chest"].rotate = 180
    assert on_canvas(viewer) == SWAPPED
    viewer.layers["chest"].rotate = 20
    assert on_canvas(viewer) == USUAL


def test_flipping_never_changes_a_label(viewer, viewing):
    lungs = viewer.layers["lungs"]
    before = lungs.data.copy()
    viewer.scene.camera.orientation2d = ("down", "left")
    viewer.layers["chest"].scale = lungs.scale = (1, -1)
    assert np.array_equal(lungs.data, before)
    assert on_canvas(viewer) == USUAL, "flipped twice"


def test_stacks_follow_the_plane_in_view(viewer, viewing):
    viewer.layers.clear()
    viewer.add_image(np.random.rand(5, 20, 30), metadata=known("L"))
    assert on_canvas(viewer) == USUAL
    viewer.dims.order = (1, 0, 2)
    assert on_canvas(viewer) == USUAL, "from the front"
    viewer.dims.order = (2, 0, 1)
    assert on_canvas(viewer) == {}, "from the side: left and right lie along the line of sight"


def test_none_in_3d(viewer, viewing):
    viewer.dims.ndisplay = 3
    assert on_canvas(viewer) == {} and caption(viewer) == ""
    viewer.dims.ndisplay = 2
    assert on_canvas(viewer) == USUAL


def test_the_image_in_view_is_meant(viewer, viewing):
    other = viewer.add_image(np.zeros((9, 9)), metadata=known("R"))
    assert on_canvas(viewer) == SWAPPED, "the active one"
    other.visible = False
    assert on_canvas(viewer) == USUAL
    other.visible = True
    viewer.layers.selection.active = viewer.layers["lungs"]
    assert on_canvas(viewer) == USUAL, "the one under the mask"
    viewer.layers.remove("chest")
    assert on_canvas(viewer) == SWAPPED
    viewer.layers.remove(other)
    assert on_canvas(viewer) == {}


def test_a_probability_map_has_the_marks_of_its_image(viewer, viewing):
    viewer.layers["chest"].metadata = known("R")
    viewer.add_image(np.zeros((256, 256)), metadata={"napari_unet_map": "map"})
    assert on_canvas(viewer) == SWAPPED


def test_grid_shows_marks_only_where_all_images_agree(viewer, viewing):
    viewer.canvas.grid.enabled = True
    assert on_canvas(viewer) == USUAL
    viewer.add_image(np.zeros((9, 9)), metadata=known("R"))
    assert on_canvas(viewer) == {}
    viewer.canvas.grid.enabled = False
    assert on_canvas(viewer) == SWAPPED


def test_marks_are_on_the_screenshot(viewer, viewing, hands):
    with_marks = viewer.screenshot(flash=False)
    viewing.remove()
    hands.wait()
    without = viewer.screenshot(flash=False)
    differs = (with_marks != without).any(-1)
    middle = differs.shape[1] // 2
    assert differs[:, : middle // 4].any() and differs[:, -middle // 4 :].any()


def test_removed_layers_keep_no_callbacks(viewer, viewing):
    chest = viewer.layers["chest"]
    viewer.layers.remove(chest)
    ours = [
        str(c) for e in chest.events.emitters.values() for c in e.callbacks if "orientation_marks" in str(c)
    ]
    assert ours == []


@pytest.mark.parametrize(
    ("header", "marks"),
    [
        ({"view": "LL"}, Marks(caption="LL")),
        ({"modality": Modality.EM}, Marks()),
        ({"modality": "EM"}, Marks()),
        (
            {"view": "PA", "row_direction": "L"},
            Marks((("middle_left", "R"), ("middle_right", "L")), "PA"),
        ),
        ({"view": "PA"}, Marks((("middle_left", "R"), ("middle_right", "L")), "PA · L and R assumed")),
    ],
)
def test_what_is_said(header, marks):
    assert marks_of(header, (0.0, 1.0)) == marks
