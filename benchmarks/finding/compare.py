"""python -m benchmarks.finding.compare: how the model for findings was chosen, on validation images only.

Trainings of the recipe in some variants, shorter ones by --epochs. What was trained is kept and goes on where
it was broken off; the lungs are found once for all of them.
"""

from __future__ import annotations

import argparse
import csv
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.data import data_folder
from benchmarks.finding.figures import auc
from benchmarks.finding.restored import restored
from benchmarks.result import Column, NotMeasured, Result
from napari_unet.core.steps import run
from napari_unet.core.window import display_pixels
from napari_unet.inference.lung_frame import LungsNotFound, framed_steps
from napari_unet.inference.predictor import Predictor
from napari_unet.models.card import ModelCard, NetSpec
from napari_unet.models.checkpoint import load_model
from napari_unet.models.folder import read_card
from napari_unet.models.library import ModelEntry, default_library
from napari_unet.models.output import Output
from napari_unet.resources_path import resource
from napari_unet.training.frames import FRAMES_FILE, find_frames
from napari_unet.training.pairs import read_image
from napari_unet.training.pictures import pictures, scores_of_samples
from napari_unet.training.recipe import DataConfig, Recipe, read_recipe
from napari_unet.training.run import train_model
from napari_unet.training.sources import find_sources, of_use

_ROOT = Path(__file__).parents[2]
_WORK = _ROOT / "build" / "finding"
_EPOCHS = 6
_RESTORING = 4  # epochs
_CHILDREN = {"abnormal": ("bacteria", "virus"), "opacity": ("bacteria", "virus")}


@dataclass(frozen=True)
class Work:
    """Where things are kept. frames : where the lungs are in all images. epochs : of each variant."""

    folder: Path
    frames: Path
    epochs: int


def _whole(recipe: Recipe, _work: Work) -> Recipe:
    return replace(recipe, frame=None)


def _learning(recipe: Recipe, rate: float) -> Recipe:
    """All levels learn, as networks usually do."""
    settings = replace(
        recipe.training, frozen=0, optimiser="adamw", learning_rate=rate, weight_decay=0.02, batch=16
    )
    return replace(recipe, training=settings)


def _scratch(recipe: Recipe, _work: Work) -> Recipe:
    return _learning(replace(recipe, encoder=""), 2e-3)


def _trained(recipe: Recipe, _work: Work) -> Recipe:
    return _learning(recipe, 3e-4)


def _maximum(recipe: Recipe, _work: Work) -> Recipe:
    arguments = recipe.net.arguments | {"sharpness": 4.0}
    return replace(recipe, net=NetSpec(kind=recipe.net.kind, arguments=arguments))


def _restoring(recipe: Recipe, work: Work) -> Recipe:
    """The encoder of a U-Net that has learned to restore covered parts of all training images."""
    found = find_sources(recipe.data, recipe.training.seed, findings=recipe.findings)
    card = _card(recipe)
    kept = run(find_frames(of_use(found, "train"), recipe.frame, work.frames)) if recipe.frame else None
    images = pictures(of_use(found, "train"), card, oversize=False, frames=kept).images
    whole = default_library().find_shipped(recipe.encoder).card
    return replace(recipe, encoder=str(restored(images, whole, work.folder / "restored", _RESTORING)))


def _lungs_alone(recipe: Recipe, work: Work) -> Recipe:
    """Images of which nothing is left but the lungs: hard attention. They are written once."""
    data = []
    for number, source in enumerate(recipe.data):
        folder = work.folder / "lungs" / str(number)
        if not (folder / "manifest.csv").exists():
            _write_lungs(source, recipe, folder)
        data.append(replace(source, folder=str(folder), leave_out={}))
    return replace(recipe, frame=None, data=tuple(data))


def _with_children(recipe: Recipe, _work: Work) -> Recipe:
    like = recipe.data[0]
    tells = tuple(
        replace(tell, column="label", values=values)
        for tell in like.tells
        if (values := _CHILDREN.get(tell.name)) is not None
    )
    folder = data_folder() / "cxr" / "children"
    more = replace(
        like,
        folder=str(folder),
        name="Chest X-rays of children (Guangzhou)",
        tells=tells,
        per_epoch=160,
        leave_out={},
    )
    return replace(recipe, data=(*recipe.data, replace(more, val="none")))


