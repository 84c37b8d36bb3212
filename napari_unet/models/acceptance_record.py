"""The acceptance test on a card as earlier versions wrote it: two sides, each case with Dice and HD95."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from napari_unet.core.evidence_metrics import DICE, HD95

_SIDES = ("new_site", "old_domain")
_PARTS = ((DICE, "dice"), (HD95, "hd95"))


def as_evidence(record: Mapping[str, Any], output: str) -> dict[str, Any]:
    """A `gate` of a card of any version, from JSON, in today's form.

    output : the id of the card's only output, which both sides were about. `leaks` was always empty.
    """
    if "evidence" in record:
        return dict(record)
    evidence = [
        {
            "place": side["name"],
            "output": output,
            "metric": metric.name,
            "up_is_better": metric.up_is_better,
            "unit": metric.unit and side.get("unit", metric.unit),
            "cases": [
                {"id": case["id"], "old": case[f"old_{part}"], "new": case[f"new_{part}"]}
                | {"group": case.get("group", "")}
                for case in side["cases"]
            ],
        }
        for side in (record.get(name) for name in _SIDES)
        if side is not None
        for metric, part in _PARTS
    ]
    return {"parent": record["parent"], "child": record["child"], "evidence": evidence}


def with_sides(record: Mapping[str, Any]) -> dict[str, Any]:
    """The same JSON with the two sides beside the evidence, for programs that read those.

    The first place and the one after it, of the output that the first piece is about, as a whole. A side
    without evidence of masks is null.
    """
    places = list(dict.fromkeys(one["place"] for one in record["evidence"]))
    return dict(record) | {
        name: _side(record, places[k]) if k < len(places) else None for k, name in enumerate(_SIDES)
    }


def _side(record: Mapping[str, Any], place: str) -> dict[str, Any] | None:
    output = record["evidence"][0]["output"]
    here = [one for one in record["evidence"] if (one["place"], one["output"]) == (place, output)]
    found = {one["metric"]: one for one in here if not one["label"]}
    if any(metric.name not in found for metric, _ in _PARTS):
        return None
    dice, hd95 = (found[metric.name] for metric, _ in _PARTS)
    cases = [
        {"id": one["id"], "old_dice": one["old"], "new_dice": one["new"]}
        | {"old_hd95": two["old"], "new_hd95": two["new"], "group": one["group"]}
        for one, two in zip(dice["cases"], hd95["cases"], strict=True)
    ]
    return {"name": place, "cases": cases, "unit": hd95["unit"]}
