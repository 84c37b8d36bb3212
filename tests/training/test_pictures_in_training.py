"""Pictures with findings: a network of 2012 learns one word by the recipe that others learn masks by."""

from __future__ import annotations

import csv
from collections.abc import Generator
from dataclasses import replace
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from net_fakes import ScoreNet
from PIL import Image

from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone, EpochEnded
from napari_unet.core.input_rule import InputRule
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.inference.segment import segment_steps
from napari_unet.models.card import NetSpec
from napari_unet.models.folder import read_card
from napari_unet.models.library import ModelLibrary
from napari_unet.nets.registry import NETS
from napari_unet.training.augment_config import AugmentConfig
from napari_unet.training.choose_replay import recipe_replay_set
from napari_unet.training.config import TrainingConfig
from napari_unet.training.data_folder import find_pairs
from napari_unet.training.learner import Learner
from napari_unet.training.pictures import finding_auc, pictures
from napari_unet.training.recipe import DataConfig, FindingConfig, Recipe, ScoreConfig
from napari_unet.training.run import train_model

PNEUMONIA = FindingConfig("Pneumonia", column="Label", values=("virus", "bacteria"))
QUIET = AugmentConfig(
    strength=0.2, reframe=0, curve=0, field=0, random_convolution=0, detail=0, opacity=0, effusion=0, cover=0
)


def picture(bright: bool, seed: int) -> np.ndarray:
    """uint8 (40, 48): noise, and in some a bright patch of any place."""
    rng = np.random.default_rng(seed)
    pixels = rng.normal(90, 10, (40, 48))
    if bright:
        y, x = rng.integers(6, 24, 2)
        pixels[y : y + 10, x : x + 10] += 120
    return pixels.clip(0, 255).astype(np.uint8)


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """Twenty pictures of as many patients, no masks; a tiny network that classifies."""
    monkeypatch.setitem(NETS, "toy-scores", ("net_fakes", "ScoreNet"))
    (tmp_path / "data" / "images").mkdir(parents=True)
    rows = ["file,patient,split,label"]
    for k, split in enumerate(["train"] * 12 + ["val"] * 4 + ["test"] * 4):
        label = ("normal", "virus", "normal", "bacteria")[k % 4]
        Image.fromarray(picture(label != "normal", k)).save(tmp_path / "data" / "images" / f"{k:02}.png")
        rows.append(f"{k:02}.png,p{k},{split},{label}")
    (tmp_path / "data" / "manifest.csv").write_text("\n".join(rows))
    data = DataConfig(str(tmp_path / "data"), name="set")
    return Recipe(
        name="word",
        data=(data,),
        input=InputRule(size=(32, 32)),
        net=NetSpec(kind="toy-scores"),
        findings=(PNEUMONIA,),
        training=TrainingConfig(
            epochs=40, batch=4, check_every=10, learning_rate=0.03, average=0.9, augment=QUIET
        ),
        scores=(ScoreConfig(data, note="here"),),
    )


def finish(steps: Generator[Any, None, Any]) -> tuple[list[Any], Any]:
    events = []
    while True:
        try:
            events.append(next(steps))
        except StopIteration as end:
            return events, end.value


def test_a_recipe_with_findings_becomes_a_model_that_says_them(recipe: Recipe, tmp_path: Path) -> None:
    library = ModelLibrary(tmp_path / "models")
    events, card = finish(train_model(recipe, library.own / "word", device="cpu"))
    assert read_card(library.own / "word") == card
    assert (card.output.task, card.output.findings, card.output.likeness) == (
        "classification",
        ("Pneumonia",),
        None,
    )
    epochs = [event for event in events if isinstance(event, EpochEnded)]
    assert {epoch.measure for epoch in epochs} == {"AUC"}
    assert card.training["val_auc"] == 1 and "val_dice" not in card.training
    assert len([event for event in events if isinstance(event, CaseDone)]) == 4
    (row,) = card.finding_scores
    assert (row.set, row.finding, row.n, row.positives, row.note) == ("set, test", "Pneumonia", 4, 2, "here")
    assert row.auc == 1 and not card.scores
    with (tmp_path / "models" / "word.training" / "curves.csv").open() as stream:
        curves = list(csv.DictReader(stream))
    assert {"val_auc", "shifted_auc"} <= set(curves[0]) and "val_dice" not in curves[0]
    said = [
        run(
            segment_steps(
                Raster(picture(bright, 99).astype(np.float32)),
                model="word",
                device="cpu",
                masks_only=False,
                library=library,
            )
        ).scores["Pneumonia"]
        for bright in (False, True)
    ]
    assert said[0] < card.output.threshold <= said[1]
    with pytest.raises(UserError, match="gives scores and no masks"):
        run(segment_steps(Raster(picture(True, 99)), model="word", device="cpu", library=library))


