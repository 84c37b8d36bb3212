"""Files as inputs: which of them are one image each, and what people call those images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from napari_unet.core.source import Source
from napari_unet.io.dicom_sets import series_among, series_number


def sources_among(paths: Iterable[Path]) -> list[Source]:
    """The images among files, in the order in which the first file of each was given.

    The files of a series of CT, MR or PET are one image together, every other file is one by itself.
    """
    given = list(dict.fromkeys(paths))
    of_series = {
        path: source for series in series_among(given) for source in [series.source] for path in source.files
    }
    return list(dict.fromkeys(of_series.get(path) or Source((path,)) for path in given))


def named_paths(sources: Iterable[Source]) -> list[Path]:
    """For each source the path by whose last part it is called: in results, for masks and in manifests.

    Of one file that is its own path; of a series that of its folder. Where several series lie in one folder,
    the series' number comes after its name (thorax_3); no other word of the header does.
    """
    every = list(sources)
    shared = Counter(source.path for source in every if source.is_series)
    return [
        _with_number(source) if source.is_series and shared[source.path] > 1 else source.path
        for source in every
    ]


def _with_number(source: Source) -> Path:
    number = series_number(source.first)
    return source.path.with_name(f"{source.path.name}_{number}" if number else source.path.name)
