"""Splits by patient: laws."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.core.errors import UserError
from napari_unet.review.exporting.splits import Member, Ratios, split_by_patient

shares = st.tuples(*[st.integers(0, 20)] * 3).filter(any).map(lambda t: Ratios(*(n / sum(t) for n in t)))
members = st.lists(st.sampled_from(["", "ada", "bob", "cyd", "dan", "eve"]), max_size=40).map(
    lambda patients: [Member(f"case{k}", patient) for k, patient in enumerate(patients)]
)


def people(number: int) -> list[Member]:
    return [Member(f"c{k}", f"p{k}") for k in range(number)]


@given(members, shares, st.integers())
def test_no_patient_is_in_two_splits(cases: list[Member], ratios: Ratios, seed: int) -> None:
    split = split_by_patient(cases, ratios, seed)
    assert set(split) == {case.case for case in cases}
    seen = defaultdict(set)
    for case in cases:
        seen[case.patient or case.case].add(split[case.case])
    assert all(len(splits) == 1 for splits in seen.values())


@given(members, members, shares, st.integers())
def test_who_comes_later_moves_nobody(
    cases: list[Member], later: list[Member], ratios: Ratios, seed: int
) -> None:
    more = [Member(f"later{case.case}", case.patient) for case in later]
    before = split_by_patient(cases, ratios, seed)
    assert before.items() <= split_by_patient([*cases, *more], ratios, seed).items()


@given(st.integers(0, 200), shares, st.integers())
def test_shares_hold_to_within_two_patients(number: int, ratios: Ratios, seed: int) -> None:
    counts = Counter(split_by_patient(people(number), ratios, seed).values())
    for name, share in zip(("train", "val", "test"), ratios.shares, strict=True):
        assert abs(counts[name] - share * number) <= 2
        assert share or not counts[name]


def test_the_seed_decides() -> None:
    first = split_by_patient(people(50), Ratios(), 0)
    assert first == split_by_patient(people(50), Ratios(), 0)
    assert first != split_by_patient(people(50), Ratios(), 1)


def test_the_manifest_wins_and_is_kept_together() -> None:
    cases = [Member("a", "ada"), Member("b", "ada", "adapt"), Member("c", "", "test"), Member("d")]
    split = split_by_patient(cases, Ratios(1, 0, 0))
    assert split == {"a": "adapt", "b": "adapt", "c": "test", "d": "train"}


def test_a_patient_torn_by_the_manifest_is_refused() -> None:
    with pytest.raises(UserError, match="1 patient is in two splits"):
        split_by_patient([Member("a", "ada", "train"), Member("b", "ada", "test")], Ratios())


def test_shares_as_people_write_them() -> None:
    assert Ratios.parse("0.7,0.15,0.15") == Ratios()
    assert Ratios.parse("70,15,15") == Ratios()
    assert Ratios.parse("80,20").shares == (0.8, 0.2, 0)
    for wrong, whole in (("0.5,0.1", "0.6"), ("0.7,0.2,0.2", "1.1"), ("8,2", "10")):
        with pytest.raises(ValueError, match=f"add up to {whole}; they must add up to 1"):
            Ratios.parse(wrong)
    for wrong in ("", "0.7", "a,b,c", "1,-1,1", "0,0,0", "nan,1,1", "1,1,1,1"):
        with pytest.raises(ValueError, match=r"0\.7,0\.15,0\.15"):
            Ratios.parse(wrong)
    with pytest.raises(ValueError, match="add up to 1"):
        Ratios(0.7, 0.7, 0.7)