def test_a_training_of_findings_resumes_bit_by_bit(recipe: Recipe, tmp_path: Path) -> None:
    recipe = replace(recipe, training=replace(recipe.training, epochs=4, check_every=2), scores=())
    _, straight = finish(train_model(recipe, tmp_path / "a", device="cpu"))
    broken = train_model(recipe, tmp_path / "b", device="cpu")
    while not isinstance(next(broken), EpochEnded):
        pass
    broken.close()
    _, again = finish(train_model(recipe, tmp_path / "b", device="cpu"))
    assert again.sha256 == straight.sha256


def test_what_a_picture_is_called_is_in_the_manifest_and_masks_are_not_asked_for(recipe: Recipe) -> None:
    pairs = find_pairs(recipe.data[0], findings=recipe.findings)
    assert [pair.findings for pair in pairs[:2]] == [{"pneumonia": False}, {"pneumonia": True}]
    assert {pair.mask for pair in pairs} == {None}
    with pytest.raises(UserError, match=r"00\.png has no mask"):
        find_pairs(recipe.data[0])
    with pytest.raises(UserError, match="lacks nodule"):
        find_pairs(recipe.data[0], findings=(FindingConfig("Nodule"),))


def test_a_picture_without_a_word_is_named(recipe: Recipe) -> None:
    manifest = Path(recipe.data[0].folder) / "manifest.csv"
    manifest.write_text(manifest.read_text().replace("02.png,p2,train,normal", "02.png,p2,train,"))
    with pytest.raises(UserError, match=r"Line 4 of the manifest .* not complete"):
        find_pairs(recipe.data[0], findings=recipe.findings)


def test_samples_are_the_images_as_the_model_sees_them(recipe: Recipe, tmp_path: Path) -> None:
    _, card = finish(train_model(short(recipe), tmp_path / "m", device="cpu"))
    pairs = find_pairs(recipe.data[0], findings=recipe.findings)
    samples = pictures(pairs, card, oversize=False)
    assert samples.images.shape == (20, 1, 32, 32) and samples.masks.shape == (20, 1, 1, 1)
    assert samples.masks[:4, 0, 0, 0].tolist() == [0, 1, 0, 1] and samples.valid.all()
    assert pictures(pairs, card, oversize=True).images.shape == (20, 1, 48, 48)
    with pytest.raises(UserError, match="None of the pictures of a split have the finding Pneumonia"):
        pictures(pairs[::2], card, oversize=False)


def short(recipe: Recipe) -> Recipe:
    return replace(recipe, training=replace(recipe.training, epochs=1), scores=())


def test_the_area_under_the_curve_ranks_the_pooled_logits(recipe: Recipe, tmp_path: Path) -> None:
    _, card = finish(train_model(short(recipe), tmp_path / "m", device="cpu"))
    samples = pictures(find_pairs(recipe.data[0], findings=recipe.findings), card, oversize=False)
    torch.manual_seed(0)
    net = ScoreNet().eval()
    with torch.inference_mode():
        scores = net.pool(net(torch.from_numpy(samples.images)))[:, 0].numpy()
    truth = samples.masks[:, 0, 0, 0] > 0
    wins = [(a > b) + 0.5 * (a == b) for a in scores[truth] for b in scores[~truth]]
    assert finding_auc(net, samples, card) == pytest.approx((np.mean(wins),))
    assert isnan(finding_auc(net, samples.subset([0, 2]), card)[0])


def test_a_step_is_cross_entropy_of_what_is_pooled(recipe: Recipe, tmp_path: Path) -> None:
    _, card = finish(train_model(short(recipe), tmp_path / "m", device="cpu"))
    samples = pictures(find_pairs(recipe.data[0], findings=recipe.findings), card, oversize=False)
    torch.manual_seed(0)
    net = ScoreNet()
    still = replace(QUIET, strength=0, flip=0, noise=0, elastic=0)
    config = replace(recipe.training, augment=still)
    learner = Learner(net, card, config, lambda o: torch.optim.lr_scheduler.ConstantLR(o, 1.0))
    images, truths = samples.batch(range(6))
    images, _ = learner.augment(images, torch.zeros(6, 1, 32, 32), (32, 32))
    with torch.no_grad():
        logits = net.pool(net(images))[:, 0]
        expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, truths[:, 0, 0, 0])
    assert learner.step(*samples.batch(range(6))) == pytest.approx(expected.item(), rel=1e-4)


def test_a_model_for_findings_keeps_no_images(recipe: Recipe, tmp_path: Path) -> None:
    _, card = finish(train_model(short(recipe), tmp_path / "m", device="cpu"))
    assert card.memory is None and recipe_replay_set(recipe, card) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"findings": (PNEUMONIA, FindingConfig("pneumonia"))}, "a name of its own"),
        ({"data": (DataConfig("x", manifest=None),)}, "in a manifest"),
        ({"training": TrainingConfig(balanced_pixels=True)}, "have no weights"),
    ],
)
def test_what_only_masks_can_have_is_refused(recipe: Recipe, change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(recipe, **change)
