"""The table of the lineage: its plan, its scores, its page; and once, small, all of it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from benchmarks.lineage import __main__ as program
from benchmarks.lineage.curves import as_svg
from benchmarks.lineage.networks import Network, measure_networks, measured_networks
from benchmarks.lineage.page import page
from benchmarks.lineage.plan import ROWS, SETS, ImageSet, runs
from benchmarks.lineage.scores import (
    THRESHOLDS,
    best_division,
    least_pixel_error,
    of_objects,
    of_pixels,
    thinned,
)
from benchmarks.lineage.train import Trained, read_results, train_row
from napari_unet.core.partition import objects_of, rand_score
from napari_unet.training.recipe import DataConfig, ScoreConfig

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
        assert row.share == other.share, f"{row.name} and {other.name} are trained for as many epochs"
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
    for name, brief, whole in (("unet-2015", [0], [2, 3, 4]), ("2015-no-weights", [], [2])):
        seeds = [seed for images, row, seed in planned if (images.name, row.name) == ("em", name)]
        assert seeds == (brief if quick else whole)


def test_a_quick_training_has_half_the_size_a_twelfth_of_the_epochs_and_the_same_network() -> None:
    networks = []
    for images, row, seed in runs(quick=True):
        whole, quick = (images.recipe(row, seed, trial) for trial in (False, True))
        assert quick.net == whole.net and not row.gpu and quick.name == f"{whole.name}-quick"
        assert [2 * n for n in quick.input.size or ()] == list(whole.input.size or ())
        networks.append((images.name, whole.net))
        assert quick.training.epochs == pytest.approx(max(2, whole.training.epochs / 12), abs=0.7)
    every = {
        (images.name, row.name, images.recipe(row, 0).net.model_dump_json()) for images, row, _ in runs()
    }
    assert len(networks) == len({(name, net) for name, row, net in every if row != "2015-64"})


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
    assert of_objects(wide, CELLS)["V_rand"] > 0.98 > of_objects(broken, CELLS)["V_rand"]
    assert of_pixels(wide, CELLS)["pixel error"] > of_pixels(broken, CELLS)["pixel error"]
    assert set(of_objects(CELLS, CELLS).values()) == {1} and of_pixels(CELLS, CELLS)["pixel error"] == 0


def test_each_threshold_is_the_best_for_its_measures() -> None:
    probability = np.where(CELLS, 0.9, 0.2)
    probability[18:22, 17:22] = 0.62  # a border that is seen by a high threshold only
    found = best_division([probability], [CELLS])
    assert found == 0.65 and found in THRESHOLDS
    probability[:, :10] = 0.6  # a pale cell: with that threshold it is lost
    assert least_pixel_error([probability], [CELLS]) == 0.5


def a_run(row: str, images: str, seed: int, curve: list[tuple[float, float]], quick: bool = False) -> Trained:
    places = ("5 slices of the same block",) if images == "em" else ("Montgomery", "Shenzhen")
    scores = {
        place: {
            name: [0.9 + seed / 100, 0.8]
            for name in ("pixel error", "Dice", "boundary F1", "V_rand", "V_info")
        }
        for place in places
    }
    stages = dict.fromkeys(("encoder.0", "bottleneck", "decoder.0"), (0.5, 0.25))
    machine = {"cores": "2", "processor": "Intel(R) Xeon(R) Processor, AVX512"}
    return Trained(row, images, seed, quick, 10, 600.0, {"pixels": 0.5}, machine, curve, stages, scores)


DONE = [(0.5, 0.90), (0.8, 0.95), (1.0, 0.952)]


def test_a_run_that_still_rises_is_marked_wherever_it_stands() -> None:
    done = a_run("today", "em", 2, DONE)
    rising = replace(done, curve=[(0.5, 0.90), (0.8, 0.95), (1.0, 0.96)])
    assert not done.is_rising and rising.is_rising and rising.rise == pytest.approx(0.01)
    assert not replace(done, curve=[(0.5, 0.95), (1.0, 0.953)]).is_rising  # as little as counts for nothing
    assert "Vanishing" not in page([replace(done, row="ciresan")], {})
    assert "(still rising)*" in page([rising], {}) and "(still rising)*" not in page([done], {})
    text = page([rising, a_run("elastic", "em", 2, DONE)], {})
    change = text.partition("### One change")[2].partition("\n### ")[0]
    (row,) = [line for line in change.splitlines() if line.startswith("| Elastic")]
    assert row.split(" | ")[1].endswith("*(still rising)*") and row.count("rising") == 1


def test_the_page_has_a_row_for_each_network_with_the_spread_of_its_seeds() -> None:
    found = [a_run("residual", "em", seed, DONE) for seed in (2, 3, 4)]
    found += [a_run("today", images, 2, DONE) for images in ("em", "xray")]
    text = page(found, {"em": {"residual": Network(1234, 567, 1.25), "2015-64": Network(31_000_000, 9)}})
    network, row, *_ = (line for line in text.splitlines() if line.startswith("| Today's U-Net with res"))
    assert (
        network == "| Today's U-Net with residual blocks | 1,234 | 567 | 1.25 × |"
        and "31,000,000 | 9 | – |" in text
    )
    assert "0.8650 (0.8600–0.8700)" in row and "| 3 | 10 | 10.0 | Intel |" in row
    assert row.endswith("| 0.800 | 0.860 (0.800–0.940) |")  # Dice of the worst image; V_rand of six slices
    change = text.partition("### One change")[2]
    assert "| 3 and 1 | +0.0050 | +0.0050 |" in change and "| 2 → 1 |" not in text and "1 → 1" in text
    assert "slices are *of one block*" in text and "- cores: 2" in text
    assert {images.title for images in SETS} <= {line.removeprefix("## ") for line in text.splitlines()}
    unmeasured = next(line for line in text.splitlines() if line.startswith("- Neuronal"))
    assert text.index("## Not trained yet") < text.index(unmeasured)
    assert "own width, 64, which needs a GPU (seed 2)" in unmeasured
    assert "Without padding" in unmeasured and "residual blocks" not in unmeasured


def test_quick_and_whole_trainings_never_stand_in_one_table_or_comparison() -> None:
    found = [a_run("today", "em", 0, DONE), a_run("elastic", "em", 0, DONE, quick=True)]
    text = page(found, {})
    assert "### One change" not in text
    more = page([*found, a_run("today", "em", 0, DONE, quick=True)], {})
    assert "### One change at a time, quick trainings" in more and "time, whole" not in more


def test_the_picture_has_a_panel_for_each_network_and_a_line_for_each_seed() -> None:
    found = [a_run("today", "em", seed, DONE) for seed in (0, 1)] + [a_run("elastic", "em", 0, DONE, True)]
    drawn = ElementTree.fromstring(as_svg(found))
    lines = [one for one in drawn.iter() if one.tag.endswith("polyline")]
    assert len([one for one in drawn if one.tag.endswith("g")]) == 2 and len(lines) == 3
    assert [one.get("stroke-dasharray") is not None for one in lines] == [False, False, True]
    for line in lines:  # inside of its frame
        points = [tuple(map(float, pair.split(","))) for pair in str(line.get("points")).split()]
        assert len(points) == 3 and all(34 <= x <= 180 and 26 <= y <= 92 for x, y in points)


@pytest.fixture
def cells(tmp_path: Path) -> ImageSet:
    """SETS' membranes, but drawn and small."""
    rng, folder = np.random.default_rng(0), tmp_path / "data"
    rows = ["file,split"]
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for number in range(10):
        mask = np.ones((64, 64), bool)
        mask[rng.integers(20, 44)] = mask[:, rng.integers(20, 44)] = False
        noisy = (150 * mask + 40 + rng.normal(0, 10, mask.shape)).clip(0, 255)
        Image.fromarray(noisy.astype(np.uint8)).save(folder / "images" / f"{number:02}.png")
        Image.fromarray(255 * mask.astype(np.uint8)).save(folder / "masks" / f"{number:02}.png")
        rows.append(f"{number:02}.png,{'test' if number > 7 else 'train'}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    data = DataConfig(
        str(folder), name="drawn", columns={"patient": "file"}, val_patients=("06.png", "07.png")
    )
    tests = ((SETS[0].tests[0][0], ScoreConfig(data)),)
    return replace(SETS[0], size=(64, 64), base=2, epochs=12, data=data, tests=tests)


