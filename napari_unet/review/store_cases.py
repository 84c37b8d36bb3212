"""The part of `ReviewProject` that deals with cases and decisions."""

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
    """Cases, who works on them and what was decided; see `ReviewProject`."""

    folder: Path
    _database: Database
    _salt: str
    _nobody: frozenset[str]
    _session: Session

    def add(self, cases: Sequence[NewCase], by: str) -> list[tuple[str, bool]]:
        """Adds images; (case id, True if new) for each, in order; see review.cases.add_cases."""
        with self._database.writing() as connection:
            added = case_rows.add_cases(connection, self._salt, cases, by)
        self._know_nobody()
        return added

    def cases(self) -> list[Case]:
        """Every case, by number."""
        with self._database.reading() as connection:
            return rows.all_cases(connection, self._nobody)

    def case(self, case: str) -> Case:
        """One case. Raises UserError if there is none with this id."""
        with self._database.reading() as connection:
            return rows.one_case(connection, case, self._nobody)

    def source(self, case: str) -> Source:
        """Where the case's image lies. Never write this to a log, a report or an export."""
        with self._database.reading() as connection:
            return rows.one_source(connection, case)

    def sources(self) -> dict[str, Source]:
        """As `source`, of all cases at once, by case id."""
        with self._database.reading() as connection:
            return rows.all_sources(connection)

    def counts(self) -> dict[Status, int]:
        """How many cases have each status; every status is there."""
        query = select(schema.cases.c.status, func.count()).group_by(schema.cases.c.status)
        with self._database.reading() as connection:
            found = {status: int(count) for status, count in connection.execute(query)}
        return {status: found.get(status.value, 0) for status in Status}

    def patients(self) -> tuple[int, int]:
        """(patients that are known, cases whose patient is not known)."""
        with self._database.reading() as connection:
            patients = [case.patient for case in rows.all_fingerprints(connection, self._nobody)]
        return len({patient for patient in patients if patient}), patients.count("")

    def fingerprints(self) -> list[Fingerprint]:
        """What tells of each case where else it may be found, by number: patient, content and look."""
        with self._database.reading() as connection:
            return rows.all_fingerprints(connection, self._nobody)

    def put_looks(self, looks: Mapping[str, str]) -> None:
        """Keeps how images look (core.leaks.look_of, hexadecimal), by case, where it was not kept yet."""
        with self._database.writing() as connection:
            case_rows.put_looks(connection, looks)

    def put_facts(self, facts: Mapping[str, FileFacts], by: str) -> None:
        """Takes over what reading files told, by case; PatientIDs are kept as salted hashes only.

        A file with another content than before makes its case CHANGED until `resolve_change`.
        """
        with self._database.writing() as connection:
            case_rows.put_facts(connection, self._salt, facts, by)
        self._know_nobody()

    def _know_nobody(self) -> None:
        """Finds out which hashes in the place of a patient stand for none: others may be there by now."""
        query = select(schema.cases.c.patient).distinct()
        with self._database.reading() as connection:
            patients = set(connection.execute(query).scalars())
        self._nobody = case_rows.nobody(self._salt, patients)

    def relocate(self, case: str, source: Source | Path | str, by: str) -> None:
        """The case's image was found elsewhere, with the same content. UserError if it is another case's."""
        with self._database.writing() as connection:
            case_rows.relocate(connection, case, Source.of(source), by)

    def resolve_change(self, case: str, keep: bool, by: str) -> None:
        """Decides about a changed file. keep : its new content is the case's now; else it stays aside.

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

    def calls(self, case: str | None = None) -> list[Call]:
        """What readers and models have stated, in order, of one case or of all; what was taken back too."""
        with self._database.reading() as connection:
            return calls.all_calls(connection, case)

    def put_scores(
        self, case: str, scores: Mapping[str, float], model: str, version: str, output: str
    ) -> None:
        """Keeps a model's score (0..1) of each finding, as calls; they are in the report's table alone.

        The audit trail says that there are scores, and not which: nobody shall see one before their own call.
        """
        author = Author(AuthorKind.MODEL, model, version)
        with self._database.writing() as connection:
            rows.case_row(connection, case)
            stated = calls.put_scores(connection, case, scores, author, output)
            if stated:
                note_event(connection, case, model, "scored", version=version, output=output)

    def set_queue(self, values: Mapping[str, tuple[float, str]]) -> None:
        """Sets (priority, why) by case."""
        with self._database.writing() as connection:
            case_rows.set_queue(connection, values)

    def put_findings(self, case: str, checks: tuple[str, ...] | None, uncertainty: float | None) -> None:
        """Sets the codes of the anatomy checks that the mask fails and the model's uncertainty (0..1).

        checks : with those of the input gate; None where there is no mask to check.
        """
        with self._database.writing() as connection:
            case_rows.put_findings(connection, case, checks, uncertainty)

    def begin(self, case: str, by: str) -> Case:
        """Opens a case for one person; a new one is in progress then.

        Raises CaseTaken, with the name, if another window has it open. A lease ends with the process that
        had it, as far as that can be seen, or when nobody renewed it for ten minutes.
        """
        with self._database.writing() as connection:
            decisions.begin(connection, self._session, case, by)
            found = rows.one_case(connection, case, self._nobody)
        self._session.taken.add(case)
        return found

    def is_elsewhere(self, case: str) -> bool:
        """Whether another window has the case open."""
        with self._database.reading() as connection:
            row = rows.case_row(connection, case)
        return row.lease_session != self._session.id and is_leased(row, now())

    def refuse_lost(self, case: str, by: str) -> None:
        """Raises CaseTaken as `renew`, but changes nothing."""
        with self._database.reading() as connection:
            self._session.refuse_lost(rows.case_row(connection, case), by, now())

    def renew(self, case: str, by: str) -> None:
        """Says that the case is still open; to be called every few minutes.

        Raises CaseTaken if another window has it, or has had it since `begin`.
        """
        with self._database.writing() as connection:
            decisions.renew(connection, self._session, case, by)

    def leave(self, case: str, by: str, active_seconds: float) -> None:
        """Gives the case back and adds the seconds of active work."""
        with self._database.writing() as connection:
            decisions.leave(connection, self._session, case, by, active_seconds)
        self._session.taken.discard(case)

    def decide(
        self, case: str, status: Status, by: str, reason: Reason | None = None, empty_ok: bool = False
    ) -> Case:
        """Accepts, rejects (with a reason) or sets aside for a second look; returns the case as it is then.

        ACCEPTED becomes CORRECTED by itself where a person changed the mask. Accepting a case without lung in
        its mask raises UserError unless `empty_ok`; then a case without any mask gets an empty one. Raises
        CaseTaken as `renew`.
        """
        with self._database.writing() as connection:
            decisions.decide(connection, self._session, self.folder, case, status, by, reason, empty_ok)
            return rows.one_case(connection, case, self._nobody)

    def take_back(self, by: str) -> Case | None:
        """Undoes the last decision of `by` that still stands, and returns its case; None if there is none.

        Status, reason and reviewer are as they were before. Raises UserError if somebody else has decided
        about the case since or has it open.
        """
        with self._database.writing() as connection:
            case = decisions.take_back(connection, self._session, by)
            return None if case is None else rows.one_case(connection, case, self._nobody)
