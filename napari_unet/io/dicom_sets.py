"""DICOM files that belong together, by their headers: the slices of a series, and what a DICOMDIR lists."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_unet.core.errors import UserError
from napari_unet.core.source import Source
from napari_unet.io import dicom_header as header
from napari_unet.io.content import is_dicom
from napari_unet.io.dicom import guarded
from napari_unet.io.names import is_index, suffix_of

_VOLUMES = {  # machines whose series are volumes, by what the image is stored as
    "1.2.840.10008.5.1.4.1.1.2": "CT",
    "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.128": "PT",
}
_PHOTOGRAPHED = "1.2.840.10008.5.1.4.1.1.7"  # secondary captures: pictures of a screen
_SERIES = ("StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "PatientID")
_FIELDS = ("SOPClassUID", "SOPInstanceUID", "Modality", *_SERIES)
_NO_DICOM = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".nii", ".nii.gz", ".bmp", ".gif", ".webp"})
_NAMED = 3


@dataclass(frozen=True)
class Series:
    """Several files of one series of CT, MR or PET, in the order in which they were given."""

    files: tuple[Path, ...]
    modality: str

    @property
    def source(self) -> Source:
        """The series as one input."""
        return Source(self.files)


def series_among(paths: Iterable[Path]) -> list[Series]:
    """The series of which there are several files, with one image each, among `paths`.

    X-rays are none: they stand for themselves, also where several are of one series. A series that lies in
    several folders, whole in each, is there several times. What cannot be read is left for its reader to
    refuse.
    """
    found: dict[tuple[str, ...], list[tuple[Path, str]]] = defaultdict(list)
    for path in paths:
        if suffix_of(path).lower() not in _NO_DICOM and is_dicom(path) and (known := _series_of(path)):
            found[known[:-1]].append((path, known[-1]))
    copies = [(key[0], files) for key, slices in found.items() for files in _copies(slices)]
    return [Series(files, modality) for modality, files in copies if len(files) > 1]


def _copies(slices: Sequence[tuple[Path, str]]) -> list[tuple[Path, ...]]:
    """The files of a series; of one that was copied, those of each folder. slices : (path, its own UID)."""
    whole = tuple(path for path, _ in slices)
    folders: dict[Path, list[tuple[Path, str]]] = defaultdict(list)
    for path, uid in slices:
        folders[path.parent].append((path, uid))
    holds = [sorted(uid for _, uid in inside) for inside in folders.values()]
    if not holds[0][0] or any(one != holds[0] for one in holds):
        return [whole]
    return [tuple(path for path, _ in inside) for inside in folders.values()]


def series_number(path: Path) -> str:
    """SeriesNumber of a DICOM file, "" where it has none or cannot be read."""
    import pydicom

    try:
        with guarded(path.name):
            dataset: Any = pydicom.dcmread(
                path, stop_before_pixels=True, specific_tags=["SeriesNumber"], force=True
            )
            found = header.numbers(dataset, "SeriesNumber")
    except UserError:
        return ""
    return str(int(found[0])) if found else ""


def listed_in(index: Path) -> tuple[Path, ...]:
    """The images that a DICOMDIR lists, as paths beside it, whether they are there or not.

    Raises UserError if it is damaged.
    """
    import pydicom

    with guarded(index.name):
        dataset = pydicom.dcmread(index, force=True)
        names = [
            record.get("ReferencedFileID")
            for record in dataset.get("DirectoryRecordSequence") or ()
            if header.text(record, "DirectoryRecordType") in ("IMAGE", "")
        ]
    parts = ([name] if isinstance(name, str) else list(name) for name in names if name)
    return tuple(index.parent.joinpath(*map(str, each)) for each in parts)


def refuse_index(path: Path) -> None:
    """Raises UserError, with the names that it lists, if `path` is a DICOMDIR."""
    if not is_index(path) or not path.is_file():
        return
    files = listed_in(path)
    raise UserError(
        f"{path.name} contains no image itself; it lists {count_and_names(files, path.parent)}.",
        "Open these files, or the folder that they are in.",
    )


def count_and_names(files: Sequence[Path], folder: Path) -> str:
    """In words: "3 images (A/IM1, A/IM2, …)"."""
    shown = ", ".join(file.relative_to(folder).as_posix() for file in files[:_NAMED])
    more = ", …" if len(files) > _NAMED else ""
    gone = sum(not file.exists() for file in files)
    told = f"; {gone} of them {'is' if gone == 1 else 'are'} not there" if gone else ""
    many = "1 image" if len(files) == 1 else f"{len(files)} images"
    return f"{many} ({shown}{more}){told}" if files else "none"


def _series_of(path: Path) -> tuple[str, ...] | None:
    """(machine, series, slice) of a slice of a volume; None for everything else."""
    import pydicom

    try:
        with guarded(path.name):
            dataset: Any = pydicom.dcmread(
                path, stop_before_pixels=True, specific_tags=list(_FIELDS), force=True
            )
            stored, machine = header.text(dataset, "SOPClassUID"), header.text(dataset, "Modality")
            kind = _VOLUMES.get(stored, machine)
            if kind not in _VOLUMES.values() or stored.startswith(_PHOTOGRAPHED):
                return None
            uid = header.text(dataset, "SeriesInstanceUID")
            known = (uid,) if uid else (str(path.parent), *(header.text(dataset, f) for f in _SERIES))
            return kind, *known, header.text(dataset, "SOPInstanceUID")
    except UserError:
        return None
