"""Scores of CT masks, and the leave-one-out that goes on where it stopped."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ct_phantom import SPACING_MM, chest_ct

from benchmarks import ct_folds, ct_sets
from benchmarks.ct_folds import FoldScores, fold_of, fold_scores, fold_without, run_fold
from benchmarks.ct_sets import FOLDS, CtScore, Volume, compared, from_json, summary, to_json
from napari_unet.core.labels import LEFT, RIGHT
from napari_unet.core.raster import Modality, Raster
from napari_unet.training.augment_config import VolumeConfig
from napari_unet.training.config import TrainingConfig
from napari_unet.training.ct_kinds import Kind
from napari_unet.training.recipe import DataConfig, Recipe

RECIPE = Recipe("ct", (DataConfig("nowhere"),), training=TrainingConfig(volumes=VolumeConfig(disease=1)))
SCORE = CtScore(0.98, 0.97, float("nan"), 2.0, 0.3, 0.001, ("A note.",))


def test_a_perfect_mask_and_one_with_exchanged_sides() -> None:
    _, labels = chest_ct()
    same = compared(labels, labels, SPACING_MM)
    assert (same.dice, same.right, same.left, same.wrong_side) == (1, 1, 1, 0)
    assert (same.hd95_mm, same.surface_mm) == (0, 0)
    swapped = compared(np.where(labels == RIGHT, LEFT, np.where(labels == LEFT, RIGHT, 0)), labels)
    assert (swapped.dice, swapped.right, swapped.left, swapped.wrong_side) == (1, 0, 0, 1)
    assert np.isnan(swapped.hd95_mm)


def test_the_wrong_side_is_a_share_of_what_both_hold() -> None:
    labels = np.zeros((1, 4, 10), np.uint8)
    labels[:, :, :4], labels[:, :, 5:9] = RIGHT, LEFT
    drawn = labels.copy()
    drawn[:, :, 5] = RIGHT
    drawn[:, :, 8] = 0
    assert compared(drawn, labels).wrong_side == pytest.approx(4 / 28)


def test_a_lung_that_is_not_there_has_no_dice_and_what_is_drawn_of_it_is_on_the_wrong_side() -> None:
    labels = np.zeros((1, 4, 10), np.uint8)
    labels[:, :, :5] = LEFT
    drawn = labels.copy()
    drawn[:, :, 0] = RIGHT
    found = compared(drawn, labels)
    assert np.isnan(found.right) and found.left == pytest.approx(32 / 36)
    assert (found.dice, found.wrong_side) == (1, pytest.approx(0.2))


def test_rows_hold_means_and_worst_values_of_what_is_there() -> None:
    cells = summary([SCORE, replace(SCORE, dice=0.9, hd95_mm=5.0)])
    assert cells == [pytest.approx(0.94), 0.9, 0.97, None, 5.0, 0.3, 0.001]
    assert summary([]) == [None] * 7


def test_scores_come_back_from_their_file() -> None:
    again = from_json(json.loads(json.dumps(to_json(SCORE))))
    assert again.said == SCORE.said and again.dice == SCORE.dice
    assert np.isnan(again.left)


@pytest.mark.parametrize("case", FOLDS)
def test_no_fold_sees_what_it_is_scored_on(case: str) -> None:
    fold = fold_of(case)
    assert fold.case == case and fold.val != case
    assert {*fold.train, fold.val, case} == set(FOLDS) and len(fold.train) == 5
    assert "Case_007" not in FOLDS


def test_a_kind_that_is_left_out_is_never_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAPARI_UNET_DATA", str(tmp_path))
    recipe = fold_without(Kind.MASS).recipe(RECIPE, tmp_path / "fold", epochs=3)
    assert set(recipe.training.volumes.kinds) == set(Kind) - {Kind.MASS}
    assert recipe.training.epochs == 3
    lines = (tmp_path / "fold" / "manifest.csv").read_text().splitlines()
    assert lines[0] == "file,patient,split"
    assert lines[-1] == "Case_006.nii.gz,Case_006,val" and len(lines) == 8
    groups = {one.group for one in fold_without(Kind.MASS).variants()}
    assert groups == {"simulated mass"}


class _Trained:
    """Stands in for training and scoring, and counts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.trained: list[str] = []
        self.scored, self.fails_at = 0, -1
        pixels, labels = chest_ct()
        raster = Raster(pixels, SPACING_MM, affine=np.diag([*SPACING_MM, 1.0]), modality=Modality.CT)
        monkeypatch.setattr(ct_folds, "train_model", self._train)
        monkeypatch.setattr(ct_folds, "volume", lambda name: Volume(name, raster, labels))
        monkeypatch.setattr(ct_folds, "scored", self._score)

    def _train(self, recipe: Recipe, folder: Path, device: str) -> object:
        self.trained.append(recipe.name)
        folder.mkdir()
        yield

    def _score(self, raster: Raster, labels: np.ndarray, model: Path) -> CtScore:
        if self.scored == self.fails_at:
            raise KeyboardInterrupt
        self.scored += 1
        return SCORE


def test_what_is_done_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAPARI_UNET_DATA", str(tmp_path))
    work, results = tmp_path / "work", tmp_path / "results"
    calls = _Trained(monkeypatch)
    calls.fails_at = 2
    fold = fold_without(Kind.GROUND_GLASS)
    with pytest.raises(KeyboardInterrupt):
        run_fold(fold, RECIPE, work, results)
    assert not list(results.glob("*"))
    calls.fails_at = -1
    path = run_fold(fold, RECIPE, work, results)
    assert calls.trained == ["ct-without_ground_glass"]  # once
    assert calls.scored == 2 + 3
    run_fold(fold, RECIPE, work, results)
    assert calls.scored == 5
    (stored,) = fold_scores(results)
    assert path.name == "without_ground_glass.json"
    assert isinstance(stored, FoldScores) and stored.what == "ground glass never seen in training"
    assert list(stored.scores) == [f"simulated ground glass, {d}" for d in ("mild", "moderate", "severe")]


def test_a_series_and_a_file_of_one_ct_are_compared_by_place(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Answer:
        def __init__(self, raster: Raster, **options: object) -> None:
            self.raster = raster

        def labels(self) -> np.ndarray:
            halves = np.where(np.arange(self.raster.shape[2]) < self.raster.shape[2] // 2, RIGHT, LEFT)
            return np.where(self.raster.pixels < -300, halves, 0).astype(np.uint8)

    monkeypatch.setattr(ct_sets, "segment", Answer)
    found = ct_sets.by_two_roads("any")
    assert found.dice > 0.98 and found.right > 0.97 and found.left > 0.97
    assert found.wrong_side < 0.01
    assert found.surface_mm < 1
