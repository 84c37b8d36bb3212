"""Which cases of a project stay together in a split, and what can be said about it in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from napari_unet.core.errors import UserError
from napari_unet.core.groups import Grouping, group_cases
from napari_unet.core.leaks import Fingerprint, look_of
from napari_unet.core.wording import counted
from napari_unet.io.formats import read_raster
from napari_unet.review.exporting.splits import TEST, TRAIN, VAL, Member, Ratios, split_by_patient
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Case

_MOST = 0.5  # of all exported cases: a single group of so many leaves little for the other splits
_LISTED = 20


@dataclass(frozen=True)
class Together:
    """By case: splits, and groups (the patient, or a case that it goes with). lines, warnings : in words."""

    splits: dict[str, str]
    groups: dict[str, str]
    lines: tuple[str, ...]
    warnings: tuple[str, ...]


def split_cases(
    project: ReviewProject, cases: Sequence[Case], chosen: Sequence[Case], ratios: Ratios, seed: int
) -> Together:
    """Splits all `cases`, by number; patients, equal files and images that look the same stay together.

    chosen : those that are exported; how they look is found out now where nobody has looked yet.
    Raises UserError if the manifest has a patient, or one file under two names, in two splits.
    """
    _look_at(project, chosen)
    fingerprints = project.fingerprints()
    number = {case.id: case.number for case in cases}
    grouping = group_cases(fingerprints)
    notes: list[str] = []
    given = {case.id: case.split for case in cases}
    if torn := _torn(fingerprints, grouping, given):
        alike = [pair for pair in grouping.alike if grouping.groups[pair[0]] in torn]
        grouping = group_cases([Fingerprint(k.id, k.patient, k.content_hash) for k in fingerprints])
        _refuse_one_file_in_two(fingerprints, grouping, given, number)
        if alike:
            notes.append(
                "The manifest puts images that look the same into different splits: cases "
                f"{_pairs(alike, fingerprints, number)}."
            )
    groups = _names(fingerprints, grouping)
    members = [Member(case.id, case.patient, case.split, groups[case.id]) for case in cases]
    splits = split_by_patient(members, ratios, seed)
    exported = {case.id for case in chosen}
    return Together(
        splits,
        groups,
        tuple(_lines(chosen, fingerprints, grouping, number)),
        (*notes, *_warnings(chosen, splits, groups, ratios, exported)),
    )


def _look_at(project: ReviewProject, chosen: Sequence[Case]) -> None:
    unseen = {one.id for one in project.fingerprints() if one.phash is None}
    looks = {}
    for case in chosen:
        if case.id in unseen:
            with suppress(UserError, OSError):  # reported when the case itself is read
                looks[case.id] = f"{look_of(read_raster(project.source(case.id))):064x}"
    if looks:
        with suppress(UserError):  # one may export a project that cannot be written to
            project.put_looks(looks)


def _names(fingerprints: Sequence[Fingerprint], grouping: Grouping) -> dict[str, str]:
    """Of each case the name of its group: the first patient that is known in it, else its first case."""
    named: dict[int, str] = {}
    for case, group in zip(fingerprints, grouping.groups, strict=True):
        if case.patient:
            named.setdefault(group, case.patient)
    return {
        case.id: named.get(group, fingerprints[group].id)
        for case, group in zip(fingerprints, grouping.groups, strict=True)
    }


def _torn(fingerprints: Sequence[Fingerprint], grouping: Grouping, given: Mapping[str, str]) -> set[int]:
    """Groups whose cases a manifest puts into several splits."""
    splits: dict[int, set[str]] = {}
    for case, group in zip(fingerprints, grouping.groups, strict=True):
        splits.setdefault(group, set()).update({given[case.id]} - {""})
    return {group for group, names in splits.items() if len(names) > 1}


def _refuse_one_file_in_two(
    fingerprints: Sequence[Fingerprint],
    grouping: Grouping,
    given: Mapping[str, str],
    number: Mapping[str, int],
) -> None:
    """Raises UserError if a manifest has one file, under two names, in two splits."""
    torn = _torn(fingerprints, grouping, given)
    for pair in grouping.same_file:
        one, other = (fingerprints[k] for k in pair)
        if grouping.groups[pair[0]] in torn and (not one.patient or one.patient != other.patient):
            raise UserError(
                f"Cases {number[one.id]} and {number[other.id]} are the same file, and the manifest has it, "
                "or others of its patient, in two splits.",
                "Reject one of them as a duplicate, or correct the manifest and add the images again.",
            )


def _lines(
    chosen: Sequence[Case], fingerprints: Sequence[Fingerprint], grouping: Grouping, number: Mapping[str, int]
) -> Iterator[str]:
    """What is known about who the cases are of, and what was done where it is not."""
    with_patient = sum(bool(case.patient) for case in chosen)
    without, placeholders = len(chosen) - with_patient, sum(case.placeholder for case in chosen)
    if not without:
        yield f"The patient of every case is known ({_patients(chosen)}), and no patient is in two splits."
    elif with_patient:
        yield (
            f"Of {counted(with_patient, 'case')} the patient is known ({_patients(chosen)}), and none of "
            f"these patients is in two splits. Of {counted(without, 'case')} the patient is NOT known: each "
            "counts as a patient of its own, so two images of one of these people may be in different splits."
        )
    else:
        yield (
            f"The patient of NO case is known ({counted(without, 'case')}): each counts as a patient of its "
            "own, so two images of one person may be in different splits."
        )
    if placeholders:
        yield (
            f"In {counted(placeholders, 'case')} a placeholder such as ANONYMOUS stands in the place of the "
            "patient's ID; it is not a patient."
        )
    exported = {case.id for case in chosen}
    for pairs, how in (
        (grouping.same_file, "are the same file under two names"),
        (grouping.alike, "look the same"),
    ):
        both = [(a, b) for a, b in pairs if fingerprints[a].id in exported and fingerprints[b].id in exported]
        if both:
            yield (
                f"{counted(len(both), 'pair')} of cases {how} and are kept in one split: cases "
                f"{_pairs(both, fingerprints, number)}."
            )


def _warnings(
    chosen: Sequence[Case],
    splits: Mapping[str, str],
    groups: Mapping[str, str],
    ratios: Ratios,
    exported: set[str],
) -> Iterator[str]:
    sizes = Counter(groups[case] for case in exported)
    group, most = sizes.most_common(1)[0]
    if len(chosen) > 2 and most > _MOST * len(chosen):
        where = splits[next(case for case in exported if groups[case] == group)]
        is_patient = any(case.patient == group for case in chosen)
        who = "one patient" if is_patient else "one group of images that look the same"
        yield f"{most} of {counted(len(chosen), 'case')} are of {who}; all of them are in the split {where}."
    filled = {splits[case] for case in exported}
    if not any(case.split for case in chosen):
        for name, share in zip((TRAIN, VAL, TEST), ratios.shares, strict=True):
            if share > 0 and name not in filled:
                yield f"The split {name} is empty: there are too few patients for a share of {share:.0%}."


def _patients(chosen: Sequence[Case]) -> str:
    return counted(len({case.patient for case in chosen if case.patient}), "patient")


def _pairs(
    pairs: Sequence[tuple[int, int]], fingerprints: Sequence[Fingerprint], number: Mapping[str, int]
) -> str:
    listed = [f"{number[fingerprints[a].id]} and {number[fingerprints[b].id]}" for a, b in pairs[:_LISTED]]
    return "; ".join(listed) + (f"; and {len(pairs) - _LISTED} more" if len(pairs) > _LISTED else "")
