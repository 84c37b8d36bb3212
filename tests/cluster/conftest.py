"""Clusters for the tests, and the command line with toys for networks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from click.testing import Result
from cluster_processes import Processes, Run, environment, made_images
from toy_worker import use_toys
from typer.testing import CliRunner

pytest.importorskip("distributed")


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """A scheduler and two workers for the tests that leave them as they are."""
    folder = tmp_path_factory.mktemp("shared")
    processes = Processes(folder, environment(folder))
    try:
        processes.scheduler()
        processes.worker()
        processes.worker()
        yield processes
    finally:
        processes.close()


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """The folder that tells the workers of `processes` what goes wrong."""
    folder = tmp_path / "toy"
    folder.mkdir()
    return folder


@pytest.fixture
def processes(tmp_path: Path, toy: Path) -> Iterator[Processes]:
    """None yet, and all ended after the test."""
    folder = tmp_path / "processes"
    folder.mkdir()
    made = Processes(folder, environment(toy))
    yield made
    made.close()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """The command line in this process, with toys for networks and little patience."""
    from napari_unet.cli import on_cluster
    from napari_unet.cli.main import app
    from napari_unet.cluster.limits import Limits
    from napari_unet.engine import here
    from napari_unet.engine.handlers import HANDLERS

    handlers: dict[str, str] = {}
    use_toys(handlers)
    for kind, name in handlers.items():
        monkeypatch.setitem(HANDLERS, kind, name)
    here.engine.cache_clear()
    monkeypatch.setattr(on_cluster, "Limits", partial(Limits, patience_s=8))
    monkeypatch.setenv("TOY", str(tmp_path))

    def invoke(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    yield invoke  # type: ignore[misc]
    here.engine.cache_clear()


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Eight X-rays with names of patients, all different."""
    return made_images(tmp_path / "in", 8)
