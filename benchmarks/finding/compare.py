"""python -m benchmarks.finding.compare: how the model for findings was chosen, on validation images only.

Short trainings of the recipe in some variants. What was trained is kept and goes on where it was broken off;
the lungs are found once for all of them.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.finding.figures import auc
from benchmarks.machine import conditions
from benchmarks.result import Column, Result, write
from napari_unet.core.steps import run
from napari_unet.inference.predictor import Predictor
from napari_unet.models.card import ModelCard, NetSpec, read_card
from napari_unet.models.checkpoint import load_model
from napari_unet.models.library import ModelEntry
from napari_unet.resources_path import resource
from napari_unet.training.config import Recipe, read_recipe
from napari_unet.training.frames import FRAMES_FILE, find_frames
from napari_unet.training.pictures import pictures, scores_of_samples
from napari_unet.training.run import train_model
from napari_unet.training.sources import find_sources, of_use

_ROOT = Path(__file__).parents[2]
_EPOCHS = 6


def _whole(recipe: Recipe) -> Recipe:
    return replace(recipe, frame=None)


def _scratch(recipe: Recipe) -> Recipe:
    return replace(recipe, encoder="", training=replace(recipe.training, frozen=0))


def _trained(recipe: Recipe) -> Recipe:
    return replace(recipe, training=replace(recipe.training, frozen=0))


def _mean(recipe: Recipe) -> Recipe:
    arguments = recipe.net.arguments | {"sharpness": 0.0}
    return replace(recipe, net=NetSpec(kind=recipe.net.kind, arguments=arguments))


VARIANTS: dict[str, Callable[[Recipe], Recipe]] = {
    "as the recipe": lambda recipe: recipe,
    "the whole image": _whole,
    "from scratch": _scratch,
    "all levels learn": _trained,
    "mean of the cells": _mean,
}


def main() -> None:
    """Trains what is not trained yet, and writes the table after each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.finding.compare", description=__doc__)
    parser.add_argument("variants", nargs="*", choices=[[], *VARIANTS], help="default: all")
    parser.add_argument("--work", type=Path, default=_ROOT / "build" / "finding")
    parser.add_argument("--epochs", type=int, default=_EPOCHS)
    options = parser.parse_args()
    recipe = read_recipe(resource("recipes", "cxr-finding.yaml"))
    frames = options.work / "frames"
    result = Result(
        "Findings: how the model was chosen",
        f"Variants of the recipe of cxr-finding, {options.epochs} epochs each, on validation images only. "
        "AUC; the last column is that of all findings under six simulated machines.",
        (
            *(Column("variant"), Column("tb_like, Shenzhen"), Column("abnormal, Shenzhen")),
            *(Column("abnormal, NIH"), Column("all, simulated machines")),
        ),
        conditions=conditions(),
    )
    for name in options.variants or VARIANTS:
        short = VARIANTS[name](recipe)
        settings = replace(
            short.training, epochs=options.epochs, check_every=options.epochs, patience=options.epochs
        )
        short = replace(short, training=settings, scores=(), withheld={})
        result.add(name, *_row(short, options.work / name.replace(" ", "-"), frames))
        write(result, _ROOT / "benchmarks" / "results" / "finding_choice.json")
        print(result.rows[-1], flush=True)


def _row(recipe: Recipe, folder: Path, frames: Path) -> list[str]:
    """The variant's figures, trained if there is no model yet."""
    found = find_sources(recipe.data, recipe.training.seed, findings=recipe.findings)
    used, kept = [*of_use(found, "train"), *of_use(found, "val")], None
    if recipe.frame is not None:
        kept = run(find_frames(used, recipe.frame, frames))
        state = folder.with_name(folder.name + ".training")
        state.mkdir(parents=True, exist_ok=True)
        shutil.copy(frames / FRAMES_FILE, state / FRAMES_FILE)
    card: ModelCard = read_card(folder) if folder.exists() else run(train_model(recipe, folder, device="cpu"))
    predictor = Predictor(load_model(ModelEntry(card, folder)), card, torch.device("cpu"))
    figures = []
    for place, finding in ((1, "tb_like"), (1, "abnormal"), (0, "abnormal")):
        if finding not in card.output.findings:
            figures.append("–")
            continue
        pairs = found[place].of("val")
        own = [one for one in card.output.findings if one.casefold() in pairs[0].findings]
        samples = pictures(pairs, card.with_output(findings=tuple(own)), oversize=False, frames=kept)
        scores = scores_of_samples(predictor, samples)[:, card.output.findings.index(finding)]
        truth = samples.masks[:, own.index(finding), 0, 0] > 0
        figures.append(f"{auc(scores, truth):.3f}")
    return [*figures, f"{card.training['shifted_val_auc']:.3f}"]


if __name__ == "__main__":
    main()
