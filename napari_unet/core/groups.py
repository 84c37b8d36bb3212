"""Which cases must not be parted by a split: of one patient, of one file, or that look the same."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from napari_unet.core.leaks import ALIKE, SIDE, Fingerprint

_BITS = SIDE * SIDE
_AT_ONCE = 512  # rows of the table of distances


@dataclass(frozen=True)
class Grouping:
    """groups : of each case, the index of the first case of its group.

    same_file, alike : pairs (first, second) of cases that have one content, or look the same though their
    content differs and no patient joins them.
    """

    groups: tuple[int, ...]
    same_file: tuple[tuple[int, int], ...]
    alike: tuple[tuple[int, int], ...]


def group_cases(cases: Sequence[Fingerprint]) -> Grouping:
    """Joins cases of one patient, of one content and of one look, directly or through others.

    A case without patient, content hash and perceptual hash is a group of its own.
    """
    same, patients = [], []
    contents: dict[str, int] = {}
    known: dict[str, int] = {}
    for k, case in enumerate(cases):
        if case.content_hash and (first := contents.setdefault(case.content_hash, k)) != k:
            same.append((first, k))
        if case.patient and (first := known.setdefault(case.patient, k)) != k:
            patients.append((first, k))
    alike = [
        (first, second)
        for first, second in alike_pairs([case.phash for case in cases])
        if not _joined(cases[first], cases[second])
    ]
    marks: list[list[Hashable]] = [[] for _ in cases]
    for pair in (*same, *patients, *alike):
        for k in pair:
            marks[k].append(pair)
    return Grouping(tuple(connected(marks)), tuple(same), tuple(alike))


def group_stacks(
    owners: Sequence[str], origins: Sequence[int], images: Sequence[Fingerprint]
) -> tuple[int, ...]:
    """For each case the index of its group's first; a slice that looks like another case's joins the whole.

    owners : of each case its patient, or its id where that is not known. origins : the case of each image.
    """
    marks: list[list[Hashable]] = [[("owner", owner)] for owner in owners]
    for k, group in zip(origins, group_cases(images).groups, strict=True):
        marks[k].append(("image", group))
    return tuple(connected(marks))


def alike_pairs(hashes: Sequence[int | None]) -> list[tuple[int, int]]:
    """Pairs (first, second) of images whose perceptual hashes differ in at most ALIKE bits, in order.

    None is like nothing. Takes a second for 10,000 images.
    """
    there = [k for k, found in enumerate(hashes) if found is not None]
    if len(there) < 2:
        return []
    size = _BITS // 8
    packed = np.frombuffer(b"".join((hashes[k] or 0).to_bytes(size, "big") for k in there), np.uint8)
    bits = np.unpackbits(packed.reshape(len(there), size), axis=1).astype(np.float32)
    ones = bits.sum(axis=1)
    pairs = []
    for start in range(0, len(there), _AT_ONCE):
        part = bits[start : start + _AT_ONCE]
        distance = part.sum(axis=1)[:, None] + ones[None] - 2 * (part @ bits.T)
        for row, column in zip(*np.nonzero(distance <= ALIKE), strict=True):
            if start + row < column:
                pairs.append((there[start + int(row)], there[int(column)]))
    return sorted(pairs)


def connected(marks: Sequence[Iterable[Hashable]]) -> list[int]:
    """For each case the number of its group: cases that share a mark, directly or through others, are one.

    marks : of each case, what shows where it comes from (patient, hash of the file). Groups are numbered by
    their first case.
    """
    root = list(range(len(marks)))

    def top(k: int) -> int:
        while root[k] != k:
            k = root[k]
        return k

    seen: dict[Hashable, int] = {}
    for k, own in enumerate(marks):
        for mark in own:
            low, high = sorted((top(k), top(seen.setdefault(mark, k))))
            root[high] = low
    return [top(k) for k in range(len(marks))]


def _joined(one: Fingerprint, other: Fingerprint) -> bool:
    same_file = bool(one.content_hash) and one.content_hash == other.content_hash
    return same_file or (bool(one.patient) and one.patient == other.patient)
