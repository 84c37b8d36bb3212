"""Labels outside the project's meaning, in the window: with real keys and strokes."""

from __future__ import annotations

import numpy as np
from casework_fakes import write_images
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_unet.review.queue import reasons


def opened(review, tmp_path):
    ids = review.start(write_images(tmp_path / "images", 2))
    return ids, review.open(ids[0])


def stroke(layer, *points) -> None:
    """With the label that is chosen."""
    layer.brush_size = 5
    with layer.block_history():
        for point in points:
            layer.paint(point, layer.selected_label)


def press(review, key) -> None:
    QTest.keyClick(review.viewer.window._qt_viewer.canvas.native, key)


def test_a_new_label_and_a_stroke_are_told_and_listed(review, tmp_path):
    ids, mask = opened(review, tmp_path)
    press(review, Qt.Key.Key_M)  # napari: the largest label plus one
    assert mask.selected_label == 2
    stroke(mask, (20, 12), (20, 20))
    assert any("Label 2 is the left lung" in text for text in review.news)
    press(review, Qt.Key.Key_M)
    assert mask.selected_label == 3
    stroke(mask, (30, 12), (30, 20))
    assert "Case 1: Label 3 means nothing in a lung mask." in str(review.failures[-1])
    stroke(mask, (34, 12), (34, 20))
    assert len(review.failures) == 1  # said once
    assert review.open(ids[1]).selected_label == 1  # 3 is not carried to the next case
    assert {2, 3} <= set(np.unique(review.saved(ids[0])))  # work is kept
    checks = review.work.project.case(ids[0]).checks
    assert "labels" in checks and "Labels that do not fit" in reasons(checks)


def test_a_label_that_fits_no_mask_does_not_keep_the_next_case_from_opening(review, tmp_path):
    ids, mask = opened(review, tmp_path)
    mask.data = mask.data.astype(np.int32)
    mask.selected_label = 256
    stroke(mask, (20, 12), (20, 20))
    review.qtbot.waitUntil(lambda: not (mask.data == 256).any())
    assert "cannot hold label 256" in str(review.failures[-1])
    following = review.open(ids[1])
    assert following is not mask and following.selected_label == 1
    assert not np.isin(review.saved(ids[0]), (0, 1), invert=True).any()