def test_networks_are_measured_once(cells: ImageSet, tmp_path: Path) -> None:
    assert measured_networks(cells, tmp_path) == {}
    measure_networks(cells, tmp_path)
    found = measured_networks(cells, tmp_path)
    assert set(found) == {row.name for row in ROWS} and found["today"].time == 1
    assert found["2015-64"].time is None and found["2015-64"].parameters == 31_030_593
    assert found["encoder-decoder"].multiply_adds_per_pixel < found["today"].multiply_adds_per_pixel
    before = (tmp_path / "em.networks.json").stat().st_mtime_ns
    measure_networks(cells, tmp_path)
    assert (tmp_path / "em.networks.json").stat().st_mtime_ns == before


def test_a_row_is_trained_once_and_its_result_makes_the_page(cells: ImageSet, tmp_path: Path) -> None:
    work, results, docs = (tmp_path / name for name in ("work", "results", "docs"))
    row = next(row for row in ROWS if row.name == "today")
    train_row(cells, row, 0, work, results, quick=True)
    record = results / "em-today-0-quick.json"
    before = record.stat().st_mtime_ns
    train_row(cells, row, 0, tmp_path / "elsewhere", results, quick=True)  # there is nothing left to do
    assert record.stat().st_mtime_ns == before and not (tmp_path / "elsewhere").exists()
    (found,) = read_results(results)
    assert found.quick and found.seconds > 0 and found.curve[-1][0] == 1
    assert len(found.scores[cells.tests[0][0]]["V_rand"]) == 2 and set(found.scores) == {cells.tests[0][0]}
    assert all(first > 0 for first, _ in found.gradients.values()) and "encoder.0" in found.gradients
    program.write_page(results, docs)
    assert "quick trainings" in (docs / "lineage.md").read_text()
    assert (docs / "images" / "lineage-em.svg").is_file()


