"""Showing a case leaves napari as it was."""

from __future__ import annotations

import numpy as np
from casework_fakes import write_images


def test_a_layer_that_is_added_beside_a_case_becomes_active(review, tmp_path):
    ids = review.start(write_images(tmp_path / "images", 1))
    review.open(ids[0])
    layer = review.viewer.add_image(np.zeros((4, 4)))
    assert review.viewer.layers.selection.active is layer
