"""Which cases are held out together: never some of a patient's images and others not."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np


def connected(marks: Sequence[Iterable[Hashable]]) -> list[int]:
    """For each case the number of its group: cases that share a mark, directly or through others, are one.

    marks : of each case, what tells where it comes from (patient, hash of the file). Groups are numbered by
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


def patient_folds(groups: Sequence[Hashable], count: int, seed: int) -> list[tuple[int, ...]]:
    """Cases 0..N-1 in `count` folds (or fewer, one a group), about equally large; a group stays whole.

    Returns for each fold the indices of its cases, ascending.
    """
    members: dict[Hashable, list[int]] = {}
    for k, group in enumerate(groups):
        members.setdefault(group, []).append(k)
    names = list(members)
    order = [names[k] for k in np.random.default_rng(seed).permutation(len(names))]
    folds: list[list[int]] = [[] for _ in range(min(count, len(order)))]
    for name in sorted(order, key=lambda name: -len(members[name])):
        min(folds, key=len).extend(members[name])
    return [tuple(sorted(fold)) for fold in folds]
