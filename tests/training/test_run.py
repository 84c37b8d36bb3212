"""From a recipe to a model folder."""

from __future__ import annotations

import csv
import math
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from net_fakes import TINY, PointNet, card, lungs, xray
from PIL import Image
from scipy import ndimage
from tuning_fakes import tuned

from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone, EpochEnded, Note, TileDone
from napari_unet.core.input_rule import InputRule
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.prediction import Prediction
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run as run_steps
from napari_unet.inference.predictor import Predictor
from napari_unet.inference.segment import segment_steps
from napari_unet.io.alone import writing_alone
from napari_unet.models.card import ModelCard, NetSpec
from napari_unet.models.checkpoint import load_model
from napari_unet.models.export_onnx import TOLERANCE, export_onnx
from napari_unet.models.folder import read_card
from napari_unet.models.library import ModelEntry, ModelLibrary
from napari_unet.training import run as training_run
from napari_unet.training.config import TrainingConfig
from napari_unet.training.data_folder import find_pairs
from napari_unet.training.recipe import DataConfig, Recipe, ScoreConfig
from napari_unet.training.run import score_row, train_model
from napari_unet.training.samples import Samples


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    """Six images of six patients, trained for two epochs."""
    rows = ["file,patient,split"]
    for k, split in enumerate(["train"] * 3 + ["val"] + ["test"] * 2):
        for kind, image in (("images", xray(lungs(), k) * 255), ("masks", lungs() * 255)):
            (tmp_path / "data" / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(image.astype(np.uint8)).save(tmp_path / "data" / kind / f"{k}.png")
        rows.append(f"{k}.png,{k},{split}")
    (tmp_path / "data" / "manifest.csv").write_text("\n".join(rows))
    data = DataConfig(str(tmp_path / "data"), name="set", licence="CC0")
    return Recipe(
        name="mine",
        data=(data,),
        input=InputRule(size=(32, 32)),
        net=NetSpec(arguments=TINY),
        training=TrainingConfig(epochs=2, batch=2),
        scores=(ScoreConfig(data, note="here"),),
        card={"use": "tests", "modalities": ["CR"]},
    )


def _train(recipe: Recipe, folder: Path, **options: Any) -> tuple[list[Any], Any]:
    steps, events = train_model(recipe, folder, device="cpu", **options), []
    while True:
        try:
            events.append(next(steps))
        except StopIteration as end:
            return events, end.value


def test_a_second_cycle_follows_from_the_best_weights_and_the_better_is_kept(
    recipe: Recipe, tmp_path: Path
) -> None:
    config = replace(recipe.training, check_every=1)
    twice = replace(recipe, training=replace(config, second_cycle=3), scores=())
    steps = train_model(twice, tmp_path / "mine", device="cpu")
    begun = [next(steps) for _ in range(3)]
    steps.close()  # broken off after the first epoch of the second cycle
    events, card = _train(twice, tmp_path / "mine")
    epochs = [*begun, *events]
    assert [(one.epoch, one.epochs) for one in epochs] == [(k, 5) for k in range(1, 6)]
    whole, _ = _train(twice, tmp_path / "whole")
    assert whole == epochs
    with (tmp_path / "mine.training" / "curves.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4", "5"]
    best = [max((one.val_dice + one.shifted_dice) / 2 for one in part) for part in (epochs[:2], epochs[2:])]
    assert card.training["best_epoch"] > 2 if best[1] >= best[0] else card.training["best_epoch"] <= 2


def test_a_recipe_becomes_a_model(recipe: Recipe, tmp_path: Path) -> None:
    events, card = _train(recipe, tmp_path / "mine")
    assert [type(event) for event in events] == [EpochEnded] * 2 + [CaseDone] * 2
    assert read_card(tmp_path / "mine") == card
    assert (card.name, card.use, card.modalities, card.input.size) == ("mine", "tests", ("CR",), (32, 32))
    assert (card.data[0].images, card.data[0].licence, card.training["epochs"]) == (3, "CC0", 2)
    assert card.output.likeness is not None
    row = card.scores[0]
    assert (row.set, row.n, row.note) == ("set, test", 2, "here")
    assert 0 <= row.worst <= row.mean <= 1
    net = load_model(ModelEntry(card, tmp_path / "mine"))
    found = run_steps(Predictor(net, card, torch.device("cpu")).steps(Raster(xray(lungs()))))
    assert found.probability.shape == (1, 64, 64)
    with (tmp_path / "mine.training" / "curves.csv").open() as stream:
        curves = list(csv.DictReader(stream))
    assert [row["epoch"] for row in curves] == ["1", "2"]
    assert math.isfinite(float(curves[1]["val_dice"]))


@pytest.mark.parametrize(
    "net",
    [
        NetSpec(kind="unet-2015", arguments={"base": 2}),
        NetSpec(arguments={**TINY, "skips": False}),
        NetSpec(kind="sliding-window", arguments={"window": 65, "maps": 2, "hidden": 4}),
    ],
    ids=["2015", "without skips", "sliding window"],
)
def test_other_networks_are_trained_fine_tuned_and_exported(
    net: NetSpec, recipe: Recipe, tmp_path: Path
) -> None:
    library = ModelLibrary(tmp_path / "models")
    _, card = _train(replace(recipe, net=net), library.own / "mine")
    assert card.scores[0].n == 2 and card.net == net
    steps = segment_steps(
        Raster(xray(lungs())), model="mine", device="cpu", input_check=False, library=library
    )
    found = run_steps(steps)
    assert found.probability.shape == (1, 64, 64)
    assert export_onnx(library.find("mine"), tmp_path / "mine.onnx") < TOLERANCE
    child = tuned(library, parent="mine", protocol="").card
    assert child.parent == "mine" and child.net == card.net


def test_what_was_assumed_of_a_mask_is_told_before_the_training(recipe: Recipe, tmp_path: Path) -> None:
    path = next(pair.mask for pair in find_pairs(recipe.data[0]) if pair.split == recipe.data[0].train)
    Image.fromarray(np.rint(ndimage.gaussian_filter(lungs() * 255.0, 0.7)).astype(np.uint8)).save(path)
    steps = train_model(recipe, tmp_path / "mine", device="cpu")
    assert isinstance(first := next(steps), Note)
    assert first.text.startswith(f"{path.name}: It is not a clean two-value mask")
    steps.close()


def test_it_is_told_that_a_dilated_network_is_trained_in_full_precision(
    recipe: Recipe, tmp_path: Path
) -> None:
    spec = NetSpec(kind="sliding-window", arguments={"window": 65, "maps": 2, "hidden": 2})
    training = replace(recipe.training, precision="bfloat16")
    steps = train_model(replace(recipe, net=spec, training=training), tmp_path / "window", device="cpu")
    told = next(event for event in steps if isinstance(event, Note) and "trained in" in event.text)
    steps.close()
    assert told.text == "This network is trained in float32: bfloat16 fails for it here."


def test_an_existing_folder_is_refused_before_anything_is_trained(recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(UserError, match="already"):
        next(train_model(recipe, tmp_path / "mine", device="cpu"))


def test_a_broken_off_training_goes_on(recipe: Recipe, tmp_path: Path) -> None:
    _, straight = _train(recipe, tmp_path / "straight")
    steps = train_model(recipe, tmp_path / "mine", device="cpu")
    next(steps)
    steps.close()
    events, card = _train(recipe, tmp_path / "mine")
    assert [event.epoch for event in events if isinstance(event, EpochEnded)] == [2]
    assert card.sha256 == straight.sha256


def test_two_trainings_do_not_share_what_they_go_on_from(recipe: Recipe, tmp_path: Path) -> None:
    with writing_alone(tmp_path / "mine.training"), pytest.raises(UserError, match="Another program"):
        _train(recipe, tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


def test_a_split_without_images(recipe: Recipe, tmp_path: Path) -> None:
    manifest = tmp_path / "data" / "manifest.csv"
    manifest.write_text(manifest.read_text().replace(",val", ",test"))
    with pytest.raises(UserError, match="split val"):
        next(train_model(recipe, tmp_path / "mine", device="cpu"))


def test_a_score_row() -> None:
    row = score_row("there", [0.95, 0.85, 0.9])
    assert (row.n, row.mean, row.median, row.worst, row.share_under_090) == (3, 0.9, 0.9, 0.85, 0.3333)


class _Shadow:
    """A predictor that is sure of the lungs, and half sure of a rim around them that is not lung."""

    card = card()

    def with_card(self, card: ModelCard) -> _Shadow:
        return self

    def steps(self, raster: Raster, inverted: bool) -> Generator[TileDone, None, Prediction]:
        lungs = raster.pixels > 0.5
        rim = ndimage.binary_dilation(lungs, iterations=3) & ~lungs
        yield TileDone(1, 1)
        probability = np.where(lungs, 0.9, np.where(rim, 0.57, 0.1)).astype(np.float32)
        return Prediction(probability[None])


def test_the_threshold_is_chosen_on_the_validation_images(monkeypatch: pytest.MonkeyPatch) -> None:
    masks = np.zeros((2, 1, 32, 32), np.float32)
    masks[:, :, 8:24, 4:12] = masks[:, :, 8:24, 20:28] = 1
    samples = Samples(masks, masks, np.ones_like(masks))
    monkeypatch.setattr(training_run, "simulated", lambda val, card: val.subset([1]))
    assert training_run.choose_threshold(_Shadow(), samples) == 0.6  # type: ignore[arg-type]


def test_the_threshold_is_chosen_on_grey_values_as_the_network_sees_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Samples went through the card's rule, whatever numbers the images had before."""
    monkeypatch.setattr(training_run, "simulated", lambda val, card: val)
    hounsfield = card(input=InputRule(size=(64, 64)), intensity=IntensityRule("window", -1000, 400))
    rim = ndimage.binary_dilation(lungs(), iterations=3)
    image = np.where(lungs(), 0.1, np.where(rim, 0.43, 0.9)).astype(np.float32)[None, None]
    masks = lungs().astype(np.float32)[None, None]
    predictor = Predictor(PointNet(lambda x: torch.logit(1 - x, 1e-4)), hounsfield, torch.device("cpu"))
    assert training_run.choose_threshold(predictor, Samples(image, masks, np.ones_like(masks))) == 0.6
    assert predictor.card == hounsfield
