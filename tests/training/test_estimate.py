"""What a fine-tune will take."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tuning_fakes import QUICK, parent

from napari_unet.core.errors import UserError
from napari_unet.models.library import ModelLibrary
from napari_unet.training.adapt_config import AdaptConfig
from napari_unet.training.estimate import Pace, estimate, expected

PACE = Pace(step=2.0, look=0.1, case=3.0)


def test_steps_scores_and_comparisons_are_added_up() -> None:
    config = AdaptConfig(steps=20, check_every=10)
    found = expected(PACE, config, cases=8, folds=2, tests=5)
    train = 20 * 2.0 + 2 * 5 * 0.1
    assert found.train_seconds == pytest.approx(train)
    assert found.acceptance_seconds == pytest.approx(2 * (train + 2 * 4 * 0.1) + 13 * 3.0)
    assert found.seconds == found.train_seconds + found.acceptance_seconds


def test_more_cases_take_more_steps() -> None:
    config = AdaptConfig(steps=20, check_every=10, per_image=5, most=60)
    found = expected(PACE, config, cases=10, folds=2, tests=0)
    assert found.train_seconds == pytest.approx(50 * 2.0)
    assert found.acceptance_seconds == pytest.approx(2 * (25 * 2.0 + 3 * 5 * 0.1) + 10 * 3.0)
    assert expected(PACE, config, 100, 2, 0).train_seconds == pytest.approx(60 * 2.0)


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelLibrary:
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(tmp_path))
    library = ModelLibrary(tmp_path)
    parent(library)
    return library


def test_more_steps_take_longer(models: ModelLibrary) -> None:
    configs = {"few": QUICK, "many": replace(QUICK, steps=400)}
    found = estimate(4, "tiny", configs, "cpu")
    assert 0 < found["few"].seconds < found["many"].seconds
    assert found["many"].train_seconds > 20 * found["few"].train_seconds


def test_the_presets_are_estimated_without_being_named(models: ModelLibrary) -> None:
    found = estimate(2, "tiny", device="cpu", threads=1)
    assert list(found) == ["quick", "thorough"]


def test_what_cannot_be_is_said(models: ModelLibrary) -> None:
    with pytest.raises(UserError, match="no model"):
        estimate(2, "gone")
    with pytest.raises(UserError, match="no device"):
        estimate(2, "tiny", device="abacus")
