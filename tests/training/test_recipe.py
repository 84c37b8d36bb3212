from __future__ import annotations

from pathlib import Path

import pytest

from napari_unet.core.errors import UserError
from napari_unet.training.config import TrainingConfig
from napari_unet.training.recipe import read_recipe

SHORT = "name: mine\ndata: {folder: x}\n"


def _recipe(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_short_recipe_has_defaults(tmp_path: Path) -> None:
    recipe = read_recipe(_recipe(tmp_path, SHORT))
    assert (recipe.name, recipe.input.size, recipe.data[0].train) == ("mine", (256, 256), "train")
    assert recipe.training == TrainingConfig()


def test_a_long_recipe_is_read_to_the_end(tmp_path: Path) -> None:
    text = f"""{SHORT}size: [128, 96]
net: {{kind: unet, arguments: {{base: 4}}}}
intensity: {{kind: window, low: -1000, high: 400}}
mask_rule: {{largest_parts: 1}}
flips: false
training: {{epochs: 3, augment: {{flip: 0}}}}
scores: [{{data: {{folder: y, name: there}}, split: val, note: far}}]
card: {{title: 폐, use: lungs, modalities: [CR], limits: [adults]}}
"""
    recipe = read_recipe(_recipe(tmp_path, text))
    assert (recipe.input.size, recipe.flips, recipe.mask_rule.largest_parts) == ((128, 96), False, 1)
    assert (recipe.training.epochs, recipe.training.augment.flip) == (3, 0)
    assert (recipe.scores[0].data.name, recipe.scores[0].split) == ("there", "val")
    assert recipe.card["title"] == "폐"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "the file"),
        ("- 1", "the file"),
        ("name: [", "not valid YAML in line 1"),
        ("data: {folder: x}", "name"),
        ("name: mine", "data"),
        ("name: ../mine\ndata: {folder: x}", "name: a model's name"),
        (SHORT + "trainig: {}", "trainig"),
        (SHORT + "training: {epoch: 3}", r"training\.epoch"),
        (SHORT + "training: {epochs: 0}", "training: epochs must be at least 1"),
        (SHORT + "training: {epochs: many}", r"training\.epochs"),
        (SHORT + "training: {learning_rate: 3}", "learning_rate"),
        (SHORT + "training: {weight_decay: -1}", "weight_decay"),
        (SHORT + "training: {average: 1}", "average"),
        (SHORT + "training: {mix_style: 2}", "mix_style"),
        (SHORT + "training: {augment: {flips: 1}}", r"augment\.flips"),
        (SHORT + "training: {augment: {noise: 2}}", r"augment\.noise must lie"),
        (SHORT + "intensity: {kind: percentiles, low: 9, high: 2}", "intensity"),
        (SHORT + "mask_rule: {largest: 2}", r"mask_rule\.largest"),
        (SHORT + "net: {kind: transformer}", r"net\.kind"),
        (SHORT + "size: 256", "size"),
        (SHORT + "scores: [{data: {folder: x}, splt: a}]", r"scores\.0\.splt"),
        (SHORT + "card: {titel: x}", r"card\.titel is unknown"),
        (SHORT + "card: {sha256: x}", r"card\.sha256 is unknown or made by the training"),
        (SHORT + "card: {modalities: 3}", "modalities"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, where: str) -> None:
    with pytest.raises(UserError, match=where) as error:
        read_recipe(_recipe(tmp_path, text))
    assert error.value.remedy.startswith("Correct")


def test_a_recipe_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "none.yaml", tmp_path, tmp_path / "binary.yaml"):
        with pytest.raises(UserError, match=r"cannot be read|does not exist"):
            read_recipe(path)


def test_shipped_recipes_are_valid() -> None:
    recipes = sorted(Path(__file__).parents[2].glob("resources/recipes/*.yaml"))
    assert recipes
    for path in recipes:
        assert read_recipe(path).name == path.stem
