"""Images that lie elsewhere now: found again by the hash of their content."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from napari_unet.core.files import checksum
from napari_unet.io.names import composed, is_mask_name, is_readable_image, list_images, suffix_of
from napari_unet.review.seen import Seen
from napari_unet.review.store_cases import CaseStore
from napari_unet.review.types import Case


def adopt_moved(project: CaseStore, images: Iterable[Path], by: str) -> list[str]:
    """Ids of cases whose file is missing and is among `images`; they get their new path.

    So an image that was moved before it is added again stays one case. Only then anything is read.
    """
    sources = project.sources()
    taken = set(sources.values())
    fresh = [image for image in images if image not in taken]
    if not fresh or not (lost := {id_ for id_, path in sources.items() if not path.exists()}):
        return []
    missing = [case for case in project.cases() if case.id in lost]
    return list(relocate_missing(project, missing, fresh, sources, Seen(project.folder), by))


def relocate_missing(
    project: CaseStore,
    missing: Iterable[Case],
    images: Sequence[Path],
    sources: Mapping[str, Path],
    seen: Seen,
    by: str,
) -> Iterator[str]:
    """Ids of missing cases whose file is among `images` by its hash; their new path is stored.

    Files of the same name are read first, then those of the same kind; only of the same size, if it is known.
    A case whose file was never read is found again if its path is only spelled in another way (see io.names).
    """
    hashes: dict[Path, str] = {}

    def digest(path: Path) -> str:
        if path not in hashes:
            hashes[path] = ""
            with suppress(OSError):
                hashes[path] = checksum(path)
        return hashes[path]

    taken = set(sources.values())
    free = [image for image in images if image not in taken]
    by_name: dict[str, list[Path]] = defaultdict(list)
    by_kind: dict[str, list[Path]] = defaultdict(list)
    for image in free:
        by_name[composed(image.name)].append(image)
        by_kind[suffix_of(image).lower()].append(image)
    used: set[Path] = set()
    for case in missing:
        old = sources[case.id]
        size = seen.stamps.get(case.id, (None, 0))[0]
        for image in (*by_name[composed(old.name)], *by_kind[suffix_of(old).lower()]):
            if image in used or (size is not None and _size(image) != size):
                continue
            same_name = composed(str(image)) == composed(str(old))
            if digest(image) == case.content_hash if case.content_hash else same_name:
                used.add(image)
                project.relocate(case.id, str(image), by)
                yield case.id
                break


def images_around(look_in: Sequence[Path], sources: Iterable[Path]) -> list[Path]:
    """Images in the folders given and below, and beside the files of the cases."""
    found = {
        image.resolve(): None for folder in look_in if folder.is_dir() for image in list_images(folder, True)
    }
    for folder in dict.fromkeys(path.parent for path in sources):
        if folder.is_dir():
            beside = (folder / name for name in sorted(os.listdir(folder)))
            found.update(dict.fromkeys(p for p in beside if is_readable_image(p) and not is_mask_name(p)))
    return list(found)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
