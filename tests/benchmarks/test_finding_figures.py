"""The figures of findings: against other libraries where they are there, and against what is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from finding_fakes import library_with, no_chest
from PIL import Image
from scipy.stats import mannwhitneyu

from benchmarks.finding import reading
from benchmarks.finding.figures import auc, auc_interval, calibration
from benchmarks.finding.reading import BLANKED, GROWN, LUNGS_ONLY, MEAN_SHAPE, WHOLE, Reader
from benchmarks.finding.sets import Picture
from napari_unet.core.lung_frame import LungFrame
from napari_unet.core.steps import run
from napari_unet.inference.lung_frame import framed_steps
from napari_unet.io.formats import read_raster
from napari_unet.resources_path import resource

SAMPLE = resource("samples", "hannover_0a7faa2a.png")


@pytest.fixture
def scores() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = rng.random(80) < 0.4
    return np.clip(rng.normal(0.4 + 0.2 * truth, 0.15), 0, 1).round(2), truth


def test_the_auc_is_that_of_another_library(scores: tuple[np.ndarray, np.ndarray]) -> None:
    values, truth = scores
    u = mannwhitneyu(values[truth], values[~truth]).statistic
    assert auc(values, truth) == pytest.approx(u / (truth.sum() * (~truth).sum()))


def test_the_interval_holds_the_figure_and_grows_where_patients_have_many_images(
    scores: tuple[np.ndarray, np.ndarray],
) -> None:
    values, truth = scores
    alone = auc_interval(values, truth, [str(k) for k in range(80)])
    assert alone.low < alone.value == auc(values, truth) < alone.high
    ten = np.repeat(np.arange(8), 10)  # eight patients who are each told well or badly as a whole
    grouped = auc_interval(values, truth, [str(k) for k in ten[np.argsort(values).argsort()]])
    assert grouped.high - grouped.low > alone.high - alone.low
    assert str(alone) == f"{alone.value:.3f} ({alone.low:.3f} to {alone.high:.3f})"


def test_probabilities_that_are_right_are_calibrated_and_others_are_not() -> None:
    rng = np.random.default_rng(1)
    p = rng.uniform(0.02, 0.98, 20_000)
    truth = rng.random(20_000) < p
    right = calibration(p, truth)
    assert (right.slope, right.intercept) == pytest.approx((1, 0), abs=0.06)
    assert right.brier == pytest.approx(float((p * (1 - p)).mean()), abs=0.01)
    assert all(abs(mean - share) < 0.03 for mean, share, _ in right.bins)
    odds = (p / (1 - p)) ** 2
    bold = calibration(odds / (1 + odds), truth)
    assert bold.slope == pytest.approx(0.5, abs=0.05) and bold.brier > right.brier


def test_what_is_blanked_is_grey_and_the_rest_is_not_touched() -> None:
    raster, frame = read_raster(SAMPLE), LungFrame("cxr-lung-whole")
    framed = run(framed_steps(raster, frame, "cpu"))
    mask = framed.lungs.mask()
    found = reading._blanked(raster, framed, frame)
    assert tuple(found) == BLANKED
    changed = {name: one.pixels != raster.pixels for name, one in found.items()}
    for name, inside in ((GROWN, mask), (LUNGS_ONLY, ~mask)):
        grey = found[name].pixels[inside]
        assert np.ptp(grey) == 0 and grey[0] == pytest.approx(raster.pixels.mean())
    assert not changed[LUNGS_ONLY][mask].any()
    assert changed[MEAN_SHAPE][mask].mean() > 0.6  # it covers most of the lungs, whatever their shape
    assert not changed[MEAN_SHAPE][: framed.box[0].start].any()


def test_no_image_is_read_twice_and_one_without_lungs_has_no_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(no_chest()).save(tmp_path / "noise.png")
    pictures = [Picture("here", path, "p", {}) for path in (SAMPLE, tmp_path / "noise.png")]
    entry = library_with(tmp_path / "models").find("toy-finding")
    reader = Reader(entry, tmp_path / "kept" / "readings.json")
    first = reader.read(pictures)
    assert first[1] is None and first[0] is not None and set(first[0]) == {WHOLE, *BLANKED}
    assert first[0][WHOLE] != first[0][LUNGS_ONLY]
    with monkeypatch.context() as patch:
        patch.setattr(reading, "framed_steps", lambda *_: pytest.fail("read again"))
        assert reader.read(pictures) == first
    other = Reader(
        type(entry)(entry.card.model_copy(update={"sha256": "another"}), entry.folder), reader.kept
    )
    assert other._known() == {}
