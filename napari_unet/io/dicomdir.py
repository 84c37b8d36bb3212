"""DICOMDIR: the index of a disc, which lists the images beside it and holds none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_unet.core.errors import UserError
from napari_unet.core.wording import counted, first_of
from napari_unet.io import dicom_header as header
from napari_unet.io.dicom import guarded
from napari_unet.io.names import is_index

_NAMED = 3


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
    shown = first_of([file.relative_to(folder).as_posix() for file in files], _NAMED)
    gone = sum(not file.exists() for file in files)
    told = f"; {gone} of them {'is' if gone == 1 else 'are'} not there" if gone else ""
    return f"{counted(len(files), 'image')} ({shown}){told}" if files else "none"
