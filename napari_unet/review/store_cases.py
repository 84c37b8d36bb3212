"""The part of `ReviewProject` for cases and decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy import func, select

from napari_unet.core.leaks import Fingerprint
from napari_unet.core.source import Source
from napari_unet.review import calls, decisions, rows, schema
from napari_unet.review import cases as case_rows
from napari_unet.review.database import Database
from napari_unet.review.leases import Session, is_leased
from napari_unet.review.trail import note_event, now
from napari_unet.review.types import (
    Author,
    AuthorKind,
    Call,
    Case,
    FileFacts,
    Measurement,
    NewCase,
    Reason,
    Status,
)


class CaseStore:
    """Cases, who works on them, and what was decided; see `ReviewProject`."""

    folder: Path
    _database: Database
    _salt: str
    _nobody: frozenset[str]
    _session: Session

    def add(self, cases: Sequence[NewCase], by: str) -> list[tuple[str, bool]]:
        """Add images. Images that are already in the project keep their case.

        Parameters
        ----------
        cases : sequence of NewCase
            The images, with patient, view and split if known.
        by : str
            Who adds them.

        Returns
        -------
        list of (str, bool)
            For each image in order: the id of its case, and whether the case is new.
        """
        with self._database.writing() as connection:
            added = case_rows.add_cases(connection, self._salt, cases, by)
        self._know_nobody()
        return added

    def cases(self) -> list[Case]:
        """Return all cases, in order of their numbers.

        Returns
        -------
        list of Case
        """
        with self._database.reading() as connection:
            return rows.all_cases(connection, self._nobody)

    def case(self, case: str) -> Case:
        """Return one case.

        Parameters
        ----------
        case : str
            Id of the case.

        Returns
        -------
        Case

        Raises
        ------
        UserError
            If there is no such case.
        """
        with self._database.reading() as connection:
            return rows.one_case(connection, case, self._nobody)

    def source(self, case: str) -> Source:
        """Return where the image of a case is. Never write it to a log, a report or an export.

        Parameters
        ----------
        case : str
            Id of the case.

        Returns
        -------
        Source
        """
        with self._database.reading() as connection:
            return rows.one_source(connection, case)

    def sources(self) -> dict[str, Source]:
        """Return the `source` of every case, by case id."""
        with self._database.reading() as connection:
            return rows.all_sources(connection)

    def counts(self) -> dict[Status, int]:
        """Return the number of cases with each status.

        Returns
        -------
        dict of Status to int
            With every status, including those with 0.
        """
        query = select(schema.cases.c.status, func.count()).group_by(schema.cases.c.status)
        with self._database.reading() as connection:
            found = {status: int(count) for status, count in connection.execute(query)}
        return {status: found.get(status.value, 0) for status in Status}

    def patients(self) -> tuple[int, int]:
        """Return how many patients are known.

        Returns
        -------
        tuple of (int, int)
            The number of known patients, and the number of cases whose patient is unknown.
        """
        with self._database.reading() as connection:
            patients = [case.patient for case in rows.all_fingerprints(connection, self._nobody)]
        return len({patient for patient in patients if patient}), patients.count("")

    def fingerprints(self) -> list[Fingerprint]:
        """Return what may show that a case is elsewhere too: patient, content and look, by number."""
        with self._database.reading() as connection:
            return rows.all_fingerprints(connection, self._nobody)

    def put_looks(self, looks: Mapping[str, str]) -> None:
        """Store the look of images (`core.leaks.look_of`, hexadecimal), by case, where there is none yet."""
        with self._database.writing() as connection:
            case_rows.put_looks(connection, looks)

    def put_facts(self, facts: Mapping[str, FileFacts], by: str) -> None:
        """Store what was found in the files, by case. PatientIDs are stored as salted hashes only.

        A file whose content has changed makes its case CHANGED, until `resolve_change`.
        """
        with self._database.writing() as connection:
            case_rows.put_facts(connection, self._salt, facts, by)
        self._know_nobody()

    def _know_nobody(self) -> None:
        """Find the hashes of placeholders, which are not patients: new ones may have been added."""
        query = select(schema.cases.c.patient).distinct()
        with self._database.reading() as connection:
            patients = set(connection.execute(query).scalars())
        self._nobody = case_rows.nobody(self._salt, patients)

    def relocate(self, case: str, source: Source | Path | str, by: str) -> None:
        """Set a new place of a case's image, with the same content. UserError if it is another case's."""
        with self._database.writing() as connection:
            case_rows.relocate(connection, case, Source.of(source), by)

    def resolve_change(self, case: str, keep: bool, by: str) -> None:
        """Decide about a changed file. keep : its new content is the case's now, else it stays set aside.

        With new content, a decided case needs a second look, and a mask of another size is no longer current.
        """
        with self._database.writing() as connection:
            case_rows.resolve_change(connection, case, keep, by)

    def set_note(self, case: str, text: str, by: str) -> None:
        """Set the note of a case."""
        with self._database.writing() as connection:
            case_rows.set_note(connection, case, text, by)

    def set_measurements(self, case: str, lines: tuple[Measurement, ...], by: str) -> None:
        """Replace the lines measured in a case."""
        with self._database.writing() as connection:
            case_rows.set_measurements(connection, case, lines, by)

    def calls(self, case: str | None = None) -> list[Call]:
        """Return what readers and models have stated, in order, including what was taken back.

        Parameters
        ----------
        case : str, optional
            Id of a case. By default all cases.

        Returns
        -------
        list of Call
        """
        with self._database.reading() as connection:
            return calls.all_calls(connection, case)

    def put_scores(
        self, case: str, scores: Mapping[str, float], model: str, version: str, output: str
    ) -> None:
        """Store a model's score (0 to 1) for each finding, as calls. Only the report's table shows scores.

        The audit trail records that there are scores, but not their values: nobody may see a score before
        their own call.
        """
        author = Author(AuthorKind.MODEL, model, version)
        with self._database.writing() as connection:
            rows.case_row(connection, case)
            stated = calls.put_scores(connection, case, scores, author, output)
            if stated:
                note_event(connection, case, model, "scored", version=version, output=output)

    def set_queue(self, values: Mapping[str, tuple[float, str]]) -> None:
        """Set (priority, reason in words) by case."""
        with self._database.writing() as connection:
            case_rows.set_queue(connection, values)

    def put_check_results(self, case: str, checks: tuple[str, ...] | None, uncertainty: float | None) -> None:
        """Store the codes of the failed anatomy checks, and the model's uncertainty (0 to 1).

        `checks` includes those of the input check; None if there is no mask to check.
        """
        with self._database.writing() as connection:
            case_rows.put_check_results(connection, case, checks, uncertainty)

    def begin(self, case: str, by: str) -> Case:
        """Open a case for one person. A new case is then in progress.

        Raises CaseTaken, with the name, if another window has the case open. A lease ends with the process
        that holds it, as far as that can be seen, or if it was not renewed for ten minutes.
        """
        with self._database.writing() as connection:
            decisions.begin(connection, self._session, case, by)
            found = rows.one_case(connection, case, self._nobody)
        self._session.taken.add(case)
        return found

    def is_elsewhere(self, case: str) -> bool:
        """Return whether another window has the case open."""
        with self._database.reading() as connection:
            row = rows.case_row(connection, case)
        return row.lease_session != self._session.id and is_leased(row, now())

    def refuse_lost(self, case: str, by: str) -> None:
        """Raise CaseTaken as `renew` does, but change nothing."""
        with self._database.reading() as connection:
            self._session.refuse_lost(rows.case_row(connection, case), by, now())

    def renew(self, case: str, by: str) -> None:
        """Renew the lease of an open case; to be called every few minutes.

        Raises CaseTaken if another window has it, or has had it since `begin`.
        """
        with self._database.writing() as connection:
            decisions.renew(connection, self._session, case, by)

    def leave(self, case: str, by: str, active_seconds: float) -> None:
        """Release the case, and add the seconds of active work."""
        with self._database.writing() as connection:
            decisions.leave(connection, self._session, case, by, active_seconds)
        self._session.taken.discard(case)

    def decide(
        self, case: str, status: Status, by: str, reason: Reason | None = None, empty_ok: bool = False
    ) -> Case:
        """Accept or reject a case, or set it aside for a second look.

        ACCEPTED becomes CORRECTED if a person changed the mask.

        Parameters
        ----------
        case : str
            Id of the case.
        status : Status
            ACCEPTED, REJECTED or SECOND_LOOK.
        by : str
            Who decides.
        reason : Reason, optional
            Why it is rejected; required for REJECTED.
        empty_ok : bool
            Whether an empty mask may be accepted. A case without any mask gets an empty one.

        Returns
        -------
        Case
            The case after the decision.

        Raises
        ------
        UserError
            If the mask is empty and `empty_ok` is False, or (CaseTaken) if another window has the case open.
        """
        with self._database.writing() as connection:
            decisions.decide(connection, self._session, self.folder, case, status, by, reason, empty_ok)
            return rows.one_case(connection, case, self._nobody)

    def take_back(self, by: str) -> Case | None:
        """Undo the last decision of a person that is still valid.

        Status, reason and reviewer are then as they were before.

        Parameters
        ----------
        by : str
            Whose decision.

        Returns
        -------
        Case or None
            The case, or None if there is no such decision.

        Raises
        ------
        UserError
            If somebody else has decided about the case since, or has it open.
        """
        with self._database.writing() as connection:
            case = decisions.take_back(connection, self._session, by)
            return None if case is None else rows.one_case(connection, case, self._nobody)
