"""Fixtures for all tests. Nothing here reaches the network."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real images named by NAPARI_UNET_DATA; the test is skipped where there is none."""
    named = os.environ.get("NAPARI_UNET_DATA", "")
    if not named or not Path(named).is_dir():
        pytest.skip("NAPARI_UNET_DATA names no folder: this test needs the data folder")
    return Path(named)


@pytest.fixture(scope="session", autouse=True)
def no_models_of_the_users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Only shipped models are in the library, whatever the person who runs the tests has made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAPARI_UNET_MODELS", str(tmp_path_factory.mktemp("models")))
        yield


@pytest.fixture
def toy_nets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The networks of tests/net_fakes.py stand in the registry, as those of napari_unet/nets do."""
    from napari_unet.nets.registry import NETS

    for kind, name in (("toy-volume", "VolumeNet"), ("toy-scores", "ScoreNet")):
        monkeypatch.setitem(NETS, kind, ("net_fakes", name))


@pytest.fixture
def qtbot(qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Waits a minute where it would wait five seconds: the machine may be busy."""
    monkeypatch.setattr(qtbot, "waitUntil", partial(qtbot.waitUntil, timeout=60_000))
    return qtbot


@pytest.fixture
def own_preferences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """napari's own settings, in a folder of the test's: whoever runs it has preferences of their own."""
    from napari import settings
    from npe2 import PluginManager

    if "napari-unet-lung" not in PluginManager.instance():  # to read all manifests takes half a second
        PluginManager.instance().discover()
    settings._clear_plugin_settings_cache()
    monkeypatch.setattr(settings, "_CFG_PATH", str(tmp_path / "napari" / "settings.yaml"))
    yield
    settings._clear_plugin_settings_cache()


@pytest.fixture(scope="session")
def viewer_pool() -> Iterator[Any]:
    """See viewer_pool.py."""
    from viewer_pool import ViewerPool

    pool = ViewerPool()
    yield pool
    pool.close()
    print(f"\n{pool.made} shared viewers; closed early: {pool.discarded}")


@pytest.fixture
def make_napari_viewer(request: pytest.FixtureRequest, qtbot: Any, viewer_pool: Any) -> Iterator[Any]:
    """napari's factory of viewers; but the first one is shown already, and comes from the pool.

    A test that is marked `fresh_viewer`, or brings plug-ins of its own, has napari's own factory.
    """
    if request.node.get_closest_marker("fresh_viewer") or "npe2pm" in request.fixturenames:
        viewer_pool.close()
        gc.collect()
        gc.freeze()
        yield request.getfixturevalue("make_napari_viewer")
        return
    taken = False

    def make(show: bool = True) -> Any:
        nonlocal taken
        assert not taken, "there is one shared viewer: mark the test with fresh_viewer"
        taken = True
        return viewer_pool.take(request.node.name)

    yield make
    if taken:
        viewer_pool.give_back(passed=not request.node.rep_call.failed)


def pytest_collection_finish() -> None:
    """What was imported until now stays: from here on garbage is looked for among the rest only."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests marked `gpu` where there is no CUDA device."""
    wanting = [item for item in items if item.get_closest_marker("gpu")]
    if not wanting:
        return
    import torch

    if not torch.cuda.is_available():
        for item in wanting:
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))
