"""EvidenceSheet: the evidence on one output at one place as a table: a row per case and label."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from napari_unet.core.evidence import CaseScore, Evidence


class SheetRow(NamedTuple):
    """A case by one label: its score by each column's metric, None where there is none."""

    case: str
    label: str
    scores: tuple[CaseScore | None, ...]


@dataclass(frozen=True)
class EvidenceSheet:
    """Rows are labels of cases, "" first; columns are metrics. evidence : of one place and output."""

    evidence: tuple[Evidence, ...]

    @property
    def place(self) -> str:
        """As in Evidence."""
        return self.evidence[0].place

    @property
    def output(self) -> str:
        """Its id."""
        return self.evidence[0].output

    @property
    def columns(self) -> tuple[Evidence, ...]:
        """One piece of each metric, for its name and unit."""
        return tuple({one.metric: one for one in reversed(self.evidence)}.values())[::-1]

    @property
    def labels(self) -> tuple[str, ...]:
        """What has rows of its own; "" is the whole output."""
        return tuple(dict.fromkeys(one.label for one in self.evidence))

    @property
    def main(self) -> Evidence:
        """The piece that cases are ordered by: the first one."""
        return self.evidence[0]

    def pieces(self, label: str) -> tuple[Evidence | None, ...]:
        """By each column's metric."""
        found = {one.metric: one for one in self.evidence if one.label == label}
        return tuple(found.get(column.metric) for column in self.columns)

    def rows(self, worst_first: bool = False) -> Iterator[SheetRow]:
        """Of each case one for each label. worst_first : what lost most first, without an answer last."""
        cases = self.main.cases
        if worst_first:
            cases = tuple(sorted(cases, key=lambda case: _or_last(self.main.gain_of(case))))
        scores = {(one.label, one.metric): {case.id: case for case in one.cases} for one in self.evidence}
        for case in cases:
            for label in self.labels:
                found = (scores.get((label, column.metric), {}).get(case.id) for column in self.columns)
                yield SheetRow(case.id, label, tuple(found))


def sheets(evidence: Iterable[Evidence]) -> list[EvidenceSheet]:
    """One for each place and output, in the order of the evidence."""
    found: dict[tuple[str, str], list[Evidence]] = {}
    for one in evidence:
        found.setdefault((one.place, one.output), []).append(one)
    return [EvidenceSheet(tuple(of_one)) for of_one in found.values()]


def _or_last(gain: float) -> float:
    return float("inf") if gain != gain else gain
