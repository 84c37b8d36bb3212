"""The kinds and degrees of disease that `ct_disease` simulates, by their names in recipes and results."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What is simulated."""

    CONSOLIDATION = "consolidation"
    EFFUSION = "effusion"
    GROUND_GLASS = "ground_glass"
    FIBROSIS = "fibrosis"
    MASS = "mass"
    PNEUMOTHORAX = "pneumothorax"


class Degree(StrEnum):
    """How much of it."""

    MILD = "mild"
    MODERATE = "moderate"
    SEVERE = "severe"


TEST_SEEDS = range(1_000_000, 1_001_000)
"""Seeds of test sets; training never draws them."""
