"""DICOM segmentations (SEG) of any program as masks: what their segments are, and where their frames lie."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry, MisplacedMask, stack_affine
from napari_unet.io import dicom_header as header
from napari_unet.io.content import is_dicom
from napari_unet.io.dicom import guarded, read_header
from napari_unet.io.memory import memory_for

_BINARY, _LABELMAP = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"
_SAME_PLACE_MM = 0.01
_EVEN_MM, _WHOLE = 0.06, 0.05  # how far a frame may be from its even place: in mm, or in spacings


@dataclass(frozen=True)
class Segment:
    """One segment: its number in the file, its label, the codes of what it is and of the side of it."""

    number: int
    label: str
    code: str
    side: str = ""


@dataclass(frozen=True)
class SegFile:
    """What the header of a segmentation says.

    segments : in their order. references : SOP instance UIDs of the images that it refers to. planes : of
    each frame, the index of its plane. of_plane : of each plane the images that it was drawn on. numbers : of
    each frame its segment, 0 where the pixels hold the numbers. geometry : of all planes together; None where
    the file does not say where they lie.
    """

    path: Path
    segments: tuple[Segment, ...]
    references: frozenset[str]
    planes: tuple[int, ...]
    of_plane: tuple[frozenset[str], ...]
    numbers: tuple[int, ...]
    shape: tuple[int, int, int]
    geometry: Geometry | None

    @property
    def spacing_mm(self) -> tuple[float, ...] | None:
        """As in Raster, of `SegFile.labels`; of one plane (Y, X). None where the file does not say."""
        if self.geometry is None or self.geometry.affine is None:
            return None
        steps = tuple(float(step) for step in np.linalg.norm(self.geometry.affine[:3, :3], axis=0))
        return steps[1:] if self.shape[0] == 1 else steps

    def labels(self, values: Mapping[int, int]) -> tuple[np.ndarray, int]:
        """The labels (Z, Y, X), and how many voxels are in several segments: the later one is kept there.

        values : the label of each segment by its number; segments that are not in it are left out.
        Raises UserError if the pixels cannot be read.
        """
        highest = max(values.values(), default=0)
        twice = 0
        with memory_for(self.path), guarded(self.path.name):
            found = np.zeros(self.shape, np.min_scalar_type(highest))
            for plane, number, pixels in self._frames(values):
                target = found[plane]
                for segment, value in values.items():
                    if number not in (0, segment):
                        continue
                    here = pixels == segment if number == 0 else pixels
                    twice += int(np.count_nonzero(here & (target != 0) & (target != value)))
                    target[here] = value
        return found, twice

    def _frames(self, wanted: Container[int]) -> Iterator[tuple[int, int, np.ndarray]]:
        """(plane, segment, bool pixels or, where the segment is 0, the numbers of segments), one at a time.

        Of frames of one segment, those of the segments that are wanted.
        """
        import pydicom

        from napari_unet.io import dicom_decoder

        dicom_decoder.register()
        dataset: Any = pydicom.dcmread(self.path, force=True)
        if header.number(dataset, "NumberOfFrames", 1) != len(self.planes):
            raise ValueError("not every frame says where it lies")
        half = header.number(dataset, "MaximumFractionalValue", 1) / 2
        chosen = [k for k, number in enumerate(self.numbers) if number == 0 or number in wanted]
        for k, pixels in _stored(dataset, chosen) if chosen else ():
            if (number := self.numbers[k]) == 0:
                yield self.planes[k], number, pixels
            elif number in wanted:
                yield self.planes[k], number, (pixels > half if half > 0.5 else pixels > 0)


def _stored(dataset: Any, chosen: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
    """These frames and their numbers; of compressed ones all, because each has to be looked for."""
    from pydicom.pixels.utils import iter_pixels

    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        yield from enumerate(iter_pixels(dataset))
    elif dataset.BitsAllocated == 1:
        for k in chosen:
            yield k, _frame_of_bits(dataset, k)
    else:
        yield from zip(chosen, iter_pixels(dataset, indices=chosen), strict=True)


def _frame_of_bits(dataset: Any, k: int) -> np.ndarray:
    """Frame k where frames begin within a byte, at which pydicom 3.0 fails if it reads them one by one."""
    size = dataset.Rows * dataset.Columns
    if 8 * len(dataset.PixelData) < size * len(dataset.PerFrameFunctionalGroupsSequence):
        raise ValueError("frames are missing")
    first, offset = divmod(k * size, 8)
    packed = np.frombuffer(dataset.PixelData, np.uint8, -(-(offset + size) // 8), first)
    bits = np.unpackbits(packed, count=offset + size, bitorder="little")[offset:]
    return bits.reshape(dataset.Rows, dataset.Columns)


def is_seg(path: Path) -> bool:
    """Whether a file is a DICOM segmentation."""
    if not is_dicom(path):
        return False
    try:
        with guarded(path.name):
            return header.text(read_header(path, "SOPClassUID"), "SOPClassUID") in (_BINARY, _LABELMAP)
    except UserError:
        return False


def read_seg(path: Path) -> SegFile:
    """The header of a segmentation. Raises UserError if it is damaged or its frames form no even stack."""
    import pydicom

    with memory_for(path), guarded(path.name):
        dataset = read_header(path)
        frames = list(dataset.get("PerFrameFunctionalGroupsSequence") or ())
        shared = (dataset.get("SharedFunctionalGroupsSequence") or [pydicom.Dataset()])[0]
        sources = [_sources(frame) | _sources(shared) for frame in frames]
        labelmap = header.text(dataset, "SOPClassUID") == _LABELMAP
        numbers = tuple(0 if labelmap else _segment_of(frame, shared) for frame in frames)
        places = [_place(frame, shared) for frame in frames]
        orientation = _numbers("PlaneOrientationSequence", "ImageOrientationPatient", frames[0], shared)
        spacing = _numbers("PixelMeasuresSequence", "PixelSpacing", frames[0], shared)
        between = _numbers("PixelMeasuresSequence", "SpacingBetweenSlices", frames[0], shared)
        size = (int(dataset.Rows), int(dataset.Columns))
        segments = tuple(_segment(item) for item in dataset.SegmentSequence)
        references = frozenset().union(_referenced(dataset), *sources)
    known = all(len(place) == 3 for place in places) and len(orientation) == 6 and len(spacing) == 2
    if known:
        planes, affine = _stacked(np.array(places), orientation, spacing, between, path.name)
    else:
        planes, affine = _by_source(sources), None
    shape = (max(planes) + 1, *size)
    of_plane: list[set[str]] = [set() for _ in range(shape[0])]
    for plane, uids in zip(planes, sources, strict=True):
        of_plane[plane] |= uids
    geometry = None if affine is None else Geometry(shape, affine)
    drawn_on = tuple(map(frozenset, of_plane))
    return SegFile(path, segments, references, tuple(planes), drawn_on, numbers, shape, geometry)


def _stacked(
    places: np.ndarray,
    orientation: Sequence[float],
    spacing: Sequence[float],
    between: Sequence[float],
    name: str,
) -> tuple[list[int], np.ndarray]:
    """The plane of each frame along the normal of the frames, and the affine of all (to S, P, L)."""
    normal = np.cross(orientation[:3], orientation[3:])
    normal /= np.linalg.norm(normal)
    heights = places @ normal
    step = _step(np.sort(heights), abs(between[0]) if between else 0.0)
    aside = places - heights[:, None] * normal
    if step is None or np.linalg.norm(aside - aside[0], axis=1).max() > step / 2:
        raise MisplacedMask(
            f"The frames of the segmentation {name} are not an evenly spaced, upright stack.",
            "Save it as NIfTI with the program that made it.",
        )
    counts = (heights - heights.min()) / step
    first = places[int(np.argmin(heights))]
    affine = stack_affine(orientation, spacing, normal * step, first)
    return [int(count) for count in np.rint(counts)], affine


def _step(heights: np.ndarray, between: float) -> float | None:
    """mm from plane to plane of sorted heights, of which some may be missing; None if they are not even.

    between : what the header says, 0.0 if nothing. One that fits goes before the gaps themselves.
    """
    apart = np.diff(heights)
    gaps = apart[apart > _SAME_PLACE_MM]
    if not len(gaps):
        return between or 1.0
    total = float(heights[-1] - heights[0])
    for guess in (between, float(np.median(gaps)), float(gaps.min())):
        if guess <= _SAME_PLACE_MM:
            continue
        step = total / max(1.0, np.rint(total / guess))
        off = (heights - heights[0]) / step
        if np.abs(off - np.rint(off)).max() * step <= max(_EVEN_MM, _WHOLE * step):
            return float(step)
    return None


def _by_source(sources: Sequence[frozenset[str]]) -> list[int]:
    """The plane of each frame where nothing says where it lies: frames of one image lie in one plane."""
    order: dict[frozenset[str], int] = {}
    return [order.setdefault(uids, len(order)) for uids in sources]


def _segment(item: Any) -> Segment:
    kind = (item.get("SegmentedPropertyTypeCodeSequence") or [{}])[0]
    side = (kind.get("SegmentedPropertyTypeModifierCodeSequence") or [{}])[0]
    return Segment(
        int(item.SegmentNumber),
        str(item.get("SegmentLabel") or ""),
        str(kind.get("CodeValue") or ""),
        str(side.get("CodeValue") or ""),
    )


def _segment_of(frame: Any, shared: Any) -> int:
    for groups in (frame, shared):
        if found := groups.get("SegmentIdentificationSequence"):
            return int(found[0].ReferencedSegmentNumber)
    return 1


def _sources(groups: Any) -> frozenset[str]:
    return frozenset(
        str(image.ReferencedSOPInstanceUID)
        for derived in groups.get("DerivationImageSequence") or ()
        for image in derived.get("SourceImageSequence") or ()
    )


def _referenced(dataset: Any) -> frozenset[str]:
    return frozenset(
        str(image.ReferencedSOPInstanceUID)
        for series in dataset.get("ReferencedSeriesSequence") or ()
        for image in series.get("ReferencedInstanceSequence") or ()
    )


def _place(frame: Any, shared: Any) -> list[float]:
    return _numbers("PlanePositionSequence", "ImagePositionPatient", frame, shared)


def _numbers(sequence: str, keyword: str, *groups: Any) -> list[float]:
    for each in groups:
        if found := each.get(sequence):
            return header.numbers(found[0], keyword)
    return []
