"""The part of `ReviewProject` for cases and settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, insert, select

from napari_unet.core.leaks import Fingerprint
from napari_unet.core.source import Source
from napari_unet.review import calls, rows, schema
from napari_unet.review import cases as case_rows
from napari_unet.review.database import Database
from napari_unet.review.record import Call
from napari_unet.review.trail import note_event
from napari_unet.review.types import Case, FileFacts, Measurement, NewCase, Status


class CaseStore:
    """Cases, what is known of their images, and settings; see `ReviewProject`."""

    folder: Path
    _database: Database
    _salt: str
    _nobody: frozenset[str]

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

    def set_marked(self, case: str, slices: Iterable[int], by: str) -> None:
        """Replace the slices of a volume, from 0, that are marked as right."""
        with self._database.writing() as connection:
            case_rows.set_marked(connection, case, slices, by)

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

    def setting(self, name: str, default: Any = None) -> Any:
        """Return a value that was set in this project, or `default`."""
        query = select(schema.settings.c.value).where(schema.settings.c.name == name)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return default if row is None else row[0]

    def set_setting(self, name: str, value: Any) -> None:
        """Set a value; JSON must be able to hold it."""
        table = schema.settings
        with self._database.writing() as connection:
            connection.execute(delete(table).where(table.c.name == name))
            connection.execute(insert(table).values(name=name, value=value))
            note_event(connection, None, "", "setting", name=name, value=value)
