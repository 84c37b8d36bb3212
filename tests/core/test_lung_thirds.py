"""Zones of the lungs, the frame around them, and where the heat is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_unet.core.finding_reading import FindingReading
from napari_unet.core.heat import SHOWN_FROM, heat, heat_cells, hottest
from napari_unet.core.lung_frame import LungFrame
from napari_unet.core.lung_thirds import OUTSIDE, ZONES, lung_thirds
from napari_unet.core.prediction import Prediction


@pytest.fixture
def mask() -> np.ndarray:
    """A lung of 60 rows on the image's left, one of 30 on its right."""
    found = np.zeros((100, 120), bool)
    found[20:80, 10:50] = True
    found[40:70, 70:110] = True
    return found


def test_the_lines_are_thirds_of_the_taller_lung_on_both_sides(mask: np.ndarray) -> None:
    thirds = lung_thirds(mask, "L")
    assert thirds is not None and not thirds.assumed
    assert (thirds.apex, thirds.base, thirds.lines) == (20, 80, (40, 60))
    named = {(y, x): thirds.zone(slice(y, y + 4), slice(x, x + 4)) for y in (22, 50, 72) for x in (20, 90)}
    assert named == {
        (22, 20): "right upper",
        (22, 90): OUTSIDE,
        (50, 20): "right middle",
        (50, 90): "left middle",
        (72, 20): "right lower",
        (72, 90): OUTSIDE,
    }
    assert thirds.zone(slice(62, 66), slice(90, 94)) == "left lower"
    assert set(named.values()) - {OUTSIDE} <= set(ZONES)


def test_sides_follow_the_header_and_are_assumed_without_one(mask: np.ndarray) -> None:
    turned, silent = lung_thirds(mask, "R"), lung_thirds(mask)
    assert turned is not None and silent is not None
    assert turned.zone(slice(22, 24), slice(20, 24)) == "left upper" and not turned.assumed
    assert silent.zone(slice(22, 24), slice(20, 24)) == "right upper" and silent.assumed


def test_without_lungs_there_are_no_zones_and_no_frame(mask: np.ndarray) -> None:
    nothing = np.zeros_like(mask)
    assert lung_thirds(nothing) is None and LungFrame("m").box(nothing) is None
    nothing[:10, :10] = True  # under 3 % of the image
    assert LungFrame("m").box(nothing) is None


def test_the_frame_has_a_margin_and_stays_in_the_image(mask: np.ndarray) -> None:
    assert LungFrame("m", 0).box(mask) == (slice(20, 80), slice(10, 110))
    assert LungFrame("m", 0.2).box(mask) == (slice(8, 92), slice(0, 120))
    with pytest.raises(ValueError, match="margin"):
        LungFrame("m", -0.1)


@pytest.fixture
def prediction() -> Prediction:
    """Cells of 4 pixels of an 8 × 8 grid, which covers rows 10 to 50 and columns 20 to 60 of the image."""
    cells = np.array([[0.1, 0.2], [0.4, 0.8]], np.float32)
    maps = cells.repeat(4, 0).repeat(4, 1)[None]
    return Prediction(
        np.concatenate([maps, 0.5 * maps]),
        shape=(100, 120),
        boxes=((slice(10, 50), slice(20, 60)),),
        task="classification",
        scores={"abnormal": 0.6, "other": 0.1},
    )


def test_the_hottest_cell_has_the_score_and_nothing_is_clipped(prediction: Prediction) -> None:
    logits = np.log(np.array([0.1, 0.2, 0.4, 0.8]) / np.array([0.9, 0.8, 0.6, 0.2]))
    above = np.maximum(logits - logits.mean(), 0)
    warm = (0.6 * above / above.max()).reshape(2, 2)
    assert heat_cells(prediction, "abnormal")[::4, ::4] == pytest.approx(warm, abs=1e-5)
    assert not warm[0].any() and 0 < warm[1, 0] < 0.15
    full = heat(prediction, "abnormal")
    assert full.shape == (100, 120) and full.max() == pytest.approx(0.6)
    assert full[45, 22] == pytest.approx(warm[1, 0], abs=1e-5) and full[45, 58] == pytest.approx(0.6)
    full[10:50, 20:60] = 0
    assert not full.any()


def test_the_place_of_the_hottest_cell_and_none_for_a_low_score(prediction: Prediction) -> None:
    assert hottest(prediction, "abnormal", (20, 20)) == (slice(30, 50), slice(40, 60))
    assert prediction.scores["other"] < SHOWN_FROM and hottest(prediction, "other", (20, 20)) is None


def test_a_map_that_is_the_same_everywhere_is_cold(prediction: Prediction) -> None:
    flat = replace(prediction, maps=np.full((2, 8, 8), 0.99, np.float32))
    assert not heat_cells(flat, "abnormal").any() and hottest(flat, "abnormal", (20, 20)) is None


def test_a_score_is_said_as_a_rank_and_sides_as_assumed(mask: np.ndarray) -> None:
    thirds = lung_thirds(mask)
    assert thirds is not None
    reading = FindingReading(thirds, (20, 20), {"abnormal": "right upper"}, {"abnormal": 88})
    first, second = reading.sentences({"abnormal": 0.634})
    assert first == "abnormal 63: higher than 88 of 100 normal images of the calibration set."
    assert "assumed" in second
    assert FindingReading(thirds, (20, 20)).sentences({"abnormal": 0.1}) == ()
