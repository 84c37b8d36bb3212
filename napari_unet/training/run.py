"""From a recipe to a model folder: samples, fit, likeness, scores, card, weights."""

from __future__ import annotations

import csv
import io
from collections.abc import Generator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone, EpochEnded, Note
from napari_unet.core.gate import Likeness, mean_shape
from napari_unet.core.labels import IGNORE, lung
from napari_unet.core.metrics import dice
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.inference.device import pick_device
from napari_unet.inference.predictor import Predictor
from napari_unet.io.alone import writing_alone
from napari_unet.io.atomic import atomic_write
from napari_unet.io.formats import read_raster
from napari_unet.models.card import DataSource, ModelCard, Output, ScoreRow
from napari_unet.models.checkpoint import build_net, save_model
from napari_unet.training.config import Recipe
from napari_unet.training.fit import fit, simulated
from napari_unet.training.remember import remember_recipe
from napari_unet.training.samples import Samples, find_pairs, load_samples, mask_labels, of_split
from napari_unet.training.separate import check_splits

CURVES_FILE = "curves.csv"
THRESHOLDS = (0.5, 0.45, 0.55, 0.4, 0.6, 0.35, 0.65, 0.3, 0.7)  # the first of equals wins


def train_model(
    recipe: Recipe, folder: Path, state: Path | None = None, device: str = "auto"
) -> Generator[EpochEnded | CaseDone | Note, None, ModelCard]:
    """Trains what `recipe` says, yields EpochEnded, then CaseDone for each scored image; returns the card.

    First it yields Notes: about what was passed over, what a name was taken for, each pair of images that
    look the same and are in different splits, and each mask in which something was assumed.

    folder : where the model goes; it must not exist. state : where a broken-off training goes on (default:
    beside `folder`). The weights and, unless the recipe's card names one, the threshold are chosen on the
    validation split; the sets in `recipe.scores` are read afterwards, once.
    Raises UserError for unusable data and, before anything is trained, if `folder` exists or another program
    trains in `state`.
    """
    if folder.exists():
        raise UserError(f"There is a model in {folder} already.", "Choose another folder.")
    chosen = str(pick_device(device))
    state = state or folder.with_name(folder.name + ".training")
    notes: list[str] = []
    pairs = find_pairs(recipe.data, recipe.training.seed, notes)
    for text in (*notes, *check_splits(pairs)):
        yield Note(text)
    train_pairs = of_split(pairs, recipe.data.train)
    train = load_samples(train_pairs, recipe.input, recipe.intensity, oversize=True)
    val = load_samples(of_split(pairs, recipe.data.val), recipe.input, recipe.intensity, oversize=False)
    for text in (*train.notes, *val.notes):
        yield Note(text)
    torch.manual_seed(recipe.training.seed)
    net = build_net(recipe.net)
    with writing_alone(state):
        result = yield from fit(net, train, val, recipe.size, recipe.training, state, chosen)
        _write_curves(state / CURVES_FILE, result.history)
    written = dict(recipe.card)
    output = Output(
        mask_rule=recipe.mask_rule,
        likeness=Likeness(mean_shape(train.masks[:, 0] > 0)),
        **{field: written.pop(field) for field in ("protocol", "threshold") if field in written},
    )
    card = ModelCard(
        name=recipe.name,
        outputs=(output,),
        net=recipe.net,
        input=recipe.input,
        intensity=recipe.intensity,
        flips=recipe.flips,
        data=_sources(recipe, len(train_pairs)),
        training={
            **asdict(recipe.training),
            "best_epoch": result.best.epoch,
            "val_dice": round(result.best.val_dice, 4),
            "shifted_val_dice": round(result.best.shifted_dice, 4),
        },
        created=datetime.now(UTC).date().isoformat(),
        **written,
    )
    predictor = Predictor(_with_weights(recipe, result.weights), card, pick_device(device))
    if "threshold" not in recipe.card:
        card = card.with_output(threshold=choose_threshold(predictor, val))
        predictor.card = card
    scores = yield from score_sets(predictor, recipe)
    card = card.model_copy(update={"scores": scores})
    return save_model(result.weights, card, folder, memory=remember_recipe(recipe, card))


def choose_threshold(predictor: Predictor, val: Samples) -> float:
    """The threshold with the highest mean of Dice on `val` and Dice on `val` under simulated shifts."""
    found: dict[float, dict[bool, list[float]]] = {t: {False: [], True: []} for t in THRESHOLDS}
    for check in simulated(val):
        prediction = run(predictor.steps(Raster(check.image), inverted=False))
        for threshold, scores in found.items():
            scores[check.is_shifted].append(dice(prediction.mask(threshold), check.mask, check.ignored))
    return max(THRESHOLDS, key=lambda t: sum(float(np.nanmean(scores)) for scores in found[t].values()))


def score_sets(predictor: Predictor, recipe: Recipe) -> Generator[CaseDone, None, tuple[ScoreRow, ...]]:
    """Dice of every image of the sets in `recipe.scores`, at its own size, with the card's defaults."""
    rows = []
    for wanted in recipe.scores:
        pairs = of_split(find_pairs(wanted.data, recipe.training.seed), wanted.split)
        values = []
        for done, pair in enumerate(pairs, start=1):
            found = mask_labels(pair)
            values.append(score(predictor, read_raster(pair.image), found.labels))
            yield CaseDone(pair.image.name, done, len(pairs), notes=found.notes)
        name = f"{wanted.data.name}, {wanted.split}"
        rows.append(score_row(name, values, wanted.note))
    return tuple(rows)


def score(predictor: Predictor, raster: Raster, labels: np.ndarray) -> float:
    """Dice of one image against its labels, with the card's threshold and post-processing."""
    found = run(predictor.steps(raster, raster.inverted)).mask()
    return dice(found, lung(labels), labels == IGNORE)


def score_row(name: str, values: list[float], note: str = "") -> ScoreRow:
    """The row for a card: mean, median, worst and share under 0.90 of Dice values."""
    array = np.asarray(values)
    return ScoreRow(
        set=name,
        n=len(values),
        mean=round(float(array.mean()), 4),
        median=round(float(np.median(array)), 4),
        worst=round(float(array.min()), 4),
        share_under_090=round(float((array < 0.9).mean()), 4),
        note=note,
    )


def _with_weights(recipe: Recipe, weights: dict[str, Tensor]) -> torch.nn.Module:
    """The network as it will be read back: weights rounded to half precision."""
    net = build_net(recipe.net)
    net.load_state_dict({k: v.half().float() if v.dtype.is_floating_point else v for k, v in weights.items()})
    return net.eval()


def _sources(recipe: Recipe, images: int) -> tuple[DataSource, ...]:
    return tuple(source.model_copy(update={"images": images}) for source in recipe.sources)


def _write_curves(path: Path, history: tuple[EpochEnded, ...]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(asdict(history[0])), lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(epoch) for epoch in history)
    with atomic_write(path) as partial:
        partial.write_text(text.getvalue(), encoding="utf-8")
