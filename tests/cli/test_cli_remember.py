"""`models remember`, and what `models show` says of replay sets."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from evidence_fakes import masks
from net_fakes import lungs, saved, xray
from PIL import Image
from typer.testing import CliRunner

from napari_unet.cli.main import app
from napari_unet.core.acceptance_report import AcceptanceReport
from napari_unet.core.errors import UserError
from napari_unet.core.input_rule import InputRule
from napari_unet.models.card import TrainedCase
from napari_unet.models.folder import read_card
from napari_unet.models.library import ModelEntry
from napari_unet.models.replay_set import read_replay_set

RUNNER = CliRunner()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A model, and a recipe with three images."""
    saved(tmp_path / "m", input=InputRule(size=(32, 32)))
    rows = ["file,patient,split"]
    for k, split in enumerate(["train", "train", "val"]):
        for kind, image in (("images", xray(lungs(), k) * 255), ("masks", lungs() * 255)):
            (tmp_path / "set" / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(image.astype(np.uint8)).save(tmp_path / "set" / kind / f"{k}.png")
        rows.append(f"{k}.png,{k},{split}")
    (tmp_path / "set" / "manifest.csv").write_text("\n".join(rows))
    text = f"name: tiny\ndata: {{folder: '{tmp_path / 'set'}', name: set}}\n"
    (tmp_path / "keeps.yaml").write_text(text + "memory: {replay: 2, gate: 1}\n")
    (tmp_path / "keeps_not.yaml").write_text(text)
    return tmp_path


def _remember(place: Path, recipe: str, output: str) -> tuple[int, str, BaseException | None]:
    words = ["models", "remember", str(place / "m"), "--recipe", str(place / recipe)]
    done = RUNNER.invoke(app, [*words, "-o", str(place / output)])
    return done.exit_code, done.output, done.exception


def test_a_copy_remembers_and_the_original_stays(place: Path) -> None:
    before = {path.name: path.read_bytes() for path in (place / "m").iterdir()}
    code, text, _ = _remember(place, "keeps.yaml", "copy")
    assert code == 0 and "2 images for replay and 1 for the acceptance test" in " ".join(text.split())
    copy = ModelEntry(read_card(place / "copy"), place / "copy")
    copy.verify()
    replay_set = read_replay_set(copy)
    assert replay_set is not None and [item.role for item in replay_set.items] == ["replay", "replay", "gate"]
    assert {path.name: path.read_bytes() for path in (place / "m").iterdir()} == before
    assert copy.weights.read_bytes() == before["weights.safetensors"]


@pytest.mark.parametrize(
    ("recipe", "output", "words"),
    [("keeps_not.yaml", "copy", "defines no replay set"), ("keeps.yaml", "m", "already")],
)
def test_what_it_refuses(place: Path, recipe: str, output: str, words: str) -> None:
    code, _, error = _remember(place, recipe, output)
    assert code == 1 and isinstance(error, UserError) and words in str(error)


def test_show_tells_what_is_remembered_and_how_it_compares(tmp_path: Path) -> None:
    report = AcceptanceReport("tiny", "mine", masks("your images", [(0.5, 0.9)], [(float("nan"), 3.0)]))
    entry = saved(tmp_path / "mine", gate=report, trained_on=(TrainedCase(id="a"), TrainedCase(id="b")))
    text = " ".join(RUNNER.invoke(app, ["models", "show", str(entry.folder)]).output.split())
    assert "2 cases" in text and "Perhaps better on your images" in text
    shown = RUNNER.invoke(app, ["models", "show", str(entry.folder), "--json"]).output
    card = json.loads(shown, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert card["gate"]["new_site"]["cases"][0]["old_hd95"] == "NaN"  # where it was in format 1
    assert card["gate"]["evidence"][1]["cases"][0]["old"] == "NaN"
    assert "16 images for replay" in " ".join(
        RUNNER.invoke(app, ["models", "show", "cxr-lung"]).output.split()
    )
