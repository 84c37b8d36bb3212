"""Heart and liver on the other side than the header says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ct_phantom import chest_with_organs

from napari_unet.core.label_set import LUNGS, RIGHT_AND_LEFT
from napari_unet.core.prediction import Prediction, in_bytes
from napari_unet.core.raster import Raster
from napari_unet.core.situs import SITUS_NOTE, is_mirrored, situs_notes

SPACING = (5.0, 5.0, 5.0)


def test_a_usual_chest_is_not_mirrored_whichever_way_it_is_stored() -> None:
    hounsfield, labels = chest_with_organs()
    assert not is_mirrored(hounsfield, labels, SPACING, "L")
    assert not is_mirrored(hounsfield[..., ::-1], labels[..., ::-1], SPACING, "R")


@pytest.mark.parametrize("stored", ["L", "R"])
def test_a_mirrored_one_under_a_right_header_and_a_usual_one_under_a_wrong_header_are(stored: str) -> None:
    hounsfield, labels = chest_with_organs()
    other = np.array([0, 2, 1], np.uint8)[labels]
    if stored == "L":
        hounsfield, other = hounsfield[..., ::-1], other[..., ::-1]
    assert is_mirrored(hounsfield, other, SPACING, stored)


def test_nothing_is_said_without_sides_or_without_both_lungs() -> None:
    hounsfield, labels = (part[..., ::-1] for part in chest_with_organs())
    labels = np.array([0, 2, 1], np.uint8)[labels]
    assert is_mirrored(hounsfield, labels, SPACING, "L")
    assert not is_mirrored(hounsfield, labels, SPACING, None)
    alone = np.where(labels == 1, labels, 0)
    assert not is_mirrored(hounsfield, alone, SPACING, "L")
    little = labels * (np.arange(labels.shape[0]) % 4 == 0)[:, None, None]
    assert not is_mirrored(hounsfield, little, SPACING, "L")
    alone[20:22, 20:22, 10:20] = 2  # hardly any of the other
    assert not is_mirrored(hounsfield, alone, SPACING, "L")
    assert not is_mirrored(hounsfield, np.zeros_like(labels), SPACING, "L")


def test_nothing_is_said_of_a_scan_that_ends_above_the_base_of_the_lungs() -> None:
    hounsfield, labels = (part[..., ::-1] for part in chest_with_organs())
    labels = np.array([0, 2, 1], np.uint8)[labels]
    assert is_mirrored(hounsfield[3:], labels[3:], SPACING, "L")
    assert not is_mirrored(hounsfield[14:], labels[14:], SPACING, "L")  # the heart alone
    assert not is_mirrored(hounsfield[22:], labels[22:], SPACING, "L")  # neither


@pytest.mark.parametrize("as_bytes", [False, True])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_note_says_so_from_the_maps_of_a_prediction(mirrored: bool, as_bytes: bool) -> None:
    hounsfield, labels = chest_with_organs()
    if mirrored:
        hounsfield, labels = hounsfield[..., ::-1], np.array([0, 2, 1], np.uint8)[labels[..., ::-1]]
    fine = hounsfield.repeat(2, axis=1).repeat(
        2, axis=2
    )  # with a border of padding that the maps do not cover
    fine = np.pad(fine, ((0, 0), (10, 6), (8, 4)), constant_values=-1024)
    box = (slice(10, 10 + 88), slice(8, 8 + 120))
    maps = np.stack([labels == 1, labels == 2]).astype(np.float32)
    raster = Raster(fine, (5.0, 2.5, 2.5), row_direction="L")
    found = Prediction(
        in_bytes(maps) if as_bytes else maps,
        shape=fine.shape,
        boxes=(box,) * len(fine),
        label_set=RIGHT_AND_LEFT,
    )
    assert situs_notes(raster, found) == ((SITUS_NOTE,) if mirrored else ())
    down = replace(raster, pixels=fine[::-1]), replace(found, maps=found.maps[:, ::-1])
    assert situs_notes(*down, "I") == ((SITUS_NOTE,) if mirrored else ())
    assert situs_notes(raster, found, "L") == ()
    assert situs_notes(Raster(fine, row_direction="L"), found) == ()


def test_a_model_of_one_label_says_nothing() -> None:
    hounsfield, labels = (part[..., ::-1] for part in chest_with_organs())
    found = Prediction((labels > 0)[None].astype(np.float32), label_set=LUNGS)
    assert situs_notes(Raster(hounsfield, SPACING, row_direction="L"), found) == ()
