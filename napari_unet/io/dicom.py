"""DICOM files that hold one image: CR, DX, secondary capture, a single slice.

No patient's name or number leaves this module: not in a raster, a message or a warning.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.raster import Raster
from napari_unet.io import dicom_header as header
from napari_unet.io.grey import grey_from_channels

if TYPE_CHECKING:
    from pydicom import Dataset

_PACKAGES = {  # transfer syntax: what decodes it
    "1.2.840.10008.1.2.4.51": "pylibjpeg pylibjpeg-libjpeg",
    "1.2.840.10008.1.2.4.80": "pyjpegls",
    "1.2.840.10008.1.2.4.81": "pyjpegls",
    "1.2.840.10008.1.2.4.90": "pylibjpeg pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.91": "pylibjpeg pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.201": "pylibjpeg pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.202": "pylibjpeg pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.203": "pylibjpeg pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.5": "pylibjpeg pylibjpeg-rle",
}
_OTHERS = "python-gdcm"  # lossless JPEG
_EXTENDED = "1.2.840.10008.1.2.4.51"
_SHALLOW = {"pillow", "gdcm"}  # what decodes only the 8 bits of "JPEG extended", though it is listed for all
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_AGAIN = "Export it from the archive once more."


def read_dicom(path: Path) -> Raster:
    """One DICOM file as a raster (Y, X).

    Pixels are the stored values after the modality rescale, and nothing else: the VOI window becomes
    `window`, MONOCHROME1 `inverted`. Spacing, in this order: PixelSpacing, ImagerPixelSpacing (at the
    detector: larger than in the patient), NominalScannedPixelSpacing (of a film). `columns_towards` and
    `view` come from PatientOrientation, ImageOrientationPatient, ViewPosition and ViewCodeSequence.
    Raises UserError for files with no image or several, colour pictures, damaged files, and for compressions
    that nothing here can decode; it names the package to install.
    """
    with guarded(path.name):
        dataset = _dataset(path)
        pixels = _pixels(dataset, path.name)
        spacing, spacing_source = header.spacing(dataset)
        return Raster(
            _rescaled(pixels, dataset),
            spacing_mm=spacing,
            spacing_source=spacing_source,
            modality=header.modality(dataset),
            view=header.view(dataset),
            inverted=header.inverted(dataset),
            window=header.window(dataset),
            columns_towards=header.columns_towards(dataset),
            body_part=header.text(dataset, "BodyPartExamined"),
            source=str(path),
        )


@contextmanager
def guarded(name: str) -> Iterator[None]:
    """Nothing that pydicom and the decoders say comes out: they quote the values that they complain of."""
    logger = logging.getLogger("pydicom")
    before, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (UserError, MemoryError, KeyboardInterrupt, SystemExit):
        raise
    except (
        BaseException
    ):  # damaged files make them raise nearly anything, the Rust ones not even an Exception
        raise UserError(f"{name} is damaged or incomplete and cannot be read.", _AGAIN) from None
    finally:
        logger.disabled = before


def _dataset(path: Path) -> Dataset:
    """The whole file. One without preamble or meta information is read too if it looks like DICOM inside."""
    import pydicom

    dataset = pydicom.dcmread(path, force=True)
    if not {"SOPClassUID", "Modality", "Rows", "PhotometricInterpretation"} & set(dataset.dir()):
        raise UserError(f"{path.name} is not a DICOM image.", "Open PNG, JPEG, TIFF, NIfTI or DICOM.")
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        big_or_little = pydicom.uid.ExplicitVRLittleEndian if little else pydicom.uid.ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = (
            pydicom.uid.ImplicitVRLittleEndian if implicit else big_or_little
        )
    return dataset


def _pixels(dataset: Dataset, name: str) -> np.ndarray:
    """Stored values (Y, X)."""
    if not any(keyword in dataset for keyword in _PIXELS):
        raise UserError(f"{name} holds no image{_kind(dataset)}.", "Choose a file with an image.")
    frames = int(header.number(dataset, "NumberOfFrames", 1))
    if frames > 1:
        raise UserError(
            f"{name} holds {frames} images.",
            "Series and multi-frame files cannot be opened yet: export the image that you need by itself.",
        )
    _check_decoder(dataset, name)
    pixels = _decoded(dataset)
    pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    if pixels.ndim == 2:
        return pixels
    if pixels.ndim == 3 and header.number(dataset, "SamplesPerPixel", 1) > 1:
        return grey_from_channels(pixels, name)
    raise UserError(f"{name} does not hold one grey image (shape {pixels.shape}).", _AGAIN)


def _decoded(dataset: Dataset) -> np.ndarray:
    from pydicom.pixels.processing import apply_color_lut
    from pydicom.pixels.utils import pixel_array

    pixels: np.ndarray = pixel_array(dataset)
    if header.text(dataset, "PhotometricInterpretation") == "PALETTE COLOR":
        dataset.SamplesPerPixel = 3
        return apply_color_lut(pixels, dataset)
    return _without_unused_bits(pixels, dataset)


def _without_unused_bits(pixels: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Old machines keep overlays in the bits above those of the image."""
    stored = int(header.number(dataset, "BitsStored", 8 * pixels.itemsize))
    unused = 8 * pixels.itemsize - stored
    if pixels.dtype.kind not in "ui" or not 0 < unused < 8 * pixels.itemsize:
        return pixels
    return np.asarray(np.right_shift(np.left_shift(pixels, unused), unused))


def _rescaled(pixels: np.ndarray, dataset: Dataset) -> np.ndarray:
    """After the modality LUT or rescale: int32 where that is exact, else float32."""
    if "ModalityLUTSequence" in dataset:
        from pydicom.pixels.processing import apply_modality_lut

        return np.asarray(apply_modality_lut(pixels, dataset))
    slope = header.number(dataset, "RescaleSlope", 1)
    intercept = header.number(dataset, "RescaleIntercept", 0)
    if (slope, intercept) == (1, 0) or slope == 0:
        return pixels
    whole = pixels.dtype.kind in "ui" and slope.is_integer() and intercept.is_integer()
    if whole and pixels.itemsize <= 2 and abs(slope) * 2**16 + abs(intercept) < 2**31:
        return pixels.astype(np.int32) * int(slope) + int(intercept)
    return pixels.astype(np.float32) * np.float32(slope) + np.float32(intercept)


def _check_decoder(dataset: Dataset, name: str) -> None:
    from pydicom.pixels.decoders.base import get_decoder

    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        plugins = get_decoder(syntax).available_plugins
    except NotImplementedError:
        raise UserError(f"{name} is compressed in a way that cannot be read.", _AGAIN) from None
    deep = syntax == _EXTENDED and header.number(dataset, "BitsStored", 8) > 8
    if not syntax.is_encapsulated or set(plugins) - (_SHALLOW if deep else set()):
        return
    raise UserError(
        f"{name} is compressed ({syntax.name}) and nothing installed here can decode it.",
        f"Run: pip install {_PACKAGES.get(syntax, _OTHERS)}",
    )


def _kind(dataset: Dataset) -> str:
    """What kind of object a file says it is, in DICOM's own words: " (Basic Text SR Storage)"."""
    import pydicom

    uid = pydicom.uid.UID(header.text(dataset, "SOPClassUID"))
    return f" ({uid.name})" if uid and uid.name != uid else ""
