"""A CT series of any length, and the model that segments it. Without torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from napari_unet.core.resize import resized
from napari_unet.io.formats import read_raster
from napari_unet.resources_path import resource
from napari_unet.training.ct_changes import slices_at

SHIPPED = "ct-lung"
SIDE = 512
_HEIGHT_MM, _PIXEL_MM = 364.0, 0.977  # of the sample


def save_chest(folder: Path, slices: int) -> Path:
    """A chest of `slices` slices of 512 × 512 as DICOM files: the bundled CT sample, enlarged, with noise.

    Returns the folder. The files' names are in no order of place.
    """
    folder.mkdir(parents=True)
    sample = read_raster(resource("samples", "lctsc_005_4mm.nii.gz")).pixels
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 15, (SIDE, SIDE)).astype(np.float32)
    names = rng.permutation(slices)
    series, study, frame = (generate_uid() for _ in range(3))
    for k in range(slices):
        mixed = slices_at(sample, [k * (len(sample) - 1) / max(1, slices - 1)], 1)[0]
        enlarged = resized(mixed, (SIDE, SIDE)) + np.roll(noise, 7 * k)
        one = pydicom.Dataset()
        one.file_meta = pydicom.dataset.FileMetaDataset()
        one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        one.SOPClassUID, one.SOPInstanceUID = CTImageStorage, generate_uid()
        one.SeriesInstanceUID, one.StudyInstanceUID, one.FrameOfReferenceUID = series, study, frame
        one.Modality, one.BodyPartExamined, one.InstanceNumber = "CT", "CHEST", int(names[k])
        one.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        one.Rows = one.Columns = SIDE
        one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
        one.BitsAllocated = one.BitsStored = 16
        one.HighBit, one.PixelRepresentation = 15, 0
        one.PixelSpacing, one.ImageOrientationPatient = [_PIXEL_MM] * 2, [1, 0, 0, 0, 1, 0]
        one.ImagePositionPatient = [-250, -250, f"{k * _HEIGHT_MM / slices:.6g}"]
        one.RescaleSlope, one.RescaleIntercept = 1, -1024
        one.PixelData = np.clip(np.rint(enlarged) + 1024, 0, 4095).astype("<u2").tobytes()
        one["PixelData"].VR = "OW"
        one.save_as(folder / f"{names[k]:05}.dcm", enforce_file_format=True)
    return folder
