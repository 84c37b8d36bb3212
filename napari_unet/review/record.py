"""What is recorded of a case and never changes: masks, calls and events, as the store returns them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from napari_unet.review.types import Author


@dataclass(frozen=True)
class Revision:
    """The record of one mask of a case. It never changes.

    Parameters
    ----------
    id, case : str
        Id of the mask and of its case.
    number : int
        1 for the first mask of its case.
    file : str
        Path within the project's folder.
    author : Author
        Who made it.
    parent : str, optional
        Id of the mask that it was made from.
    time : datetime
        When it was stored (UTC).
    sha256 : str
        Of the file.
    dice, hd95 : float, optional
        Agreement with the parent; hd95 in mm, or in pixels if the spacing is unknown. None for a first mask;
        nan as in `core.metrics`.
    changed_pixels, changed_mm2 : optional
        How much differs from the parent. The area is None without spacing.
    note : str
        Where it comes from, in words ("strokes", "restored", ...).
    sides : bool
        Of a mask of lungs: 1 is the right lung and 2 the left one, also where there is only one of them, and
        whatever else the project's masks hold. So in masks of a model that tells sides, and in what people
        made of them.
    """

    id: str
    case: str
    number: int
    file: str
    author: Author
    parent: str | None
    time: datetime
    sha256: str
    dice: float | None = None
    hd95: float | None = None
    changed_pixels: int | None = None
    changed_mm2: float | None = None
    note: str = ""
    sides: bool = False


class CallKind(StrEnum):
    """What a call states."""

    DECISION = "decision"
    MEASURE = "measure"
    SLICES = "slices"
    FINDING = "finding"
    FIRST = "first call"
    SEEN = "score seen"
    FINAL = "final call"
    REFERENCE = "reference"


@dataclass(frozen=True)
class Call:
    """What a reader or a model states about a case. It never changes; see `review.calls`.

    Parameters
    ----------
    number : int
        Order in which calls were stated.
    time : datetime
        When (UTC). `number` gives the order, even if the clock was changed.
    case : str
        Id of the case.
    kind : CallKind
        A decision, a measure, slices that are right, a model's score of a finding, or a part of second
        reading.
    author : Author
        A person or a model.
    revision : str, optional
        Id of the mask that it is about.
    value : dict, optional
        Of a decision: status, reason, and what was before. Of a measure: its lines. Of slices: their numbers
        from 0. Of a finding: the
        finding, its score and the model's output. Of a first or final call: confidence and zone by finding.
        Of a reference: the finding and whether it is there. None states nothing.
    takes_back : int, optional
        Number of the call that is no longer valid.
    """

    number: int
    time: datetime
    case: str
    kind: CallKind
    author: Author
    revision: str | None
    value: dict[str, Any] | None
    takes_back: int | None = None


@dataclass(frozen=True)
class Event:
    """One row of the audit trail. It is never changed or removed.

    Parameters
    ----------
    number : int
        Order of the events. `time` may jump with the clock; `number` does not.
    time : datetime
        When (UTC).
    case : str, optional
        Id of the case; None if it concerns the project.
    who : str
        Who did it.
    kind : str
        What was done.
    details : dict
        More about it.
    """

    number: int
    time: datetime
    case: str | None
    who: str
    kind: str
    details: dict[str, Any]
