"""Which cases are held out together: never some of a patient's images and others not."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np


def patient_folds(groups: Sequence[Hashable], count: int, seed: int) -> list[tuple[int, ...]]:
    """Cases 0..N-1 in `count` folds (or fewer, one per group), about equally large; a group stays whole.

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
