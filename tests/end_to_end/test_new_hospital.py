"""From masks of a new hospital to a model of their own, with the shipped model and real X-rays."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from napari_unet import fine_tune, open_project
from napari_unet.cli.main import app
from napari_unet.core.events import Note, PartBegun
from napari_unet.training.adapt_config import AdaptConfig

COVID = Path(__file__).parents[1] / "data" / "covid"
CASES = 4


def run(*arguments: object) -> Any:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    return done


def test_accepted_masks_become_a_model_that_all_commands_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(tmp_path / "models"))
    project, images, masks = tmp_path / "project", tmp_path / "images", COVID / "masks"
    images.mkdir()
    for path in sorted((COVID / "images").iterdir())[:CASES]:
        shutil.copy(path, images)
    run("review", "new", project, "--protocol", "what can be seen of the lungs")
    run("review", "add", project, images, "--masks", masks, "--accept")
    with open_project(project) as opened:
        pairs, protocol = opened.training_pairs(), opened.protocol
    assert len(pairs) == CASES
    told: list[Any] = []
    result = fine_tune(
        pairs,
        name="ours",
        config=AdaptConfig(steps=2, batch=2, check_every=2),
        protocol=protocol,
        same_protocol=True,
        device="cpu",
        threads=1,
        on_event=told.append,
    )
    assert any(isinstance(event, PartBegun) for event in told)
    assert "what can be seen" in "".join(event.text for event in told if isinstance(event, Note))
    report = result.report
    yours, _, reference, *_ = report.evidence
    assert {one.id for one in yours.cases} == {pair.id for pair in pairs}
    assert 0.5 < yours.old < 1 and 0.5 < yours.new < 1
    assert len(reference.cases) == 8
    assert reference.old > 0.95 and abs(reference.gain) < 0.05
    listed = run("models", "list", "--json").stdout
    names = [json.loads(line)["name"] for line in listed.splitlines()]
    assert [name for name in names if not name.startswith("lineage-")] == [
        *("ct-lung", "cxr-finding", "cxr-lung", "cxr-lung-whole", "ours")
    ]
    run("models", "verify", "ours")
    run("segment", images, "-o", tmp_path / "out", "--model", "ours", "--device", "cpu")
    assert len(list((tmp_path / "out").glob("*_mask.png"))) == CASES
    compared = run("compare", "cxr-lung", "ours", "--images", images, "--masks", masks, "--json")
    assert json.loads(compared.stdout)["cases"] == CASES
