"""The whole fine-tune as a user runs it: time, Dice on the test splits of new and old hospital."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.adapt_sets import NEW, OLD, cases, draw
from benchmarks.result import Column, NotMeasured, Result
from napari_unet.core.steps import run
from napari_unet.models.library import ModelLibrary, default_library
from napari_unet.training.acceptance import compare_models
from napari_unet.training.adapt_config import PRESETS
from napari_unet.training.finetune import fine_tune

_COLUMNS = (
    Column("cases, seed"),
    Column("training", "s"),
    Column("whole command", "s"),
    Column("Dice, covid test"),
    Column("worst"),
    Column("Dice, Montgomery test"),
    Column("change"),
    Column("verdict of the acceptance test"),
)


def measure(quick: bool) -> Result:
    """Preset Quick on 8 and on 20 cases of `adapt`, three seeds each; the test splits are only read here."""
    counts, seeds = ((2,), (0,)) if quick else ((8, 20), (0, 1, 2))
    result = Result(
        "Fine-tuning",
        "cxr-lung, fine-tuned on cases of covid's adapt split with the preset Quick, float32 on the "
        "processor. Scored on the test splits at the images' own size, with the card's threshold and rules: "
        "covid by the new answer, Montgomery by the old one. Cases are drawn by patient with the seed that "
        "is also used for training.",
        _COLUMNS,
    )
    try:
        adapt, tests = cases(NEW, "adapt"), {name: cases(name, "test") for name in (NEW, OLD)}
    except NotMeasured as why:
        result.add_missing("fine-tuning", why)
        return result
    if quick:
        tests = {name: pairs[:2] for name, pairs in tests.items()}
    for count in counts:
        rows = []
        for seed in seeds:
            taught, _ = draw(adapt, count, seed)
            with tempfile.TemporaryDirectory() as folder:
                library = ModelLibrary(Path(folder), default_library().shipped)
                fewer = {"steps": 2, "per_image": 0} if quick else {}
                config = replace(PRESETS["quick"], seed=seed, **fewer)
                made = run(
                    fine_tune(taught, name="child", config=config, same_protocol=False, library=library)
                )
                sides = {
                    name: run(compare_models("cxr-lung", "child", pairs, library=library, answer=answer))[0]
                    for (name, pairs), answer in zip(tests.items(), ("new", "old"), strict=True)
                }
            new, old = sides[NEW], sides[OLD]
            if not result.rows:
                worst = min(case.old for case in new.cases)
                result.add("before", None, None, _3(new.old), _3(worst), _3(old.old))
            whole = made.train_seconds + made.acceptance_seconds
            worst = min(case.new for case in new.cases)
            rows.append((made.train_seconds, whole, new.new, worst, old.new, old.new - old.old))
            figures = (_3(new.new), _3(worst), _3(old.new), f"{old.new - old.old:+.4f}")
            result.add(f"{count}, {seed}", *rows[-1][:2], *figures, made.report.verdict())
            result.notes.append(f"{count} cases, seed {seed}: {', '.join(pair.id for pair in taught)}.")
        train, whole, *dice = np.mean(rows, axis=0)
        spread = np.std(rows, axis=0)
        result.add(
            f"{count}, mean ± standard deviation of {len(seeds)}",
            train,
            whole,
            f"{dice[0]:.3f} ± {spread[2]:.3f}",
            _3(dice[1]),
            f"{dice[2]:.3f} ± {spread[4]:.3f}",
            f"{dice[3]:+.4f} ± {spread[5]:.4f}",
        )
    return result


def _3(value: float) -> str:
    return f"{value:.3f}"
