"""Core-set selection: few cases that stand for many, and the cases that teach a model most.

Both are greedy k-centre (Gonzalez 1985; as a core-set: Sener and Savarese 2018). A replay set is chosen by
how cases look (`k_centre` on `thumbnails`), cases to correct by a network's features (their section 5.1),
each distance weighted with the model's uncertainty (`most_useful`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_unet.core.blocks import block_means

THUMBNAIL = 16
"""Blocks a side of a thumbnail."""
UNCERTAINTY_WEIGHT = 0.5
"""w, of uncertainty against distance: score = (rank of uncertainty)^w × distance^(1 − w)."""
FIRST = 64
"""So many are chosen one after the other; who comes later is sorted by what is known then."""


def k_centre(points: np.ndarray, count: int) -> list[int]:
    """Indices of `count` points (all, if there are fewer) so that no other point is far from one of them.

    points : float (N, D). Greedy (Gonzalez 1985; as a core-set: Sener and Savarese 2018, algorithm 1): first
    the point nearest the mean, then always the one farthest from those chosen; at most twice as far as with
    the best choice. Of equal points the first counts. Raises ValueError if `points` is not a table.
    """
    if points.ndim != 2:
        raise ValueError(f"points are (N, D), got {points.shape}")
    if not len(points) or count < 1:
        return []
    chosen = [int(_squares(points, points.mean(axis=0)).argmin())]
    away = _squares(points, points[chosen[0]])
    while len(chosen) < min(count, len(points)):
        away[chosen] = -1
        chosen.append(int(away.argmax()))
        away = np.minimum(away, _squares(points, points[chosen[-1]]))
    return chosen


def thumbnails(images: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """float64 (N, 2 × THUMBNAIL²): how cases look, in few numbers: block means of images and masks.

    images, masks : (N, Y, X) in 0..1, at least THUMBNAIL pixels per side.
    """
    parts = [block_means(stack, THUMBNAIL, THUMBNAIL) for stack in (images, masks)]
    return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)


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
    uncertainty: np.ndarray,
    known: np.ndarray | None = None,
    weight: float = UNCERTAINTY_WEIGHT,
    first: int = FIRST,
) -> list[Pick]:
    """All candidates, the most useful for training first.

    features : float (N, D), of length 1 each. uncertainty : (N,), the higher, the less sure; nan counts as
    the median. known : (M, D), features of cases that are used for training already. weight : see
    UNCERTAINTY_WEIGHT, 0..1. Among equals the earlier candidate comes first. Raises ValueError if the shapes
    do not fit.
    """
    if features.ndim != 2 or uncertainty.shape != (len(features),):
        raise ValueError(f"{features.shape} features do not fit {uncertainty.shape} uncertainties")
    known = np.empty((0, features.shape[1])) if known is None else known
    if known.shape[1:] != features.shape[1:]:
        raise ValueError(f"features of {known.shape[1:]} and {features.shape[1:]} cannot be compared")
    count = len(features)
    if not count:
        return []
    urgency = _ranks(uncertainty) ** weight
    usual = _usual(features)
    away, nearest = np.full(count, np.inf), np.full(count, -1)
    if len(known):
        there = _distances(features, known)
        away, nearest = there.min(axis=1), count + there.argmin(axis=1)
    left = np.ones(count, bool)
    picks: list[Pick] = []
    while len(picks) < min(first, count):
        chosen = int(np.argmax(np.where(left, _scores(urgency, away, weight), -1)))
        picks.append(_pick(chosen, away, nearest, usual))
        left[chosen] = False
        there = _distances(features, features[chosen : chosen + 1])[:, 0]
        nearer = there < away
        away[nearer], nearest[nearer] = there[nearer], chosen
    scores = _scores(urgency, away, weight)
    later = sorted(np.nonzero(left)[0], key=lambda index: -scores[index])
    return picks + [_pick(int(index), away, nearest, usual) for index in later]


def _scores(urgency: np.ndarray, away: np.ndarray, weight: float) -> np.ndarray:
    if np.isinf(away).any():  # nothing to be unlike
        return urgency
    return np.asarray(urgency * away ** (1 - weight))


def _ranks(uncertainty: np.ndarray) -> np.ndarray:
    """Above 0 up to 1, in the order of uncertainty; equal ones share the mean of their ranks.

    Without scipy.stats, which takes half a second to import in the window's process.
    """
    known = ~np.isnan(uncertainty)
    filled = np.where(known, uncertainty, np.median(uncertainty[known]) if known.any() else 0.0)
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


def _squares(points: np.ndarray, centre: np.ndarray) -> np.ndarray:
    return np.asarray(np.square(points - centre).sum(axis=1))
