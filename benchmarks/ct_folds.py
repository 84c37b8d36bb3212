"""Leave-one-out over LCTSC's seven volumes of train and val: the recipe is judged, not the weights.

Run: python -m benchmarks.ct_folds WORK [--recipe FILE] [--case Case_003 ...] [--without effusion ...]
                                        [--epochs N] [--threads N]

Each fold trains on five volumes; the next one chooses the epoch; the last one is scored, as it is and with
simulated disease. `--without` trains on the usual split without one kind of disease and scores that kind on
the validation volume. What is done already is not done again: models lie in WORK, trainings that were broken
off go on, scores are in benchmarks/results/ct_folds, one file each.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from benchmarks.ct_sets import FOLDS, VAL, CtScore, from_json, scored, to_json, volume
from benchmarks.ct_variants import Variant, disease_variants, variants
from benchmarks.data import data_folder
from napari_unet.core.steps import run
from napari_unet.io.atomic import atomic_write
from napari_unet.resources_path import resource
from napari_unet.training.ct_kinds import Kind
from napari_unet.training.recipe import DataConfig, Recipe, read_recipe
from napari_unet.training.run import train_model

RESULTS = Path(__file__).parent / "results" / "ct_folds"
RECIPE = resource("recipes", "ct-lung.yaml")
_SCORED = ("as it is",)


@dataclass(frozen=True)
class FoldScores:
    """What one training gave. what : "leave-one-out", or the disease that it never saw."""

    what: str
    case: str
    epochs: int
    scores: dict[str, CtScore]


@dataclass(frozen=True)
class Fold:
    """One training: which volumes train, which chooses, which is scored, and on what."""

    name: str
    what: str
    train: tuple[str, ...]
    val: str
    case: str
    without: Kind | None = None

    def variants(self) -> Iterator[Variant]:
        """What the case is scored on."""
        if self.without is not None:
            yield from disease_variants(self.without)
            return
        yield from (one for one in variants() if one.group in _SCORED)
        for kind in Kind:
            yield from disease_variants(kind)

    def recipe(self, whole: Recipe, folder: Path, epochs: int | None) -> Recipe:
        """`whole` on the volumes of this fold; writes their manifest into `folder`."""
        lctsc = data_folder() / "ct" / "lctsc"
        lines = ["file,patient,split", *(f"{case}.nii.gz,{case},train" for case in self.train)]
        lines.append(f"{self.val}.nii.gz,{self.val},val")
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(folder / "manifest.csv") as partial:
            partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
        data = DataConfig(str(folder), name="LCTSC", images=str(lctsc / "images"), masks=str(lctsc / "masks"))
        training = whole.training
        if epochs is not None:
            training = replace(training, epochs=epochs)
        if self.without is not None:
            kinds = training.volumes.kinds or tuple(Kind)
            seen = tuple(kind for kind in kinds if kind is not self.without)
            training = replace(training, volumes=replace(training.volumes, kinds=seen))
        return replace(whole, name=f"{whole.name}-{self.name}", data=(data,), training=training, scores=())


def fold_of(case: str) -> Fold:
    """The case is scored, the next one in the list chooses the epoch, the other five train."""
    at = FOLDS.index(case)
    val = FOLDS[(at + 1) % len(FOLDS)]
    return Fold(case, "leave-one-out", tuple(c for c in FOLDS if c not in (case, val)), val, case)


def fold_without(kind: Kind) -> Fold:
    """The usual split; the network never sees this kind of disease."""
    what = f"{kind} never seen in training".replace("_", " ")
    return Fold(f"without_{kind}", what, tuple(c for c in FOLDS if c != VAL), VAL, VAL, kind)


def fold_scores(results: Path = RESULTS) -> list[FoldScores]:
    """What is stored."""
    found = []
    for path in sorted(results.glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        scores = {name: from_json(score) for name, score in content.pop("scores").items()}
        found.append(FoldScores(**content, scores=scores))
    return found


def run_fold(
    fold: Fold, whole: Recipe, work: Path, results: Path = RESULTS, epochs: int | None = None
) -> Path:
    """Trains and scores one fold, or goes on with it; returns the file with its scores."""
    path = results / f"{fold.name}.json"
    if path.is_file():
        return path
    recipe = fold.recipe(whole, work / fold.name, epochs)
    model = work / fold.name / "model"
    if not model.is_dir():
        run(train_model(recipe, model, device="cpu"))
    one = volume(fold.case)
    found = {}
    for variant in fold.variants():
        raster, labels = variant.change(one.raster, one.labels)
        name = variant.name if variant.group == variant.name else f"{variant.group}, {variant.name}"
        found[name] = to_json(scored(raster, labels, model))
    content = {"what": fold.what, "case": fold.case, "epochs": recipe.training.epochs, "scores": found}
    results.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as partial:
        partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return path


def main() -> None:
    """Folds that are named, or all seven cases and all six kinds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ct_folds", description=__doc__)
    parser.add_argument("work", type=Path, help="folder for models and trainings that were broken off")
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--case", action="append", choices=FOLDS, default=[])
    parser.add_argument("--without", action="append", choices=[str(kind) for kind in Kind], default=[])
    parser.add_argument("--epochs", type=int, help="fewer than the recipe says, for a trial")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    whole = read_recipe(options.recipe)
    cases, kinds = options.case, options.without
    if not cases and not kinds:
        cases, kinds = list(FOLDS), list(Kind)
    for fold in (*map(fold_of, cases), *(fold_without(Kind(kind)) for kind in kinds)):
        print(f"{fold.name} …", flush=True)
        print(run_fold(fold, whole, options.work, options.results, options.epochs), flush=True)


if __name__ == "__main__":
    main()
