"""The order "most useful for training", and the reasons that it gives."""

from __future__ import annotations

import numpy as np
from test_case_order import case

from napari_unet.review.features import Features
from napari_unet.review.queue import order_cases, priorities
from napari_unet.review.types import Order, Status
from napari_unet.review.useful import useful_first


def features(model: str = "a", **degrees: float) -> dict[str, Features]:
    return {
        id_: Features(np.float32([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))]), model, "1")
        for id_, angle in degrees.items()
    }


def ranked(cases, found) -> tuple[list[int], dict[str, str]]:
    from dataclasses import replace

    ranks = useful_first(cases, found)
    now = [
        replace(one, priority=ranks[one.id][0], why=ranks[one.id][1]) if one.id in ranks else one
        for one in cases
    ]
    why = {id_: text for id_, (_, text) in priorities(now, Order.INFORMATIVE).items()}
    return [int(id_[1:]) for id_ in order_cases(now, Order.INFORMATIVE)], why


def test_unsure_and_unlike_what_is_corrected_comes_first() -> None:
    cases = [
        case(1, status=Status.CORRECTED, uncertainty=0.9),
        case(2, uncertainty=0.4),
        case(3, uncertainty=0.4),
        case(4, uncertainty=0.1),
        case(5),
        case(6, uncertainty=0.9, checks=("unlike",)),
        case(7, status=Status.REJECTED, uncertainty=0.9),
    ]
    order, why = ranked(cases, features(c1=0, c2=2, c3=80, c4=84, c6=90, c7=45))
    assert order == [3, 2, 4, 5, 6, 1, 7]
    assert why["c3"] == "Unlike the cases before it; model is unsure along 40 % of the border"
    assert why["c4"] == "Very like case 3; model is unsure along 10 % of the border"
    assert why["c2"].startswith("Very like case 1;")
    assert why["c5"] == "No model has seen it yet"
    assert "does not look like normal lungs" in why["c6"] and why["c1"] == why["c7"] == "Decided"


def test_to_begin_with_the_model_s_uncertainty_decides() -> None:
    cases = [case(1, uncertainty=0.1), case(2, uncertainty=0.4), case(3, uncertainty=0.2)]
    order, why = ranked(cases, features(c1=0, c2=90, c3=180))
    assert order[0] == 2 and why["c2"].startswith("First to review;")


def test_features_of_different_models_are_not_compared() -> None:
    cases = [case(1, status=Status.ACCEPTED), case(2, uncertainty=0.1), case(3, uncertainty=0.3), case(4)]
    found = features("old", c1=0, c4=20) | features("new", c2=0, c3=0)
    order, why = ranked(cases, found)
    assert order == [3, 2, 4, 1]
    assert why["c3"].startswith("First to review;") and why["c4"] == "No model has seen it yet"


def test_nothing_is_known_before_the_queue_is_sorted() -> None:
    cases = [case(1, uncertainty=0.4), case(2)]
    assert order_cases(cases, Order.INFORMATIVE) == ["c1", "c2"]
    assert useful_first([], {}) == {}
