"""`simulate`: numbers, table and plot of a simulated annotator."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from net_fakes import TINY, saved, xrays_to_correct
from PIL import Image

from napari_unet.core.input_rule import InputRule
from napari_unet.models.card import NetSpec
from napari_unet.models.output import Output
from napari_unet.simulation.result import as_svg, as_table
from napari_unet.simulation.simulate import Arm, Cost, Outcome

Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four X-rays with masks, and a tiny model in the library."""
    xrays_to_correct(tmp_path, 4)
    lines = [f"{k}.png,p{k},{'adapt' if k else 'test'}" for k in range(4)]
    (tmp_path / "manifest.csv").write_text("\n".join(["file,patient,split", *lines]))
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(tmp_path / "models"))
    return tmp_path


def arguments(folder: Path) -> list[object]:
    masks = ["--masks", folder / "masks", "-o", folder / "out"]
    return ["simulate", folder / "images", *masks, "--model", "tiny", "--device", "cpu", "--side", 96]


def test_all_three_ways_of_working_are_counted(run: Run, folder: Path) -> None:
    options = ["--after", "2", "--seeds", 1, "--manifest", folder / "manifest.csv", "--split", "adapt"]
    result = run(*arguments(folder), *options)
    record = json.loads((folder / "out" / "simulation.json").read_text())
    assert (record["model"], record["cases"], record["longest side"]) == ("tiny", 3, 96)
    assert [outcome["arm"] for outcome in record["outcomes"]] == [str(arm) for arm in Arm]
    for outcome in record["outcomes"]:
        assert sorted(cost["case"] for cost in outcome["costs"]) == ["1", "2", "3"]
        assert all(cost["strokes"] > 0 for cost in outcome["costs"])
        fitted = [cost["models"] for cost in outcome["costs"]]
        assert fitted == ([0, 0, 0] if outcome["arm"] == str(Arm.NONE) else [0, 0, 1])
    missed = [not cost["reached"] for outcome in record["outcomes"] for cost in outcome["costs"]]
    assert result.exit_code == any(missed), result.output
    assert (f"{sum(missed)} masks did not become good enough" in result.output) == any(missed)
    table = (folder / "out" / "simulation.md").read_text().strip()
    assert table in result.output
    assert ElementTree.parse(folder / "out" / "simulation.svg").getroot().tag.endswith("svg")
    assert not any(path.name.startswith("tiny-") for path in (folder / "models").iterdir())


def test_what_cannot_be_used_is_told(run: Run, folder: Path) -> None:
    (folder / "masks" / "1.png").unlink()
    Image.fromarray(np.zeros((160, 128), np.uint8)).save(folder / "masks" / "2.png")
    Image.fromarray(np.ones((10, 10), np.uint8)).save(folder / "masks" / "3.png")
    card = folder / "models" / "tiny" / "card.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"use": "teaching"}))
    result = run(*arguments(folder))
    assert result.exit_code == 1
    for text in ("1 has no mask", "no lung in its mask", "another size", "tiny is for teaching"):
        assert text in result.output
    assert "Fewer than two" in str(result.exception)


@pytest.mark.parametrize("text", ["", "4,x", "8,4", "0,4", "4,4"])
def test_numbers_that_do_not_grow_are_wrong_usage(run: Run, folder: Path, text: str) -> None:
    result = run(*arguments(folder), "--after", text)
    assert result.exit_code == 2 and not (folder / "out").exists()


def test_an_unknown_preset_is_refused(run: Run, folder: Path) -> None:
    result = run(*arguments(folder), "--preset", "magic")
    assert result.exit_code == 2 and "'magic' is not known" in result.output


def outcome(arm: Arm, seed: int, strokes: list[int]) -> Outcome:
    costs = [
        Cost(str(k), n, 1000 * n, 10.0 * n, 0.8, 0.97, True, 0 if arm is Arm.NONE else k // 2)
        for k, n in enumerate(strokes)
    ]
    return Outcome(arm, seed, tuple(costs))


OUTCOMES = [
    outcome(Arm.NONE, 0, [10, 10, 10, 10]),
    outcome(Arm.NONE, 1, [10, 10, 10, 20]),
    outcome(Arm.RANDOM, 0, [10, 6, 2, 2]),
    outcome(Arm.RANDOM, 1, [10, 10, 10, 20]),
]


def test_the_table_has_means_and_ranges_seed_against_seed() -> None:
    lines = as_table(OUTCOMES).splitlines()
    assert [len(line.split("|")) for line in lines] == [7] * 4
    assert lines[2] == "| no fine-tuning | 45 (40–50) | 1.00 | 45 (40–50) | 11.2 (10.0–12.5) |"
    assert lines[3].startswith("| fine-tuning, random order | 35 (20–50) | 0.75 (0.50–1.00) |")
    assert lines[3].endswith("| 8.5 (2.0–15.0) |")


def test_the_plot_ends_where_the_table_says() -> None:
    text = as_svg(OUTCOMES, [2])
    assert "no fine-tuning (45)" in text and "random order (35)" in text
    first, second = re.findall(r'points="([^"]+)"', text)
    ends = [tuple(map(float, line.split()[-1].split(","))) for line in (first, second)]
    assert ends[0][0] == ends[1][0] and ends[0][1] < ends[1][1]  # fewer strokes lie lower
    assert text.count("stroke-dasharray") == 1


def test_an_answer_is_simulated_by_name(run: Run, folder: Path) -> None:
    saved(
        folder / "models" / "two",
        name="two",
        net=NetSpec(kind="further-answer", arguments={"base": {"kind": "unet", "arguments": {**TINY}}}),
        input=InputRule(size=(32, 32)),
        outputs=(Output(), Output(id="lungs-2")),
    )
    options = ["--model", "two", "--after", "2", "--seeds", 1]
    for answer in ("old", "lungs-2"):
        result = run(*arguments(folder), *options, "--answer", answer)
        assert result.exit_code in (0, 1), result.output
        record = json.loads((folder / "out" / "simulation.json").read_text())
        assert (record["model"], record["answer"]) == ("two", answer)
        assert any(cost["models"] for outcome in record["outcomes"] for cost in outcome["costs"])
    wrong = run(*arguments(folder), *options, "--answer", "heart")
    assert wrong.exit_code == 2 and "no answer named heart" in wrong.stderr
