"""The image files of a project, in the background: what they are, which have changed, moved or gone.

A file whose size and time of change are as they were when it was last read is not read again. What was seen
stands in a small file among the caches of the project; without it everything is read once more.
"""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from napari_unet.core.errors import UserError
from napari_unet.io.atomic import atomic_write
from napari_unet.io.formats import read_raster
from napari_unet.io.identity import read_identity
from napari_unet.io.names import is_mask_name, is_readable_image, list_images, suffix_of
from napari_unet.review.types import Case, FileFacts, FileState, NewCase
from napari_unet.review.verify import hash_file

if TYPE_CHECKING:
    from napari_unet.review.store import ReviewProject

_SEEN = "files-seen.json"
_EVERY_S, _EVERY = 0.5, 200  # facts are stored together, after so much time or so many files
_Stamp = tuple[int, int]  # size in bytes, time of change in ns


@dataclass(frozen=True)
class ScanDone:
    """`done` of `total` files were looked at; `cases` : ids of those stored since the last one that differ."""

    done: int
    total: int
    cases: tuple[str, ...] = ()


@dataclass
class ScanResult:
    """Case ids, each where it ended. duplicates : groups of cases whose files are equal."""

    read: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    duplicates: list[tuple[str, ...]] = field(default_factory=list)


def scan_steps(
    project: ReviewProject,
    ids: Sequence[str] | None = None,
    look_in: Sequence[Path] = (),
    by: str = "",
    thorough: bool = False,
) -> Generator[ScanDone, None, ScanResult]:
    """Reads the files of cases (None: all, unread ones first) and stores what they tell.

    Hash, patient, view, modality, shape, spacing and sides; missing, changed and unreadable files. A missing
    file is sought by its hash in `look_in` (and below) and beside the files of the other cases. Closing the
    generator loses at most half a second of work; calling it again goes on. thorough : read files again
    that look as they did.
    """
    known = project.cases()
    wanted = {case.id: case for case in known}
    cases = known if ids is None else [wanted[id_] for id_ in dict.fromkeys(ids) if id_ in wanted]
    if ids is None:
        cases = sorted(cases, key=lambda case: (case.file_state != FileState.UNCHECKED, case.number))
    result, seen = ScanResult(), _Seen(project.folder)
    batch: dict[str, FileFacts] = {}
    last = time.monotonic()
    try:
        for done, case in enumerate(cases, start=1):
            facts = _look(case, project.source(case.id), seen, thorough)
            if facts is not None:
                batch[case.id] = facts
            if time.monotonic() - last >= _EVERY_S or len(batch) >= _EVERY or done == len(cases):
                ids_now = _store(project, batch, by, seen)
                batch, last = {}, time.monotonic()
                yield ScanDone(done, len(cases), ids_now)
    finally:
        if batch:
            _store(project, batch, by, seen)
    after = {case.id: case for case in project.cases()}
    states = {case.id: after[case.id].file_state for case in cases}
    missing = [after[case] for case, state in states.items() if state == FileState.MISSING]
    if missing:
        sources = {id_: project.source(id_) for id_ in after}
        images = _places(look_in, sources.values())
        result.moved = list(_relocate(project, missing, images, set(sources.values()), seen, by))
        yield ScanDone(len(cases), len(cases), tuple(result.moved))
    moved = set(result.moved)
    result.missing = [case.id for case in missing if case.id not in moved]
    result.changed = [case for case, state in states.items() if state == FileState.CHANGED]
    result.unreadable = [case for case, state in states.items() if state == FileState.UNREADABLE]
    result.read = [c for c, state in states.items() if state == FileState.PRESENT or c in moved]
    result.duplicates = _duplicates(after.values())
    return result


def read_facts(path: Path) -> FileFacts:
    """What the file of a case is: reads all of it. Never raises for what is wrong with the file."""
    try:
        return _facts(path, hash_file(path))
    except FileNotFoundError:
        return FileFacts(FileState.MISSING)
    except OSError:
        return FileFacts(FileState.UNREADABLE)


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
    moved = _relocate(project, lost, list(fresh), paths, _Seen(project.folder), by)
    gone = {project.source(case) for case in moved}
    return [case for case in new if Path(case.path) not in gone], list(moved)


