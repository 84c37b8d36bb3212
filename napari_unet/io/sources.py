"""Files as inputs: which of them are one image each, and what people call those images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from napari_unet.core.source import Source
from napari_unet.core.wording import turns
from napari_unet.io.dicom_sets import series_number, sort_out
from napari_unet.io.discs import passed_over
from napari_unet.io.names import PassedOver


def sources_among(paths: Iterable[Path], ignored: PassedOver | None = None) -> list[Source]:
    """The images among files, in the order in which the first file of each was given.

    The files of a series of CT, MR or PET are one image together, every other file is one by itself. What
    lies beside a series and is no image of it (localizers, reports, captures of the screen) is passed over,
    and so are the pictures on a disc with DICOM images. ignored : gets it, and what a disc lacks.
    """
    given = list(dict.fromkeys(paths))
    found = sort_out(given)
    for reason, several in passed_over(given).items():
        found.aside[reason] += several
    aside = {path for several in found.aside.values() for path in several}
    if ignored is not None:
        for reason, several in found.aside.items():
            ignored.add(reason, several)
    of_series = {
        path: source for series in found.series for source in [series.source] for path in source.files
    }
    kept = (path for path in given if path not in aside)
    return list(dict.fromkeys(of_series.get(path) or Source((path,)) for path in kept))


def named_paths(sources: Iterable[Source]) -> list[Path]:
    """For each source the path by whose last part it is called: in results, for masks and in manifests.

    Of one file that is its own path; of a series that of its folder. Where several series lie in one folder,
    the series' number comes after its name (thorax_3); no other word of the header does. Where one series
    holds several stacks, they are counted (thorax_3-1, thorax_3-2).
    """
    every = list(sources)
    shared = Counter(source.path for source in every if source.is_series)
    named = [
        _with_number(source) if source.is_series and shared[source.path] > 1 else source.path
        for source in every
    ]
    return [
        path.with_name(f"{path.name}-{turn}") if turn and source.is_series else path
        for source, path, turn in zip(every, named, turns(named), strict=True)
    ]


def _with_number(source: Source) -> Path:
    number = series_number(source.first)
    return source.path.with_name(f"{source.path.name}_{number}" if number else source.path.name)
