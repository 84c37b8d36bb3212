"""What a header says of the part of the body, and how far it is believed."""

from __future__ import annotations

import pytest

from napari_unet.core.body_part import may_hold_lung, names_other_part

CHEST = ("CHEST", "THORAX", "LUNG")


@pytest.mark.parametrize("said", ["", "CHEST", "chest_abdomen", "NECKCHESTABDPELV", "Lungs"])
def test_a_part_fits_that_names_one_of_them_or_nothing(said: str) -> None:
    assert not names_other_part(said, CHEST)


@pytest.mark.parametrize("said", ["ABDOMEN", "TAP", "HEAD"])
def test_another_part_is_told_and_a_model_for_anything_takes_it(said: str) -> None:
    assert names_other_part(said, CHEST)
    assert not names_other_part(said, ())


@pytest.mark.parametrize(
    "said", ["HEAD", "Skull", "HEAD_BRAIN", "LEFT HAND", "UPPER EXTREMITY", "Knees", "TMJ", "head "]
)
def test_heads_and_limbs_hold_no_lung(said: str) -> None:
    assert not may_hold_lung(said)


@pytest.mark.parametrize(
    "said",
    [
        *("ABDOMEN", "ABDOMENPELVIS", "HEART", "WHOLEBODY", "TSPINE", "SPINE", "TAP", "AORTA", "SHOULDER"),
        *("NECK", "HEADNECK", "HEAD_NECK", "LIVER", "UNKNOWN", "흉부", "胸部"),
    ],
)
def test_in_any_other_part_lung_may_be_seen(said: str) -> None:
    assert may_hold_lung(said)
