"""Masks as DICOM segmentations, and the programs of others that read them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_files import save_series
from pydicom.uid import generate_uid

from napari_unet.core.mask_history import Made, MaskHistory
from napari_unet.core.raster import Raster
from napari_unet.core.source import Source
from napari_unet.io.formats import read_raster

ORIENTATIONS = {
    "axial": (1, 0, 0, 0, 1, 0),
    "prone": (-1, 0, 0, 0, -1, 0),
    "feet first": (-1, 0, 0, 0, 1, 0),
    "coronal": (1, 0, 0, 0, 0, -1),
    "sagittal": (0, 1, 0, 0, 0, -1),
    "oblique": (0.8, 0.6, 0, 0, 0, -1),
    "doubly oblique": (0.36, 0.48, -0.8, -0.8, 0.6, 0),
}
BY_MODEL = MaskHistory(Made.AUTOMATIC, "cxr-lung", "1")


def program(name: str) -> str:
    """Where a program of another package is; skips the test where it is not installed."""
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def errors(path: Path) -> list[str]:
    """What dciodvfy finds wrong in a DICOM segmentation."""
    said = _checked(path)
    assert any(line.strip() == "Segmentation" for line in said), said  # it has recognised what it is
    return [line for line in said if line.startswith("Error")]


def errors_of(path: Path) -> list[str]:
    """What dciodvfy finds wrong in any DICOM file."""
    return [line for line in _checked(path) if line.startswith("Error")]


def _checked(path: Path) -> list[str]:
    done = subprocess.run([program("dciodvfy"), str(path)], capture_output=True, check=False)
    return (done.stdout + done.stderr).decode(errors="replace").splitlines()


def series(folder: Path, depth: int = 6, **options: object) -> Raster:
    """A CT series on disk as it is read."""
    volume = np.random.default_rng(0).integers(-1000, 400, (depth, 20, 24)).astype(np.int16)
    return read_raster(Source.of(save_series(folder, volume, **options)))


def hard_series(folder: Path, kind: str) -> Source:
    """A series of 8 slices that is not stored as an even, upright stack."""
    files = save_series(folder, np.zeros((8, 20, 24), np.int16), spacing_mm=(3.27, 0.75, 0.5))
    if kind == "one slice is missing":
        files.pop(3).unlink()
    for k, path in enumerate(files):
        dataset = pydicom.dcmread(path)
        across, down, up = map(float, dataset.ImagePositionPatient)
        if kind == "rounded to 0.5 mm":
            up = round(2 * up) / 2
        elif kind == "a little uneven":
            up += 0.04 * (-1) ** k if 0 < k < 7 else 0
        elif kind == "tilted":
            down += k * 1.1
        dataset.ImagePositionPatient = [f"{mm:.5g}" for mm in (across, down, up)]
        dataset.save_as(path)
    return Source(tuple(files))


def lungs(shape: tuple[int, ...]) -> np.ndarray:
    """Two lungs of different sizes in places that no flip of the image keeps; (Z, Y, X) or (Y, X)."""
    mask = np.zeros(shape, np.uint8)
    mask[..., 3:9, 4:9] = 1
    mask[..., 5:15, 12:20] = 2
    mask[..., 7, 14] = 0
    if mask.ndim == 3:
        mask[0] = 0
        mask[-1][mask[-1] == 1] = 0
    return mask


def xray_tags(**more: object) -> dict[str, object]:
    """What an X-ray from an archive has."""
    return {
        "PatientOrientation": ["L", "F"],
        "StudyInstanceUID": generate_uid(),
        "SeriesInstanceUID": generate_uid(),
        **more,
    }
