"""Where the frames of a DICOM segmentation lie if they are not the slices of the image as files store them.

A series that was straightened or evened out (`DicomFrame.resampled`) has planes of its own, in the frame of
reference of its files. A plane refers to the file that stores the same slice; those in between refer to none.
The frames of a multi-frame file may be in any order, and are found by their places.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_unet.core.frames import DicomFrame
from napari_unet.io import dicom_header as header
from napari_unet.io.dicom_seg_source import between_slices, in_one_file, numbers

_SAME_MM = 0.05  # headers round places to hundredths of a millimetre
_SOURCE = ("121322", "DCM", "Source image for image processing operation")
_DERIVED = ("113076", "DCM", "Segmentation")


def own_planes(frame: DicomFrame, stored: DicomFrame) -> dict[str, Any]:
    """What highdicom is told of the planes; nothing where they are one file each."""
    import highdicom

    if not frame.resampled and not in_one_file(stored):
        return {}
    between = between_slices(frame)
    return {
        "plane_positions": [
            highdicom.PlanePositionSequence("PATIENT", numbers(place)) for place in frame.positions
        ],
        "plane_orientation": highdicom.PlaneOrientationSequence("PATIENT", numbers(frame.orientation)),
        "pixel_measures": highdicom.PixelMeasuresSequence(numbers(frame.pixel_spacing), between, between),
    }


def refer_to_slices(made: Any, frame: DicomFrame, stored: DicomFrame) -> None:
    """Gives frames their source image where highdicom, which wants all or none to have one, has not.

    frame : that of the mask; stored : where its files lie, both with the UIDs of the object.
    """
    if not frame.resampled or in_one_file(stored):
        return
    own = dict(zip(stored.instances, stored.positions, strict=True))
    places = np.array(frame.positions)
    for group in made.PerFrameFunctionalGroupsSequence:
        if group.get("DerivationImageSequence"):
            continue
        place = np.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
        instance = frame.instances[int(np.linalg.norm(places - place, axis=1).argmin())]
        if instance not in own:
            continue
        source, derived = _dataset(), _dataset()
        source.ReferencedSOPClassUID, source.ReferencedSOPInstanceUID = instance
        there = np.linalg.norm(np.subtract(own[instance], place)) <= _SAME_MM
        source.SpatialLocationsPreserved = "YES" if there else "NO"
        source.PurposeOfReferenceCodeSequence = [header.coded(*_SOURCE)]
        derived.SourceImageSequence, derived.DerivationCodeSequence = [source], [header.coded(*_DERIVED)]
        group.DerivationImageSequence = [derived]


def _dataset() -> Any:
    from pydicom import Dataset

    return Dataset()
