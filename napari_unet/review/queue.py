"""Which case comes next, and why."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from napari_unet.core.checks import UNLIKE
from napari_unet.core.uncertainty import uncertain_places
from napari_unet.review.types import DECIDED, Case, FileState, Order
from napari_unet.review.useful import NOT_LOOKED_AT, uncertainty_words

__all__ = ["order_cases", "priorities", "reasons", "uncertain_places"]

# The codes of core.checks and of the input check, the worst first, with what the queue says.
_REASONS = {
    "unlike": "The mask does not look like normal lungs",
    "situs": "Heart and liver on the opposite side: situs inversus or wrong header",
    "labels": "Labels that do not fit",
    "no-lung": "No lung is marked",
    "empty": "Nothing is marked",
    "missing-lung": "One lung is missing",
    "ratio": "One lung is much smaller than the other",
    "air": "Air without tissue in the mask: trachea or bowel?",
    "gap": "Slices within the lungs with no lung marked",
    "border": "A lung touches the edge of the image",
    "cut-off": "The scan ends within the lungs",
    "extra-parts": "More parts than two lungs",
    "holes": "Holes in a lung",
    "area": "Unlikely area for an adult",
    "volume": "Unlikely volume for an adult",
    "child": "The header says under 18: the model is for adults",
    "lying": "The header says that the patient was lying down",
    "view": "The header says another view",
    "inverted": "Bones are dark in the image",
}
_ASIDE = {
    FileState.MISSING: "The image file is missing",
    FileState.CHANGED: "The image file has changed: decide what counts",
    FileState.UNREADABLE: "The image file cannot be read",
}

_SHAPE = frozenset({"no-lung", "missing-lung", "ratio", "border", "extra-parts"})  # what makes a mask unlike
SHAPE_PASSED = "Shape checks passed"
SHAPE_TIP = (
    "The checks look at the shape of the mask only. They miss errors, and say nothing about disease: "
    "look at the mask."
)
_DONE = -2.0, "Decided"


def priorities(cases: Iterable[Case], order: Order, seed: int = 0) -> dict[str, tuple[float, str]]:
    """Case id to (priority, why it is there in words); the higher, the earlier.

    A case whose file is missing, changed or unreadable comes last, whatever the order. Order.INFORMATIVE goes
    by what `useful_first` found when the queue was sorted last. It and Order.SURE are for teaching a model:
    they put decided cases behind the others.
    seed : of Order.RANDOM; the cases keep their places among each other when others are added.
    """
    return {case.id: _priority(case, order, seed) for case in cases}


def order_cases(cases: Iterable[Case], order: Order, seed: int = 0) -> list[str]:
    """Ids of the cases as they come in the queue; among equals the lower number comes first."""
    known = list(cases)
    ranks = priorities(known, order, seed)
    return [case.id for case in sorted(known, key=lambda case: (-ranks[case.id][0], case.number))]


def reasons(checks: Sequence[str]) -> list[str]:
    """What the codes in `Case.checks` mean, the worst first; codes that are not known as they are."""
    known = [text for code, text in _REASONS.items() if code in checks]
    if UNLIKE in checks and not _SHAPE.intersection(checks):  # nothing says what is unusual
        known[0] += ": perhaps not a chest, or not a frontal view"
    return known + [code for code in checks if code not in _REASONS]


def _priority(case: Case, order: Order, seed: int) -> tuple[float, str]:
    if case.file_state in _ASIDE:
        return -10.0, _ASIDE[case.file_state]
    match order:
        case Order.CHECKS:
            return _by_checks(case)
        case Order.UNCERTAINTY:
            return _by_uncertainty(case)
        case Order.SURE:
            return _DONE if case.status in DECIDED else _by_certainty(case)
        case Order.RANDOM:
            digest = hashlib.sha256(f"{seed}:{case.id}".encode()).digest()
            return int.from_bytes(digest[:6], "big") / 2**48, "Random order"
        case Order.INFORMATIVE:
            return _DONE if case.status in DECIDED else _by_use(case)
        case Order.ID:
            return 0.0, ""


def _by_checks(case: Case) -> tuple[float, str]:
    """The worst check result decides, then how many there are, then the model's uncertainty."""
    if case.checks is None:
        return -1.0, "Not checked yet: no mask"
    uncertainty = 0.1 * (case.uncertainty or 0.0)
    if not case.checks:
        return uncertainty, SHAPE_PASSED
    ranks = {code: len(_REASONS) - place for place, code in enumerate(_REASONS)}
    worst = max(ranks.get(code, 0) for code in case.checks)
    several = 0.5 * min(len(case.checks), len(_REASONS)) / len(_REASONS)
    return 1.0 + worst + several + uncertainty, "; ".join(reasons(case.checks))


def _by_uncertainty(case: Case) -> tuple[float, str]:
    if case.uncertainty is None:
        return -1.0, NOT_LOOKED_AT
    return case.uncertainty, uncertainty_words(case.uncertainty)


def _by_certainty(case: Case) -> tuple[float, str]:
    uncertainty, why = _by_uncertainty(case)
    return (uncertainty, why) if uncertainty < 0 else (1 - uncertainty, why)


def _by_use(case: Case) -> tuple[float, str]:
    return (case.priority, case.why) if case.why else (-1.0, NOT_LOOKED_AT)
