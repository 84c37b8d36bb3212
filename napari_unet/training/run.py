"""From a recipe to a model folder: samples, fit, shape prior, scores, card, weights."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone, EpochEnded, Note
from napari_unet.core.input_check import ShapePrior, look_alike, mean_shape
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.metrics import dice_of_labels
from napari_unet.core.raster import Raster
from napari_unet.core.steps import changed, run
from napari_unet.inference.device import pick_device
from napari_unet.inference.predictor import Predictor
from napari_unet.io.alone import writing_alone
from napari_unet.io.atomic import atomic_write
from napari_unet.models.card import ModelCard, ScoreRow
from napari_unet.models.checkpoint import bare_net, build_net, check_fits, save_model
from napari_unet.models.output import Output
from napari_unet.training.choose_replay import recipe_replay_set
from napari_unet.training.compared import middle
from napari_unet.training.config import TrainingConfig
from napari_unet.training.data_folder import find_pairs, of_split
from napari_unet.training.encoder import begin_with_encoder
from napari_unet.training.fit import TrainingResult, fit, simulated
from napari_unet.training.frames import Frames, find_frames
from napari_unet.training.learner import THRESHOLDS, as_saved, mean_of
from napari_unet.training.pairs import read_pair
from napari_unet.training.pictures import (
    choose_cut,
    finding_counts,
    pictures,
    score_findings,
    scores_of_samples,
    usual_maps,
)
from napari_unet.training.precision import step_precision
from napari_unet.training.recipe import Recipe, data_source
from napari_unet.training.references import references
from napari_unet.training.samples import Samples, SliceChoice, labelled
from napari_unet.training.separate import check_splits
from napari_unet.training.sources import Found, epoch_of, find_sources, of_use
from napari_unet.training.volumes import changing
from napari_unet.training.withheld import without_findings

CURVES_FILE = "curves.csv"
_SECOND_CYCLE = "second cycle"  # folder inside of that with the state


def train_model(
    recipe: Recipe, folder: Path, state: Path | None = None, device: str = "auto"
) -> Generator[EpochEnded | CaseDone | Note, None, ModelCard]:
    """Trains what `recipe` says, yields EpochEnded, then CaseDone for each scored image; returns the card.
    Where pictures are cut to the lungs, these are found first: a CaseDone for each picture.

    First it yields Notes: about what was passed over, what a name was taken for, each pair of images that
    look the same and are in different splits, and each mask in which something was assumed.

    folder : where the model goes; it must not exist. state : where a broken-off training goes on (default:
    beside `folder`). The weights and, unless the recipe's card names one, the threshold are chosen on the
    validation split; the sets in `recipe.scores` are read afterwards, once.
    Raises UserError for unusable data and, before anything is read, if `folder` exists or the recipe's
    network does not take its input; before anything is trained, if another program trains in `state`.
    """
    if folder.exists():
        raise UserError(f"There is a model in {folder} already.", "Choose another folder.")
    card = _card(recipe)
    check_fits(bare_net(recipe.net), card)
    chosen = str(pick_device(device))
    state = state or folder.with_name(folder.name + ".training")
    notes: list[str] = []
    found = find_sources(recipe.data, recipe.training.seed, notes, recipe.findings)
    for text in (*notes, *check_splits([pair for one in found for pair in one.pairs])):
        yield Note(text)
    frames = None
    if recipe.frame is not None:
        with writing_alone(state):
            used = [*of_use(found, "train"), *of_use(found, "val")]
            frames = yield from find_frames(used, recipe.frame, state)
    train, val = _samples(recipe, card, found, frames)
    for text in (*train.notes, *val.notes):
        yield Note(text)
    one_each = len(set(train.origins)) == len(train)  # slices of a volume do not look alike
    if one_each and not recipe.findings:
        prior = ShapePrior(mean_shape(train.foreground))
        if look_alike(train.foreground, prior):
            card = card.with_output(likeness=prior)
        else:
            yield Note("The training masks have no shape in common: images are not checked by it.")
    torch.manual_seed(recipe.training.seed)
    net = build_net(recipe.net)
    earlier = begin_with_encoder(net, recipe.encoder) if recipe.encoder else ()
    if (precision := step_precision(net, recipe.training.precision, chosen)) != recipe.training.precision:
        yield Note(f"This network is trained in {precision}: {recipe.training.precision} fails for it here.")
    with writing_alone(state):
        epoch = epoch_of(found, train.origins)
        renewed = changing(of_use(found, "train"), train, card, recipe.training)  # of volumes
        steps = fit(net, train, val, card, recipe.training, state, chosen, epoch, renewed)
        result = yield from changed(steps, partial(_counted, config=recipe.training))
        if (following := recipe.training.following) is not None:
            net.load_state_dict(result.weights)
            renewed = renewed and renewed.seeded(following.seed)
            steps = fit(net, train, val, card, following, state / _SECOND_CYCLE, chosen, epoch, renewed)
            counted = partial(_counted, config=recipe.training, before=recipe.training.epochs)
            result = _better(result, (yield from changed(steps, counted)), counted)
        _write_curves(state / CURVES_FILE, result.history, card.output.channels)
    sources = tuple(data_source(one.data, one.data.train, len(one.of("train"))) for one in found)
    sources += tuple(one for one in earlier if one.name not in {source.name for source in sources})
    counts = finding_counts(recipe.findings, of_use(found, "train"))
    settings = _training(recipe, result, card) | ({"training_pictures": counts} if counts else {})
    card = card.model_copy(update={"training": settings, "data": sources})
    predictor = Predictor(as_saved(card, result.weights), card, pick_device(device))
    if "threshold" not in recipe.card:
        choose = choose_cut if recipe.findings else choose_threshold
        card = card.with_output(threshold=choose(predictor, val))
        predictor = predictor.with_card(card)
    if recipe.reference is not None:
        of = [one.data.name for one in found for _ in one.of("val")]
        scores = scores_of_samples(predictor, val)
        read = references(card.output.findings, scores, of_use(found, "val"), of, recipe.reference)
        card = card.with_output(references=read)
        predictor = predictor.with_card(card)
        usual = usual_maps(as_saved(card, result.weights), val, of_use(found, "val"), recipe.reference.normal)
        result = replace(result, weights=result.weights | usual)
    weights = result.weights
    if recipe.withheld:
        card, weights = without_findings(card, weights, recipe.withheld)
        predictor = Predictor(as_saved(card, weights), card, pick_device(device))
    if recipe.findings:
        card = card.model_copy(update={"finding_scores": (yield from score_findings(predictor, recipe))})
    else:
        card = card.model_copy(update={"scores": (yield from score_sets(predictor, recipe))})
    return save_model(weights, card, folder, replay_set=recipe_replay_set(recipe, card))


def _samples(
    recipe: Recipe, card: ModelCard, found: Sequence[Found], frames: Frames | None
) -> tuple[Samples, Samples]:
    """What trains and what validates."""
    train, val = of_use(found, "train"), of_use(found, "val")
    if recipe.findings:
        return pictures(train, card, True, frames), pictures(val, card, False, frames)
    slices = SliceChoice(empty=recipe.training.empty_slices)
    every = SliceChoice(every=recipe.training.val_slices)
    return (
        labelled(train, card, oversize=True, slices=slices),
        labelled(val, card, oversize=False, slices=every),
    )


def _counted(epoch: EpochEnded, config: TrainingConfig, before: int = 0) -> EpochEnded:
    """An epoch of one of the cycles, counted among all of them. before : epochs of the first cycle."""
    return replace(epoch, epoch=before + epoch.epoch, epochs=config.epochs + config.second_cycle)


def _better(
    first: TrainingResult, second: TrainingResult, counted: Callable[[EpochEnded], EpochEnded]
) -> TrainingResult:
    """The weights of the better one, and the curves of both. counted : of the second one's epochs."""
    score = [one.best.val_dice + one.best.shifted_dice for one in (first, second)]
    kept = first if score[0] > score[1] else second
    history = [replace(epoch, best=epoch.best and kept is first) for epoch in first.history]
    history += [counted(replace(epoch, best=epoch.best and kept is second)) for epoch in second.history]
    return TrainingResult(kept.weights, tuple(history))


