"""ReviewProject: a folder with a database and masks that never change. All access to it goes through here."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import select

from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone
from napari_unet.core.label_set import LUNGS, LabelSet
from napari_unet.core.training_pair import TrainingPair
from napari_unet.review import rows, schema, training
from napari_unet.review.create import DATABASE_NAME, make_project
from napari_unet.review.database import Database
from napari_unet.review.faults import faults_explained
from napari_unet.review.labels import labels_of
from napari_unet.review.leases import Session
from napari_unet.review.lock import LockFile
from napari_unet.review.network import NOTE, is_network
from napari_unet.review.scan import read_facts
from napari_unet.review.store_masks import HEAD, MaskStore
from napari_unet.review.trail import note_event
from napari_unet.review.types import Event
from napari_unet.review.verify import Contents, Problem, verify_steps, with_other_files

__all__ = ["HEAD", "ReviewProject"]


class ReviewProject(MaskStore):
    """One review project. Every method can be called on any thread; a change is on the disk when it returns.

    A change is made wholly or not at all, and appends to the audit trail. Methods raise UserError, with the
    remedy, if the disk or the database fails; then nothing was changed. `by` is who does it.

    folder : where it lies. id : random, the same for ever. protocol : what belongs to a mask, in words.
    labels : what the numbers in its masks mean. storage_note : something the window must say about where it
    lies, or "".
    """

    def __init__(self, folder: Path, database: Database, lock: LockFile | None) -> None:
        self.folder = folder
        self._database = database
        self._lock = lock
        self._session = Session()
        self.storage_note = "" if lock is None else NOTE
        with database.reading() as connection:
            about = connection.execute(select(schema.project)).one()
            self._labels = labels_of(connection)
        self.id: str = about.id
        self.protocol: str = about.protocol
        self._salt: str = about.salt
        self._know_nobody()

    @classmethod
    def create(cls, folder: Path, protocol: str = "", labels: LabelSet = LUNGS) -> Self:
        """Makes a project in `folder`, which must be empty or not exist. Raises UserError otherwise."""
        make_project(folder, protocol, labels)
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
        self._session.end()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def note(self, kind: str, by: str, **details: Any) -> None:
        """Appends to the audit trail what was done with the project and changed no case."""
        with self._database.writing() as connection:
            note_event(connection, None, by, kind, **details)

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

    def training_pairs(self) -> list[TrainingPair]:
        """Accepted and corrected cases by number, for a training; without those whose image is set aside.

        Their paths are for reading only: never write them to a log, a report or a model card.
        """
        with self._database.reading() as connection:
            return training.training_pairs(connection, self.folder, self._nobody)

    def verify(self) -> Generator[CaseDone, None, list[Problem]]:
        """Reads every mask and image again; yields each case, returns all that is wrong.

        The state of each image file is in the project then, if that can be written to.
        """
        complaints = self._database.check()
        with self._database.reading() as connection:
            found = rows.all_cases(connection, self._nobody)
            query = select(schema.revisions).order_by(schema.revisions.c.number)
            masks = [rows.revision_from(row) for row in connection.execute(query)]
        contents = Contents(found, self.sources(), masks, complaints, self.calls())
        problems = yield from verify_steps(self.folder, contents)
        states = {case.id: case.file_state for case in found}
        others = with_other_files(found, problems)
        facts = {case: read_facts(contents.sources[case]) for case in others}
        news = {case: fact for case, fact in facts.items() if fact.state != states[case]}
        if news:
            with suppress(UserError):  # one may ask what is wrong where nothing can be written
                self.put_facts(news, "")
        return problems
