"""Name, ID and date: read live, from DICOM only."""

from __future__ import annotations

from pathlib import Path

import dicom_files as dicom
import numpy as np
import pytest
from PIL import Image

from napari_unet.core.errors import UserError
from napari_unet.io.identity import Identity, read_identity


def test_a_header_tells_who_it_is(tmp_path: Path) -> None:
    path = dicom.save(tmp_path / "a.dcm", np.zeros((4, 4), np.uint8), StudyDate="20261122")
    assert read_identity(path) == Identity("SECRET PATIENT", "ID-4711", "1950-01-01", "2026-11-22")
    archived = path.rename(tmp_path / "1.2.840.1")
    assert read_identity(archived).patient_id == "ID-4711"


def test_a_header_may_be_silent(tmp_path: Path) -> None:
    path = dicom.save(
        tmp_path / "a.dcm",
        np.zeros((4, 4), np.uint8),
        PatientName=None,
        PatientID="",
        PatientBirthDate="",
        AcquisitionDate="20260102",
    )
    assert read_identity(path) == Identity("", "", "", "2026-01-02")


def test_other_files_name_nobody(tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "Mueller_Hans.png")
    assert read_identity(tmp_path / "Mueller_Hans.png") == Identity()


def test_a_file_that_cannot_be_read_is_told_without_a_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no longer exists"):
        read_identity(tmp_path / "gone.dcm")
