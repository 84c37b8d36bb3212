"""The Segment dock from the first click to the mask, and everything that may go wrong in between."""

from __future__ import annotations

import numpy as np
import pytest
from dock_fakes import two_lungs


def test_a_click_gives_a_mask(dock, viewer, segmented):
    image, mask = segmented()
    assert mask.name == "chest – lungs (test-lung)"
    assert mask.data.dtype == np.uint8
    assert np.array_equal(mask.data, two_lungs((64, 80)).mask().astype(np.uint8))
