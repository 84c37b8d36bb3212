"""A CT series of any length, and the model that segments it. Without torch, but for the model."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pydicom
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from napari_unet.core.resize import resized
from napari_unet.io.formats import read_raster
from napari_unet.models.card import CARD_FILE
from napari_unet.resources_path import resource

SHIPPED = "ct-lung"
SIDE = 512
_HEIGHT_MM, _PIXEL_MM = 364.0, 0.977  # of the sample
_NET = {"base": 16, "depth": 5, "widest": 112, "up": "interpolate", "channels": 3, "classes": 2}


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
        at = k * (len(sample) - 1) / max(1, slices - 1)
        below = min(int(at), len(sample) - 2)
        mixed = (1 - at + below) * sample[below] + (at - below) * sample[below + 1]
        enlarged = resized(mixed.astype(np.float32), (SIDE, SIDE)) + np.roll(noise, 7 * k)
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


@contextmanager
def ct_model() -> Iterator[str]:
    """`segment` finds the shipped model for CT under its name, or a stand-in; yields what it is, in words.

    Child processes find the same.
    """
    if (resource("models", SHIPPED) / CARD_FILE).is_file():
        yield f"{SHIPPED} as shipped"
        return
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, {"NAPARI_UNET_MODELS": folder}):
        _stand_in(Path(folder))
        yield f"a network of {SHIPPED}'s kind with random weights"


def _stand_in(library: Path) -> None:
    import torch

    from napari_unet.core.input_rule import InputRule
    from napari_unet.core.intensity import IntensityRule
    from napari_unet.core.label_set import RIGHT_AND_LEFT
    from napari_unet.core.masks import MaskRule
    from napari_unet.models.card import ModelCard, NetSpec, Output
    from napari_unet.models.checkpoint import build_net, save_model

    torch.manual_seed(0)
    card = ModelCard(
        name=SHIPPED,
        net=NetSpec(arguments=_NET),
        input=InputRule(size=(256, 256), neighbours=1),
        intensity=IntensityRule("window", -1000, 200),
        outputs=(Output(labels=RIGHT_AND_LEFT, mask_rule=MaskRule(largest_parts=1, per_slice=False)),),
    )
    save_model(build_net(card.net).state_dict(), card, library / SHIPPED)
