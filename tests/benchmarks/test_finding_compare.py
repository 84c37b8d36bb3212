"""The comparison of variants: each is trained once, and measured on validation images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from finding_fakes import several_sources

from benchmarks.finding import compare
from napari_unet.resources_path import resource
from napari_unet.training.config import read_recipe


def test_a_variant_is_trained_once_and_measured_on_validation_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = several_sources(tmp_path)
    recipe = replace(recipe, training=replace(recipe.training, epochs=1))
    row = compare._row(recipe, tmp_path / "variant", tmp_path / "frames")
    assert row[0] == "–" and all(0 <= float(cell) <= 1 for cell in row[1:])
    monkeypatch.setattr(compare, "train_model", lambda *_, **__: pytest.fail("trained again"))
    assert compare._row(recipe, tmp_path / "variant", tmp_path / "frames") == row


def test_every_variant_is_a_recipe() -> None:
    recipe = read_recipe(resource("recipes", "cxr-finding.yaml"))
    made = {name: change(recipe) for name, change in compare.VARIANTS.items()}
    assert made["as the recipe"] == recipe
    assert len({repr(one) for one in made.values()}) == len(made)
