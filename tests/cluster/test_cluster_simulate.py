"""`simulate` on workers: the same as in one process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from net_fakes import xrays_to_correct
from typer.testing import CliRunner

from napari_unet.cli.main import app
from napari_unet.cluster.run import Task
from napari_unet.cluster.task import Failed
from napari_unet.cluster.workplace import Workplace
from napari_unet.core.errors import UserError

Command = Callable[..., Result]


@pytest.fixture
def simulate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command on three X-rays with a tiny model."""
    xrays_to_correct(tmp_path, 3)
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(tmp_path / "models"))

    def command(out: str, *more: object) -> Result:
        fixed = ["--masks", tmp_path / "masks", "-o", tmp_path / out, "--model", "tiny", "--device", "cpu"]
        quick = ["--side", 96, "--after", 2, "--seeds", 1, "--threads", 1]
        asked = ["simulate", tmp_path / "images", *fixed, *quick, *more]
        return CliRunner().invoke(app, [str(one) for one in asked])

    return command


def test_workers_find_what_one_process_finds(simulate: Command, tmp_path: Path) -> None:
    here = simulate("here")
    there = simulate("there", "--workers", 2)
    assert there.exit_code == here.exit_code, there.output
    one, other = (json.loads((tmp_path / name / "simulation.json").read_text()) for name in ("here", "there"))
    assert one == other and len(one["outcomes"]) == 4
    assert (tmp_path / "there" / "simulation.md").read_text() in there.output


def test_what_fails_there_fails_in_words(
    simulate: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_: object, tasks: Iterator[Task]) -> Iterator[tuple[Task, Failed]]:
        yield next(tasks), Failed("The model has no bottleneck.", final=True)

    monkeypatch.setattr(Workplace, "run", failing)
    done = simulate("out", "--workers", 1)
    assert isinstance(done.exception, UserError)
    assert str(done.exception) == "no fine-tuning, seed 0 failed. The model has no bottleneck."
    assert not (tmp_path / "out").exists()


def test_workers_or_a_cluster(simulate: Command) -> None:
    assert simulate("out", "--workers", 1, "--cluster", "tls://a:1").exit_code == 2
