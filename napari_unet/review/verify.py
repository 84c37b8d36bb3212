"""Whether everything in a project is as it was written: files against rows, hashes, links."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone
from napari_unet.core.files import checksum
from napari_unet.core.source import Source
from napari_unet.io.formats import read_raster
from napari_unet.review.calls import standing
from napari_unet.review.file_stamps import stamp_of
from napari_unet.review.record import Call, CallKind, Revision
from napari_unet.review.revisions import MASKS
from napari_unet.review.types import DECIDED, Case, FileState


class ProblemKind(StrEnum):
    """What can be wrong in a project."""

    DATABASE = "database"
    MASK_MISSING = "mask missing"
    MASK_DAMAGED = "mask damaged"
    LEFT_OVER = "file without a record"
    CALL = "call"
    SOURCE_MISSING = "image missing"
    SOURCE_CHANGED = "image changed"
    SOURCE_UNREADABLE = "image unreadable"


_STATES = {
    ProblemKind.SOURCE_MISSING: FileState.MISSING,
    ProblemKind.SOURCE_CHANGED: FileState.CHANGED,
    ProblemKind.SOURCE_UNREADABLE: FileState.UNREADABLE,
}


@dataclass(frozen=True)
class Problem:
    """Something that is wrong. text : a sentence without names or paths of images. case : "" if of none.

    harmless : nothing of what was decided or painted depends on it.
    """

    kind: ProblemKind
    text: str
    case: str = ""
    harmless: bool = False


@dataclass(frozen=True)
class Contents:
    """What the database says there is. complaints : what the database finds wrong with itself."""

    cases: Sequence[Case]
    sources: Mapping[str, Source]
    revisions: Sequence[Revision]
    complaints: Sequence[str]
    calls: Sequence[Call] = ()


def verify_steps(folder: Path, contents: Contents) -> Generator[CaseDone, None, list[Problem]]:
    """Reads every mask and every image again, case by case; returns what is wrong."""
    problems = [Problem(ProblemKind.DATABASE, text) for text in contents.complaints]
    by_case: dict[str, list[Revision]] = {case.id: [] for case in contents.cases}
    for revision in contents.revisions:
        by_case.setdefault(revision.case, []).append(revision)
    calls: dict[str, list[Call]] = {case.id: [] for case in contents.cases}
    for call in contents.calls:
        calls.setdefault(call.case, []).append(call)
    total = len(contents.cases)
    for done, case in enumerate(contents.cases, start=1):
        found = _masks(folder, case, by_case[case.id]) + _calls(case, calls[case.id], by_case[case.id])
        found += _source(case, contents.sources[case.id])
        problems += found
        yield CaseDone(case.id, done, total, "; ".join(problem.text for problem in found))
    known = {revision.file for revision in contents.revisions}
    return problems + _left_over(folder, known)


def with_other_files(cases: Sequence[Case], problems: Sequence[Problem]) -> list[str]:
    """Ids of cases whose image file is not what the project takes it for, by what `verify_steps` returned."""
    states = {problem.case: _STATES[problem.kind] for problem in problems if problem.kind in _STATES}
    return [case.id for case in cases if states.get(case.id, FileState.PRESENT) != case.file_state]


def _masks(folder: Path, case: Case, revisions: Sequence[Revision]) -> list[Problem]:
    problems = []
    for revision in revisions:
        name = f"Mask {revision.number} of case {case.number}"
        try:
            if checksum(folder / revision.file) == revision.sha256:
                continue
            kind, text = ProblemKind.MASK_DAMAGED, f"{name} is damaged or was changed by another program."
        except FileNotFoundError:
            kind, text = ProblemKind.MASK_MISSING, f"{name} is missing."
        except OSError:
            kind, text = ProblemKind.MASK_DAMAGED, f"{name} cannot be read."
        problems.append(Problem(kind, text, case.id))
    if case.revision is not None and case.revision not in {revision.id for revision in revisions}:
        text = f"The current mask of case {case.number} is not recorded."
        problems.append(Problem(ProblemKind.DATABASE, text, case.id))
    return problems


def _calls(case: Case, calls: Sequence[Call], revisions: Sequence[Revision]) -> list[Problem]:
    """Calls that take back what is not there, or are about no mask of their case; a status nobody decided."""
    kinds, masks = {call.number: call.kind for call in calls}, {revision.id for revision in revisions}
    wrong = []
    for call in calls:
        taken = call.takes_back
        if taken is not None and (taken >= call.number or kinds.get(taken) != call.kind):
            wrong.append(f"undoes something that is not an earlier {call.kind} of the case")
        if call.revision is not None and call.revision not in masks:
            wrong.append("is about a mask that is not recorded")
    decided = any(call.kind == CallKind.DECISION for call in standing(calls))
    texts = [f"A call on case {case.number} {what}." for what in wrong]
    if case.status in DECIDED and not decided:
        texts.append(f"Case {case.number} is {case.status}, but no decision is recorded.")
    return [Problem(ProblemKind.CALL, text, case.id) for text in texts]


def _source(case: Case, source: Source) -> list[Problem]:
    name = f"The image of case {case.number}"
    try:
        if not case.content_hash:  # nobody could read it so far
            stamp_of(source)
            read_raster(source)
        elif source.content_hash() != case.content_hash:
            return [Problem(ProblemKind.SOURCE_CHANGED, f"{name} has changed since it was added.", case.id)]
    except FileNotFoundError:
        where = "is not where it used to be"
        if source.is_series:
            where = f"is incomplete: {len(source.missing())} of its {len(source.files)} files are missing"
        return [Problem(ProblemKind.SOURCE_MISSING, f"{name} {where}.", case.id)]
    except (OSError, UserError):
        return [Problem(ProblemKind.SOURCE_UNREADABLE, f"{name} cannot be read.", case.id)]
    return []


def _left_over(folder: Path, known: set[str]) -> list[Problem]:
    """Mask files that no row names: a process was killed between the file and its row."""
    files = (path for path in sorted((folder / MASKS).rglob("*")) if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in files]
    return [
        Problem(ProblemKind.LEFT_OVER, f"The mask file {name} belongs to no case.", harmless=True)
        for name in names
        if name not in known
    ]
