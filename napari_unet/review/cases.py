"""Cases: adding them, what their files contain, files that moved or changed, the queue's values."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from napari_unet.core.errors import UserError
from napari_unet.core.header_facts import SHORT
from napari_unet.core.patients import common_spellings, is_placeholder, next_number, placeholders_among
from napari_unet.core.source import Source
from napari_unet.review import calls
from napari_unet.review.case_files import AT_ONCE, complete, file_rows, owners_of, replace_files
from napari_unet.review.features import drop_features
from napari_unet.review.rows import case_row
from napari_unet.review.schema import cases, files
from napari_unet.review.trail import note_event, note_events, now
from napari_unet.review.types import DECIDED, FileFacts, FileState, Measurement, NewCase, Status

_NOBODY = "ANONYMOUS"


def add_cases(connection: Connection, salt: str, new: Sequence[NewCase], by: str) -> list[tuple[str, bool]]:
    """Adds images in order; returns (case id, True if it is new) for each. A file belongs to one case.

    A series of which any file is a case's already is that case; it takes files that came to the series since.
    A case that is there already takes what a manifest now says about its patient, view and split.
    """
    sources = [Source.of(case.source) for case in new]
    known = owners_of(connection, [key for source in sources for key in source.keys])
    fresh_ones = any(known.keys().isdisjoint(source.keys) for source in sources)
    taken = set(connection.execute(select(cases.c.id)).scalars()) if fresh_ones else set()
    number = connection.execute(select(func.max(cases.c.number))).scalar() or 0
    nobodies = placeholders_among(case.patient for case in new)
    time, rows, result = now(), [], []
    lying: list[dict[str, Any]] = []
    for case, source in zip(new, sources, strict=True):
        owner = next((known[key] for key in source.keys if key in known), None)
        if owner is None:
            number += 1
            owner = _free_id(salt, source.key, taken)
            rows.append(_new_row(case, owner, number, salt, nobodies) | {"added": time})
            lying += file_rows(owner, source)
            known |= dict.fromkeys(source.keys, owner)
            result.append((owner, True))
        else:
            result.append((owner, False))
    if rows:
        connection.execute(insert(cases), rows)
        connection.execute(insert(files), lying)
        note_events(connection, by, "added", [(row["id"], {"number": row["number"]}) for row in rows])
    for (there_already, fresh), source in zip(result, sources, strict=True):
        if source.is_series and not fresh:
            complete(connection, there_already, source, known, by)
    there = {case: one for (case, fresh), one in zip(result, new, strict=True) if not fresh}
    _take_over(connection, salt, there, by, nobodies)
    return result


def put_facts(connection: Connection, salt: str, facts: Mapping[str, FileFacts], by: str) -> None:
    """Takes over what reading the files gave.

    A file whose content is not the one the case was made with is CHANGED, whatever `facts` says: its facts
    wait until somebody decides. What a manifest said about patient and view stays.
    """
    rows = {row.id: row for row in _rows_of(connection, list(facts))}
    changes, lines = [], []
    for case, fact in facts.items():
        values = _told(rows[case], fact, salt) if case in rows else None
        if values is None:
            continue
        changes.append(values | {"key": case})
        lines.append((case, {"state": values["file_state"], "content_hash": fact.content_hash}))
    _update_many(connection, changes)
    note_events(connection, by, "file read", lines)


def relocate(connection: Connection, case: str, source: Source, by: str) -> None:
    """The case's image lies elsewhere now. Raises UserError if a file of it is a case's of its own."""
    row = case_row(connection, case)
    owner = next((one for one in owners_of(connection, source.keys).values() if one != case), case)
    if owner != case:
        raise UserError(
            f"The file of case {case} was found, but it was added as case {owner} meanwhile.",
            "Reject one of the two as a duplicate.",
        )
    replace_files(connection, case, source)
    change(connection, case, file_state=FileState.PRESENT.value)
    note_event(connection, case, by, "file moved", was=row.file_state)


def resolve_change(connection: Connection, case: str, keep: bool, by: str) -> None:
    """What becomes of a changed file. keep : its new content becomes the case's; otherwise it stays aside.

    With the new content an earlier decision no longer holds (the case needs a second look), and a mask of
    another size is no longer the current one; it stays among the case's revisions.
    """
    row = case_row(connection, case)
    if row.found is None:
        raise UserError(f"The file of case {case} has not changed.", "Look again which case you mean.")
    if keep:
        found = dict(row.found)
        values: dict[str, Any] = {**found, "found": None, "file_state": FileState.PRESENT.value}
        values.setdefault("look", None)  # of facts that an older version of the program kept
        if found["shape"] != row.shape:
            values["revision"] = values["checks"] = None
            calls.forget_lines(connection, case, by)
        if Status(row.status) in DECIDED:
            values |= {"status": Status.SECOND_LOOK.value, "reason": None, "decided": None}
        change(connection, case, **values)
        drop_features(connection, case)
    note_event(connection, case, by, "new content taken" if keep else "new content left aside")


def set_queue(connection: Connection, values: Mapping[str, tuple[float, str]]) -> None:
    """Sets (priority, why) of cases."""
    changes = [{"key": case, "priority": float(p), "why": why} for case, (p, why) in values.items()]
    _update_many(connection, changes)
    note_event(connection, None, "", "queue sorted", cases=len(changes))


def put_check_results(
    connection: Connection, case: str, checks: tuple[str, ...] | None, uncertainty: float | None
) -> None:
    """Sets the anatomy checks that the current mask fails, and how unsure the model was."""
    case_row(connection, case)
    uncertainty = None if uncertainty is None else float(uncertainty)
    codes = None if checks is None else list(checks)
    change(connection, case, checks=codes, uncertainty=uncertainty)
    note_event(connection, case, "", "checked", checks=codes, uncertainty=uncertainty)


def set_note(connection: Connection, case: str, text: str, by: str) -> None:
    """Sets the note of a case; the trail keeps the one before."""
    row = case_row(connection, case)
    change(connection, case, note=text)
    note_event(connection, case, by, "note", before=row.note, after=text)


def set_measurements(connection: Connection, case: str, lines: tuple[Measurement, ...], by: str) -> None:
    """Replaces the measured lines of a case."""
    row = case_row(connection, case)
    stated = calls.measure(connection, case, lines, by, row.revision)
    told = [{name: line[name] for name in ("kind", "length", "in_mm", "slice")} for line in stated]
    note_event(connection, case, by, "measured", lines=told)


def set_marked(connection: Connection, case: str, slices: Iterable[int], by: str) -> None:
    """Replaces the slices of a volume that are marked as right."""
    row = case_row(connection, case)
    told = calls.mark_slices(connection, case, slices, by, row.revision)
    note_event(connection, case, by, "marked", slices=told)


def change(connection: Connection, case: str, **values: Any) -> None:
    """Sets columns of one case."""
    connection.execute(update(cases).where(cases.c.id == case).values(**values))


def salted(salt: str, text: str) -> str:
    """16 hexadecimal digits that stand for `text` in this project and in no other."""
    return hmac.new(bytes.fromhex(salt), text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[
        :16
    ]


def nobody(salt: str, patients: Collection[str]) -> frozenset[str]:
    """Hashes in the place of a patient's that stand for none: of placeholders, also of before the rule.

    patients : the hashes that there are. Where those of 0 and 1 are among them, patients are counted from 0.
    """
    found = {text: salted(salt, text) for text in (_NOBODY, *common_spellings())}
    counted = {zero for zero in found if not zero.strip("0") and salted(salt, next_number(zero)) in patients}
    return frozenset(hashed for text, hashed in found.items() if text not in counted)


def _hashed(salt: str, patient: str, placeholders: Collection[str]) -> str:
    """What stands for a patient, "" for the empty text; placeholders have the hashes of `nobody`."""
    if not patient:
        return ""
    if patient.strip() in placeholders:  # a zero may turn out to be the first of those that are counted
        return salted(salt, _NOBODY if patient.strip("0 ") else patient.strip())
    return salted(salt, f"patient {patient}" if is_placeholder(patient) else patient)


def _from_manifest(patient: str, placeholders: Collection[str]) -> str:
    """What `patient_from` says of a manifest's patient: a placeholder gives way to the file's header."""
    return "manifest" if patient and patient.strip() not in placeholders else ""


def put_looks(connection: Connection, looks: Mapping[str, str]) -> None:
    """Keeps how images look; of each case that is named."""
    _update_many(connection, [{"key": case, "look": look} for case, look in looks.items()])


def _rows_of(connection: Connection, ids: Sequence[str]) -> list[Any]:
    rows: list[Any] = []
    for start in range(0, len(ids), AT_ONCE):
        query = select(cases).where(cases.c.id.in_(ids[start : start + AT_ONCE]))
        rows += connection.execute(query).all()
    return rows


def _free_id(salt: str, key: str, taken: set[str]) -> str:
    """The hash of the path; another one where a case that has moved away since has that one."""
    case, again = salted(salt, key), 0
    while case in taken:
        again += 1
        case = salted(salt, f"{key}\0{again}")
    taken.add(case)
    return case


def _new_row(case: NewCase, id_: str, number: int, salt: str, nobodies: Collection[str]) -> dict[str, Any]:
    return {
        "id": id_,
        "number": number,
        "patient": _hashed(salt, case.patient, nobodies),
        "patient_from": _from_manifest(case.patient, nobodies),
        "view": case.view,
        "modality": "",
        "split": case.split,
        "file_state": FileState.UNCHECKED.value,
        "content_hash": "",
        "status": Status.NEW.value,
        "reviewer": "",
        "note": "",
        "priority": 0.0,
        "why": "",
        "active_seconds": 0.0,
        "lease": "",
    }


def _take_over(
    connection: Connection, salt: str, said: Mapping[str, NewCase], by: str, nobodies: Collection[str]
) -> None:
    """What a manifest says about cases that are there already."""
    changes = []
    told = [case for case, one in said.items() if one.patient or one.view or one.split]
    for row in _rows_of(connection, told):
        one = said[row.id]
        values = {
            "patient": row.patient
            if row.patient and not _from_manifest(one.patient, nobodies)
            else _hashed(salt, one.patient, nobodies),
            "patient_from": _from_manifest(one.patient, nobodies) or row.patient_from,
            "view": one.view or row.view,
            "split": one.split or row.split,
        }
        if any(getattr(row, name) != value for name, value in values.items()):
            changes.append(values | {"key": row.id})
    _update_many(connection, changes)
    note_events(connection, by, "manifest read", [(change["key"], {}) for change in changes])


def _told(row: Any, fact: FileFacts, salt: str) -> dict[str, Any]:
    """The columns that `fact` changes in `row`."""
    values = {name: getattr(row, name) for name in _FACT_COLUMNS}
    if fact.state in (FileState.MISSING, FileState.UNREADABLE, FileState.UNCHECKED):
        return values | {"file_state": fact.state.value}
    told = {
        "content_hash": fact.content_hash or row.content_hash,
        "view": row.view or fact.view,
        "modality": fact.modality,
        "shape": None if fact.shape is None else list(map(int, fact.shape)),
        "spacing_mm": None if fact.spacing_mm is None else list(map(float, fact.spacing_mm)),
        "columns_towards": fact.row_direction,
        "look": fact.look or (row.look if fact.content_hash in ("", row.content_hash) else None),
    }
    nobodies = placeholders_among([fact.patient])
    if fact.patient and row.patient_from != "manifest":
        told |= {"patient": _hashed(salt, fact.patient, nobodies), "patient_from": "file"}
    if row.content_hash and fact.content_hash and row.content_hash != fact.content_hash:
        return values | {"found": told, "file_state": FileState.CHANGED.value}
    checks = _with_header(row.checks, fact.header)
    return values | told | {"found": None, "file_state": FileState.PRESENT.value, "checks": checks}


def _with_header(checks: list[str] | None, header: tuple[str, ...] | None) -> list[str] | None:
    """A case's codes with those of its header as it was read now."""
    if header is None or (checks is None and not header):
        return checks
    return [*header, *(code for code in checks or () if code not in SHORT)]


_FACT_COLUMNS = (
    "content_hash",
    "view",
    "modality",
    "shape",
    "spacing_mm",
    "columns_towards",
    "look",
    "patient",
    "patient_from",
    "found",
    "file_state",
    "checks",
)


def _update_many(connection: Connection, changes: list[dict[str, Any]]) -> None:
    """Updates cases; each of `changes` has the case's id as "key" and the same columns as the others."""
    if changes:
        connection.execute(update(cases).where(cases.c.id == bindparam("key")), changes)
