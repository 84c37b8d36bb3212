"""What must not be parted: patients, files, looks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.core.groups import alike_pairs, group_cases
from napari_unet.core.leaks import ALIKE, Fingerprint, look_of
from napari_unet.core.raster import Raster

known = st.builds(
    Fingerprint,
    st.just(""),
    st.sampled_from(["", "ada", "bob"]),
    st.sampled_from(["", "f", "g"]),
    st.sampled_from([None, 0, 1, (1 << 200) - 1, (1 << 190) - 1]),
)


@given(st.lists(known, max_size=12))
def test_whatever_has_one_patient_file_or_look_is_in_one_group(cases: list[Fingerprint]) -> None:
    found = group_cases(cases)
    for a, one in enumerate(cases):
        for b, other in enumerate(cases):
            joined = (one.patient and one.patient == other.patient) or (
                one.content_hash and one.content_hash == other.content_hash
            )
            if one.phash is not None and other.phash is not None:
                joined = joined or (one.phash ^ other.phash).bit_count() <= ALIKE
            if joined:
                assert found.groups[a] == found.groups[b]
    assert all(group <= k and found.groups[group] == group for k, group in enumerate(found.groups))


def test_a_chain_is_one_group() -> None:
    chain = [
        Fingerprint("a", "ada"),
        Fingerprint("b", "ada", "f"),
        Fingerprint("c", "", "f", 5),
        Fingerprint("d", "", "", 7),
        Fingerprint("e"),
    ]
    found = group_cases(chain)
    assert found.groups == (0, 0, 0, 0, 4)
    assert (found.same_file, found.alike) == (((1, 2),), ((2, 3),))


def test_pairs_are_those_that_a_loop_finds() -> None:
    rng = np.random.default_rng(0)
    base = [int.from_bytes(rng.bytes(32), "big") for _ in range(40)]
    hashes = [*base, *(one ^ ((1 << int(rng.integers(0, 30))) - 1) for one in base), None]
    there = [(a, b) for a in range(len(hashes) - 1) for b in range(a + 1, len(hashes) - 1)]
    assert alike_pairs(hashes) == [(a, b) for a, b in there if (hashes[a] ^ hashes[b]).bit_count() <= ALIKE]
    assert alike_pairs([None, None]) == []


@pytest.mark.parametrize(
    "change", [lambda p: p // 2 + 40, lambda p: p.repeat(2, 0).repeat(2, 1), lambda p: 255 - p]
)
def test_a_copy_looks_the_same(change) -> None:
    image = (np.random.default_rng(1).random((17, 16)).repeat(8, 0).repeat(8, 1) * 200).astype(np.uint8)
    copy = change(image)
    inverted = bool(copy[0, 0] == 255 - image[0, 0])
    assert alike_pairs([look_of(Raster(image)), look_of(Raster(copy, inverted=inverted))]) == [(0, 1)]


def test_slices_of_two_stacks_are_alike_only_if_they_are_equal() -> None:
    stack = np.random.default_rng(1).random((3, 40, 40)).astype(np.float32)
    other = stack.copy()
    other[0, 0, 0] += 0.25
    assert look_of(Raster(stack)) == look_of(Raster(stack.copy()))
    assert alike_pairs([look_of(Raster(stack)), look_of(Raster(other))]) == []
