"""What models have scored, for the table alone: no page, queue or picture shows a score."""

from __future__ import annotations

import re
from collections.abc import Sequence

from napari_unet.review.calls import standing
from napari_unet.review.record import Call, CallKind
from napari_unet.review.reporting.lines import cell


class ScoreTable:
    """Columns score_<finding>, with the model behind it where several have scored; none without scores."""

    def __init__(self, calls: Sequence[Call]) -> None:
        self._scores: dict[str, dict[str, float]] = {}  # by column, by case
        found = [call for call in standing(calls) if call.kind == CallKind.FINDING and _is_score(call)]
        several = len({_maker(call) for call in found}) > 1
        for call in found:
            assert call.value is not None  # it stands
            name = _plain(call.value["finding"]) + (f"_{_plain(_maker(call))}" if several else "")
            self._scores.setdefault(f"score_{name}", {})[call.case] = call.value["score"]

    @property
    def columns(self) -> tuple[str, ...]:
        """In the order in which they were first stated."""
        return tuple(self._scores)

    def cells(self, case: str) -> list[str]:
        """The scores of a case, 0..1; "" where there is none."""
        return [cell(scores.get(case)) for scores in self._scores.values()]


def _is_score(call: Call) -> bool:
    return "score" in (call.value or {})


def _maker(call: Call) -> str:
    return f"{call.author.name} {call.author.version}".strip()


def _plain(text: str) -> str:
    return re.sub(r"\W+", "_", text.casefold()).strip("_")
