"""How cases are divided."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from napari_unet.core.groups import connected
from napari_unet.training.folds import patient_folds


def test_cases_are_one_group_through_others() -> None:
    assert connected([{"a"}, {"b", "x"}, {"c"}, {"x", "c"}, {"d"}]) == [0, 1, 1, 1, 4]
    assert connected([{"a"}, {"b"}, {"b", "a"}]) == [0, 0, 0]
    assert connected([set(), set()]) == [0, 1]


@given(some.lists(some.integers(0, 9), min_size=1, max_size=40), some.integers(1, 6), some.integers(0, 3))
def test_folds_hold_each_case_once_and_no_group_is_divided(groups: list[int], count: int, seed: int) -> None:
    folds = patient_folds(groups, count, seed)
    assert len(folds) == min(count, len(set(groups)))
    assert sorted(k for fold in folds for k in fold) == list(range(len(groups)))
    held = [{groups[k] for k in fold} for fold in folds]
    assert all(held) and sum(map(len, held)) == len(set(groups))


def test_folds_are_about_equal_and_follow_the_seed() -> None:
    folds = patient_folds(range(9), 2, seed=0)
    assert sorted(map(len, folds)) == [4, 5]
    assert folds == patient_folds(range(9), 2, seed=0)
    assert folds != patient_folds(range(9), 2, seed=1)
    assert patient_folds([], 2, seed=0) == []