def test_a_result_that_is_there_is_kept_and_none_is_begun_after_the_hours(tmp_path: Path) -> None:
    results, docs = tmp_path / "results", tmp_path / "docs"
    results.mkdir()
    kept = json.dumps(asdict(a_run("today", "em", 0, DONE)))
    (results / "em-today-0.json").write_text(kept)
    given = ["--results", str(results), "--docs", str(docs), "--work", str(tmp_path / "work")]
    program.main([*given, "--hours", "0"])
    assert not (tmp_path / "work").exists() and (results / "em-today-0.json").read_text() == kept
    assert "Today's U-Net" in (docs / "lineage.md").read_text()


def test_without_data_nothing_is_begun_and_what_is_missing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NAPARI_UNET_DATA", raising=False)
    results, docs = tmp_path / "results", tmp_path / "docs"
    with pytest.raises(SystemExit):
        program.main(["--results", str(results), "--docs", str(docs), "--work", str(tmp_path / "work")])
    assert "NAPARI_UNET_DATA names no folder" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_several_trainings_at_once_are_processes_that_share_the_processors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[list[str], dict[str, str]]] = []
    failing: tuple[str, str] | None = None

    def run(command: list[str], env: dict[str, str], check: bool, **_: object) -> SimpleNamespace:
        assert not check
        asked.append((command, env))
        return SimpleNamespace(returncode=9 if (command[4], command[6]) == failing else 0)

    monkeypatch.setattr("subprocess.run", run)
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    monkeypatch.setattr(program, "measure_networks", lambda *_: None)
    monkeypatch.setenv("NAPARI_UNET_DATA", str(tmp_path))
    given = [
        "--results",
        str(tmp_path / "results"),
        "--docs",
        str(tmp_path / "docs"),
        "--work",
        str(tmp_path),
    ]
    program.main([*given, "--jobs", "2", "--quick", "--rows", "today", "residual"])
    assert {(command[4], command[6], command[8]) for command, _ in asked} == {
        (images, row, "0") for images in ("em", "xray") for row in ("today", "residual")
    }
    for command, env in asked:
        assert command[9:11] == ["--jobs", "1"] and "--quick" in command and env["OMP_NUM_THREADS"] == "2"
        assert str(tmp_path / "docs") not in command  # the page is written here
    failing = ("em", "today")
    asked.clear()
    with pytest.raises(SystemExit, match=r"Failed: em today 0 \(exit status 9\)\."):
        program.main([*given, "--jobs", "2", "--quick", "--rows", "today", "residual"])
    assert len(asked) == 4, "the others are trained"


def test_the_page_of_the_lineage_is_what_its_results_say(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    program.write_page(root / "benchmarks" / "results" / "lineage", tmp_path)
    for name in ("lineage.md", *(f"images/lineage-{images.name}.svg" for images in SETS)):
        made, kept = tmp_path / name, root / "docs" / name
        assert made.exists() == kept.exists(), name
        if made.exists():
            assert made.read_text(encoding="utf-8") == kept.read_text(encoding="utf-8"), name
