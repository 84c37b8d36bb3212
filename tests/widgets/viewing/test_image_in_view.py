"""With two images open the chosen one is seen, and it is the one that keys and mouse change."""

from __future__ import annotations

import numpy as np

from napari_unet.widgets.common.layers import show_map, show_mask


def add_mask(viewer, image, name):
    return show_mask(viewer, np.ones(image.data.shape, np.uint8), image, name=name)


def test_choosing_the_lower_image_shows_it_and_its_mask_only(viewer, viewing, hands):
    lower, upper = viewer.layers["chest"], viewer.add_image(np.zeros((256, 256), np.uint16), name="upper")
    mask_of_upper = add_mask(viewer, upper, "mask of upper")
    mask_of_lower = add_mask(viewer, lower, "mask of lower")
    assert lower.visible and mask_of_lower.visible
    assert not upper.visible and not mask_of_upper.visible
    viewer.layers.selection.active = upper
    assert upper.visible and mask_of_upper.visible and not mask_of_lower.visible
    viewer.layers.selection.active = mask_of_lower
    assert mask_of_lower.visible and not upper.visible and not mask_of_upper.visible


def test_mouse_and_keys_change_the_image_of_the_mask(viewer, viewing, hands):
    lower, upper = viewer.layers["chest"], viewer.add_image(np.zeros((256, 256), np.uint16), name="upper")
    limits = list(upper.contrast_limits)
    add_mask(viewer, lower, "mask of lower")
    hands.drag(-60, 20)
    hands.press_key("G")
    assert lower.contrast_limits != [0, 4083] and lower.colormap.name == "gray_r"
    upper.visible = True  # side by side with the eye, it is still the mask's image that is meant
    hands.press_key("W")
    assert lower.contrast_limits == [0, 4083]
    assert upper.contrast_limits == limits and upper.colormap.name == "gray"


def test_a_mask_hidden_by_the_user_stays_hidden(viewer, viewing):
    lower, upper = viewer.layers["chest"], viewer.add_image(np.zeros((256, 256)), name="upper")
    mask = add_mask(viewer, upper, "mask of upper")
    mask.visible = False
    viewer.layers.selection.active = lower
    viewer.layers.selection.active = upper
    assert upper.visible and not mask.visible


def test_maps_see_through_images_and_images_beside_stay(viewer, viewing):
    lower = viewer.layers["chest"]
    beside = viewer.add_image(np.zeros((256, 256)), name="beside", translate=(0, 300))
    through = viewer.add_image(np.zeros((256, 256)), name="through", opacity=0.5)
    added = viewer.add_image(np.zeros((256, 256)), name="added", blending="additive")
    map_ = show_map(viewer, np.zeros((256, 256)), lower, name="probability")
    viewer.layers.selection.active = lower
    assert all(layer.visible for layer in (lower, beside, through, added, map_))
