"""The image files of a project, in the background: what they are, which have changed, moved or gone.

A file whose size and time of change are as they were when it was last read is not read again. What was found
is kept in a small file among the caches of the project; without it everything is read again.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from napari_unet.core.errors import UserError
from napari_unet.core.image_kind import kind_of
from napari_unet.core.leaks import look_of
from napari_unet.core.raster import modality_of
from napari_unet.core.source import Source
from napari_unet.io.formats import read_raster
from napari_unet.io.identity import read_identity
from napari_unet.models.card import ModelCard
from napari_unet.models.library import default_library
from napari_unet.review.check_results import follow_masks
from napari_unet.review.file_stamps import FileStamps, stamp_of
from napari_unet.review.moved import images_around, relocate_missing
from napari_unet.review.store_masks import MaskStore
from napari_unet.review.types import Case, FileFacts, FileState

_EVERY_S, _EVERY = 0.5, 200  # facts are stored together, after so much time or so many files


@dataclass(frozen=True)
class ScanDone:
    """`done` of `total` files were looked at; `cases` : ids of those about which something new is stored."""

    done: int
    total: int
    cases: tuple[str, ...] = ()


@dataclass
class ScanResult:
    """Case ids, each where it ended. duplicates : groups of cases whose files are equal.

    placeholders : cases of the scan in which a text such as ANONYMOUS stands in the patient's place.
    """

    read: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    duplicates: list[tuple[str, ...]] = field(default_factory=list)
    placeholders: list[str] = field(default_factory=list)


def placeholder_words(number: int) -> str:
    """What is said about images with a text such as ANONYMOUS in the place of the patient's ID."""
    which = "1 image has" if number == 1 else f"{number:,} images have"
    return (
        f"{which} a placeholder such as ANONYMOUS in the place of the patient's ID: their patients count as "
        "unknown. A manifest with the columns file and patient tells them apart."
    )


def scan_steps(
    project: MaskStore,
    ids: Sequence[str] | None = None,
    look_in: Sequence[Path] = (),
    by: str = "",
    thorough: bool = False,
) -> Generator[ScanDone, None, ScanResult]:
    """Reads the files of cases (None: all, unread ones first) and stores what they say.

    Hash, patient, view, modality, shape, spacing and sides; missing, changed and unreadable files. A series
    of which one file is missing is missing, and one with a changed file has changed. A missing
    image is sought by its hash in `look_in` (and below) and beside the files of the other cases. Closing the
    generator loses at most half a second of work; calling it again goes on. thorough : read files again
    that look as they did.
    """
    known, sources = project.cases(), project.sources()
    by_id = {case.id: case for case in known}
    cases = known if ids is None else [by_id[id_] for id_ in dict.fromkeys(ids) if id_ in by_id]
    if ids is None:
        cases = sorted(cases, key=lambda case: (case.file_state != FileState.UNCHECKED, case.number))
    result, stamps, cards = ScanResult(), FileStamps(project.folder), _CardsInUse()
    batch: dict[str, FileFacts] = {}
    last = time.monotonic()
    for done, case in enumerate(cases, start=1):
        facts = _look(case, sources[case.id], stamps, thorough, cards)
        if facts is not None:
            batch[case.id] = facts
        if time.monotonic() - last >= _EVERY_S or len(batch) >= _EVERY or done == len(cases):
            _store(project, batch, by, stamps)
            stored, batch = tuple(batch), {}
            yield ScanDone(done, len(cases), stored)
            last = time.monotonic()
    checked = follow_masks(project)
    if checked:
        yield ScanDone(len(cases), len(cases), tuple(checked))
    after = {case.id: case for case in project.cases()}
    states = {case.id: after[case.id].file_state for case in cases}
    missing = [after[case] for case, state in states.items() if state == FileState.MISSING]
    if missing:
        images = images_around(look_in, sources.values())
        result.moved = list(relocate_missing(project, missing, images, sources, stamps, by))
        yield ScanDone(len(cases), len(cases), tuple(result.moved))
    moved = set(result.moved)
    result.missing = [case.id for case in missing if case.id not in moved]
    result.changed = [case for case, state in states.items() if state == FileState.CHANGED]
    result.unreadable = [case for case, state in states.items() if state == FileState.UNREADABLE]
    result.read = [c for c, state in states.items() if state == FileState.PRESENT or c in moved]
    result.placeholders = [case.id for case in cases if after[case.id].placeholder]
    result.duplicates = _duplicates(after.values())
    return result


