"""Second reading: a first call that is locked, the time at which the score was seen, a final call.

Until a reader's own first call on a case is locked, no score of that case is given to them. Nothing
is ever changed: a slip is mended by a further entry that takes the earlier one back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from napari_unet.core.errors import UserError
from napari_unet.core.second_reading import FindingCall, Reading
from napari_unet.review.calls import STANDS, add_call, all_calls, call_from, standing
from napari_unet.review.record import Call, CallKind
from napari_unet.review.rows import case_row
from napari_unet.review.schema import calls, events
from napari_unet.review.trail import note_event
from napari_unet.review.types import Author, AuthorKind

TRIAGE = "triage"
"""Kind of the event, and of the setting, that scores may be seen before any call."""


class NotCalled(UserError):
    """A score was asked for by a reader who has not made a first call on the case."""


@dataclass(frozen=True)
class ModelScore:
    """A model's score of a finding, 0 to 1. number : of the call that states it."""

    finding: str
    score: float
    model: str
    version: str
    output: str
    number: int


def in_triage(connection: Connection) -> bool:
    """Whether scores are shown before a call now: a mode by name, whose calls are no second reading."""
    last = select(events.c.details).where(events.c.kind == TRIAGE).order_by(events.c.number.desc()).limit(1)
    found = connection.execute(last).scalar_one_or_none()
    return bool(found and found["on"])


def set_triage(connection: Connection, on: bool, by: str) -> None:
    """Switches the mode, if it is not so already."""
    if in_triage(connection) != on:
        note_event(connection, None, by, TRIAGE, on=on)


def first_call(connection: Connection, case: str, by: str, said: Mapping[str, FindingCall]) -> int:
    """Locks a reader's first call, by finding, or mends it while no score was seen; returns its number.

    Raises UserError if it says nothing, or if the reader has seen the score: then there is the final call.
    """
    _refuse_nothing(said)
    case_row(connection, case)
    if _last(connection, case, by, CallKind.SEEN) is not None:
        raise UserError(
            "You have seen the score of this case: your first call stays as it is.", "Make your final call."
        )
    before = _last(connection, case, by, CallKind.FIRST)
    blind = (
        not _ever_in_triage(connection) if before is None else bool(before.value and before.value["blind"])
    )
    value = {"findings": _as_json(said), "blind": blind}
    return _state(connection, case, CallKind.FIRST, by, value, before)


def final_call(connection: Connection, case: str, by: str, said: Mapping[str, FindingCall]) -> int:
    """States what a reader thinks after the score, in place of an earlier final call; returns its number.

    Raises UserError if it says nothing, or if the score was not shown to the reader yet.
    """
    _refuse_nothing(said)
    case_row(connection, case)
    if _last(connection, case, by, CallKind.SEEN) is None:
        raise UserError("You have not been shown the score of this case yet.", "Look at the score first.")
    return _state(
        connection,
        case,
        CallKind.FINAL,
        by,
        {"findings": _as_json(said)},
        _last(connection, case, by, CallKind.FINAL),
    )


def show_scores(connection: Connection, case: str, by: str) -> list[ModelScore]:
    """The scores of a case; that and when the reader saw them is recorded, once for the same scores.

    Raises NotCalled before the reader's first call, unless the project is in triage.
    """
    case_row(connection, case)
    if _last(connection, case, by, CallKind.FIRST) is None and not in_triage(connection):
        raise NotCalled(
            "A score is shown after your own first call only.", "Make your first call on this case."
        )
    found = _scores(connection, case)
    if not found:
        return []
    value, before = (
        {"scores": sorted(one.number for one in found)},
        _last(connection, case, by, CallKind.SEEN),
    )
    if before is None or before.value != value:
        _state(connection, case, CallKind.SEEN, by, value, None)
    return found


def visible_scores(connection: Connection, by: str) -> dict[str, list[ModelScore]]:
    """By case, the scores that a reader may see: of cases with their first call, in triage of all."""
    found: dict[str, list[ModelScore]] = {}
    open_to = cases_open_to(connection, by)
    for case, one in all_scores(connection):
        if open_to is None or case in open_to:
            found.setdefault(case, []).append(one)
    return found


def all_scores(connection: Connection) -> list[tuple[str, ModelScore]]:
    """(case, score) of every model, in order: for what shows no reader the score of a case."""
    rows = connection.execute(_finding_calls().order_by(calls.c.number))
    return [(row.case, _score(call_from(row))) for row in rows]


def without_hidden(every: Iterable[Call], open_to: Collection[str] | None) -> list[Call]:
    """Calls less the scores of cases that are not among `open_to`; None: of none. The one rule for lists."""
    return [
        call for call in every if open_to is None or call.kind != CallKind.FINDING or call.case in open_to
    ]


def cases_open_to(connection: Connection, by: str) -> frozenset[str] | None:
    """Cases whose scores a reader may see; None: all."""
    return None if in_triage(connection) else _called(connection, by)


