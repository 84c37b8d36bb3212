"""One training and its scores, each once: a run that was broken off goes on where it stopped."""

from __future__ import annotations

import csv
import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch

from benchmarks.lineage.plan import ImageSet, Row
from benchmarks.lineage.scores import best_division, least_pixel_error, of_objects, of_pixels
from benchmarks.machine import conditions
from napari_unet.core.events import EpochEnded
from napari_unet.core.prediction import Prediction
from napari_unet.core.steps import run as run_steps
from napari_unet.core.training_pair import TrainingPair
from napari_unet.inference.predictor import Predictor
from napari_unet.io.atomic import atomic_write
from napari_unet.models.card import ModelCard
from napari_unet.models.checkpoint import load_model
from napari_unet.models.folder import read_card
from napari_unet.models.library import ModelEntry
from napari_unet.training.data_folder import find_pairs, of_split
from napari_unet.training.pairs import read_pair
from napari_unet.training.recipe import Recipe
from napari_unet.training.run import CURVES_FILE, train_model

LATE = 0.2  # share of the epochs, the last ones, in which a row that gets better is still rising
BETTER = 0.003  # by how much
_METRICS = {"pixels": of_pixels, "objects": of_objects}


@dataclass
class Trained:
    """What one training gave.

    quick : see plan. seconds : of the training, all parts of it; of the processor where that trains, so that
    what else runs on the machine counts little. thresholds : for the metrics of "pixels", and of "objects"
    where images are divided into many. machine : conditions in which it ran. curve : share of the
    epochs, and Dice on validation images at a threshold of 0.5, as often as it was measured. gradients : of
    each stage the mean norm of its gradient in the first and the last fifth of the epochs. scores : by place,
    then by metric, the value of each image.
    """

    row: str
    set: str
    seed: int
    quick: bool
    epochs: int
    seconds: float
    thresholds: dict[str, float]
    machine: dict[str, str] = field(default_factory=dict)
    curve: list[tuple[float, float]] = field(default_factory=list)
    gradients: dict[str, tuple[float, float]] = field(default_factory=dict)
    scores: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    @property
    def rise(self) -> float:
        """By how much the last epochs were better than all before; 0 if they were not."""
        before = [score for at, score in self.curve if at <= 1 - LATE]
        late = [score for at, score in self.curve if at > 1 - LATE]
        return max(0.0, round(max(late) - max(before), 4)) if before and late else 0.0

    @property
    def is_rising(self) -> bool:
        """Whether training ended too early: then the row says nothing yet."""
        return self.rise > BETTER


def record_of(results: Path, images: ImageSet, row: Row, seed: int, quick: bool) -> Path:
    """Where the result of a training is."""
    return results / f"{images.recipe(row, seed, quick).name}.json"


def read_results(results: Path) -> list[Trained]:
    """All that were stored, in the order of their names."""
    files = sorted(path for path in results.glob("*-*.json"))
    return [Trained(**json.loads(path.read_text(encoding="utf-8"))) for path in files]


def train_row(images: ImageSet, row: Row, seed: int, work: Path, results: Path, quick: bool) -> None:
    """One training and its scores; nothing if the result is stored. work : folder for models and states.

    Test images are read once, at the end.
    """
    record = record_of(results, images, row, seed, quick)
    if record.is_file():
        return
    recipe = images.recipe(row, seed, quick)
    folder = work / recipe.name
    seconds = _train(recipe, folder)
    card = read_card(folder)
    found = Trained(
        row.name,
        images.name,
        seed,
        quick,
        recipe.training.epochs,
        round(seconds, 1),
        {"pixels": card.output.threshold},
        _machine(),
        _curve(folder, recipe.training.epochs),
        _gradients(folder),
    )
    _score(found, images, recipe, ModelEntry(card, folder))
    results.mkdir(parents=True, exist_ok=True)
    with atomic_write(record) as partial:
        partial.write_text(json.dumps(asdict(found)) + "\n", encoding="utf-8")


def _machine() -> dict[str, str]:
    """What a reader needs to judge the times."""
    known = conditions()
    named = ("date", "processor", "cores", "threads of torch", "GPU", "system")
    found = {name: str(known[name]) for name in named if known[name] is not None}
    return found | {"torch": known["versions"].get("torch", "")}


def _train(recipe: Recipe, folder: Path) -> float:
    """Seconds that it took; what an earlier part took lies beside its state."""
    record = folder.with_name(f"{folder.name}.seconds")
    before = float(record.read_text()) if record.is_file() else 0.0
    if folder.exists():
        return before
    folder.parent.mkdir(parents=True, exist_ok=True)
    clock = time.perf_counter if _device().type == "cuda" else time.process_time
    start, taken = clock(), before
    for event in train_model(recipe, folder, device=str(_device())):
        if isinstance(event, EpochEnded):
            taken = before + clock() - start
            with atomic_write(record) as partial:
                partial.write_text(str(taken))
    return taken


def _rows_of_curves(folder: Path) -> list[dict[str, str]]:
    path = folder.with_name(folder.name + ".training") / CURVES_FILE
    with path.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _curve(folder: Path, epochs: int) -> list[tuple[float, float]]:
    rows = [(int(row["epoch"]) / epochs, float(row["val_dice"])) for row in _rows_of_curves(folder)]
    return [(round(at, 3), round(score, 4)) for at, score in rows if score == score]


def _gradients(folder: Path) -> dict[str, tuple[float, float]]:
    rows = _rows_of_curves(folder)
    part = max(1, len(rows) // 5)
    names = [name for name in rows[0] if name.startswith("gradient ")]
    return {
        name.removeprefix("gradient "): (
            float(np.mean([float(row[name]) for row in rows[:part]])),
            float(np.mean([float(row[name]) for row in rows[-part:]])),
        )
        for name in names
    }


def _score(found: Trained, images: ImageSet, recipe: Recipe, entry: ModelEntry) -> None:
    """Fills in threshold and scores."""
    predictor = Predictor(load_model(entry), entry.card, _device())
    data = recipe.data[0]
    val = of_split(find_pairs(data, recipe.training.seed), data.val)
    if images.divides:
        answers = [_answer(predictor, pair, entry.card) for pair in val]
        maps = [prediction.probability[0] for prediction, _ in answers]
        references = [reference for _, reference in answers]
        found.thresholds["pixels"] = least_pixel_error(maps, references)
        found.thresholds["objects"] = best_division(maps, references)
    for place, test in images.tests:
        pairs = of_split(find_pairs(test.data, recipe.training.seed), test.split)
        values: dict[str, list[float]] = {}
        for pair in pairs:
            prediction, reference = _answer(predictor, pair, entry.card)
            for kind, threshold in found.thresholds.items():
                mask = prediction.labels(threshold) > 0
                for name, value in _METRICS[kind](mask, reference).items():
                    values.setdefault(name, []).append(round(value, 5))
        found.scores[place] = values


def _answer(predictor: Predictor, pair: TrainingPair, card: ModelCard) -> tuple[Prediction, np.ndarray]:
    """What the model says of an image, and the mask by people, bool (Y, X)."""
    raster, labels, _ = read_pair(pair, card)
    return run_steps(predictor.steps(raster, raster.inverted)), labels == card.output.labels.values[0]


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
