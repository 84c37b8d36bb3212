from __future__ import annotations

from pathlib import Path

import numpy as np
from dicom_files import save, save_series

from napari_unet.io.first_kind import first_kind

SLICES = np.zeros((3, 8, 9), np.int16)


def test_the_first_header_tells(tmp_path: Path) -> None:
    files = save_series(tmp_path / "study" / "ct", SLICES)
    assert first_kind(tmp_path) == first_kind(tmp_path / "study") == first_kind(files[0]) == "CT"
    save_series(tmp_path / "mr", SLICES, Modality="MR")
    assert first_kind(tmp_path / "mr") == "MR"
    assert first_kind(save(tmp_path / "a.dcm", SLICES[0].astype(np.uint16))) == "X-ray"


def test_an_x_ray_if_nothing_tells(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    files = save_series(tmp_path / "b", SLICES)
    for file in files:
        file.write_bytes(file.read_bytes()[:200])
    for path in (tmp_path, tmp_path / "b", tmp_path / "a.txt", tmp_path / "gone"):
        assert first_kind(path) == "X-ray"


def test_only_the_first_files_of_a_folder_are_looked_at(tmp_path: Path) -> None:
    for k in range(30):
        (tmp_path / f"{k:02}.txt").write_text("text")
    save_series(tmp_path / "z", SLICES)
    assert first_kind(tmp_path) == "X-ray"
