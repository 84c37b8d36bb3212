"""DICOM of other makers, unpacked once for all tests, which only read it."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def hard(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of files that loaders stumble over; the test is skipped where the data folder has none."""
    packed = data / "dicom" / "hard.tar.xz"
    if not packed.is_file():
        pytest.skip("needs the data folder with dicom/hard.tar.xz (NAPARI_UNET_DATA)")
    folder = tmp_path_factory.mktemp("hard")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    return folder / "dicom_hard"
