"""What Hounsfield units settle in a prediction of two lungs: sides along the membrane, airways."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ct_phantom import TOUCHING_MM, touching_lungs

from napari_unet.core.label_set import RIGHT_AND_LEFT
from napari_unet.core.masks import MaskRule
from napari_unet.core.prediction import Prediction, in_bytes
from napari_unet.core.raster import Raster
from napari_unet.core.settled_lungs import settled_lungs

RULE = MaskRule(largest_parts=1, per_slice=False, both_lungs=True)


def _found(mask: np.ndarray, middle: int, as_bytes: bool = True) -> Prediction:
    """As of a network that finds all lung, and takes what is before column `middle` for the right one."""
    first = np.broadcast_to(np.arange(mask.shape[2]) < middle, mask.shape)
    maps = np.stack([np.where(mask, np.where(one, 0.9, 0.05), 0.02) for one in (first, ~first)])
    maps = in_bytes(maps) if as_bytes else maps.astype(np.float32)
    return Prediction(maps, label_set=RIGHT_AND_LEFT, rule=RULE, spacing_mm=TOUCHING_MM, threshold=0.6)


@pytest.mark.parametrize("as_bytes", [True, False])
@pytest.mark.parametrize("membrane", [44, 57])
def test_each_lung_ends_at_the_membrane(membrane: int, as_bytes: bool) -> None:
    mask, hounsfield, left = touching_lungs(membrane)
    before = _found(mask, 50, as_bytes)
    found = settled_lungs(Raster(hounsfield, TOUCHING_MM), before)
    expected = np.where(left, 1, 2) * mask
    right = (found.labels() == expected) | (np.arange(mask.shape[2]) == membrane)
    assert right.all() and not (before.labels() == expected)[:, 10:22].all()
    np.testing.assert_array_equal(found.maps.sum(axis=0), before.maps.sum(axis=0))  # only exchanged
    assert found.maps.dtype == before.maps.dtype


def test_thin_slices_are_settled_as_thick_ones() -> None:
    mask, hounsfield, _ = touching_lungs(57)
    thick = settled_lungs(Raster(hounsfield, TOUCHING_MM), _found(mask, 50))
    spacing = (TOUCHING_MM[0] / 5, *TOUCHING_MM[1:])
    before = replace(_found(mask.repeat(5, axis=0), 50), spacing_mm=spacing)
    found = settled_lungs(Raster(hounsfield.repeat(5, axis=0), spacing), before)
    expected = thick.labels().repeat(5, axis=0)
    np.testing.assert_array_equal(found.labels()[6:-6], expected[6:-6])  # the lungs end between two of them


def test_a_coarser_grid_in_a_box_is_settled_where_it_lies() -> None:
    mask, hounsfield, left = touching_lungs(57)
    fine = (2, 2)
    pixels = np.full((12, 120, 200), -2000, np.int16)
    pixels[:, :, 10:190] = np.kron(hounsfield, np.ones((1, *fine), np.int16))
    spacing = (5.0, 2.0, 2.0)
    box = (slice(0, 120), slice(10, 190))
    before = replace(_found(mask, 50), shape=pixels.shape, boxes=(box,) * 12, spacing_mm=spacing)
    labels = settled_lungs(Raster(pixels, spacing), before).labels()[:, :, 10:190]
    expected = np.kron(np.where(left, 1, 2) * mask, np.ones((1, *fine), np.uint8))
    wrong = (labels != expected) & (labels > 0) & (expected > 0)
    assert not wrong[..., [*range(112), *range(118, 180)]].any()  # but for the membrane and its two sides


def test_lungs_that_do_not_touch_and_other_labels_stay_as_they_are() -> None:
    mask, hounsfield, _ = touching_lungs(50, touching=False)
    raster = Raster(hounsfield, TOUCHING_MM)
    apart = _found(mask, 51)
    np.testing.assert_array_equal(settled_lungs(raster, apart).maps, apart.maps)
    others = replace(_found(mask, 40), rule=MaskRule(per_slice=False))
    assert settled_lungs(raster, others) is others
    nothing = replace(apart, maps=np.zeros_like(apart.maps))
    assert settled_lungs(raster, nothing) is nothing
    unknown = replace(apart, spacing_mm=None)
    assert settled_lungs(raster, unknown) is unknown


def test_in_airways_there_is_no_lung_at_any_threshold() -> None:
    mask, hounsfield, _ = touching_lungs(50, touching=False)
    mask, hounsfield = mask.repeat(2, axis=0), hounsfield.repeat(2, axis=0)
    hounsfield[:, 24:30, 48:53] = -1000  # trachea
    hounsfield[8:11, 25:29, 38:48] = -1000
    airway = np.zeros(mask.shape, bool)
    airway[8:11, 25:29, 40:43] = True
    before = _found(mask, 51)
    found = settled_lungs(Raster(hounsfield, TOUCHING_MM), before)
    assert before.labels()[airway].all()
    for threshold in (0.6, 0.2):
        assert not found.labels(threshold)[airway].any()
    assert found.labels()[:, 10:20].any()
