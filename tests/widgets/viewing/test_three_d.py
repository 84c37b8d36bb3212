"""The 3D view is not mirrored: as if one stood before the patient, whichever way the slices are counted."""

from __future__ import annotations

import numpy as np
import pytest

from napari_unet.widgets.common.layers import show_mask

SIZE = 24
WAYS = [(4, 1, 1), (-4, 1, 1), (4, 1, -1), (-4, -1, 1), (4, -1, -1)]


def volume(viewer, steps: tuple[float, ...]):
    """A stack with one bright corner block: the patient's left, anterior and superior eighth."""
    affine = np.diag([*map(float, steps), 1.0])
    pixels = np.zeros((SIZE,) * 3, np.int16)
    low, high = slice(0, SIZE // 3), slice(-(SIZE // 3), None)
    # the world axes lead to superior, posterior and left
    corner = tuple(
        high if (step > 0) == more else low for step, more in zip(steps, (True, False, True), strict=True)
    )
    pixels[corner] = 1000
    pixels[SIZE // 2, SIZE // 2, SIZE // 2] = 1  # so that the field is known
    viewer.layers.clear()
    return viewer.add_image(pixels, contrast_limits=(0, 1000), metadata={"napari_unet": {"affine": affine}})


def bright_part(viewer) -> tuple[float, float]:
    """Where the bright block is on the canvas, of its middle: up and right are positive."""
    shown = viewer.screenshot(canvas_only=True, flash=False)
    rows, columns = np.nonzero(shown[..., :3].max(axis=-1) > 128)
    assert rows.size, "the block is not seen"
    height, width = shown.shape[:2]
    return height / 2 - rows.mean(), columns.mean() - width / 2


@pytest.mark.parametrize("steps", WAYS)
def test_from_the_front_the_left_is_on_the_right_and_the_head_on_top(viewer, viewing, steps):
    volume(viewer, steps)
    viewer.dims.ndisplay = 3
    viewer.reset_view()
    towards_posterior = (0, np.sign(steps[1]), 0)
    superior = (np.sign(steps[0]), 0, 0)
    viewer.scene.camera.set_view_direction(view_direction=towards_posterior, up_direction=superior)
    up, right = bright_part(viewer)
    assert up > 0 and right > 0, (up, right)


def test_a_mask_alone_is_not_mirrored_either(viewer, viewing):
    """Its image is hidden, before the view is changed or after."""
    image = volume(viewer, (4, 1, 1))
    mask = (image.data > 500).astype(np.uint8)
    show_mask(viewer, mask, image, name="mask")
    viewer.dims.ndisplay = 3
    right = viewer.scene.camera.orientation
    viewer.dims.ndisplay = 2
    image.visible = False
    viewer.dims.ndisplay = 3
    assert viewer.scene.camera.orientation == right
    image.visible = True
    assert viewer.scene.camera.orientation == right
    image.visible = False
    assert viewer.scene.camera.orientation == right


def test_back_in_2d_and_closed_the_view_is_as_it_was(viewer, viewing):
    before = viewer.scene.camera.orientation
    volume(viewer, (4, 1, 1))
    viewer.dims.ndisplay = 3
    assert viewer.scene.camera.orientation[0] != before[0]
    viewer.dims.ndisplay = 2
    assert viewer.scene.camera.orientation == before
    viewer.dims.ndisplay = 3
    viewing.remove()
    assert viewer.scene.camera.orientation == before


def test_what_is_not_known_is_left_alone(viewer, viewing):
    viewer.layers.clear()
    viewer.add_image(np.random.rand(4, 5, 6))
    before = viewer.scene.camera.orientation
    viewer.dims.ndisplay = 3
    assert viewer.scene.camera.orientation == before
