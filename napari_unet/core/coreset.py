"""Which cases teach a model most: those it is unsure of, and unlike those it has learnt from.

Greedy k-centre on a network's features (Sener and Savarese 2018, section 5.1), each distance weighted with
the model's doubt.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DOUBT = 0.5
"""Weight of doubt against distance: score = (rank of doubt)^DOUBT × distance^(1 − DOUBT)."""
FIRST = 64
"""So many are chosen one after the other; who comes later is sorted by what is known then."""


@dataclass(frozen=True)
class Pick:
    """One case in the order of use. index : of the candidates.

    distance : to the nearest case before it, in shares of the usual distance between two cases; nan where
    nothing was before it. nearest : that case, of the candidates followed by the known ones; -1 if none.
    """

    index: int
    distance: float
    nearest: int


def most_useful(
    features: np.ndarray,
    doubt: np.ndarray,
    known: np.ndarray | None = None,
    weight: float = DOUBT,
    first: int = FIRST,
) -> list[Pick]:
    """All candidates, the most useful for training first.

    features : float (N, D), of length 1 each. doubt : (N,), the higher, the less sure; nan counts as the
    median. known : (M, D), features of cases that are used for training already. weight : see DOUBT, 0..1.
    Among equals the earlier candidate comes first. Raises ValueError if the shapes do not fit.
    """
    if features.ndim != 2 or doubt.shape != (len(features),):
        raise ValueError(f"{features.shape} features do not fit {doubt.shape} doubts")
    known = np.empty((0, features.shape[1])) if known is None else known
    if known.shape[1:] != features.shape[1:]:
        raise ValueError(f"features of {known.shape[1:]} and {features.shape[1:]} cannot be compared")
    count = len(features)
    if not count:
        return []
    trust = _ranks(doubt) ** weight
    usual = _usual(features)
    away, nearest = np.full(count, np.inf), np.full(count, -1)
    if len(known):
        there = _distances(features, known)
        away, nearest = there.min(axis=1), count + there.argmin(axis=1)
    left = np.ones(count, bool)
    picks: list[Pick] = []
    while len(picks) < min(first, count):
        chosen = int(np.argmax(np.where(left, _scores(trust, away, weight), -1)))
        picks.append(_pick(chosen, away, nearest, usual))
        left[chosen] = False
        there = _distances(features, features[chosen : chosen + 1])[:, 0]
        nearer = there < away
        away[nearer], nearest[nearer] = there[nearer], chosen
    scores = _scores(trust, away, weight)
    later = sorted(np.nonzero(left)[0], key=lambda index: -scores[index])
    return picks + [_pick(int(index), away, nearest, usual) for index in later]


def _scores(trust: np.ndarray, away: np.ndarray, weight: float) -> np.ndarray:
    if np.isinf(away).any():  # nothing to be unlike
        return trust
    return np.asarray(trust * away ** (1 - weight))


def _ranks(doubt: np.ndarray) -> np.ndarray:
    """Above 0 up to 1, in the order of doubt; equal ones share the mean of their ranks.

    Without scipy.stats, which takes half a second to import in the window's process.
    """
    known = ~np.isnan(doubt)
    filled = np.where(known, doubt, np.median(doubt[known]) if known.any() else 0.0)
    _, place, count = np.unique(filled, return_inverse=True, return_counts=True)
    ranks = np.cumsum(count) - (count - 1) / 2
    return np.asarray(ranks[place] / len(filled))


def _pick(index: int, away: np.ndarray, nearest: np.ndarray, usual: float) -> Pick:
    far = float(away[index])
    return Pick(index, far / usual if np.isfinite(far) else float("nan"), int(nearest[index]))


def _usual(features: np.ndarray) -> float:
    """The median distance between two candidates, of at most 256 spread over all; 1 where they are alike."""
    some = features[:: -(-len(features) // 256)]
    pairs = _distances(some, some)[np.triu_indices(len(some), 1)]
    median = float(np.median(pairs)) if len(pairs) else 0.0
    return median if median > 0 else 1.0


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Euclidean (N, M) between rows of length 1."""
    return np.asarray(np.sqrt(np.maximum(2 - 2 * (a @ b.T), 0)))
