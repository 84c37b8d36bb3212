"""Which formats there are, by name and in words. Needs no numpy: the help of the command line names them."""

from __future__ import annotations

from enum import StrEnum


class Format(StrEnum):
    """Kinds of files that masks are exported to: the name on the command line, and what people read.

    words : for people.
    """

    words: str

    PNG = "png", "PNG (no stacks)"
    TIFF = "tiff", "TIFF"
    NIFTI = "nifti", "NIfTI"
    COCO = "coco", "COCO"
    NNUNET = "nnunet", "nnU-Net"
    DICOM_SEG = "dicom-seg", "DICOM SEG for research (without the patient)"
    DICOM_SEG_ARCHIVE = "dicom-seg-archive", "DICOM SEG for the archive (with patient and study)"

    def __new__(cls, name: str, words: str = "") -> Format:
        """One of them, found again by its name."""
        made = str.__new__(cls, name)
        made._value_, made.words = name, words
        return made
