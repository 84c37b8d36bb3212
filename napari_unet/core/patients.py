"""Which texts in the place of a patient's ID name no patient: the one rule for headers and manifests."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

_WORDS = frozenset(
    """
    anon anonym anonymous anonymized anonymised anonymizedpatient anonymisedpatient anonymouspatient
    anonyme anonimo anonymisiert pseudonymized pseudonymised deidentified deident deid unidentified
    unknown unknownpatient unk unbekannt inconnu desconocido sconosciuto none null nil nan na
    notavailable notapplicable notset notknown undefined unspecified missing noid nopatientid noname
    nopatient patient patientid patientname id name test testpatient testid demo dummy default phantom
    blank empty removed redacted deleted hidden masked private confidential suppressed withheld johndoe
    janedoe doejohn doejane
    """.split()  # noqa: SIM905 (a list of quotes is hard to read)
)


def is_placeholder(patient: str) -> bool:
    """Whether a PatientID, or what a manifest has in its place, names no patient.

    Case, spaces and signs do not matter: "ANONYMOUS", "de-identified", "^", "00000", "x x x" and the empty
    text are placeholders; "ANON-0012" and "Test 3" are not, since the number may tell people apart.
    """
    text = unicodedata.normalize("NFKC", patient).casefold()
    kept = "".join(sign for sign in text if sign.isalnum())
    return not kept or kept in _WORDS or not kept.strip("0") or not kept.strip("x")


def placeholders_among(patients: Iterable[str]) -> frozenset[str]:
    """Those of a list's patients that are none.

    In a list that counts its patients from zero ("0", "1", "2" or "000", "001") zero is one of them.
    """
    given = {patient.strip() for patient in patients}
    found = {patient for patient in given if is_placeholder(patient)}
    zeros = {p for p in found if p and not p.strip("0")}
    counted = {zero for zero in zeros if next_number(zero) in given}
    return frozenset(found - counted)


def next_number(zero: str) -> str:
    """What follows "000" in a list that counts with leading zeros: "001"."""
    return f"{1:0{len(zero)}}"


def common_spellings() -> tuple[str, ...]:
    """Placeholders as files most often have them, to know those that were hashed before there was a rule."""
    cased = [form for word in _WORDS for form in (word, word.upper(), word.capitalize())]
    zeros = ["0" * length for length in range(1, 17)]
    signs = ["^", "^^", "^^^", "^^^^", "-", "--", "---", ".", "?", "*", "_", "N/A", "n/a", "DE-IDENTIFIED"]
    parted = ["De-identified", "de-identified", "Test Patient", "TEST PATIENT", "No ID", "NO ID", "NO_ID"]
    named = ["ANONYMOUS^", "Anonymous^", "ANONYMOUS^PATIENT", "ANONYMIZED^PATIENT", "Anonymous Patient"]
    crosses = ["x" * n for n in range(1, 9)] + ["X" * n for n in range(1, 9)]
    return (*cased, *zeros, *signs, *parted, *named, *crosses)
