"""The order "most useful for training": cases the model is unsure of, unlike those it has learnt from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from math import isnan

import numpy as np

from napari_unet.core.checks import UNLIKE
from napari_unet.core.core_set import Pick, most_useful
from napari_unet.review.features import Features
from napari_unet.review.types import DECIDED, USABLE, Case

NOT_LOOKED_AT = "No model has seen it yet"
_FAR, _NEAR = 1.0, 0.5  # in shares of the usual distance between two cases


def useful_first(cases: Iterable[Case], features: Mapping[str, Features]) -> dict[str, tuple[float, str]]:
    """Case id to (priority, why in words), of the cases that are not decided; the higher, the earlier.

    Cases are compared by the features of one model, the one that saw most of those that are not decided.
    Accepted and corrected cases count as learnt from. Where that model has not looked, nobody knows: these
    come after the others, and images that are perhaps no frontal chest X-rays after those.
    """
    known = list(cases)
    waiting = [case for case in known if case.status not in DECIDED]
    model = _model(waiting, features)
    comparable = {id_ for id_, found in features.items() if (found.model, found.version) == model}
    usual = [case for case in waiting if case.id in comparable and UNLIKE not in (case.checks or ())]
    learnt = [case for case in known if case.status in USABLE and case.id in comparable]
    ranks = {case.id: (-1.0, NOT_LOOKED_AT) for case in waiting}
    ranks |= {
        case.id: (-1.5, "The mask does not look like normal lungs: look before it is trained on")
        for case in waiting
        if UNLIKE in (case.checks or ())
    }
    if not usual:
        return ranks
    uncertainty = np.array([np.nan if case.uncertainty is None else case.uncertainty for case in usual])
    known_features = _stacked(learnt, features) if learnt else None
    picks = most_useful(_stacked(usual, features), uncertainty, known_features)
    order = [*usual, *learnt]
    for place, pick in enumerate(picks):
        case = usual[pick.index]
        ranks[case.id] = (1 - place / len(picks), f"{_likeness(pick, order)}; {_certainty(case.uncertainty)}")
    return ranks


def uncertainty_words(uncertainty: float) -> str:
    """How sure the model is, in words; uncertainty : share of the border, 0..1."""
    if uncertainty < 0.005:
        return "Model is sure along the whole border"
    return f"Model is unsure along {uncertainty:.0%} of the border".replace("%", " %")


def _likeness(pick: Pick, order: list[Case]) -> str:
    if isnan(pick.distance):
        return "First to review"
    if pick.distance >= _FAR:
        return "Unlike the cases before it"
    much = "Very" if pick.distance < _NEAR else "Somewhat"
    return f"{much} like case {order[pick.nearest].number}"


def _certainty(uncertainty: float | None) -> str:
    if uncertainty is None:
        return "the model's certainty is unknown"
    words = uncertainty_words(uncertainty)
    return words[0].lower() + words[1:]


def _model(waiting: list[Case], features: Mapping[str, Features]) -> tuple[str, str] | None:
    seen = Counter(
        (features[case.id].model, features[case.id].version) for case in waiting if case.id in features
    )
    return seen.most_common(1)[0][0] if seen else None


def _stacked(cases: list[Case], features: Mapping[str, Features]) -> np.ndarray:
    return np.stack([features[case.id].numbers for case in cases])