def _card(recipe: Recipe) -> ModelCard:
    """What the card says before anything is trained."""
    written = dict(recipe.card)
    said = {field: written.pop(field) for field in ("protocol", "threshold") if field in written}
    if recipe.findings:
        names = tuple(finding.name for finding in recipe.findings)
        output = Output(id="findings", task="classification", findings=names, **said)
    else:
        output = Output(
            labels=recipe.labels, swaps=recipe.labels.mirrored, mask_rule=recipe.mask_rule, **said
        )
    return ModelCard(
        name=recipe.name,
        outputs=(output,),
        net=recipe.net,
        input=recipe.input,
        frame=recipe.frame,
        intensity=recipe.intensity,
        flips=recipe.flips,
        created=datetime.now(UTC).date().isoformat(),
        **written,
    )


def _training(recipe: Recipe, result: TrainingResult, card: ModelCard) -> dict[str, Any]:
    """What the card says about the training."""
    best, what = result.best, result.best.measure.lower()
    of_labels = {
        name: round(value, 4) for name, value in zip(card.output.channels, best.label_dice, strict=True)
    }
    return {
        **recipe.training.plain(),
        "best_epoch": best.epoch,
        f"val_{what}": round(best.val_dice, 4),
        f"shifted_val_{what}": round(best.shifted_dice, 4),
        **({f"val_{what}_of": of_labels} if len(of_labels) > 1 else {}),
        **({"encoder": recipe.encoder} if recipe.encoder else {}),
    }


