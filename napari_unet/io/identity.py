"""Who an image is of, for the eyes of the person in front of it: read live, never kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_unet.core.errors import UserError
from napari_unet.core.source import Source
from napari_unet.io.content import is_dicom
from napari_unet.io.names import suffix_of

_FIELDS = ("PatientName", "PatientID", "PatientBirthDate", "StudyDate", "AcquisitionDate")


@dataclass(frozen=True)
class Identity:
    """What a file's header says about its patient; "" where it says nothing. Dates as 2026-11-22."""

    name: str = ""
    patient_id: str = ""
    birth_date: str = ""
    study_date: str = ""


def read_identity(image: Path | Source) -> Identity:
    """Name, ID and dates in a DICOM header; empty for other files, which name nobody in a place of its own.

    Of a series those of its first file. Raises UserError, without any name, if it cannot be read.
    """
    path = Source.of(image).first
    if suffix_of(path).lower() not in (".dcm", ".dicom") and not is_dicom(path):
        return Identity()
    from napari_unet.io.dicom import guarded, read_header

    with guarded(path.name):
        if not path.is_file():
            raise UserError(f"{path.name} no longer exists.", "Connect its drive, or find the file.")
        dataset = read_header(path, *_FIELDS)
        found = {name: str(dataset.get(name) or "").strip() for name in _FIELDS}
    return Identity(
        found["PatientName"].replace("^", " ").strip(),
        found["PatientID"],
        _date(found["PatientBirthDate"]),
        _date(found["StudyDate"] or found["AcquisitionDate"]),
    )


def _date(text: str) -> str:
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}" if len(text) == 8 and text.isdigit() else text
