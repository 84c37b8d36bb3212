"""Showing a case leaves napari and Python as they were."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from casework_fakes import write_images

from napari_unet.widgets.casework.warm_up import no_collection


def test_a_layer_that_is_added_beside_a_case_becomes_active(review, tmp_path):
    ids = review.start(write_images(tmp_path / "images", 1))
    review.open(ids[0])
    layer = review.viewer.add_image(np.zeros((4, 4)))
    assert review.viewer.layers.selection.active is layer


def test_garbage_is_looked_for_again_after_a_case_was_shown(review, tmp_path, monkeypatch):
    frozen = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(1))
    ids = review.start(write_images(tmp_path / "images", 2))
    for id in ids:
        review.open(id)
    assert gc.isenabled()
    assert not frozen


def test_a_process_that_looks_for_none_is_left_so():
    with pytest.raises(ZeroDivisionError), no_collection():
        assert not gc.isenabled()
        raise ZeroDivisionError
    assert gc.isenabled()
    gc.disable()
    try:
        with no_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
