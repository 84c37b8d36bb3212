"""Fixtures for all tests. Nothing here reaches the network."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real images named by NAPARI_UNET_DATA; the test is skipped where there is none."""
    named = os.environ.get("NAPARI_UNET_DATA", "")
    if not named or not Path(named).is_dir():
        pytest.skip("NAPARI_UNET_DATA names no folder: this test needs the data folder")
    return Path(named)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests marked `gpu` where there is no CUDA device."""
    wanting = [item for item in items if item.get_closest_marker("gpu")]
    if not wanting:
        return
    import torch

    if not torch.cuda.is_available():
        for item in wanting:
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))
