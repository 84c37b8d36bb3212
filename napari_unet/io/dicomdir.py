"""DICOMDIR: the index of a disc, which lists the images beside it and holds none."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from napari_unet.core.errors import UserError
from napari_unet.core.wording import counted, first_of
from napari_unet.io import dicom_header as header
from napari_unet.io.dicom import guarded
from napari_unet.io.names import folded, is_index

_NAMED = 3


def listed_in(index: Path) -> tuple[Path, ...]:
    """The images that a DICOMDIR lists, as paths beside it, whether they are there or not.

    Names are spelled as they are in the folder: a disc often shows them in lower case, or with the number of
    its version (IM1;1). What leads out of the folder is left out. Raises UserError if it is damaged.
    """
    state = index.stat()
    spelled: dict[Path, dict[str, str]] = {}
    return tuple(
        _below(index.parent, parts, spelled)
        for parts in _file_ids(index, state.st_mtime_ns, state.st_size)
        if not any(part in ("", ".", "..") or ":" in part for part in parts)
    )


@lru_cache(maxsize=4)
def _file_ids(index: Path, modified: int, size: int) -> tuple[tuple[str, ...], ...]:
    """The parts of each path; kept, as a disc may list thousands. modified, size : in which state it was."""
    import pydicom

    with guarded(index.name):
        dataset = pydicom.dcmread(index, force=True)
        ids = [
            record.get("ReferencedFileID")
            for record in dataset.get("DirectoryRecordSequence") or ()
            if header.text(record, "DirectoryRecordType") in ("IMAGE", "")
        ]
        words = ([one] if isinstance(one, str) else list(one) for one in ids if one)
        return tuple(tuple("/".join(map(str, each)).split("/")) for each in words)


def _below(folder: Path, parts: Sequence[str], spelled: dict[Path, dict[str, str]]) -> Path:
    """spelled : by folder, its names by what they are without case and version."""
    for part in parts:
        if folder not in spelled:
            spelled[folder] = _names_in(folder)
        folder /= spelled[folder].get(part) or spelled[folder].get(_plain(part), part)
    return folder


def _names_in(folder: Path) -> dict[str, str]:
    try:
        names = os.listdir(folder)
    except OSError:
        return {}
    return {_plain(name): name for name in names} | {name: name for name in names}


def _plain(name: str) -> str:
    return folded(name).removesuffix(";1").removesuffix(".")


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
