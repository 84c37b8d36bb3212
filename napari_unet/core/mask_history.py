"""How a mask came about: what made it, whether a person changed it, and whether anybody accepted it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

UNREVIEWED = "UNREVIEWED"
"""What the descriptions of a mask that nobody accepted begin with."""


class Made(StrEnum):
    """What made a mask, as DICOM's SegmentAlgorithmType says it."""

    AUTOMATIC = "AUTOMATIC"
    SEMIAUTOMATIC = "SEMIAUTOMATIC"
    MANUAL = "MANUAL"


@dataclass(frozen=True)
class MaskHistory:
    """The history of one mask.

    Parameters
    ----------
    made : Made
        By a model alone, by a model (or a file) and then a person, or by hand from nothing.
    model, version : str
        The model that it began with. "" if it did not begin with one.
    from_file : bool
        Whether it began with a file that existed before: nobody knows what made that.
    accepted : bool
        Whether a person accepted it.
    reader : str
        Who accepted it. "" if nobody did, or if the name is not known.
    part : str
        Which part of a volume the model was asked about, where it was stopped: "40 of 140 slices". Else "".

    Raises
    ------
    ValueError
        If a mask that nobody accepted names a reader.
    """

    made: Made
    model: str = ""
    version: str = ""
    from_file: bool = False
    accepted: bool = False
    reader: str = ""
    part: str = ""

    def __post_init__(self) -> None:
        if self.reader and not self.accepted:
            raise ValueError("a mask that nobody accepted names no reader")

    @property
    def begun_with(self) -> str:
        """What it began with, in words: "cxr-lung 1"; "" if it was drawn from nothing."""
        if self.from_file:
            return "a mask from a file"
        return f"{self.model} {self.version}".strip()

    def in_words(self) -> str:
        """Return the history as one phrase: "UNREVIEWED: made by cxr-lung 1"."""
        made = f"made by {self.begun_with}"
        if self.made is Made.MANUAL:
            made = "drawn by hand"
        elif self.made is Made.SEMIAUTOMATIC:
            made = self.begun_with if self.from_file else f"{made} and corrected by hand"
        if self.accepted:
            return f"accepted by a reader: {made}"
        return f"{UNREVIEWED}{', ' if self.part else ''}{self.part}: {made}"
