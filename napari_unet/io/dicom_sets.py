"""DICOM files that belong together, by their headers: the slices of each stack, and what lies beside them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.source import Source
from napari_unet.io import dicom_header as header
from napari_unet.io.dicom import guarded, read_header
from napari_unet.io.dicom_member import APART, Member, member_of
from napari_unet.io.dicom_slices import PARALLEL
from napari_unet.io.names import LOCALIZER, ODD, SEGMENTATION, SINGLE

_FEW = 3  # so many slices are a stack of their own beside a larger one of the same series
_SAME_MM = 0.01  # slices that are no farther apart lie at one place


@dataclass(frozen=True)
class Series:
    """Several files of one stack of CT, MR or PET, in the order in which they were given."""

    files: tuple[Path, ...]
    modality: str

    @property
    def source(self) -> Source:
        """The series as one input."""
        return Source(self.files)


@dataclass
class Sorted:
    """series : the stacks. aside : what lies beside them and is no image of theirs, by the reason."""

    series: list[Series] = field(default_factory=list)
    aside: dict[str, list[Path]] = field(default_factory=lambda: defaultdict(list))


def sort_out(paths: Iterable[Path]) -> Sorted:
    """The stacks among `paths` of which there are several files with one image each, and what is beside them.

    A series has several stacks if its slices differ in size, orientation or pixel size, or if several lie at
    one place and something in their headers tells them apart (acquisition, phase, kernel). Localizers,
    secondary captures, reports and other objects of the study of a series are set aside, and so are the
    segmentations of the study of any image. A localizer is often called by its header alone: in the study of
    a stack of CT, single slices count as such, and a few that are not axial.
    X-rays are no series: they stand for themselves, also where several are of one series. A series that lies
    in several folders, whole in each, is there several times. What cannot be read is left for its reader to
    refuse.
    """
    headers = [one for path in paths if (one := member_of(path))]
    by_series: dict[tuple[str, ...], list[Member]] = defaultdict(list)
    for one in headers:
        if one.series:
            by_series[one.series].append(one)
    stacks: list[list[Member]] = []
    aside: dict[Path, str] = {}
    for copy in (copy for slices in by_series.values() for copy in _copies(slices)):
        several, odd = _stacks(copy)
        stacks += several
        aside |= {one.path: ODD for one in odd}
    aside |= _scouts([one for one in headers if one.path not in aside], stacks)
    found = Sorted()
    for stack in stacks:
        if stack[0].path not in aside:
            found.series.append(Series(tuple(one.path for one in stack), stack[0].kind))
    used = {file for series in found.series for file in series.files}
    own = _Studies(one for one in headers if one.path in used or (one.frames > 1 and not one.beside))
    of_images = {one.study for one in headers if not one.beside} - {""}
    for one in headers:
        if one.beside and (one.study in of_images if one.beside == SEGMENTATION else one in own):
            aside[one.path] = one.beside
    for path, reason in aside.items():
        found.aside[reason].append(path)
    return found


def series_among(paths: Iterable[Path]) -> list[Series]:
    """The stacks among `paths`; see `sort_out`."""
    return sort_out(paths).series


def series_number(path: Path) -> str:
    """SeriesNumber of a DICOM file, "" where it has none or cannot be read."""
    try:
        with guarded(path.name):
            found = header.numbers(read_header(path, "SeriesNumber"), "SeriesNumber")
    except UserError:
        return ""
    return str(int(found[0])) if found else ""


class _Studies:
    """Those that some files belong to: by their UID, and by their folder for files that have none."""

    def __init__(self, headers: Iterable[Member]) -> None:
        known = list(headers)
        self._uids = {one.study for one in known}
        self._folders = {one.path.parent for one in known}

    def __contains__(self, one: Member) -> bool:
        return one.study in self._uids if one.study else one.path.parent in self._folders


def _scouts(headers: Sequence[Member], stacks: Sequence[Sequence[Member]]) -> dict[Path, str]:
    """The slices of CT beside a stack of their study that belong to none, or to a few that are not axial."""
    place = {one.path: len(stack) for stack in stacks for one in stack}
    slices = {
        one.path: place.get(one.path, one.frames) for one in headers if one.kind == "CT" and not one.beside
    }
    studies = _Studies(one for one in headers if slices.get(one.path, 0) >= _FEW)
    return {
        one.path: SINGLE if one.is_axial else LOCALIZER
        for one in headers
        if one.series and one in studies and slices.get(one.path, _FEW) < (2 if one.is_axial else _FEW)
    }


def _copies(slices: Sequence[Member]) -> list[list[Member]]:
    """The files of a series; of one that was copied, those of each folder."""
    folders: dict[Path, list[Member]] = defaultdict(list)
    for one in slices:
        folders[one.path.parent].append(one)
    holds = [sorted((one.uid, one.place) for one in inside) for inside in folders.values()]
    if not holds[0][0][0] or any(one != holds[0] for one in holds):
        return [list(slices)]
    return list(folders.values())


def _stacks(slices: Sequence[Member]) -> tuple[list[list[Member]], list[Member]]:
    """The stacks of several slices in a series, and single slices beside a stack of theirs.

    What does not tell its place stays with the largest stack, whose reader names it.
    """
    groups: list[list[Member]] = []
    for one in filter(lambda each: each.is_placed, slices):
        for group in groups:
            if group[0].grid == one.grid and np.allclose(
                group[0].cosines, one.cosines, atol=PARALLEL, rtol=0
            ):
                group.append(one)
                break
        else:
            groups.append([one])
    groups.sort(key=len, reverse=True)
    lost = [one for one in slices if not one.is_placed]
    if not groups:
        groups.append([])
    groups[0] += lost
    odd = [one for group in groups[1:] if len(group) < _FEW <= len(groups[0]) for one in group]
    whole = [group for group in groups if group[0] not in odd]
    stacks = [stack for group in whole for stack in ([group] if lost else _at_one_place(group))]
    return [stack for stack in stacks if len(stack) > 1], odd


def _at_one_place(group: list[Member]) -> list[list[Member]]:
    """A group without two slices at one place: by the first of `APART` that does it, or by several in turn.

    Whole if there are no such slices, or if nothing tells them apart.
    """
    if _most_at_one_place(group) < 2:
        return [group]
    for k in range(len(APART)):
        parts = _parts(group, k)
        if all(_most_at_one_place(part) < 2 for part in parts):
            return parts
    parts = [group]
    for k in range(len(APART)):
        parts = [smaller for part in parts for smaller in _parts(part, k)]
    return parts if all(_most_at_one_place(part) < 2 for part in parts) else [group]


def _parts(group: list[Member], k: int) -> list[list[Member]]:
    """A group by one of `APART`, if fewer slices lie at one place then; else whole."""
    parts: dict[str, list[Member]] = defaultdict(list)
    for one in group:
        parts[one.apart[k]].append(one)
    if min(map(len, parts.values())) < 2:
        return [group]
    most = _most_at_one_place(group)
    return (
        list(parts.values()) if all(_most_at_one_place(part) < most for part in parts.values()) else [group]
    )


def _most_at_one_place(group: Sequence[Member]) -> int:
    """How many different slices lie at one place at most; one that is stored twice counts once."""
    different = {(one.uid or str(one.path), one.place): one.height for one in group}
    heights = np.sort(list(different.values()))
    starts = np.flatnonzero(np.diff(heights, prepend=-np.inf) >= _SAME_MM)
    return int(np.diff(starts, append=len(heights)).max())
