"""A volume stands upright in every plane, and says where the patient's sides are."""

from __future__ import annotations

import numpy as np
import pytest

PLANES = {"axial": (0, 1, 2), "coronal": (1, 0, 2), "sagittal": (2, 0, 1)}


def volume(viewer, *steps: float, scale=None):
    """A stack of which an axis step leads by these mm along superior, posterior and left."""
    viewer.layers.clear()
    affine = np.diag([*steps, 1.0])
    return viewer.add_image(
        np.random.rand(6, 20, 30),
        scale=scale or np.abs(steps),
        metadata={"napari_unet": {"affine": affine, "row_direction": "L" if steps[2] > 0 else "R"}},
    )


def letters(viewer) -> str:
    """At the top, right, bottom and left of the canvas."""
    found = {str(o.position): o.text for name, o in viewer.canvas.overlays.items() if is_letter(name, o)}
    return "".join(
        found.get(place, "-") for place in ("top_center", "middle_right", "bottom_center", "middle_left")
    )


def is_letter(name: str, overlay) -> bool:
    return name.startswith("napari_unet_") and overlay.visible and overlay.text in tuple("LRAPSI")


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((4, 1, 1), {"axial": "ALPR", "coronal": "SLIR", "sagittal": "SPIA"}),
        ((-4, 1, 1), {"axial": "ALPR", "coronal": "SLIR", "sagittal": "SPIA"}),
        ((4, 1, -1), {"axial": "ARPL", "coronal": "SRIL", "sagittal": "SPIA"}),
        ((4, -1, 1), {"axial": "PLAR", "coronal": "SLIR", "sagittal": "SAIP"}),
    ],
)
def test_the_head_is_at_the_top_and_every_edge_has_its_letter(viewer, viewing, steps, expected):
    volume(viewer, *steps)
    before = viewer.scene.camera.orientation2d
    for plane, order in PLANES.items():
        viewer.dims.order = order
        assert letters(viewer) == expected[plane], plane
    viewer.dims.order = PLANES["axial"]
    assert viewer.scene.camera.orientation2d == before


def test_what_is_not_known_is_left_alone(viewer, viewing):
    viewer.layers.clear()
    viewer.add_image(np.random.rand(6, 20, 30))
    before = viewer.scene.camera.orientation2d
    viewer.dims.order = PLANES["coronal"]
    assert viewer.scene.camera.orientation2d == before and letters(viewer) == "-L-R"


def test_closing_turns_the_view_back(viewer, viewing):
    volume(viewer, 4, 1, 1)
    before = viewer.scene.camera.orientation2d
    viewer.dims.order = PLANES["sagittal"]
    assert viewer.scene.camera.orientation2d != before
    viewing.remove()
    assert viewer.scene.camera.orientation2d == before
