"""Numbers that follow the brush, and the ruler."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_unet.core.checks import Code
from napari_unet.core.labels import IGNORE
from napari_unet.core.live import live_numbers
from napari_unet.core.lung_measures import lung_measures
from napari_unet.core.raster import Modality, Raster
from napari_unet.core.ruler import cardiothoracic_ratio, length_text, line_length

LABELS = arrays(np.uint8, (6, 8), elements=st.sampled_from([0, 1, 2, IGNORE]))


def lungs(right: int = 1, left: int = 2) -> np.ndarray:
    labels = np.zeros((100, 100), np.uint8)
    labels[20:80, 15:40] = right
    labels[20:80, 60:80] = left
    return labels


@given(LABELS, LABELS)
def test_ignored_pixels_count_nowhere(labels, model) -> None:
    numbers = live_numbers(labels, model, (0.5, 2.0), "L")
    counted = (labels != IGNORE) & (model != IGNORE)
    ours, theirs = ((m > 0) & counted for m in (labels, model))
    assert numbers.changed_pixels == np.count_nonzero(ours != theirs) == numbers.changed_mm2
    if ours.any() or theirs.any():
        assert numbers.dice == pytest.approx(
            2 * np.count_nonzero(ours & theirs) / (ours.sum() + theirs.sum())
        )
    else:
        assert math.isnan(numbers.dice)
    assert numbers.right_pixels + numbers.left_pixels == np.count_nonzero((labels > 0) & (labels != IGNORE))


def test_areas_come_from_the_labels_of_the_sides() -> None:
    numbers = live_numbers(lungs(right=2, left=1), None, (2.0, 2.0), "L", Modality.DX)
    assert (numbers.right_pixels, numbers.left_pixels) == (60 * 20, 60 * 25)
    assert numbers.size(numbers.right_pixels) == "4,800 mm²"
    assert numbers.dice is None and numbers.changed_mm2 is None


def test_sides_of_a_mask_without_them_come_from_the_image() -> None:
    known = live_numbers(lungs(1, 1), lungs(1, 1), None, "R")
    assert (known.right_pixels, known.left_pixels, known.sides_assumed) == (60 * 20, 60 * 25, False)
    assert live_numbers(lungs(1, 1), None, None, None).sides_assumed
    assert not live_numbers(lungs(1, 2), None, None, None).sides_assumed
    assert known.dice == 1 and known.changed_pixels == 0
    assert known.size(known.left_pixels) == "1,500 px"


def test_check_results_are_those_of_the_checks_and_ignored_pixels_are_no_lung() -> None:
    assert not live_numbers(lungs(), None, (2.0, 2.0), "L").check_results
    missing = live_numbers(lungs(left=IGNORE), None, (2.0, 2.0), "L").check_results
    assert [result.code for result in missing] == [Code.MISSING_LUNG, Code.AREA]


def test_a_slice_of_a_ct_is_measured_but_not_checked() -> None:
    assert not live_numbers(lungs(left=0), None, (2.0, 2.0), "L", Modality.CT).check_results
    volume = np.repeat(lungs(left=0)[None], 5, axis=0)
    numbers = live_numbers(volume, volume, (4.0, 2.0, 2.0), "L", Modality.CT)
    assert Code.MISSING_LUNG in {result.code for result in numbers.check_results}
    assert numbers.changed_mm2 is None
    assert numbers.size(numbers.right_pixels) == "120 mL"
    assert not live_numbers(volume, None, (4.0, 2.0, 2.0), "L", Modality.DX).check_results


def test_the_lungs_of_a_volume_are_measured_as_in_reports_and_air_is_looked_for() -> None:
    volume = np.repeat(lungs()[None], 12, axis=0)
    hu = np.where(volume > 0, -800, 40).astype(np.int16)
    hu[4:8, 30:60, 20:35] = -1000
    ct = Raster(hu, spacing_mm=(4.0, 2.0, 2.0), modality=Modality.CT)
    spacing, model = (4.0, 2.0, 2.0), Modality.CT
    numbers = live_numbers(volume, None, spacing, "L", model, volume=ct)
    assert numbers.lungs == lung_measures(volume, ct) and numbers.lungs.at_least
    assert {Code.CUT_OFF, Code.AIR} <= {result.code for result in numbers.check_results}
    merged = live_numbers((volume > 0).astype(np.uint8), None, spacing, "L", model, volume=ct)
    assert merged.lungs == numbers.lungs
    assert (merged.right_pixels, merged.left_pixels) == (numbers.right_pixels, numbers.left_pixels)
    without = live_numbers(volume, None, spacing, "L", model)
    assert without.lungs is None and Code.AIR not in {result.code for result in without.check_results}


def test_an_empty_mask_has_no_sides() -> None:
    numbers = live_numbers(np.zeros((9, 9), np.uint8), None, None, None)
    assert (numbers.right_pixels, numbers.left_pixels) == (0, 0)
    assert [result.code for result in numbers.check_results] == [Code.NO_LUNG]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        live_numbers(lungs(), lungs()[1:], None, None)
    with pytest.raises(ValueError, match="does not fit"):
        live_numbers(lungs(), None, (1.0,), None)


# ruler

POINTS = st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))


@given(POINTS, POINTS, POINTS)
def test_lines_are_as_long_from_either_end_and_no_detour_is_shorter(a, b, c) -> None:
    spacing = (0.2, 0.7)
    assert line_length(a, b, spacing) == line_length(b, a, spacing)
    assert line_length(a, c, spacing) <= line_length(a, b, spacing) + line_length(b, c, spacing) + 1e-6


def test_a_line_is_measured_in_mm_where_there_is_a_spacing() -> None:
    assert line_length((0, 0), (3, 4), None) == 5
    assert line_length((0, 0), (3, 4), (2.0, 2.0)) == 10
    assert line_length((0, 0), (3, 4), (9.0, 1.0, 0.0)) == 3  # in a slice of a stack
    assert length_text(123.44, True) == "123.4 mm" and length_text(1234.4, False) == "1,234 px"


def test_the_ratio_of_heart_and_chest() -> None:
    assert cardiothoracic_ratio(120, 250) == pytest.approx(0.48)
    assert cardiothoracic_ratio(0, 250) is None and cardiothoracic_ratio(120, 0) is None
