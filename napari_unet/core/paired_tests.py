"""Whether paired gains may be chance: exact tests on a few patients."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

_MOST_EXACT = 12  # patients: all 4,096 swaps are tried; of more, as many draws
_DRAWS = 4095
_ROUNDED = 12  # digits: 0.9 − 0.8 ranks as 0.8 − 0.7 does


def signed_rank_test(gains: Sequence[float]) -> float:
    """Two-sided p of the exact Wilcoxon signed-rank test (Wilcoxon 1945) that gains are even about 0.

    Zeros are dropped and equal gains share their ranks, so that the test holds with ties too; nan if
    nothing is left. Under no true gain p < 0.05 comes up in at most 5 % of draws, at any number of gains.
    """
    ranks, signs = _signed_ranks(gains)
    if not len(ranks):
        return float("nan")
    doubled = np.rint(2 * ranks).astype(int)  # shared ranks are halves
    chance = np.ones(1)
    for rank in doubled:  # of each sum of ranks, if every gain were as likely a loss
        longer = np.zeros(len(chance) + rank)
        longer[: len(chance)] += chance / 2
        longer[rank:] += chance / 2
        chance = longer
    positive = int(doubled[signs > 0].sum())
    tail = min(chance[: positive + 1].sum(), chance[positive:].sum())
    return float(min(1.0, 2 * tail))


def balance(gains: Sequence[float]) -> float:
    """Over 0 if the ranks of gains outweigh those of losses."""
    ranks, signs = _signed_ranks(gains)
    return float((ranks * signs).sum())


def swap_test(
    old: Sequence[float], new: Sequence[float], truth: Sequence[bool], patients: Sequence[str]
) -> float:
    """Two-sided p of the permutation test that two models' scores have one AUC (Bandos et al. 2005).

    Were the models the same, it would make no difference which of them gave which score to a patient: the
    difference of the AUCs is compared with those after every way of swapping the scores of patients; of more
    than 12 patients with 4,095 random ways, always the same. Each model's scores count by their ranks.
    patients : of each case; the cases of one are swapped together. nan if a class is missing, or nothing
    differs.
    """
    right = np.asarray(truth, bool)
    ranks = [_mean_ranks(np.asarray(scores, float)) for scores in (old, new)]
    if right.all() or not right.any() or np.array_equal(ranks[0], ranks[1]):
        return float("nan")
    kinds, whose = np.unique(np.asarray(patients), return_inverse=True)
    exact = len(kinds) <= _MOST_EXACT
    if exact:
        swaps = np.array(list(product((0, 1), repeat=len(kinds))), float)
    else:
        drawn = np.random.default_rng(0).integers(0, 2, (_DRAWS, len(kinds)))
        swaps = np.concatenate([np.zeros((1, len(kinds))), drawn])  # with the one that was observed
    gains = np.round(_gains_of_auc(ranks[0], ranks[1], right, swaps[:, whose]), _ROUNDED)
    return float(np.mean(np.abs(gains) >= abs(gains[0])))


def _gains_of_auc(old: np.ndarray, new: np.ndarray, truth: np.ndarray, swaps: np.ndarray) -> np.ndarray:
    """(M,) AUC of `new` less that of `old` after the swaps (M, N); 1 changes a case's two scores."""
    wins = {
        (a, b): 0.5 * (np.sign(x[truth][:, None] - y[~truth][None]) + 1)
        for a, x in enumerate((new, old))
        for b, y in enumerate((new, old))
    }  # by whose scores: of each pair of a case with and one without, 1, or 0.5 if they are equal
    sides = (1 - swaps, swaps)
    gain = np.zeros(len(swaps))
    for a, b in wins:
        lead = wins[a, b] - wins[1 - a, 1 - b]
        gain += ((sides[a][:, truth] @ lead) * sides[b][:, ~truth]).sum(axis=1)
    return np.asarray(gain / (truth.sum() * (~truth).sum()))


def _signed_ranks(gains: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """(ranks of the sizes, mean ranks where sizes are equal; signs) of the gains that are not 0."""
    values = np.round(np.asarray(gains, float), _ROUNDED)
    values = values[values != 0]
    return _mean_ranks(np.abs(values)), np.sign(values)


def _mean_ranks(values: np.ndarray) -> np.ndarray:
    """From 1; equal values share the mean of theirs."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[which])
