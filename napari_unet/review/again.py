"""Some decided cases once more, as if nobody had seen them: how well does a reader agree with themselves?"""

from __future__ import annotations

import random
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from math import nan
from pathlib import Path

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone
from napari_unet.core.labels import lung
from napari_unet.core.metrics import dice
from napari_unet.core.second_reading import Agreement, agreement
from napari_unet.core.wording import counted
from napari_unet.review.scan import ScanDone, scan_steps
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import DECIDED, SET_ASIDE, USABLE, Case, NewCase

SHARE = 0.05
_LIMITS = 1.96  # standard deviations


def again_steps(
    project: ReviewProject, folder: Path, by: str, share: float = SHARE, seed: int = 0
) -> Generator[ScanDone | CaseDone, None, int]:
    """Makes a review project in `folder` of a share of the decided cases; returns how many these are.

    They are drawn at random and come in random order, each with its first mask as it was. No decision, note,
    line, call or score comes with them, and the project that they are from stays as it is. Raises UserError
    if no case is decided, or if there is something in `folder`.
    """
    decided = [
        case for case in project.cases() if case.status in DECIDED and case.file_state not in SET_ASIDE
    ]
    if not decided:
        raise UserError("No case of the project is decided yet.", "Decide some cases first.")
    drawn = random.Random(seed).sample(decided, max(1, round(share * len(decided))))
    with ReviewProject.create(folder, project.protocol, project.labels) as made:
        new = [NewCase(project.source(case.id), case.patient, case.view, case.split) for case in drawn]
        ids = [id for id, _ in made.add(new, by)]
        yield from scan_steps(made, ids, by=by)
        for done, (case, id) in enumerate(zip(drawn, ids, strict=True), start=1):
            first = project.first_mask(case.id)
            if first is not None:
                mask = project.read_mask(first.id)
                made.add_revision(id, mask, first.author, first.note, sides=first.sides)
            yield CaseDone(str(done), done, len(ids))
    return len(ids)


@dataclass(frozen=True)
class Repeated:
    """What two readings of the same cases have in common.

    readers : who decided first, and again; the same name twice says how a reader agrees with themselves.
    n : cases that both have decided. masks : of how many both masks could be compared. dice : mean and
    lowest. bias, low, high : by how much the area (or volume) is larger the second time, in percent of the
    mean of both: the mean difference, and 95 % limits of agreement (Bland and Altman 1986). kept : agreement
    on whether the case is kept or rejected. findings : of the first calls, by finding.
    """

    readers: tuple[str, str]
    n: int
    masks: int
    dice: tuple[float, float]
    bias: float
    low: float
    high: float
    kept: Agreement
    findings: dict[str, Agreement] = field(default_factory=dict)


def repeated(project: ReviewProject, again: ReviewProject) -> list[Repeated]:
    """By who decided first and again. Cases are the same if their images are, byte by byte.

    Raises UserError if no case is decided in both projects.
    """
    pairs = list(_both_decided(project, again))
    if not pairs:
        raise UserError(
            "No case is decided in both projects.",
            "Review the second one first: napari-unet-lung review open.",
        )
    by_readers: dict[tuple[str, str], list[tuple[Case, Case]]] = {}
    for first, second in pairs:
        by_readers.setdefault((first.reviewer, second.reviewer), []).append((first, second))
    calls = [_first_calls(one) for one in (project, again)]
    return [_repeated(project, again, readers, found, calls) for readers, found in by_readers.items()]


def sentence(one: Repeated) -> str:
    """For people, without the findings."""
    first, second = one.readers
    who = f"{first} and {first} again" if first == second else f"{first}, then {second}"
    same = (
        f"{who}: {counted(one.n, 'case')} decided twice; kappa of kept or rejected {_number(one.kept.kappa)}"
    )
    if not one.masks:
        return f"{same}; no two masks to compare."
    return (
        f"{same}; {counted(one.masks, 'pair')} of masks: Dice {one.dice[0]:.3f}, lowest {one.dice[1]:.3f}; "
        f"the area differs by {one.bias:+.1f} % (95 % limits {one.low:+.1f} to {one.high:+.1f} %)."
    )


def _both_decided(project: ReviewProject, again: ReviewProject) -> Iterator[tuple[Case, Case]]:
    first = {case.content_hash: case for case in project.cases() if case.status in DECIDED}
    for second in again.cases():
        if second.status in DECIDED and second.content_hash in first and second.content_hash:
            yield first[second.content_hash], second


def _repeated(
    project: ReviewProject,
    again: ReviewProject,
    readers: tuple[str, str],
    pairs: list[tuple[Case, Case]],
    calls: list[dict[tuple[str, str], dict[str, bool]]],
) -> Repeated:
    overlaps, differences = [], []
    for first, second in pairs:
        with suppress(UserError):  # a mask that cannot be read: it is not among those compared
            if first.status in USABLE and second.status in USABLE and first.revision and second.revision:
                masks = lung(project.read_mask(first.revision)), lung(again.read_mask(second.revision))
                overlaps.append(dice(*masks))
                areas = [float(np.count_nonzero(mask)) for mask in masks]
                differences.append(200 * (areas[1] - areas[0]) / (sum(areas) or nan))
    spread = float(np.std(differences, ddof=1)) if len(differences) > 1 else nan
    bias = float(np.mean(differences)) if differences else nan
    said = {finding for of_one in calls for found in of_one.values() for finding in found}
    return Repeated(
        readers,
        len(pairs),
        len(overlaps),
        (float(np.mean(overlaps)), float(np.min(overlaps))) if overlaps else (nan, nan),
        bias,
        bias - _LIMITS * spread,
        bias + _LIMITS * spread,
        agreement(
            [first.status in USABLE for first, _ in pairs], [second.status in USABLE for _, second in pairs]
        ),
        {finding: _on_finding(finding, readers, pairs, calls) for finding in sorted(said)},
    )


def _on_finding(
    finding: str,
    readers: tuple[str, str],
    pairs: list[tuple[Case, Case]],
    calls: list[dict[tuple[str, str], dict[str, bool]]],
) -> Agreement:
    both = [
        [
            said.get((case.id, reader), {}).get(finding)
            for said, case, reader in zip(calls, pair, readers, strict=True)
        ]
        for pair in pairs
    ]
    sides = [(first, second) for first, second in both if first is not None and second is not None]
    return agreement([first for first, _ in sides], [second for _, second in sides])


def _first_calls(project: ReviewProject) -> dict[tuple[str, str], dict[str, bool]]:
    """By case and reader, and then by finding, what a blind first call says; "cannot tell" says nothing."""
    found: dict[tuple[str, str], dict[str, bool]] = {}
    for one in project.readings():
        if one.blind and one.first.present is not None:
            found.setdefault((one.case, one.reader), {})[one.finding] = one.first.present
    return found


def _number(value: float) -> str:
    return "–" if value != value else f"{value:.2f}"
