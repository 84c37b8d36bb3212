"""Multi-frame DICOM: the frames of one file, each as a dataset of one image."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_unet.core.errors import UserError
from napari_unet.io import dicom_header as header
from napari_unet.io.content import is_dicom
from napari_unet.io.dicom import guarded, load, read_header

if TYPE_CHECKING:
    from pydicom import Dataset

GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
"""Where a multi-frame object keeps what is true of a frame."""
_OF_THE_FILE = {"NumberOfFrames", "PixelData", "ExtendedOffsetTable", "ExtendedOffsetTableLengths"}
_MASKS = "SEG"
_LARGE = 2**20  # bytes


def is_multi_frame(path: Path) -> bool:
    """Whether a DICOM file holds several frames, each with its place in the patient; by the header alone.

    False for masks (SEG), and for films and other stacks without places.
    """
    try:
        state = path.stat()
    except OSError:
        return False
    return _is_multi_frame(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=1 << 15)  # asked when a folder is listed, and again when each of its images is read
def _is_multi_frame(path: Path, modified: int, size: int) -> bool:
    if not is_dicom(path):
        return False
    try:
        with guarded(path.name):
            dataset = read_header(path, "NumberOfFrames", "Modality")
            if header.number(dataset, "NumberOfFrames", 1) < 2 or header.text(dataset, "Modality") == _MASKS:
                return False
            frames = read_header(path, *GROUPS).get(GROUPS[1])
            return bool(frames) and "PlanePositionSequence" in frames[0]
    except UserError:
        return False


def load_frames(path: Path) -> Dataset:
    """A multi-frame file, whose pixels stay in the file unless they are compressed: they may be gigabytes."""
    dataset = load(path, defer=_LARGE)
    return load(path) if dataset.file_meta.TransferSyntaxUID.is_deflated else dataset


def frame_header(dataset: Dataset, frame: int) -> Dataset:
    """The header of one frame (from 0) as that of a single image."""
    import pydicom

    left_out = {pydicom.datadict.tag_for_keyword(keyword) for keyword in (*_OF_THE_FILE, *GROUPS)}
    made = pydicom.Dataset({tag: dataset.get_item(tag) for tag in dataset.keys() - left_out})
    implicit, little = dataset.original_encoding
    made.set_original_encoding(bool(implicit), bool(little))
    header.flatten(made, frame, dataset)
    return made


def frame_dataset(dataset: Dataset, frame: int) -> Dataset:
    """One frame (from 0) as the dataset of a single image, its pixels as they are stored.

    dataset : of `load_frames`. Raises whatever a damaged file makes pydicom raise.
    """
    from pydicom.encaps import encapsulate, get_frame

    made = frame_header(dataset, frame)
    made.file_meta = dataset.file_meta
    if made.file_meta.TransferSyntaxUID.is_encapsulated:
        count = int(header.number(dataset, "NumberOfFrames", 1))
        offsets = dataset.get("ExtendedOffsetTable"), dataset.get("ExtendedOffsetTableLengths")
        known = None if None in offsets else offsets
        pixels = get_frame(dataset.PixelData, frame, number_of_frames=count, extended_offsets=known)
        made.PixelData = encapsulate([pixels])
        made["PixelData"].is_undefined_length = True
        return made
    size = dataset.Rows * dataset.Columns * dataset.get("SamplesPerPixel", 1) * dataset.BitsAllocated // 8
    made.PixelData = _stored(dataset, frame * size, size)
    made["PixelData"].VR = "OB" if dataset.BitsAllocated <= 8 else "OW"
    return made


def _stored(dataset: Dataset, start: int, size: int) -> bytes:
    """A part of the pixel data; from the file if they were left there."""
    item: Any = dataset.get_item("PixelData", keep_deferred=True)
    if item.value is not None:
        return bytes(dataset.PixelData[start : start + size])
    with open(str(dataset.filename), "rb") as file:
        file.seek(item.value_tell + start)
        return file.read(min(size, item.length - start))
