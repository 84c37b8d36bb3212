"""Cases in their current state, and who works on them: plain values that the store returns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from napari_unet.core.source import Source


class Status(StrEnum):
    """Status of a case."""

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
    """What makes masks."""

    MODEL = "model"
    PERSON = "person"
    FILE = "file"


@dataclass(frozen=True)
class Author:
    """Who made a mask.

    Parameters
    ----------
    kind : AuthorKind
        A person, a model, or a file that existed before.
    name : str
        Name of the person or of the model.
    version : str
        Version of the model.
    """

    kind: AuthorKind
    name: str
    version: str = ""


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


@dataclass(frozen=True)
class Case:
    """One image of a project in its current state. `ReviewProject.source` returns where the image is.

    Parameters
    ----------
    id : str
        Salted hash; never changes.
    number : int
        1, 2, ... in the order of adding, for people.
    status : Status
        New, in progress, accepted, corrected, rejected, or needs second look.
    reason : Reason, optional
        Why it was rejected.
    patient : str
        Salted hash. "" if unknown; the case then counts as a separate patient.
    view, modality : str
        As in `Raster`.
    split : str
        From the manifest, or "".
    shape, spacing_mm, row_direction
        As in `Raster`; None until the file was read.
    file_state : FileState
        Whether the image is present, missing, changed or unreadable.
    content_hash : str
        Of all its files (`Source.content_hash`). "" until computed.
    reviewer : str
        Who decided.
    note : str
        Note on the case.
    priority, why
        Position in the queue (higher comes earlier), and the reason in words.
    checks : tuple of str, optional
        Codes of the anatomy checks that the current mask fails, and of the input checks. None if not checked.
    uncertainty : float, optional
        Mean uncertainty along the mask's border, 0 to 1. None if no model has seen the image.
    revision : str, optional
        Id of the current mask.
    added : datetime
        When it was added (UTC).
    decided : datetime, optional
        When it was decided.
    active_seconds : float
        Work with the case open.
    lease : str
        Who has it open; "" if nobody.
    measurements : tuple of Measurement
        Lines measured in the image.
    placeholder : bool
        Whether the patient is unknown because a text such as ANONYMOUS was in its place.
    changed, changed_by
        When and by whom the current mask was made, if a person made it.
    marked, marked_in
        Slices of a volume, from 0, whose mask a person has marked as right, and the mask (id) that it was.
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
    marked: tuple[int, ...] = ()
    marked_in: str | None = None

    @property
    def is_volume(self) -> bool:
        """Whether it has slices, as far as that is known."""
        return self.shape is not None and len(self.shape) == 3


@dataclass(frozen=True)
class NewCase:
    """An image to add to a project.

    Parameters
    ----------
    source : Source, Path or str
        Where it is.
    patient : str
        As in the manifest; the store hashes it. "" if unknown.
    view, split : str
        As in the manifest, or "".
    """

    source: Source | Path | str
    patient: str = ""
    view: str = ""
    split: str = ""


@dataclass(frozen=True)
class FileFacts:
    """What reading a case's file gave; see Case. patient : PatientID as it is in the file, or "".

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
