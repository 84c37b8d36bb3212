"""DICOM for several tests: of other makers, which they only read, and a CT and an X-ray to draw masks on."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest
from dicom_files import save
from seg_rooms import series, xray_tags

from napari_unet.core.raster import Raster
from napari_unet.io.formats import read_raster


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


@pytest.fixture
def ct(tmp_path: Path) -> Raster:
    return series(tmp_path / "ct")


@pytest.fixture
def xray(tmp_path: Path) -> Raster:
    pixels = np.random.default_rng(0).integers(0, 4000, (20, 24)).astype(np.uint16)
    return read_raster(save(tmp_path / "xray.dcm", pixels, **xray_tags()))
