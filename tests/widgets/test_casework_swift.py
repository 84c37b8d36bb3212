"""Showing a case leaves napari and Python as they were."""

from __future__ import annotations

import sys

import numpy as np
from casework_fakes import write_images


def test_what_is_set_while_a_case_is_shown_is_set_back(review, tmp_path):
    usual = sys.getswitchinterval()
    ids = review.start(write_images(tmp_path / "images", 1))
    review.open(ids[0])
    review.qtbot.waitUntil(lambda: sys.getswitchinterval() == usual)
    layer = review.viewer.add_image(np.zeros((4, 4)))
    assert review.viewer.layers.selection.active is layer
