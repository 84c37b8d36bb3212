"""`models test`: a fine-tuned model of version 0.1 gets the acceptance test of today."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from napari_unet.models.folder import CARD_FILE, read_card

FROZEN = Path(__file__).parents[1] / "data" / "frozen"
COMMAND = "napari-unet-lung models test ours"


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The library of version 0.1: the model "ours", made from "tiny"."""
    shutil.copytree(FROZEN / "models", tmp_path / "models")
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def test_it_is_offered_until_it_was_made(run: Callable[..., Result], models: Path) -> None:
    assert COMMAND in run("models", "list").stderr and COMMAND in run("models", "show", "ours").stdout
    assert "models test" not in run("models", "show", "tiny").stdout
    before = read_card(models / "ours")
    made = run("models", "test", "ours", "--device", "cpu")
    assert made.exit_code == 0, made.output
    assert "Drift on the reference set with simulated equipment" in made.stdout
    assert "on your images" in made.stdout and "on the reference set" in made.stdout
    after = read_card(models / "ours")
    assert before.gate is not None and after.gate is not None and not before.gate.drift and after.gate.drift
    assert after.gate.at("your images") == before.gate.at("your images")
    assert after.model_copy(update={"gate": before.gate, "scores": before.scores}) == before
    assert COMMAND not in run("models", "list").stderr and COMMAND not in run("models", "show", "ours").stdout
    assert run("models", "verify", "ours").exit_code == 0


def test_the_untouched_images_of_a_project_are_looked_at(
    run: Callable[..., Result], models: Path, tmp_path: Path
) -> None:
    for name in ("project", "images"):
        shutil.copytree(FROZEN / name, tmp_path / name)
    run("review", "add", tmp_path / "project", tmp_path / "images", "--model", "none")  # they have moved
    made = run("models", "test", "ours", "--device", "cpu", "--review", tmp_path / "project", "--json")
    assert made.exit_code == 0, made.output
    found = json.loads(made.stdout)
    assert (found["name"], found["parent"]) == ("ours", "tiny")
    places = [place["on"] for place in found["drift"]]
    assert places == ["the reference set with simulated equipment", "your untouched images"]
    assert len(found["drift"][1]["each"]) == 1


def test_a_model_that_is_not_there_is_wrong_usage(run: Callable[..., Result], models: Path) -> None:
    assert run("models", "test", "nobody").exit_code == 2


def test_a_model_without_a_parent_is_refused_in_words(run: Callable[..., Result], models: Path) -> None:
    refused = run("models", "test", "tiny", "--device", "cpu")
    assert refused.exit_code == 1 and "was not made by a fine-tune" in str(refused.exception)


def test_without_its_parent_nothing_is_written(run: Callable[..., Result], models: Path) -> None:
    shutil.rmtree(models / "tiny")
    card = models / "ours" / CARD_FILE
    before = card.read_bytes()
    refused = run("models", "test", "ours", "--device", "cpu")
    assert refused.exit_code == 1 and "which cannot be used here" in str(refused.exception)
    assert card.read_bytes() == before
