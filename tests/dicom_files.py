"""Small DICOM files, with a patient in them whose name must never be seen again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    generate_uid,
)

PATIENT = "SECRET^PATIENT"
NUMBER = "ID-4711"


def dataset(pixels: np.ndarray, **tags: Any) -> FileDataset:
    """A digital X-ray of these pixels (uint8, int16 or uint16); `tags` are set last, None removes one."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    made.SOPClassUID, made.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    made.PatientName, made.PatientID, made.PatientBirthDate = PATIENT, NUMBER, "19500101"
    made.Modality, made.PhotometricInterpretation = "DX", "MONOCHROME2"
    made.Rows, made.Columns = pixels.shape[:2]
    made.SamplesPerPixel = pixels.shape[2] if pixels.ndim == 3 else 1
    if made.SamplesPerPixel > 1:
        made.PlanarConfiguration = 0
    made.BitsAllocated = made.BitsStored = 8 * pixels.itemsize
    made.HighBit = made.BitsStored - 1
    made.PixelRepresentation = int(pixels.dtype.kind == "i")
    made.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    made["PixelData"].VR = "OB" if pixels.itemsize == 1 else "OW"
    for keyword, value in tags.items():
        if value is None:
            delattr(made, keyword)
        else:
            setattr(made, keyword, value)
    return made


def save(path: Path, pixels: np.ndarray, **tags: Any) -> Path:
    """`dataset` as a file with preamble and meta information."""
    dataset(pixels, **tags).save_as(path, enforce_file_format=True)
    return path


def save_series(
    folder: Path,
    volume: np.ndarray,
    *,
    orientation: Sequence[float] = (1, 0, 0, 0, 1, 0),
    origin: Sequence[float] = (-100.0, -120.0, -300.0),
    spacing_mm: tuple[float, float, float] = (2.5, 0.75, 0.5),
    **tags: Any,
) -> list[Path]:
    """A CT series of int16 HU (Z, Y, X) as files whose names and numbers are in no order of place.

    The files are returned in the order of the slices; slices follow each other along the normal of their
    plane. tags : of all files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    along_row, along_column = np.array(orientation[:3], float), np.array(orientation[3:], float)
    normal = np.cross(along_row, along_column)
    names = np.random.default_rng(0).permutation(len(volume))
    same = {"SeriesInstanceUID": generate_uid(), "StudyInstanceUID": generate_uid(), "SeriesNumber": 4}
    same |= {"FrameOfReferenceUID": generate_uid(), "Modality": "CT", "SOPClassUID": CTImageStorage}
    same |= {"RescaleIntercept": -1024, "RescaleSlope": 1, "PixelSpacing": list(spacing_mm[1:])}
    same |= {"ImageOrientationPatient": list(map(float, orientation))}
    files = []
    for k, pixels in enumerate(volume):
        place = np.array(origin, float) + k * spacing_mm[0] * normal
        own = {"ImagePositionPatient": [f"{mm:.6g}" for mm in place], "InstanceNumber": int(names[-1 - k])}
        path = folder / f"IM{names[k]:04}"
        files.append(save(path, (pixels + 1024).astype(np.uint16), **(same | own | tags)))
    return files


def save_multi_frame(path: Path, slices: Sequence[Path], **tags: Any) -> Path:
    """The slices of a CT series as an enhanced CT, each frame with its own place and rescale."""
    headers = [pydicom.dcmread(file) for file in slices]
    made = dataset(headers[0].pixel_array, Modality="CT", SOPClassUID=EnhancedCTImageStorage)
    made.StudyInstanceUID, made.SeriesInstanceUID = headers[0].StudyInstanceUID, generate_uid()
    made.FrameOfReferenceUID, made.NumberOfFrames = headers[0].FrameOfReferenceUID, len(slices)
    made.PixelData = b"".join(one.PixelData for one in headers)
    made.SharedFunctionalGroupsSequence = [Dataset()]
    made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence = [_only(headers[0], "PixelSpacing")]
    made.PerFrameFunctionalGroupsSequence = []
    for one in headers:
        groups = Dataset()
        groups.PlanePositionSequence = [_only(one, "ImagePositionPatient")]
        groups.PlaneOrientationSequence = [_only(one, "ImageOrientationPatient")]
        groups.PixelValueTransformationSequence = [_only(one, "RescaleSlope", "RescaleIntercept")]
        made.PerFrameFunctionalGroupsSequence.append(groups)
    for keyword, value in tags.items():
        setattr(made, keyword, value)
    made.save_as(path, enforce_file_format=True)
    return path


def _only(source: Dataset, *keywords: str) -> Dataset:
    made = Dataset()
    for keyword in keywords:
        setattr(made, keyword, source[keyword].value)
    return made


def change(path: Path, **tags: Any) -> None:
    """Sets elements of a file, or removes those that are None."""
    dataset = pydicom.dcmread(path)
    for keyword, value in tags.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    dataset.save_as(path)
