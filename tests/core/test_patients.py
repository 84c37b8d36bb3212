"""Texts in the place of a patient's ID that name no patient."""

from __future__ import annotations

import pytest

from napari_unet.core.patients import common_spellings, is_placeholder, placeholders_among


@pytest.mark.parametrize(
    "text",
    ["ANONYMOUS", "Anon", " unknown ", "NONE", "0", "00000", "^", "^^^^", "", "TEST", "De-Identified",
     "DEIDENTIFIED", "N/A", "Test^Patient", "anonymized", "REDACTED", "xxxx", "---",
     "\uff21NON", "Unknown Patient"],
)  # fmt: skip
def test_no_patient(text):
    assert is_placeholder(text)


@pytest.mark.parametrize(
    "text", ["ANON-0012", "anonymous7", "1", "0001", "Test 3", "MRN 100", "Nonehouse", "x1", "田中"]
)
def test_a_patient(text):
    assert not is_placeholder(text)


def test_zero_is_a_patient_where_they_are_counted_from_zero():
    assert placeholders_among(["0", "1", "2"]) == frozenset()
    assert placeholders_among(["000", "001", "ANON"]) == {"ANON"}
    assert placeholders_among(["0", "17", "ANON "]) == {"0", "ANON"}


def test_what_is_recognised_of_old_is_a_placeholder():
    assert all(map(is_placeholder, common_spellings()))
