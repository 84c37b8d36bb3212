"""What the header of an image says of the patient, against what a model's card says it is for.

Age and position are read when an image is read, and never stored: at most the code is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from napari_unet.core.raster import RADIOGRAPHS

CHILD, LYING, VIEW = "child", "lying", "view"
"""Codes, which stand beside those of core.checks."""

SHORT = {CHILD: "Under 18", LYING: "Lying", VIEW: "Other view"}
"""For a table."""

_OF_AGE = 18
_ADULTS = re.compile(r"\badults?\b", re.IGNORECASE)
_ANY_AGE = re.compile(r"\b(child|children|infants|pa?ediatric|all ages|any age)\b", re.IGNORECASE)
_ANY_POSITION = re.compile(r"\b(lying|supine|bedside|portable|any position)\b", re.IGNORECASE)
_WITH_CARE = "check the mask with care."
_POSITIONS = {
    "supine": "lay on the back (supine)",
    "prone": "lay on the front (prone)",
    "decubitus": "lay on one side (decubitus)",
}


@dataclass(frozen=True)
class HeaderFact:
    """One thing that a header says and the model's card does not expect: a stable code and a sentence."""

    code: str
    text: str


def header_facts(
    use: str,
    views: Sequence[str] = (),
    modalities: Sequence[str] = (),
    *,
    age_years: float | None = None,
    position: str = "",
    view: str = "",
    modality: str = "",
) -> tuple[HeaderFact, ...]:
    """What should be reported before the model makes a mask; () if all is as its card expects, or unknown.

    use, views, modalities : of the card ("chest X-rays of adults"). The rest: as in Raster. Position counts
    for X-rays only: in a CT the patient always lies.
    """
    found = []
    if age_years is not None and age_years < _OF_AGE and _ADULTS.search(use) and not _ANY_AGE.search(use):
        text = f"The header says that the patient is under 18; the model is for adults: {_WITH_CARE}"
        found.append(HeaderFact(CHILD, text))
    is_radiograph = modality in RADIOGRAPHS or (not modality and bool(set(RADIOGRAPHS) & set(modalities)))
    if position in _POSITIONS and is_radiograph and not _ANY_POSITION.search(use):
        text = f"The header says that the patient {_POSITIONS[position]}; the model's card does not name that"
        found.append(HeaderFact(LYING, f"{text}: {_WITH_CARE}"))
    if view and views and view not in views:
        text = f"The header says {view} view; the model is for {' and '.join(views)} views."
        found.append(HeaderFact(VIEW, text))
    return tuple(found)
