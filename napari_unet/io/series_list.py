"""Series as people choose among them: number, description, slices, thickness, kernel, size; no patient."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.raster import Raster
from napari_unet.core.source import Source
from napari_unet.core.window import display_pixels
from napari_unet.core.wording import counted, size_in_words, turns
from napari_unet.io import dicom_header as header
from napari_unet.io.dicom import guarded, read_dicom, read_header
from napari_unet.io.dicom_frames import GROUPS, frame_dataset, frame_header, is_multi_frame, load_frames
from napari_unet.io.dicom_pixels import read_pixels

_TAGS = (
    *("SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "Modality", "SliceThickness"),
    *("ConvolutionKernel", "RescaleType", "Rows", "Columns", "NumberOfFrames"),
)
_LISTS = "`napari-unet-lung series` lists them."
_END = 4  # the shortest end of a UID that names a series
_NAMED = 10


@dataclass(frozen=True)
class SeriesInfo:
    """One series. number : its own, with -1, -2, ... where one series holds several stacks; "" if unknown."""

    source: Source
    number: str
    description: str
    modality: str
    slices: int
    thickness_mm: float | None
    kernel: str
    size: tuple[int, int]
    uid: str

    def in_columns(self) -> tuple[str, str, str, str]:
        """Slices, thickness, kernel and size of a slice, in words."""
        thickness = "" if self.thickness_mm is None else f"{self.thickness_mm:g} mm"
        return str(self.slices), thickness, self.kernel, size_in_words(self.size)

    def is_called(self, name: str) -> bool:
        """Whether a person means this series: by its number, its UID, or the end of its UID."""
        ends = len(name) >= _END and self.uid.endswith(name)
        return name in (self.number, self.number.partition("-")[0], self.uid) or ends


def thumbnail(source: Source) -> np.ndarray | None:
    """One slice of a series as it is shown, uint8 (Y, X); None where it cannot be read."""
    middle = source.files[len(source.files) // 2]
    try:
        return display_pixels(_middle_frame(middle) if is_multi_frame(middle) else read_dicom(middle))
    except UserError:
        return None


def _middle_frame(path: Path) -> Raster:
    with guarded(path.name):
        dataset = load_frames(path)
        one = frame_dataset(dataset, int(header.number(dataset, "NumberOfFrames", 1)) // 2)
        pixels = read_pixels(one, path.name)
        return Raster(
            pixels.values,
            modality=header.modality(one),
            inverted=header.inverted(one),
            window=header.window(one),
            padding=pixels.padding,
        )


@dataclass(frozen=True)
class SeriesChoice:
    """Which series are taken where there are several. every : all of them; wanted : by number or UID."""

    wanted: tuple[str, ...] = ()
    every: bool = False


EVERY = SeriesChoice(every=True)


def series_infos(sources: Sequence[Source]) -> list[SeriesInfo]:
    """The series among images, multi-frame files too, by their headers; other images are ignored."""
    found = [_info(one) for one in sources if _is_series(one)]
    called = turns([(one.source.path, one.number) for one in found])
    return [
        replace(one, number=f"{one.number}-{turn}") if turn else one
        for one, turn in zip(found, called, strict=True)
    ]


def chosen(
    sources: Sequence[Source], choice: SeriesChoice, place: Callable[[Source], Path] = lambda one: one.path
) -> tuple[list[Source], list[tuple[Path, UserError]]]:
    """The images that are taken, and the places with several series among which nobody chose.

    Where series are named, only those are taken, wherever they are. Where nothing is chosen, a place with one
    series has it taken, and other images are taken as they are. place : what a person gave: the folder of a
    series, its zip file or DICOMDIR.
    Raises UserError if a series is named that is not there.
    """
    if choice.every:
        return list(sources), []
    if choice.wanted:
        infos = series_infos(sources)
        for name in choice.wanted:
            if not any(info.is_called(name) for info in infos):
                raise UserError(f"There is no series {name}. {_in_words(infos)}", _LISTS)
        kept = {info.source for info in infos if any(map(info.is_called, choice.wanted))}
        return [one for one in sources if one in kept], []
    undecided = _several(sources, place)
    left = {one for several in undecided.values() for one in several}
    problems = [(path, _undecided(path, series_infos(several))) for path, several in undecided.items()]
    return [one for one in sources if one not in left], problems


def series_to_choose(sources: Sequence[Source]) -> list[SeriesInfo]:
    """The series that share their folder with others; see `chosen`."""
    several = _several(sources, lambda one: one.path).values()
    return [info for together in several for info in series_infos(together)]


def _several(sources: Sequence[Source], place: Callable[[Source], Path]) -> dict[Path, list[Source]]:
    """The series of places that hold more than one."""
    places: dict[Path, list[Source]] = defaultdict(list)
    for one in sources:
        if _is_series(one):
            at = place(one)
            places[at.parent if at == one.first else at].append(one)
    return {path: several for path, several in places.items() if len(several) > 1}


def _is_series(source: Source) -> bool:
    return source.is_series or is_multi_frame(source.first)


def _undecided(path: Path, infos: Sequence[SeriesInfo]) -> UserError:
    return UserError(
        f"{path.name} contains several series. {_in_words(infos)}",
        "Choose with --series NUMBER, or take them all with --all-series.",
    )


def _in_words(infos: Sequence[SeriesInfo]) -> str:
    if not infos:
        return "There is none."
    shown = "; ".join(
        f"{info.number or info.uid} ({counted(info.slices, 'slice')})" for info in infos[:_NAMED]
    )
    return f"There are: {shown}{'; …' if len(infos) > _NAMED else ''}."


def _description(dataset: Any) -> str:
    """With the unit of its values, if these are not what one expects of the machine."""
    unit = header.other_unit(dataset)
    return " ".join(filter(None, (header.text(dataset, "SeriesDescription"), unit and f"[{unit}]")))


def _info(source: Source) -> SeriesInfo:
    with guarded(source.first.name):
        dataset = read_header(source.first, *_TAGS, *GROUPS)
        frames = int(header.number(dataset, "NumberOfFrames", 1))
        if frames > 1:
            dataset = frame_header(dataset, 0)
        number, thickness = header.numbers(dataset, "SeriesNumber"), header.numbers(dataset, "SliceThickness")
        kernel = dataset.get("ConvolutionKernel") or ""
        return SeriesInfo(
            source,
            str(int(number[0])) if number else "",
            _description(dataset),
            header.text(dataset, "Modality"),
            frames if frames > 1 else len(source.files),
            thickness[0] if thickness else None,
            kernel if isinstance(kernel, str) else ", ".join(map(str, kernel)),
            (int(header.number(dataset, "Rows", 0)), int(header.number(dataset, "Columns", 0))),
            header.text(dataset, "SeriesInstanceUID"),
        )
