"""Lung that a scan's field of view cuts, by the array's edge, by padding and by what fills up the corners."""

from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core.field_edge import cut_mm
from napari_unet.core.lung_measures import lung_measures
from napari_unet.core.raster import Modality, Raster
from napari_unet.core.volume_checks import check_volume

SPACING = (5.0, 2.0, 2.0)


def chest(fill: int, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """(labels, HU) of 20 slices of 64²: two lungs in tissue, in noisy air; beyond a radius all is `fill`."""
    rng = np.random.default_rng(0)
    hu = rng.normal(-1000, 15, (20, 64, 64)).astype(np.int16)
    labels = np.zeros(hu.shape, np.uint8)
    hu[:, 12:52, 4:60] = 40
    labels[2:18, 18:46, 8:28], labels[2:18, 18:46, 36:56] = 1, 2
    hu[labels > 0] = -850
    down, across = np.mgrid[:64, :64] - 31.5
    outside = np.hypot(down, across) > radius
    hu[:, outside] = fill
    labels[:, outside] = 0
    return labels, hu


@pytest.mark.parametrize("fill", [-3024, -1024, -1000])
def test_a_round_field_that_cuts_the_lungs_is_found_whatever_fills_it_up(fill: int) -> None:
    for radius, cut in ((20.0, True), (34.0, False)):
        labels, hu = chest(fill, radius)
        assert (cut_mm(labels[5] > 0, hu[5], SPACING[1:]) > 20) == cut
        codes = [str(result.code) for result in check_volume(labels, SPACING, "L", hu)]
        assert ("border" in codes) == cut
        measured = lung_measures(labels, Raster(hu, SPACING, modality=Modality.CT))
        assert ("A lung reaches the edge of the field of view." in measured.incomplete) == cut
        assert measured.volume_in_words().startswith("at least ") == cut


def test_air_of_the_same_value_inside_of_the_chest_is_no_edge() -> None:
    labels, hu = chest(-1024, 34.0)
    hu[:, 20:30, 28:36] = -1024  # a bulla, or the trachea, as dark as what lies outside
    assert cut_mm(labels[5] > 0, hu[5], SPACING[1:]) == 0


def test_without_a_ct_only_the_array_and_padding_have_edges() -> None:
    inside = np.zeros((10, 10), bool)
    inside[2:6, :4] = True
    assert cut_mm(inside, None, (2.0, 3.0)) == 4 * 2.0
    padded = np.zeros((10, 10), bool)
    padded[6] = True
    assert cut_mm(inside, None, (2.0, 3.0), padded) == 4 * 2.0 + 4 * 3.0
    assert cut_mm(inside, np.full((10, 10), 40), (2.0, 3.0)) == 4 * 2.0
