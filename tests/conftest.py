"""Fixtures for all tests. Nothing here reaches the network."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

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


@pytest.fixture(autouse=True)
def garbage_is_found_quickly(request: pytest.FixtureRequest) -> None:
    """napari keeps some 4,000 objects of every viewer; after 200 viewers a look for garbage takes a second.

    What is left of earlier viewers is passed over from then on.
    """
    if "make_napari_viewer" in request.fixturenames:
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
