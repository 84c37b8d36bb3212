"""The numbers of the one-page summary, from the rows of the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import mean, median

from napari_unet.review.reporting.lines import CaseLine
from napari_unet.review.types import DECIDED, USABLE, Reason, Status


@dataclass(frozen=True)
class Timing:
    """Active work on a group of decided cases, in minutes."""

    name: str
    cases: int
    median: float
    mean: float


@dataclass(frozen=True)
class FirstMasks:
    """How good the masks were that models or files gave, over accepted and corrected cases that had one.

    dice, hd95_mm, hd95_px, changed_mm2 : medians over the corrected ones that have such a number, the area
    without stacks; None where none has.
    """

    judged: int
    unchanged: int
    dice: float | None
    hd95_mm: float | None
    hd95_px: float | None
    changed_mm2: float | None


@dataclass(frozen=True)
class Summary:
    """All that the page says. minutes : of active work on all cases. by_... : timing of decided cases."""

    counts: dict[Status, int]
    patients: int
    patient_unknown: int
    minutes: float
    by_status: tuple[Timing, ...]
    by_reviewer: tuple[Timing, ...]
    reasons: tuple[tuple[Reason, int], ...]
    first_masks: FirstMasks
    first: str
    last: str

    @property
    def total(self) -> int:
        """All cases."""
        return sum(self.counts.values())

    @property
    def decided(self) -> int:
        """Cases that are done with."""
        return sum(self.counts[status] for status in DECIDED)


def summarise(lines: Sequence[CaseLine]) -> Summary:
    """The summary of all cases of a project."""
    decided = [line for line in lines if line.status in DECIDED]
    days = sorted(line.decided[:10] for line in decided if line.decided)
    counts = Counter(line.status for line in lines)
    reviewers = sorted({line.reviewer for line in decided if line.reviewer})
    timings = [_timing(name, (x for x in decided if x.reviewer == name)) for name in reviewers]
    reasons = Counter(line.reason for line in decided if line.reason is not None)
    return Summary(
        counts={status: counts[status] for status in Status},
        patients=len({line.patient for line in lines if line.patient}),
        patient_unknown=sum(not line.patient for line in lines),
        minutes=sum(line.minutes for line in lines),
        by_status=tuple(
            _timing(status.value, group)
            for status in (Status.ACCEPTED, Status.CORRECTED, Status.REJECTED)
            if (group := [line for line in decided if line.status == status])
        ),
        by_reviewer=tuple(sorted(timings, key=lambda timing: -timing.cases)),
        reasons=tuple(reasons.most_common()),
        first_masks=_first_masks([x for x in decided if x.status in USABLE and x.first_mask]),
        first=days[0] if days else "",
        last=days[-1] if days else "",
    )


def _timing(name: str, lines: Iterable[CaseLine]) -> Timing:
    minutes = [line.minutes for line in lines]
    return Timing(name, len(minutes), median(minutes), mean(minutes))


def _first_masks(lines: list[CaseLine]) -> FirstMasks:
    corrected = [line for line in lines if line.status == Status.CORRECTED]
    return FirstMasks(
        judged=len(lines),
        unchanged=len(lines) - len(corrected),
        dice=_median(line.dice for line in corrected),
        hd95_mm=_median(line.hd95 for line in corrected if line.hd95_unit == "mm"),
        hd95_px=_median(line.hd95 for line in corrected if line.hd95_unit == "px"),
        changed_mm2=_median(line.changed_mm2 for line in corrected if line.slices == 1),
    )


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
