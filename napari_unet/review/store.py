"""ReviewProject: a folder with a database and masks that never change. All access to it goes through here."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from sqlalchemy import delete, func, insert, select

from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone
from napari_unet.review import cases as case_rows
from napari_unet.review import decisions, maps, revisions, rows, schema
from napari_unet.review.create import DATABASE_NAME, make_project
from napari_unet.review.database import Database
from napari_unet.review.faults import faults_explained
from napari_unet.review.maps import ProbabilityMap
from napari_unet.review.network import NOTE, LockFile, is_network
from napari_unet.review.trail import note_event
from napari_unet.review.types import (
    Author,
    AuthorKind,
    Case,
    Event,
    FileFacts,
    Measurement,
    NewCase,
    Reason,
    Revision,
    Status,
)
from napari_unet.review.verify import Contents, Problem, verify_steps

HEAD = "<head>"
"""As `parent` of a new mask: the one that is current now."""


class ReviewProject:
    """One review project. Every method can be called on any thread; a change is on the disk when it returns.

    A change is made wholly or not at all, and appends to the audit trail. Methods raise UserError, with the
    remedy, if the disk or the database fails; then nothing was changed. `by` is who does it.

    folder : where it lies. id : random, the same for ever. protocol : what belongs to a mask, in words.
    storage_note : something the window must say about where it lies, or "".
    """

    def __init__(self, folder: Path, database: Database, lock: LockFile | None) -> None:
        self.folder = folder
        self._database = database
        self._lock = lock
        self.storage_note = "" if lock is None else NOTE
        with database.reading() as connection:
            about = connection.execute(select(schema.project)).one()
        self.id: str = about.id
        self.protocol: str = about.protocol
        self._salt: str = about.salt

    @classmethod
    def create(cls, folder: Path, protocol: str = "") -> Self:
        """Makes a project in `folder`, which must be empty or not exist. Raises UserError otherwise."""
        make_project(folder, protocol)
        return cls.open(folder)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Opens a project and brings an older one up to date.

        Raises UserError if there is none, if a newer version of the program made it, or if it lies on a
        network drive and another program has it open.
        """
        folder = Path(os.path.abspath(folder))
        path = folder / DATABASE_NAME
        if not path.is_file():
            raise UserError(f"{folder} is no review project.", "Choose the folder of one, or make a new one.")
        shared = is_network(folder)
        lock = LockFile(folder) if shared else None
        database = Database(path, shared)
        try:
            database.migrate()
            with faults_explained():
                for name in ("masks", "maps", "journal", "thumbnails"):
                    (folder / name).mkdir(exist_ok=True)
            return cls(folder, database, lock)
        except BaseException:
            database.close()
            if lock is not None:
                lock.release()
            raise

    def close(self) -> None:
        """Ends the connections. Can be called twice."""
        self._database.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- cases -------------------------------------------------------------------------------------------

    def add(self, cases: Sequence[NewCase], by: str) -> list[tuple[str, bool]]:
        """Adds images; (case id, True if new) for each, in order. The same path again is the same case."""
        with self._database.writing() as connection:
            return case_rows.add_cases(connection, self._salt, cases, by)

    def cases(self) -> list[Case]:
        """Every case, by number."""
        with self._database.reading() as connection:
            return rows.all_cases(connection)

    def case(self, case: str) -> Case:
        """One case. Raises UserError if there is none with this id."""
        with self._database.reading() as connection:
            return rows.one_case(connection, case)

    def source(self, case: str) -> Path:
        """Where the case's image lies. Never write this to a log, a report or an export."""
        with self._database.reading() as connection:
            return Path(rows.case_row(connection, case).path)

    def counts(self) -> dict[Status, int]:
        """How many cases have each status; every status is there."""
        query = select(schema.cases.c.status, func.count()).group_by(schema.cases.c.status)
        with self._database.reading() as connection:
            found = {status: int(count) for status, count in connection.execute(query)}
        return {status: found.get(status.value, 0) for status in Status}

    def patients(self) -> tuple[int, int]:
        """(patients that are known, cases whose patient is not known)."""
        patient = schema.cases.c.patient
        with self._database.reading() as connection:
            known = connection.execute(select(func.count(patient.distinct())).where(patient != "")).scalar()
            unknown = connection.execute(select(func.count()).where(patient == "")).scalar()
        return int(known or 0), int(unknown or 0)

    def put_facts(self, facts: Mapping[str, FileFacts], by: str) -> None:
        """Takes over what reading files told, by case; PatientIDs are kept as salted hashes only.

        A file with another content than before makes its case CHANGED until `resolve_change`.
        """
        with self._database.writing() as connection:
            case_rows.put_facts(connection, self._salt, facts, by)

    def relocate(self, case: str, path: str, by: str) -> None:
        """The case's image was found elsewhere, with the same content. UserError if it is another case's."""
        with self._database.writing() as connection:
            case_rows.relocate(connection, case, path, by)

    def resolve_change(self, case: str, keep: bool, by: str) -> None:
        """Decides about a changed file. keep : its new content is the case's from now on; else it stays aside.

        With new content a decided case needs a second look, and a mask of another size is no longer current.
        """
        with self._database.writing() as connection:
            case_rows.resolve_change(connection, case, keep, by)

    def set_note(self, case: str, text: str, by: str) -> None:
        """Sets the case's note."""
        with self._database.writing() as connection:
            case_rows.set_note(connection, case, text, by)

    def set_measurements(self, case: str, lines: tuple[Measurement, ...], by: str) -> None:
        """Replaces the lines that were measured in the case."""
        with self._database.writing() as connection:
            case_rows.set_measurements(connection, case, lines, by)

    def set_queue(self, values: Mapping[str, tuple[float, str]]) -> None:
        """Sets (priority, why) by case."""
        with self._database.writing() as connection:
            case_rows.set_queue(connection, values)

    def put_findings(self, case: str, checks: tuple[str, ...], uncertainty: float | None) -> None:
        """Sets the codes of the anatomy checks that the mask fails and the model's uncertainty (0..1)."""
        with self._database.writing() as connection:
            case_rows.put_findings(connection, case, checks, uncertainty)

    # --- work and decisions ------------------------------------------------------------------------------

    def begin(self, case: str, by: str) -> Case:
        """Opens a case for one person; a new one is in progress then.

        Raises UserError, with the name, if somebody else has it open and renewed that lately.
        """
        with self._database.writing() as connection:
            decisions.begin(connection, case, by)
            return rows.one_case(connection, case)

    def renew(self, case: str, by: str) -> None:
        """Says that the case is still open; to be called every few minutes. UserError as `begin`."""
        with self._database.writing() as connection:
            decisions.renew(connection, case, by)

    def leave(self, case: str, by: str, active_seconds: float) -> None:
        """Gives the case back and adds the seconds of active work."""
        with self._database.writing() as connection:
            decisions.leave(connection, case, by, active_seconds)

    def decide(
        self, case: str, status: Status, by: str, reason: Reason | None = None, empty_ok: bool = False
    ) -> Case:
        """Accepts, rejects (with a reason) or sets aside for a second look; returns the case as it is then.

        ACCEPTED becomes CORRECTED by itself where a person changed the mask. Accepting a case without lung in
        its mask raises UserError unless `empty_ok`; then a case without any mask gets an empty one.
        """
        with self._database.writing() as connection:
            row = rows.case_row(connection, case)
            decisions.check_decision(row, status, by, reason)
            empty = None
            if status in (Status.ACCEPTED, Status.CORRECTED) and not self._has_lung(connection, row.revision):
                if not empty_ok:
                    raise UserError(
                        f"Case {row.number} has no lung in its mask.",
                        "Draw one, or confirm that there is none.",
                    )
                if row.revision is None:
                    empty = self._add_empty(connection, row, by)
            decisions.decide(connection, case, status, by, reason, empty)
            return rows.one_case(connection, case)

    def take_back(self, by: str) -> Case | None:
        """Undoes the last decision of `by` that still stands, and returns its case; None if there is none.

        Status, reason and reviewer are as they were before. Raises UserError if somebody else has decided
        about the case since or has it open.
        """
        with self._database.writing() as connection:
            case = decisions.take_back(connection, by)
            return None if case is None else rows.one_case(connection, case)

    # --- masks -------------------------------------------------------------------------------------------

    def add_revision(
        self, case: str, labels: np.ndarray, author: Author, note: str = "", parent: str | None = HEAD
    ) -> Revision:
        """Stores a mask as the case's current one: first the file, then its record.

        labels : uint8 or bool, of the image's shape; 0 background, 1 lung or right, 2 left, 255 ignored.
        parent : the mask it was made from; it is compared with that one. A mask equal to the current one is
        not stored again: that one is returned. Raises UserError if the shape is not the image's.
        """
        labels = np.ascontiguousarray(labels).view(np.uint8) if labels.dtype == bool else labels
        if labels.dtype != np.uint8 or labels.ndim not in (2, 3):
            raise ValueError(f"a mask is uint8 (Y, X) or (Z, Y, X), got {labels.dtype} {labels.shape}")
        now = self.case(case)
        if now.shape is not None and now.shape != labels.shape:
            raise UserError(
                f"The mask of case {now.number} has the size {_size(labels.shape)}, its image "
                f"{_size(now.shape)}.",
                "Choose the mask that belongs to this image.",
            )
        parent = now.revision if parent == HEAD else parent
        if now.revision is not None and self._labels_hash(now.revision) == revisions.labels_hash(labels):
            return self.revision(now.revision)
        compared = self._compare(labels, parent, now.spacing_mm)
        encoded = revisions.encode(labels)
        with self._database.writing() as connection:
            new = revisions.store(connection, self.folder, case, encoded, author, note, parent, compared)
            return rows.revision_from(rows.one_revision(connection, new))

    def revisions(self, case: str) -> list[Revision]:
        """All masks of a case, the first one first."""
        table = schema.revisions
        query = select(table).where(table.c.case == case).order_by(table.c.number)
        with self._database.reading() as connection:
            return [rows.revision_from(row) for row in connection.execute(query)]

    def revision(self, revision: str) -> Revision:
        """One mask's record. Raises UserError if there is none."""
        with self._database.reading() as connection:
            return rows.revision_from(rows.one_revision(connection, revision))

    def read_mask(self, revision: str) -> np.ndarray:
        """A mask's labels, uint8. Raises UserError if the file is missing or is not what was written."""
        record = self.revision(revision)
        with faults_explained():
            return revisions.read_labels(self.folder / record.file, record.sha256)

    def first_mask(self, case: str) -> Revision | None:
        """The first mask that a model or a file gave, None if there is none."""
        made = (r for r in self.revisions(case) if r.author.kind != AuthorKind.PERSON)
        return next(made, None)

    def restore(self, revision: str, by: str) -> Revision:
        """Makes an earlier mask current again, as a new revision."""
        old = self.revision(revision)
        author = Author(AuthorKind.PERSON, by)
        return self.add_revision(old.case, self.read_mask(revision), author, f"restored from {old.number}")

    # --- maps, settings, files ---------------------------------------------------------------------------

    def put_map(
        self, case: str, probability: np.ndarray, uncertainty: np.ndarray | None, model: str, version: str
    ) -> None:
        """Keeps a model's maps (uint8, at the model's own size); others go when the cap is reached.

        The cap in MB is the setting "map_cap_mb".
        """
        content = maps.encode_map(ProbabilityMap(probability, uncertainty, model, version))
        cap = int(float(self.setting("map_cap_mb", maps.DEFAULT_CAP_MB)) * 1e6)
        with self._database.writing() as connection:
            rows.case_row(connection, case)
            maps.store_map(connection, self.folder, case, content, cap)
            note_event(connection, case, model, "map", version=version)

    def map(self, case: str) -> ProbabilityMap | None:
        """The maps of a case; None if there are none (any more)."""
        found = maps.read_map(self.folder / maps.MAPS / f"{case}.npz")
        if found is not None:
            with suppress(UserError):  # which one goes first is not worth an error
                self._touch_map(case)
        return found

    def setting(self, name: str, default: Any = None) -> Any:
        """A value that was set in this project, or `default`."""
        query = select(schema.settings.c.value).where(schema.settings.c.name == name)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return default if row is None else row[0]

    def set_setting(self, name: str, value: Any) -> None:
        """Sets a value that JSON can hold."""
        table = schema.settings
        with self._database.writing() as connection:
            connection.execute(delete(table).where(table.c.name == name))
            connection.execute(insert(table).values(name=name, value=value))
            note_event(connection, None, "", "setting", name=name, value=value)

    def journal_path(self, case: str) -> Path:
        """Where the strokes of the case are written while it is open."""
        return self.folder / "journal" / f"{case}.strokes"

    def thumbnail_path(self, case: str) -> Path:
        """Where the case's small picture is kept; it may be deleted at any time."""
        return self.folder / "thumbnails" / f"{case}.png"

    def events(self, case: str | None = None) -> list[Event]:
        """The audit trail in order of happening, of one case or of the project."""
        with self._database.reading() as connection:
            return rows.all_events(connection, case)

    def verify(self) -> Generator[CaseDone, None, list[Problem]]:
        """Reads every mask and image again; yields each case, returns all that is wrong."""
        with self._database.reading() as connection:
            found = rows.all_cases(connection)
            query = select(schema.revisions).order_by(schema.revisions.c.number)
            masks = [rows.revision_from(row) for row in connection.execute(query)]
        return (
            yield from verify_steps(self.folder, Contents(found, masks, self._database.check()), self.source)
        )

    # --- inside ------------------------------------------------------------------------------------------

    def _labels_hash(self, revision: str) -> str:
        with self._database.reading() as connection:
            return str(rows.one_revision(connection, revision).labels_hash)

    def _compare(
        self, labels: np.ndarray, parent: str | None, spacing_mm: tuple[float, ...] | None
    ) -> revisions.Comparison | None:
        """None if there is nothing to compare with: work is kept also where the mask before it is damaged."""
        if parent is None:
            return None
        try:
            before = self.read_mask(parent)
        except UserError:
            return None
        return revisions.compare(labels, before, spacing_mm) if before.shape == labels.shape else None

    def _has_lung(self, connection: Any, revision: str | None) -> bool:
        return revision is not None and bool(rows.one_revision(connection, revision).pixels)

    def _add_empty(self, connection: Any, row: Any, by: str) -> str:
        if row.shape is None:
            raise UserError(
                f"The image of case {row.number} has not been read yet.", "Open it before you accept it."
            )
        encoded = revisions.encode(np.zeros(tuple(row.shape), np.uint8))
        author = Author(AuthorKind.PERSON, by)
        return revisions.store(connection, self.folder, row.id, encoded, author, "empty", None, None)

    def _touch_map(self, case: str) -> None:
        with self._database.reading() as connection:
            newest = maps.is_newest(connection, case)
        if not newest:
            with self._database.writing() as connection:
                maps.touch(connection, case)


def _size(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))