def read_facts(image: Source | Path) -> FileFacts:
    """What the image of a case is: reads all of it. Never raises for what is wrong with its files."""
    source = Source.of(image)
    try:
        return _facts(source, source.content_hash(), _CardsInUse())
    except FileNotFoundError:
        return FileFacts(FileState.MISSING)
    except OSError:
        return FileFacts(FileState.UNREADABLE)


def _look(
    case: Case, source: Source, stamps: FileStamps, thorough: bool, cards: _CardsInUse
) -> FileFacts | None:
    """What is to be stored about a case's files; None if nothing has changed."""
    try:
        stamp = stamp_of(source)
    except FileNotFoundError:
        return None if case.file_state == FileState.MISSING else FileFacts(FileState.MISSING)
    except OSError:
        return None if case.file_state == FileState.UNREADABLE else FileFacts(FileState.UNREADABLE)
    settled = case.file_state in (FileState.PRESENT, FileState.CHANGED, FileState.UNREADABLE)
    if settled and not thorough and stamps.last_read.get(case.id) == stamp:
        return None
    try:
        digest = source.content_hash()
    except OSError:
        return FileFacts(FileState.UNREADABLE)
    stamps.fresh[case.id] = stamp
    if digest != case.content_hash or case.shape is None:
        return _facts(source, digest, cards)
    if case.file_state == FileState.PRESENT:
        return None
    return FileFacts(
        FileState.PRESENT,
        digest,
        view=case.view,
        modality=case.modality,
        shape=case.shape,
        spacing_mm=case.spacing_mm,
        row_direction=case.row_direction,
    )


def _facts(source: Source, digest: str, cards: _CardsInUse) -> FileFacts:
    try:
        raster = read_raster(source)
        identity = read_identity(source)
    except UserError:
        return FileFacts(FileState.UNREADABLE, digest)
    card = cards.of(kind_of(raster).name)
    return FileFacts(
        FileState.PRESENT,
        digest,
        patient=identity.patient_id,
        view=raster.view,
        modality=modality_of(raster).value,
        shape=raster.shape,
        spacing_mm=raster.spacing_mm,
        row_direction=raster.row_direction,
        look=f"{look_of(raster):064x}",
        header=() if card is None else tuple(fact.code for fact in card.facts_against(raster.header())),
    )


class _CardsInUse:
    """The cards that headers are compared with, by the kind of image."""

    def __init__(self) -> None:
        self._library = default_library()
        self._read: dict[str, ModelCard | None] = {}

    def of(self, kind: str) -> ModelCard | None:
        """The card for a kind; None if it cannot be read, which is reported at its use."""
        if kind not in self._read:
            try:
                self._read[kind] = self._library.for_kind(kind).card
            except UserError:
                self._read[kind] = None
        return self._read[kind]


def _store(project: MaskStore, batch: dict[str, FileFacts], by: str, stamps: FileStamps) -> None:
    if batch:
        project.put_facts(batch, by)
    stamps.keep()


def _duplicates(cases: Iterable[Case]) -> list[tuple[str, ...]]:
    same: dict[str, list[str]] = defaultdict(list)
    for case in cases:
        if case.content_hash:
            same[case.content_hash].append(case.id)
    return [tuple(ids) for ids in same.values() if len(ids) > 1]
