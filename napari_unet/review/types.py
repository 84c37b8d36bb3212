"""What a review project is made of: plain values that the store hands out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from napari_unet.core.source import Source


class Status(StrEnum):
    """Where a case stands."""

    NEW = "new"
    IN_PROGRESS = "in progress"
    ACCEPTED = "accepted"
    CORRECTED = "corrected"
    REJECTED = "rejected"
    SECOND_LOOK = "needs second look"


DECIDED = frozenset({Status.ACCEPTED, Status.CORRECTED, Status.REJECTED})
"""A case with one of these is done with, until somebody takes the decision back."""

USABLE = frozenset({Status.ACCEPTED, Status.CORRECTED})
"""Cases whose masks are exported and trained on."""


class Reason(StrEnum):
    """Why a case was rejected."""

    NOT_FRONTAL = "not frontal"
    CUT_OFF = "cut off"
    ROTATED = "rotated"
    POOR_QUALITY = "poor quality"
    NOT_A_CHEST = "not a chest"
    DUPLICATE = "duplicate"


class FileState(StrEnum):
    """What is known about a case's image file, or about all files of a series."""

    UNCHECKED = "not checked yet"
    PRESENT = "present"
    MISSING = "missing"
    CHANGED = "changed"
    UNREADABLE = "unreadable"


SET_ASIDE = frozenset({FileState.MISSING, FileState.CHANGED, FileState.UNREADABLE})
"""A case with one of these is not worked on until somebody decides about its file."""


class Order(StrEnum):
    """How a queue is sorted."""

    ID = "case number"
    CHECKS = "anatomy checks"
    UNCERTAINTY = "uncertainty"
    SURE = "surest first"
    RANDOM = "random"
    INFORMATIVE = "most useful for training"


class AuthorKind(StrEnum):
    """Who makes masks."""

    MODEL = "model"
    PERSON = "person"
    FILE = "file"


@dataclass(frozen=True)
class Author:
    """Who made a mask: a person by name, a model by name and version, or a file that was there before."""

    kind: AuthorKind
    name: str
    version: str = ""


@dataclass(frozen=True)
class Revision:
    """One mask of a case; it never changes.

    number : 1 for the first of its case. file : path within the project's folder. sha256 : of that file.
    dice, hd95 : against the parent; hd95 in mm, or in pixels if the spacing is not known; None for a first
    mask; nan rules as in core.metrics. changed_mm2 : area (mm²) that differs from the parent, None without
    spacing; changed_pixels likewise. note : where it came from, in words ("strokes", "restored", ...).
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


@dataclass(frozen=True)
class Measurement:
    """A line that was measured in an image.

    kind : "distance", "heart" or "chest" (the two lines of the cardiothoracic ratio). points : two
    (row, column) positions in pixels of the image. slice : of a stack, else None. length : in mm, or in
    pixels if `in_mm` is False.
    """

    kind: str
    points: tuple[tuple[float, float], tuple[float, float]]
    length: float
    in_mm: bool
    slice: int | None = None


class CallKind(StrEnum):
    """What a call states."""

    DECISION = "decision"
    MEASURE = "measure"
    FINDING = "finding"


@dataclass(frozen=True)
class Call:
    """What a reader or a model states about a case; never changed, see review.calls.

    number : order of stating. author : a person or a model. revision : id of the mask that it is about, None
    if of none. value : of a decision its status, reason and what was before; of a measure its lines; of a
    finding the finding, its score and the model's output; None says nothing. takes_back : number of the call
    that holds no longer.
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
class Case:
    """One image of a project as it stands now. Where it lies is told by `ReviewProject.source` alone.

    id : salted hash, stable. number : 1, 2, ... in the order of adding, for people. patient : salted hash, ""
    if unknown (then the case counts as a patient of its own). placeholder : it is unknown, as a text such as
    ANONYMOUS stands in the patient's place. split : from the manifest, or "". shape and spacing_mm as in
    Raster, None until the file was read. priority : the higher, the earlier in the queue; why : the reason,
    in words. checks : codes of the anatomy checks that the current mask fails, and of the input gate; None
    if not checked. uncertainty : mean along the mask's border, 0..1, None if no model has seen it. revision :
    id of the current mask. changed, changed_by : when and by whom it was made, where a person made it;
    decided is the decision's own time. active_seconds : of work with the case open. lease : who has it open,
    "" if nobody. content_hash : of all its files (core.source), "" until hashed.
    """

    id: str
    number: int
    status: Status
    reason: Reason | None
    patient: str
    view: str
    modality: str
    split: str
    shape: tuple[int, ...] | None
    spacing_mm: tuple[float, ...] | None
    row_direction: str | None
    file_state: FileState
    content_hash: str
    reviewer: str
    note: str
    priority: float
    why: str
    checks: tuple[str, ...] | None
    uncertainty: float | None
    revision: str | None
    added: datetime
    decided: datetime | None
    active_seconds: float
    lease: str
    measurements: tuple[Measurement, ...] = ()
    placeholder: bool = False
    changed: datetime | None = None
    changed_by: str = ""


@dataclass(frozen=True)
class NewCase:
    """An image to be added. patient : as the manifest names it (hashed by the store), "" if unknown."""

    source: Source | Path | str
    patient: str = ""
    view: str = ""
    split: str = ""


@dataclass(frozen=True)
class FileFacts:
    """What reading a case's file told; see Case. patient : PatientID as it stands in the file, or "".

    look : core.leaks.look_of the image, hexadecimal, "" where nobody looked. header : codes of what its
    header says that a model does not expect (core.header_facts); None where nobody looked.
    """

    state: FileState
    content_hash: str = ""
    patient: str = ""
    view: str = ""
    modality: str = ""
    shape: tuple[int, ...] | None = None
    spacing_mm: tuple[float, ...] | None = None
    row_direction: str | None = None
    look: str = ""
    header: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Event:
    """One line of the audit trail; never changed, never removed.

    number : order of happening; `time` may jump with the clock, `number` does not.
    """

    number: int
    time: datetime
    case: str | None
    who: str
    kind: str
    details: dict[str, Any]