VARIANTS: dict[str, Callable[[Recipe, Work], Recipe]] = {
    "as the recipe": lambda recipe, _: recipe,
    "the whole image": _whole,
    "the lungs alone": _lungs_alone,
    "with children": _with_children,
    "nearer to the maximum of the cells": _maximum,
    "all levels learn": _trained,
    "from scratch": _scratch,
    "from restoring images": _restoring,
}


def main() -> None:
    """Trains what is not trained yet; `python -m benchmarks finding_choice` makes the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.finding.compare", description=__doc__)
    parser.add_argument("variants", nargs="*", choices=[[], *VARIANTS], help="default: all")
    parser.add_argument("--work", type=Path, default=_WORK)
    parser.add_argument("--epochs", type=int, default=_EPOCHS)
    options = parser.parse_args()
    work = Work(options.work, options.work / "frames", options.epochs)
    for name in options.variants or VARIANTS:
        print(name, *_figures(name, work), flush=True)


def measure(quick: bool) -> Result:
    """The table of all variants. It takes half an hour, unless they were trained before."""
    result = Result(
        "Findings: how the model was chosen",
        f"Variants of the recipe of cxr-finding, {_EPOCHS} epochs each and one training of each, on "
        "validation images only (60 of Shenzhen, 206 of NIH: a difference under 0.05 says nothing). AUC; the "
        "last column is the mean over all findings under six simulated machines.",
        (
            *(Column("variant"), Column("tb_like, Shenzhen"), Column("abnormal, Shenzhen")),
            *(Column("abnormal, NIH"), Column("all, simulated machines")),
        ),
    )
    if quick:
        result.add_missing("all", NotMeasured("it takes half an hour: python -m benchmarks.finding.compare"))
        return result
    for name in VARIANTS:
        try:
            result.add(name, *_figures(name, Work(_WORK, _WORK / "frames", _EPOCHS)))
        except NotMeasured as why:
            result.add_missing(name, why)
    return result


def _figures(name: str, work: Work) -> list[str]:
    data_folder()
    recipe = VARIANTS[name](read_recipe(resource("recipes", "cxr-finding.yaml")), work)
    settings = replace(recipe.training, epochs=work.epochs, check_every=work.epochs, patience=work.epochs)
    recipe = replace(recipe, training=settings, scores=(), withheld={}, reference=None)
    return _row(recipe, work.folder / name.replace(" ", "-"), work.frames)


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


def _card(recipe: Recipe) -> ModelCard:
    """Enough of a card to say how images are seen."""
    names = tuple(finding.name for finding in recipe.findings)
    return ModelCard(
        name=recipe.name,
        net=recipe.net,
        outputs=(Output(id="findings", task="classification", findings=names),),
        input=recipe.input,
        frame=recipe.frame,
        intensity=recipe.intensity,
    )


def _write_lungs(source: DataConfig, recipe: Recipe, folder: Path) -> None:
    """The images of a source cut to the lungs, grey outside of them, and its manifest."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    assert recipe.frame is not None
    names = {}
    found_pairs = find_sources((source,), findings=recipe.findings)
    for pair in [*of_use(found_pairs, "train"), *of_use(found_pairs, "val")]:
        raster = read_image(pair)
        try:
            found = run(framed_steps(raster, recipe.frame))
        except LungsNotFound:
            continue
        grey = display_pixels(found.raster, found.raster.pixels)
        lungs = found.lungs.mask()[found.box]
        name = f"{pair.source.first.stem}.png"
        names[pair.source.first.name] = name
        Image.fromarray(np.where(lungs, grey, np.uint8(128))).save(folder / "images" / name)
    original = Path(source.folder.replace("$NAPARI_UNET_DATA", str(data_folder())))
    with (original / "manifest.csv").open(encoding="utf-8", newline="") as table:
        rows = [row for row in csv.DictReader(table) if row["file"] in names]
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as table:
        writer = csv.DictWriter(table, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "file": names[row["file"]]} for row in rows)


if __name__ == "__main__":
    main()