def calls_of(connection: Connection, case: str, by: str, kind: CallKind) -> dict[str, FindingCall]:
    """What a reader's standing first or final call on a case says, by finding."""
    found = _last(connection, case, by, kind)
    return {} if found is None else _from_json(found)


def add_reference(
    connection: Connection, case: str, finding: str, present: bool, source: str, by: str
) -> None:
    """States what is known of a finding from elsewhere, in place of what the same source said before.

    source : "culture", "CT", "panel", ...
    """
    case_row(connection, case)
    author = Author(AuthorKind.FILE, source)
    query = select(calls).where(
        calls.c.case == case, calls.c.kind == CallKind.REFERENCE.value, calls.c.author_name == source, STANDS
    )
    value = {"finding": finding, "present": bool(present)}
    same = [row for row in connection.execute(query) if row.value["finding"] == finding]
    if same and same[0].value == value:
        return
    taken = int(same[0].number) if same else None
    add_call(connection, case, CallKind.REFERENCE, author, value, takes_back=taken)
    note_event(connection, case, by, "reference", source=source)


def readings(connection: Connection) -> list[Reading]:
    """Every reader's reading of every finding of every case, in the order of the first calls.

    The score is the one that was shown last before the final call, of the model that was added last.
    """
    told = all_calls(connection)
    every = standing(told)
    scores = {call.number: call for call in told if call.kind == CallKind.FINDING}
    of = {(call.kind, call.case, call.author.name): call for call in every}  # the last one of each
    found: list[Reading] = []
    for call in every:
        if call.kind != CallKind.FIRST:
            continue
        seen = of.get((CallKind.SEEN, call.case, call.author.name))
        final = of.get((CallKind.FINAL, call.case, call.author.name))
        last = {} if final is None else _from_json(final)
        shown = {}
        for number in (seen.value or {}).get("scores", ()) if seen is not None else ():
            one = _score(scores[number])
            shown[one.finding] = one
        blind = bool((call.value or {}).get("blind"))
        for name, first in _from_json(call).items():
            seen_score = shown.get(name)
            score = None if seen_score is None else seen_score.score
            model = ("", "") if seen_score is None else (seen_score.model, seen_score.version)
            found.append(
                Reading(call.case, call.author.name, name, first, score, last.get(name), blind, model)
            )
    return found


def references(connection: Connection) -> dict[tuple[str, str], bool]:
    """(case, finding) → whether it is there, by the reference that was imported last."""
    return {
        (call.case, call.value["finding"]): call.value["present"]
        for call in standing(all_calls(connection))
        if call.kind == CallKind.REFERENCE and call.value is not None
    }


def _finding_calls() -> Any:
    return select(calls).where(calls.c.kind == CallKind.FINDING.value, STANDS)


def _scores(connection: Connection, case: str) -> list[ModelScore]:
    rows = connection.execute(_finding_calls().where(calls.c.case == case).order_by(calls.c.number))
    return [_score(call_from(row)) for row in rows]


def _score(call: Call) -> ModelScore:
    assert call.value is not None  # it stands
    author = call.author
    return ModelScore(
        call.value["finding"],
        float(call.value["score"]),
        author.name,
        author.version,
        call.value.get("output", ""),
        call.number,
    )


def _called(connection: Connection, by: str) -> frozenset[str]:
    query = select(calls.c.case).where(
        calls.c.kind == CallKind.FIRST.value, calls.c.author_name == by, STANDS
    )
    return frozenset(connection.execute(query).scalars())


def _ever_in_triage(connection: Connection) -> bool:
    count = select(func.count()).select_from(events).where(events.c.kind == TRIAGE)
    return bool(connection.execute(count).scalar_one())


def _last(connection: Connection, case: str, by: str, kind: CallKind) -> Call | None:
    query = (
        select(calls)
        .where(calls.c.case == case, calls.c.kind == kind.value, calls.c.author_name == by, STANDS)
        .where(calls.c.author_kind == AuthorKind.PERSON.value)
        .order_by(calls.c.number.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else call_from(row)


def _state(
    connection: Connection, case: str, kind: CallKind, by: str, value: dict[str, Any], before: Call | None
) -> int:
    taken = None if before is None else before.number
    number = add_call(connection, case, kind, Author(AuthorKind.PERSON, by), value, takes_back=taken)
    note_event(connection, case, by, kind.value)
    return number


def _refuse_nothing(said: Mapping[str, FindingCall]) -> None:
    if not said:
        raise UserError("The call does not cover any finding.", "Choose a confidence for each finding.")


def _as_json(said: Mapping[str, FindingCall]) -> dict[str, Any]:
    return {name: {"confidence": one.confidence, "zone": one.zone} for name, one in said.items()}


def _from_json(call: Call) -> dict[str, FindingCall]:
    told = (call.value or {}).get("findings", {})
    return {name: FindingCall(one["confidence"], one["zone"]) for name, one in told.items()}
