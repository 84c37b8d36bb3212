"""DICOM files that hold one image: CR, DX, secondary capture, a single slice. A series: io.dicom_series.

No patient's name or number leaves this module: not in a raster, a message or a warning.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_unet.core.errors import UserError
from napari_unet.core.frames import DicomFrame, Instance
from napari_unet.core.quiet import is_quiet, quiet
from napari_unet.core.raster import Raster
from napari_unet.io import dicom_header as header
from napari_unet.io.dicom_pixels import AGAIN, read_pixels
from napari_unet.io.kinds import DAMAGED, KINDS

if TYPE_CHECKING:
    from pydicom import Dataset


def read_dicom(path: Path) -> Raster:
    """One DICOM file as a raster (Y, X).

    Pixels are the stored values after the modality rescale, and nothing else: the VOI window becomes
    `window`, MONOCHROME1 `inverted`, PixelPaddingValue `padding`. Spacing, in this order: PixelSpacing,
    ImagerPixelSpacing (at the detector: larger than in the patient), NominalScannedPixelSpacing (of a film).
    `row_direction` and `view` come from PatientOrientation, ImageOrientationPatient, ViewPosition and
    ViewCodeSequence. Of an enhanced object with one frame all this is read from its functional groups.
    Raises UserError for files with no image or several, colour pictures, damaged files, and compressions
    that are none of DICOM's common ones.
    """
    with guarded(path.name):
        dataset = load(path)
        if header.text(dataset, "Modality") == "SEG":
            raise UserError(
                f"{path.name} is a DICOM segmentation: a mask, and not an image.",
                "Open the image that it was drawn on.",
            )
        header.flatten(dataset)
        frame = _frame(dataset)
        window = header.window(dataset)
        pixels = read_pixels(dataset, path.name)
        spacing, spacing_source = header.spacing(dataset)
        return Raster(
            pixels.values,
            spacing_mm=spacing,
            spacing_source=spacing_source,
            modality=header.modality(dataset),
            view=header.view(dataset),
            inverted=header.inverted(dataset),
            window=window,
            padding=pixels.padding,
            row_direction=header.row_direction(dataset),
            column_direction=header.column_direction(dataset),
            body_part=header.text(dataset, "BodyPartExamined"),
            age_years=header.age_years(dataset),
            position=header.position(dataset),
            acquisition=header.acquisition(dataset),
            notes=(*_on_values(dataset), *pixels.notes),
            source=str(path),
            frame=frame,
        )


def _on_values(dataset: Dataset) -> tuple[str, ...]:
    if header.is_rescaled(dataset):
        return header.note_on_unit(header.other_unit(dataset))
    return (f"The image does not say {header.UNSAID_RESCALE}",)


def _frame(dataset: Dataset) -> DicomFrame:
    towards = dataset.get("PatientOrientation")
    place = tuple(header.numbers(dataset, "ImagePositionPatient"))
    return DicomFrame(
        header.text(dataset, "StudyInstanceUID"),
        header.text(dataset, "SeriesInstanceUID"),
        header.text(dataset, "FrameOfReferenceUID"),
        (Instance(header.text(dataset, "SOPClassUID"), header.text(dataset, "SOPInstanceUID")),),
        tuple(header.numbers(dataset, "ImageOrientationPatient")),
        (place,) if len(place) == 3 else (),
        tuple(header.numbers(dataset, "PixelSpacing")),
        tuple(map(str, towards)) if towards and not isinstance(towards, str) else (),
    )


@contextmanager
def guarded(name: str) -> Iterator[None]:
    """Nothing that pydicom and the decoders say comes out: they quote the values that they complain of.

    Only in this thread: what other threads log is not silenced.
    """
    _know_pydicom()
    try:
        with quiet("pydicom", "imagecodecs"):
            yield
    except (UserError, MemoryError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # damaged files make them raise nearly anything, some not even an Exception
        raise UserError(f"{name} {DAMAGED}", AGAIN) from None


@cache
def _know_pydicom() -> None:
    """Loads its loggers, so that they can be silenced, and stands where it warns.

    A filter of `warnings` alone would be lost where another thread leaves `warnings.catch_warnings`.
    """
    import pydicom.misc
    import pydicom.pixels

    if getattr(pydicom.misc, "warnings", None) is warnings:
        vars(pydicom.misc)["warnings"] = _PydicomWarnings


class _PydicomWarnings:
    @staticmethod
    def warn(message: str, category: type[Warning] | None = None, stacklevel: int = 1) -> None:
        if not is_quiet():
            warnings.warn(message, category, stacklevel=stacklevel + 1)


def read_header(path: Path, *keywords: str) -> Any:
    """The header of a DICOM file, without its pixels; `guarded` is left to the caller.

    keywords : these elements alone, which is quicker; all of them, if none is named.
    """
    import pydicom

    wanted: Any = list(keywords) or None
    return pydicom.dcmread(path, stop_before_pixels=True, specific_tags=wanted, force=True)


def load(path: Path, defer: int | None = None) -> Dataset:
    """The whole file. One without preamble or meta information is read too if it looks like DICOM inside.

    defer : values of more bytes are left in the file until somebody asks for them.
    """
    import pydicom

    dataset = pydicom.dcmread(path, force=True, defer_size=defer)
    if not {"SOPClassUID", "Modality", "Rows", "PhotometricInterpretation"} & set(dataset.dir()):
        raise UserError(f"{path.name} is not a DICOM image.", KINDS)
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        big_or_little = pydicom.uid.ExplicitVRLittleEndian if little else pydicom.uid.ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = (
            pydicom.uid.ImplicitVRLittleEndian if implicit else big_or_little
        )
    return dataset
