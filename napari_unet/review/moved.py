"""Images that lie elsewhere now: found again by the hash of their content."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path

from napari_unet.core.source import Source
from napari_unet.io.names import composed, is_mask_name, is_readable_image, list_images, suffix_of
from napari_unet.io.sources import sources_among
from napari_unet.review.file_stamps import FileStamps, stamp_of
from napari_unet.review.store_cases import CaseStore
from napari_unet.review.types import Case


def adopt_moved(project: CaseStore, images: Iterable[Source], by: str) -> list[str]:
    """Ids of cases whose files are missing and are among `images`; they get their new paths.

    So an image that was moved before it is added again stays one case. Only then anything is read.
    """
    sources = project.sources()
    taken = {file for source in sources.values() for file in source.files}
    files = [file for image in images for file in image.files]
    if taken.issuperset(files) or not (lost := {id_ for id_, one in sources.items() if not one.exists()}):
        return []
    missing = [case for case in project.cases() if case.id in lost]
    return list(relocate_missing(project, missing, files, sources, FileStamps(project.folder), by))


def relocate_missing(
    project: CaseStore,
    missing: Collection[Case],
    images: Sequence[Path],
    sources: Mapping[str, Source],
    stamps: FileStamps,
    by: str,
) -> Iterator[str]:
    """Ids of missing cases whose content is among `images` by its hash; their new paths are stored.

    Files of the same name are read first, then those of the same kind; only of the same size, if it is known.
    A series is found where all its files are, whatever they are called. A case whose files were never read is
    found again if their paths are only spelled in another way (see io.names).
    """
    lost = {case.id for case in missing}
    taken = {file for case, source in sources.items() if case not in lost for file in source.files}
    free = [image for image in images if image not in taken]
    among = _Candidates(free, any(sources[case.id].is_series for case in missing))
    for case in missing:
        old = sources[case.id]
        size = stamps.last_read.get(case.id, (None, 0))[0]
        for image in among.like(old):
            if size is not None and _size(image) != size:
                continue
            same_name = _spelled(image) == _spelled(old)
            if among.digest(image) == case.content_hash if case.content_hash else same_name:
                among.used.update(image.files)
                project.relocate(case.id, image, by)
                yield case.id
                break


class _Candidates:
    """Files that belong to no other case: single images and, where asked for, series. used : given away."""

    def __init__(self, files: Sequence[Path], series: bool) -> None:
        self.used: set[Path] = set()
        self._hashes: dict[Source, str] = {}
        self._series = [source for source in sources_among(files) if source.is_series] if series else []
        self._by_name: dict[str, list[Path]] = defaultdict(list)
        self._by_kind: dict[str, list[Path]] = defaultdict(list)
        for file in files:
            self._by_name[composed(file.name)].append(file)
            self._by_kind[suffix_of(file).lower()].append(file)

    def like(self, old: Source) -> Iterator[Source]:
        """Images that `old` may be now, the likeliest first."""
        if old.is_series:
            found = (source for source in self._series if len(source.files) == len(old.files))
        else:
            alike = (self._by_name[composed(old.name)], self._by_kind[suffix_of(old.first).lower()])
            found = (Source((file,)) for file in chain(*alike))
        return (source for source in found if self.used.isdisjoint(source.files))

    def digest(self, image: Source) -> str:
        """The content's hash, "" if it cannot be read; each image is read once."""
        if image not in self._hashes:
            self._hashes[image] = ""
            with suppress(OSError):
                self._hashes[image] = image.content_hash()
        return self._hashes[image]


def images_around(look_in: Sequence[Path], sources: Iterable[Source]) -> list[Path]:
    """Images in the folders given and below, and beside the files of the cases."""
    found = {
        image.resolve(): None for folder in look_in if folder.is_dir() for image in list_images(folder, True)
    }
    for folder in dict.fromkeys(file.parent for source in sources for file in source.files):
        if folder.is_dir():
            beside = (folder / name for name in sorted(os.listdir(folder)))
            found.update(dict.fromkeys(p for p in beside if is_readable_image(p) and not is_mask_name(p)))
    return list(found)


def _spelled(source: Source) -> tuple[str, ...]:
    return tuple(sorted(composed(str(file)) for file in source.files))


def _size(source: Source) -> int | None:
    try:
        return stamp_of(source)[0]
    except OSError:
        return None
