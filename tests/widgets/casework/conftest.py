"""Cases to work on."""

from __future__ import annotations

import pytest
from casework_fakes import write_images

from napari_unet.review.types import Order


@pytest.fixture
def three(review, tmp_path):
    """Ids of three cases with masks; the queue is in the order of adding."""
    ids = review.start(write_images(tmp_path / "images", 3))
    review.work.set_order(Order.ID)
    review.settle()
    return ids
