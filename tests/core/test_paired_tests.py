"""Whether gains may be chance."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from napari_unet.core.evidence_metrics import placements
from napari_unet.core.paired_tests import signed_rank_test, swap_test

gains = st.lists(st.integers(-20, 20).map(lambda n: n / 100), min_size=1, max_size=20)


def test_the_exact_test_agrees_with_scipy_where_there_are_no_ties() -> None:
    noise = np.random.default_rng(0)
    for count in (6, 7, 10, 25, 45):
        gains = noise.normal(0.3, 1, count)
        expected = stats.wilcoxon(gains, method="exact").pvalue
        assert signed_rank_test(gains) == pytest.approx(expected)
    assert isnan(signed_rank_test([0.0, 0.0]))
    assert signed_rank_test([0.1] * 6) == pytest.approx(2 / 64)
    assert signed_rank_test([0.0, *[0.1] * 5]) > 0.05  # a zero does not count


@settings(max_examples=50, deadline=None)
@given(gains, st.randoms(use_true_random=False))
def test_neither_order_nor_side_nor_zeros_matter(found: list[float], draw: object) -> None:
    p = signed_rank_test(found)
    if isnan(p):
        assert not any(found)
        return
    assert 0 < p <= 1
    mixed = sorted(found, key=lambda _: draw.random())  # type: ignore[attr-defined]
    assert signed_rank_test([*mixed, 0.0]) == pytest.approx(p)
    assert signed_rank_test([-gain for gain in found]) == pytest.approx(p)


def auc(scores: np.ndarray, truth: np.ndarray) -> float:
    """The share of pairs that are in order."""
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[truth] for b in scores[~truth]]
    return float(np.mean(pairs))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=2, max_size=30))
def test_the_mean_of_what_the_cases_add_is_the_auc(cases: list[tuple[int, bool]]) -> None:
    scores, truth = np.array([s for s, _ in cases], float), np.array([t for _, t in cases])
    found = placements(scores, list(truth))
    if truth.all() or not truth.any():
        assert np.isnan(found).all()
        return
    u = stats.mannwhitneyu(scores[truth], scores[~truth]).statistic
    assert found.mean() == pytest.approx(u / (truth.sum() * (~truth).sum())) == auc(scores, truth)
    for kind in (truth, ~truth):  # either kind alone has the same mean
        assert found[kind].mean() == pytest.approx(found.mean())


def test_all_swaps_of_few_patients_are_tried() -> None:
    """Against a loop over them that is written down as the definition says."""
    noise = np.random.default_rng(1)
    old, new = noise.random((2, 8))
    truth, patients = np.array([True, False] * 4), list("aabbccde")
    ranks = [stats.rankdata(scores) for scores in (old, new)]
    kinds = sorted(set(patients))
    found = []
    for code in range(2 ** len(kinds)):
        swapped = np.array([code >> kinds.index(one) & 1 for one in patients], bool)
        first, second = np.where(swapped, ranks[1], ranks[0]), np.where(swapped, ranks[0], ranks[1])
        found.append(auc(second, truth) - auc(first, truth))
    expected = np.mean(np.abs(found) >= abs(found[0]) - 1e-9)
    assert swap_test(list(old), list(new), list(truth), patients) == pytest.approx(expected)


@pytest.mark.parametrize(("cases", "positive"), [(8, 4), (20, 1), (30, 10)])
def test_models_that_are_equally_good_differ_in_at_most_a_twentieth_of_draws(
    cases: int, positive: int
) -> None:
    """With a single case that has the finding, too, on whose score everything depends."""
    noise, found = np.random.default_rng([cases, positive]), 0
    truth = np.arange(cases) < positive
    patients = [str(k) for k in range(cases)]
    for _ in range(200):
        old, new = noise.normal(truth, 1) + noise.normal(0, 0.5, (2, cases))
        found += swap_test(list(old), list(new), list(truth), patients) < 0.05
    assert found / 200 <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 200)


def test_a_model_that_sorts_better_is_told_from_one_that_does_not() -> None:
    noise = np.random.default_rng(0)
    truth = np.arange(40) < 20
    old, new = noise.normal(0, 1, 40), noise.normal(3 * truth, 1)
    patients = [str(k) for k in range(40)]
    assert swap_test(list(old), list(new), list(truth), patients) < 0.001
    assert swap_test(list(old), list(new), list(truth), ["one"] * 40) == 1  # a patient counts once
    assert isnan(swap_test(list(old), list(10 * old), list(truth), patients))  # the same order
    assert isnan(swap_test(list(old), list(new), [True] * 40, patients))