def _look(case: Case, path: Path, seen: _Seen, thorough: bool) -> FileFacts | None:
    """What is to be stored about a case's file; None if nothing has changed."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None if case.file_state == FileState.MISSING else FileFacts(FileState.MISSING)
    except OSError:
        return None if case.file_state == FileState.UNREADABLE else FileFacts(FileState.UNREADABLE)
    stamp = (stat.st_size, stat.st_mtime_ns)
    settled = case.file_state in (FileState.PRESENT, FileState.CHANGED, FileState.UNREADABLE)
    if settled and not thorough and seen.stamps.get(case.id) == stamp:
        return None
    try:
        digest = hash_file(path)
    except OSError:
        return FileFacts(FileState.UNREADABLE)
    seen.fresh[case.id] = stamp
    if digest != case.content_hash or case.shape is None:
        return _facts(path, digest)
    if case.file_state == FileState.PRESENT:
        return None
    return FileFacts(
        FileState.PRESENT,
        digest,
        view=case.view,
        modality=case.modality,
        shape=case.shape,
        spacing_mm=case.spacing_mm,
        columns_towards=case.columns_towards,
    )


def _facts(path: Path, digest: str) -> FileFacts:
    try:
        raster = read_raster(path)
        identity = read_identity(path)
    except UserError:
        return FileFacts(FileState.UNREADABLE, digest)
    return FileFacts(
        FileState.PRESENT,
        digest,
        patient=identity.patient_id,
        view=raster.view,
        modality=raster.modality.value,
        shape=raster.shape,
        spacing_mm=raster.spacing_mm,
        columns_towards=raster.columns_towards,
    )


def _store(project: ReviewProject, batch: dict[str, FileFacts], by: str, seen: _Seen) -> tuple[str, ...]:
    if batch:
        project.put_facts(batch, by)
    seen.keep()
    return tuple(batch)


def _relocate(
    project: ReviewProject,
    missing: Iterable[Case],
    images: Sequence[Path],
    taken: set[Path],
    seen: _Seen,
    by: str,
) -> Iterator[str]:
    """Ids of missing cases whose file is among `images` by its hash; their new path is stored.

    Files of the same name are read first, then those of the same kind, and of the same size where it is known.
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


def _places(look_in: Sequence[Path], sources: Iterable[Path]) -> list[Path]:
    """Images in the folders given and below, and beside the files of the cases."""
    found = {
        image.resolve(): None for folder in look_in if folder.is_dir() for image in list_images(folder, True)
    }
    for folder in dict.fromkeys(path.parent for path in sources):
        if folder.is_dir():
            beside = (folder / name for name in sorted(os.listdir(folder)))
            found.update(dict.fromkeys(p for p in beside if is_readable_image(p) and not is_mask_name(p)))
    return list(found)


def _duplicates(cases: Iterable[Case]) -> list[tuple[str, ...]]:
    same: dict[str, list[str]] = defaultdict(list)
    for case in cases:
        if case.content_hash:
            same[case.content_hash].append(case.id)
    return [tuple(ids) for ids in same.values() if len(ids) > 1]


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


class _Seen:
    """Size and time of change of each case's file when it was last read; no path and no name."""

    def __init__(self, project: Path) -> None:
        self._path = project / "thumbnails" / _SEEN
        self.stamps: dict[str, _Stamp] = {}
        self.fresh: dict[str, _Stamp] = {}
        with suppress(OSError, ValueError, TypeError):
            read = json.loads(self._path.read_text(encoding="utf-8"))
            self.stamps = {case: (int(size), int(changed)) for case, (size, changed) in read.items()}

    def keep(self) -> None:
        """Write what is new, once its facts are stored. A folder that cannot be written to costs time only."""
        if not self.fresh:
            return
        self.stamps |= self.fresh
        self.fresh = {}
        with suppress(OSError, UserError):
            self._path.parent.mkdir(exist_ok=True)
            with atomic_write(self._path) as partial:
                partial.write_text(json.dumps(self.stamps), encoding="utf-8")
