"""Images that lie elsewhere now: found again by the hash of their content."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from napari_unet.io.names import is_mask_name, is_readable_image, list_images, suffix_of
from napari_unet.review.seen import Seen
from napari_unet.review.types import Case, NewCase
from napari_unet.review.verify import hash_file

if TYPE_CHECKING:
    from napari_unet.review.store import ReviewProject


def without_moved(project: ReviewProject, new: Sequence[NewCase], by: str) -> tuple[list[NewCase], list[str]]:
    """(images that are really new, ids of cases whose missing file is among `new`).

    Those cases get their new path: an image that was moved before it is added again stays one case. Only
    missing files are sought, so that nothing is read where none is.
    """
    known = project.cases()
    sources = {case.id: project.source(case.id) for case in known}
    paths = set(sources.values())
    lost = [case for case in known if case.content_hash and not sources[case.id].exists()]
    fresh = {Path(case.path): case for case in new if Path(case.path) not in paths}
    if not lost or not fresh:
        return list(new), []
    moved = relocate_missing(project, lost, list(fresh), paths, Seen(project.folder), by)
    gone = {project.source(case) for case in moved}
    return [case for case in new if Path(case.path) not in gone], list(moved)


def relocate_missing(
    project: ReviewProject,
    missing: Iterable[Case],
    images: Sequence[Path],
    taken: set[Path],
    seen: Seen,
    by: str,
) -> Iterator[str]:
    """Ids of missing cases whose file is among `images` by its hash; their new path is stored.

    Files of the same name are read first, then those of the same kind; only of the same size, if it is known.
    """
    hashes: dict[Path, str] = {}

    def digest(path: Path) -> str:
        if path not in hashes:
            hashes[path] = ""
            with suppress(OSError):
                hashes[path] = hash_file(path)
        return hashes[path]

    free = [image for image in images if image not in taken]
    by_name: dict[str, list[Path]] = defaultdict(list)
    by_kind: dict[str, list[Path]] = defaultdict(list)
    for image in free:
        by_name[image.name].append(image)
        by_kind[suffix_of(image).lower()].append(image)
    used: set[Path] = set()
    for case in missing:
        old = project.source(case.id)
        size = seen.stamps.get(case.id, (None, 0))[0]
        for image in (*by_name[old.name], *by_kind[suffix_of(old).lower()]):
            if image in used or (size is not None and _size(image) != size):
                continue
            if case.content_hash and digest(image) == case.content_hash:
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
