"""ReviewProject: a folder with a database and masks that never change. All access goes through here."""

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
from napari_unet.review.corrected_slices import only_corrected
from napari_unet.review.create import DATABASE_NAME, make_project
from napari_unet.review.database import Database
from napari_unet.review.faults import faults_explained
from napari_unet.review.labels import labels_of
from napari_unet.review.leases import Session
from napari_unet.review.lock import LockFile
from napari_unet.review.network import NOTE, is_network
from napari_unet.review.record import Event
from napari_unet.review.scan import read_facts
from napari_unet.review.store_masks import HEAD, MaskStore
from napari_unet.review.trail import note_event
from napari_unet.review.types import USABLE, Status
from napari_unet.review.verify import Contents, Problem, verify_steps, with_other_files

__all__ = ["HEAD", "ReviewProject"]


class ReviewProject(MaskStore):
    """A review project on disk.

    Every method can be called from any thread, and a change is on disk when the method returns. A change is
    made completely or not at all, and is recorded in the audit trail. If the disk or the database fails,
    methods raise UserError with the remedy, and nothing is changed. The argument `by` is the name of the
    person who makes the change.

    Open a project with `open` or `napari_unet.open_project`, make one with `create`, and use it in a ``with``
    statement.

    Attributes
    ----------
    folder : Path
        Folder of the project.
    id : str
        Random; never changes.
    protocol : str
        What belongs to a mask, in words.
    labels : LabelSet
        What the numbers in its masks mean.
    storage_note : str
        What the window must say about the place of the folder (a network drive), or "".
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
        """Make a project and open it.

        Parameters
        ----------
        folder : Path
            A new or empty folder.
        protocol : str
            What belongs to a mask, in words.
        labels : LabelSet
            What the numbers in the masks mean.

        Returns
        -------
        ReviewProject

        Raises
        ------
        UserError
            If the folder is not empty, or cannot be written to.
        """
        make_project(folder, protocol, labels)
        return cls.open(folder)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a project. A project of an earlier version is updated.

        Parameters
        ----------
        folder : Path
            Folder of the project.

        Returns
        -------
        ReviewProject

        Raises
        ------
        UserError
            If the folder has no project, if a newer version of the program made it, or if it is on a network
            drive and another program has it open.
        """
        folder = Path(os.path.abspath(folder))
        path = folder / DATABASE_NAME
        if not path.is_file():
            raise UserError(
                f"{folder} is not a review project.", "Choose the folder of a project, or make a new one."
            )
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
        """Close the connections. May be called twice."""
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
        """Record in the audit trail something that was done with the project and changed no case."""
        with self._database.writing() as connection:
            note_event(connection, None, by, kind, **details)

    def journal_path(self, case: str) -> Path:
        """Return the file for the strokes of a case while it is open."""
        return self.folder / "journal" / f"{case}.strokes"

    def thumbnail_path(self, case: str) -> Path:
        """Return the file for the thumbnail of a case; it may be deleted at any time."""
        return self.folder / "thumbnails" / f"{case}.png"

    def events(self, case: str | None = None) -> list[Event]:
        """Return the audit trail, in order.

        Parameters
        ----------
        case : str, optional
            Id of a case. By default the trail of the whole project.

        Returns
        -------
        list of Event
        """
        with self._database.reading() as connection:
            return rows.all_events(connection, case)

    def training_pairs(self, corrected_slices: bool = False) -> list[TrainingPair]:
        """Return the accepted and corrected cases as input for `napari_unet.fine_tune`.

        Cases whose image is set aside are not included. The pairs contain file paths, which may contain
        patient names: never write them to a log, a report or a model card.

        Parameters
        ----------
        corrected_slices : bool
            Of volumes, only the slices that a person changed or marked. Volumes in progress are then
            included, and volumes without such a slice are not.

        Returns
        -------
        list of TrainingPair
            In order of the cases' numbers.
        """
        statuses = USABLE | {Status.IN_PROGRESS} if corrected_slices else USABLE
        with self._database.reading() as connection:
            pairs = training.training_pairs(connection, self.folder, self._nobody, statuses)
        return only_corrected(self, self.cases(), pairs) if corrected_slices else pairs

    def untouched_pairs(self) -> list[TrainingPair]:
        """Return the cases that only a model has seen, without masks, as `untouched` of a fine-tune.

        Returns
        -------
        list of TrainingPair
            In order of the cases' numbers; with paths, as `training_pairs`.
        """
        with self._database.reading() as connection:
            return training.untouched_pairs(connection, self._nobody)

    def verify(self) -> Generator[CaseDone, None, list[Problem]]:
        """Read every mask and image again and find what is wrong.

        The state of each image file is then stored in the project, if it can be written to.

        Yields
        ------
        CaseDone
            After each case.

        Returns
        -------
        list of Problem
            Everything that is wrong, as the return value of the generator (``core.steps.run`` returns it).
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
