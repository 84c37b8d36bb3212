"""The table of the lineage: its plan, its scores, its page; and once, small, all of it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.lineage.page import page
from benchmarks.lineage.plan import ROWS, SETS, runs
from benchmarks.lineage.scores import THRESHOLDS, best_threshold, measure, thinned
from benchmarks.lineage.train import Trained
from napari_unet.core.partition import objects_of, rand_score

ROOT = Path(__file__).parents[2]
CELLS = np.ones((40, 60), bool)
CELLS[:, 17:22] = CELLS[:, 40:43] = False


def test_each_row_differs_by_one_thing_from_the_row_it_stands_beside() -> None:
    named = {row.name: row for row in ROWS}
    assert len(named) == len(ROWS)
    for row in ROWS:
        if not row.against:
            continue
        other = named[row.against]
        parts = [
            (name, json.dumps(value, sort_keys=True, default=str))
            for one in (row, other)
            for part in (one.arguments, one.training, one.augment, {"kind": one.kind})
            for name, value in part.items()
        ]
        once = {name for name, value in parts if parts.count((name, value)) == 1}
        assert len(once - {"elastic" if "elastic_px" in once else ""}) == 1, (row.name, once)


@pytest.mark.parametrize("quick", [False, True])
def test_every_recipe_can_be_made_and_main_rows_have_three_seeds(quick: bool) -> None:
    planned = runs(quick)
    for images, row, seed in planned:
        recipe = images.recipe(row, seed, quick)
        assert recipe.card["use"] == "teaching" and recipe.training.gradients
        assert not recipe.scores  # test sets are read by the table, once
    names = [images.recipe(row, seed).name for images, row, seed in planned]
    assert len(set(names)) == len(names)
    seeds = [seed for images, row, seed in planned if (images.name, row.name) == ("em", "unet-2015")]
    assert seeds == ([0] if quick else [0, 1, 2])


def test_borders_are_thinned_to_one_pixel_and_part_what_they_parted() -> None:
    partition = thinned(CELLS)
    assert partition.max() == 3 and objects_of(CELLS).max() == 3
    assert ((partition == 0).sum(axis=1) == 2).all()  # at the image's edge too
    assert rand_score(partition, objects_of(CELLS)) == pytest.approx(1)
    assert not thinned(np.zeros((4, 5), bool)).any() and (thinned(np.ones((4, 5), bool)) == 1).all()


def test_a_hole_in_a_border_merges_and_its_width_does_not_count() -> None:
    broken = CELLS.copy()
    broken[18:22, 17:22] = True
    wide = CELLS.copy()
    wide[:, 15:24] = False
    found = {name: measure(mask, CELLS, True) for name, mask in (("broken", broken), ("wide", wide))}
    assert found["wide"]["V_rand"] > 0.98 > found["broken"]["V_rand"]
    assert found["wide"]["pixel error"] > found["broken"]["pixel error"]
    assert "V_rand" not in measure(CELLS, CELLS, False)


def test_the_threshold_is_that_which_divides_best() -> None:
    probability = np.where(CELLS, 0.9, 0.2)
    probability[18:22, 17:22] = 0.62  # a border that is seen by a high threshold only
    found = best_threshold([probability], [CELLS])
    assert found == 0.65 and found in THRESHOLDS


def a_run(row: str, images: str, seed: int, curve: list[tuple[float, float]]) -> Trained:
    places = ("validation", "5 slices of the same block") if images == "em" else ("Montgomery",)
    scores = {
        place: {
            name: [0.9 + seed / 100, 0.8]
            for name in ("pixel error", "Dice", "boundary F1", "V_rand", "V_info")
        }
        for place in places
    }
    stages = dict.fromkeys(("encoder.0", "bottleneck", "decoder.0"), (0.5, 0.25))
    return Trained(row, images, seed, 10, 1234, 56.7, 600.0, 0.5, curve, stages, scores)


def test_a_run_that_still_rises_is_marked() -> None:
    done = a_run("today", "em", 0, [(0.5, 0.90), (0.8, 0.95), (1.0, 0.952)])
    rising = replace(done, curve=[(0.5, 0.90), (0.8, 0.95), (1.0, 0.96)])
    assert not done.is_rising and rising.is_rising
    assert "Vanishing" not in page([replace(done, row="ciresan")], {}, [])
    assert "still rising" in page([rising], {}, []) and "still rising)*" not in page([done], {}, [])


def test_the_page_has_a_row_for_each_network_with_the_spread_of_its_seeds() -> None:
    curve = [(0.5, 0.9), (1.0, 0.9)]
    found = [a_run("residual", "em", seed, curve) for seed in (0, 1, 2)]
    found += [a_run("today", images, 0, curve) for images in ("em", "xray")]
    text = page(found, {"em": {"today": 1.0, "residual": 1.25}}, ["cores: 2"])
    row = next(line for line in text.splitlines() if "residual" in line and "1.25 ×" in line)
    assert "0.8550 (0.8500–0.8600)" in row and "| 10.0 |" in row and row.endswith("| 0.800 |")
    assert "+0.0000" in text and "| 2 → 1 |" not in text and "1 → 1" in text
    assert "slices are of the block" in text and "- cores: 2" in text
    assert {images.title for images in SETS} <= {line.removeprefix("## ") for line in text.splitlines()}


@pytest.mark.slow
def test_a_trial_runs_and_reads_no_test_image(data: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.lineage", "--quick", "--work", str(tmp_path / "work")]
    command += ["--page", str(tmp_path / "page.md")]
    subprocess.run(command, cwd=ROOT, check=True, timeout=1200)
    records = [
        json.loads(path.read_text())
        for path in (tmp_path / "work").glob("*.json")
        if "speed" not in path.name
    ]
    assert len(records) == len(runs(quick=True))
    assert {place for record in records for place in record["scores"]} == {"validation"}
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "work").glob("*.json")}
    subprocess.run(command, cwd=ROOT, check=True, timeout=300)  # there is nothing left to do
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "work").glob("*.json")}
