"""The comparison of variants: each is trained once, and measured on validation images."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from finding_fakes import several_sources
from PIL import Image

from benchmarks.finding import compare
from benchmarks.finding.restored import restored
from napari_unet.core.input_rule import InputRule
from napari_unet.models.card import ModelCard, NetSpec
from napari_unet.models.checkpoint import load_model
from napari_unet.models.folder import read_card
from napari_unet.models.library import ModelEntry
from napari_unet.nets.finding_net import FindingNet
from napari_unet.resources_path import resource
from napari_unet.training.encoder import begin_with_encoder
from napari_unet.training.recipe import read_recipe


def test_a_variant_is_trained_once_and_measured_on_validation_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = several_sources(tmp_path)
    recipe = replace(recipe, training=replace(recipe.training, epochs=1))
    row = compare._row(recipe, tmp_path / "variant", tmp_path / "frames")
    assert row[0] == "–" and all(0 <= float(cell) <= 1 for cell in row[1:])
    monkeypatch.setattr(compare, "train_model", lambda *_, **__: pytest.fail("trained again"))
    assert compare._row(recipe, tmp_path / "variant", tmp_path / "frames") == row


def test_every_variant_is_a_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the lungs that are cut out and the images that are restored: both take minutes."""
    monkeypatch.setenv("NAPARI_UNET_DATA", str(tmp_path))
    monkeypatch.setattr(compare, "_write_lungs", lambda *_: None)
    recipe = read_recipe(resource("recipes", "cxr-finding.yaml"))
    work = compare.Work(tmp_path, tmp_path / "frames", 1)
    made = {
        name: change(recipe, work)
        for name, change in compare.VARIANTS.items()
        if name != "from restoring images"
    }
    assert made["as the recipe"] == recipe
    assert len({repr(one) for one in made.values()}) == len(made)
    for name, one in made.items():
        assert one.data[:1] != recipe.data[:1] or name != "the lungs alone"
        assert {place.name for place in one.data} >= {place.name for place in recipe.data}


def test_images_are_restored_once(tmp_path: Path) -> None:
    card = ModelCard(
        name="small",
        net=NetSpec(kind="unet", arguments={"base": 2, "depth": 2, "widest": 4}),
        input=InputRule(size=(32, 32)),
    )
    images = np.random.default_rng(0).random((32, 1, 32, 32)).astype(np.float16)
    folder = restored(images, card, tmp_path / "restored", epochs=1)
    weights = (folder / "weights.safetensors").read_bytes()
    assert restored(images, card, folder, epochs=1) == folder
    assert (folder / "weights.safetensors").read_bytes() == weights
    net = FindingNet(base=2, depth=2, widest=4)
    begin_with_encoder(net, str(folder))
    theirs = load_model(ModelEntry(read_card(folder), folder))
    assert torch.equal(net.bottleneck.conv1.weight, theirs.bottleneck.conv1.weight)


def test_nothing_but_the_lungs_is_left(tmp_path: Path, data: Path) -> None:
    recipe = read_recipe(resource("recipes", "cxr-finding.yaml"))
    few = tmp_path / "few"
    (few / "images").mkdir(parents=True)
    rows = (data / "cxr" / "shenzhen_tb" / "manifest.csv").read_text().splitlines()
    told = [rows[0]] + [next(row for row in rows if f",{split}" in row) for split in ("train", "val")]
    (few / "manifest.csv").write_text("\n".join(told) + "\n")
    for row in told[1:]:
        name = row.split(",")[0]
        shutil.copy(data / "cxr" / "shenzhen_tb" / "images" / name, few / "images" / name)
    source = replace(recipe.data[1], folder=str(few), per_epoch=0)
    compare._write_lungs(source, recipe, tmp_path / "out")
    assert len((tmp_path / "out" / "manifest.csv").read_text().splitlines()) == 3
    for path in (tmp_path / "out" / "images").iterdir():
        pixels = np.array(Image.open(path))
        assert 0.2 < (pixels == 128).mean() < 0.8 and (pixels[:3, :3] == 128).all()