def choose_threshold(predictor: Predictor, val: Samples) -> float:
    """The threshold with the highest mean of Dice on `val` and Dice on `val` under simulated shifts."""
    card = predictor.card
    known = card.output.labels
    if card.intensity.kind == "window":  # the images went through it already
        predictor = predictor.with_card(card.model_copy(update={"intensity": IntensityRule("window", 0, 1)}))
    totals = dict.fromkeys(THRESHOLDS, 0.0)
    for samples in (val, simulated(val, card)):
        found: dict[float, list[float]] = {threshold: [] for threshold in THRESHOLDS}
        for image, labels in zip(samples.images, samples.labels(known), strict=True):
            raster = Raster(image[0] if len(image) == 1 else image)
            prediction = run(predictor.steps(raster, inverted=False))
            for threshold, scores in found.items():
                drawn = middle(prediction.labels(threshold))
                scores.append(mean_of(dice_of_labels(drawn, labels, known)))
        for threshold, scores in found.items():
            totals[threshold] += mean_of(scores)
    return max(THRESHOLDS, key=totals.__getitem__)


def score_sets(predictor: Predictor, recipe: Recipe) -> Generator[CaseDone, None, tuple[ScoreRow, ...]]:
    """Dice of every image of the sets in `recipe.scores`, at its own size, with the card's defaults."""
    rows = []
    for wanted in recipe.scores:
        pairs = of_split(find_pairs(wanted.data, recipe.training.seed), wanted.split)
        values = []
        for done, pair in enumerate(pairs, start=1):
            raster, labels, notes = read_pair(pair, predictor.card)
            found = run(predictor.steps(raster, raster.inverted)).labels()
            values.append(mean_of(dice_of_labels(found, labels, predictor.card.output.labels)))
            yield CaseDone(pair.id, done, len(pairs), notes=notes)
        name = f"{wanted.data.name}, {wanted.split}"
        rows.append(score_row(name, values, wanted.note))
    return tuple(rows)


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


def _write_curves(path: Path, history: tuple[EpochEnded, ...], labels: tuple[str, ...]) -> None:
    """A row an epoch, with a column for each of several labels, and for the gradient of each stage."""
    rows = []
    for epoch in history:
        row = {name.replace("dice", epoch.measure.lower()): value for name, value in asdict(epoch).items()}
        what = row.pop("measure").lower()
        norms = {f"gradient {name}": norm for name, norm in row.pop("gradients")}
        found = row.pop(f"label_{what}") or [float("nan")] * len(labels)
        of_labels = {f"val_{what} {name}": value for name, value in zip(labels, found, strict=True)}
        rows.append(row | (of_labels if len(labels) > 1 else {}) | norms)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with atomic_write(path) as partial:
        partial.write_text(text.getvalue(), encoding="utf-8")
