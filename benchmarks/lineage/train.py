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
from benchmarks.lineage.scores import best_threshold, measure
from napari_unet.core.events import EpochEnded
from napari_unet.core.prediction import Prediction
from napari_unet.core.steps import run as run_steps
from napari_unet.core.training_pair import TrainingPair
from napari_unet.inference.predictor import Predictor
from napari_unet.io.atomic import atomic_write
from napari_unet.models.card import ModelCard, read_card
from napari_unet.models.checkpoint import load_model, network_drawing
from napari_unet.models.library import ModelEntry
from napari_unet.training.config import Recipe
from napari_unet.training.data_folder import find_pairs, of_split
from napari_unet.training.pairs import read_pair
from napari_unet.training.run import CURVES_FILE, train_model

_LATE = 0.2  # share of the epochs, the last ones, in which a row that gets better is still rising
_BETTER = 0.003  # by how much


@dataclass
class Trained:
    """What one training gave.

    seconds : of the training on this machine, all parts of it. curve : share of the epochs and the score on
    validation images, as often as it was measured. gradients : of each stage the mean norm of its gradient in
    the first and the last fifth of the epochs. scores : by place, then by metric, the value of each image.
    """

    row: str
    set: str
    seed: int
    epochs: int
    parameters: int
    multiply_adds_per_pixel: float
    seconds: float
    threshold: float
    curve: list[tuple[float, float]] = field(default_factory=list)
    gradients: dict[str, tuple[float, float]] = field(default_factory=dict)
    scores: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    @property
    def is_rising(self) -> bool:
        """Whether the last epochs were still better than all before: then the row says nothing yet."""
        before = [score for at, score in self.curve if at <= 1 - _LATE]
        late = [score for at, score in self.curve if at > 1 - _LATE]
        return bool(before and late) and max(late) > max(before) + _BETTER


def trained(images: ImageSet, row: Row, seed: int, work: Path, quick: bool) -> Trained:
    """The result of one training; from its file if it is there. work : folder for models and states.

    quick : tiny, and scored on validation images: test images are never read by a trial.
    """
    recipe = images.recipe(row, seed, quick)
    folder = work / recipe.name
    record = folder.with_name(f"{recipe.name}.json")
    if record.is_file():
        return Trained(**json.loads(record.read_text(encoding="utf-8")))
    seconds = _train(recipe, folder)
    card = read_card(folder)
    drawing = network_drawing(card)
    found = Trained(
        row.name,
        images.name,
        seed,
        recipe.training.epochs,
        drawing.parameters,
        drawing.multiply_adds / float(np.prod(recipe.input.size or ())),
        seconds,
        card.output.threshold,
        _curve(folder, recipe.training.epochs),
        _gradients(folder),
    )
    _score(found, images, recipe, ModelEntry(card, folder), quick)
    with atomic_write(record) as partial:
        partial.write_text(json.dumps(asdict(found), indent=1) + "\n", encoding="utf-8")
    return found


def _train(recipe: Recipe, folder: Path) -> float:
    """Seconds that it took; what an earlier part took lies beside its state."""
    clock = folder.with_name(f"{folder.name}.seconds")
    before = float(clock.read_text()) if clock.is_file() else 0.0
    if folder.exists():
        return before
    folder.parent.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    steps = train_model(recipe, folder)
    while True:
        try:
            event = next(steps)
        except StopIteration:
            return before + time.perf_counter() - start
        if isinstance(event, EpochEnded):
            with atomic_write(clock) as partial:
                partial.write_text(str(before + time.perf_counter() - start))


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


def _score(found: Trained, images: ImageSet, recipe: Recipe, entry: ModelEntry, quick: bool) -> None:
    """Fills in threshold and scores."""
    predictor = Predictor(load_model(entry), entry.card, _device())
    data = recipe.data[0]
    val = of_split(find_pairs(data, recipe.training.seed), data.val)
    if images.divides:
        answers = [_answer(predictor, pair, entry.card) for pair in val]
        maps = [prediction.probability[0] for prediction, _ in answers]
        found.threshold = best_threshold(maps, [reference for _, reference in answers])
    places = [("validation", val)]
    if not quick:
        places += [
            (place, of_split(find_pairs(test.data, recipe.training.seed), test.split))
            for place, test in images.tests
        ]
    for place, pairs in places:
        values: dict[str, list[float]] = {}
        for pair in pairs:
            prediction, reference = _answer(predictor, pair, entry.card)
            mask = prediction.labels(found.threshold) > 0
            for name, value in measure(mask, reference, images.divides).items():
                values.setdefault(name, []).append(round(value, 5))
        found.scores[place] = values


def _answer(predictor: Predictor, pair: TrainingPair, card: ModelCard) -> tuple[Prediction, np.ndarray]:
    """What the model says of an image, and the mask by people, bool (Y, X)."""
    raster, labels, _ = read_pair(pair, card)
    return run_steps(predictor.steps(raster, raster.inverted)), labels == card.output.labels.values[0]


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
