"""Protocols apart by zones or along the border only, on drawn chests and on real ones."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from drawn_chests import chest, wobbled
from PIL import Image
from scipy import ndimage

from napari_unet.core.chest_zones import Zone
from napari_unet.core.protocol_difference import (
    CaseDifference,
    ProtocolDifference,
    case_difference,
    protocol_difference,
)


def with_heart(seed: int, part: str = "heart") -> tuple[np.ndarray, np.ndarray]:
    lungs, parts = chest(seed=seed)
    return lungs, lungs | parts[part]


def found(difference: ProtocolDifference) -> list[tuple[Zone, bool]]:
    return [(one.zone, one.adds) for one in difference.found]


@pytest.mark.parametrize("seed", range(3))
def test_the_border_moved_here_and_there_is_no_zone(seed: int) -> None:
    cases = []
    for k in range(4):
        lungs, _ = chest(seed=k)
        cases.append(case_difference(lungs, wobbled(lungs, 10 * seed + k, 6)))
    whole = protocol_difference(cases)
    assert found(whole) == [] and not whole.differs
    assert 0.01 < whole.border < 0.15
    assert whole.sentence().startswith("The corrected masks differ from those of the model")
    assert "along the border" in whole.sentence() and "4 cases" in whole.sentence()


@pytest.mark.parametrize("grow", [-3, 3])
def test_a_wider_or_narrower_border_is_no_zone(grow: int) -> None:
    cases = []
    for k in range(4):
        lungs, _ = chest(seed=k)
        change = ndimage.binary_dilation if grow > 0 else ndimage.binary_erosion
        cases.append(case_difference(lungs, change(lungs, iterations=abs(grow))))
    assert found(protocol_difference(cases)) == []


def test_a_heart_that_is_added_in_most_cases_is_found_with_its_share() -> None:
    cases, shares = [], []
    for k in range(8):
        lungs, whole = with_heart(k)
        cases.append(case_difference(lungs, wobbled(whole, k) if k < 7 else wobbled(lungs, k)))
        shares.append((whole.sum() - lungs.sum()) / lungs.sum())
    difference = protocol_difference(cases)
    assert found(difference) == [(Zone.HEART, True)]
    assert difference.found[0].share == pytest.approx(np.mean(shares[:7]), rel=0.25)
    assert difference.sentence().startswith(
        "The corrected masks add the lung behind the heart in 7 of 8 cases ("
    )


def test_what_is_left_out_is_found_as_what_is_added() -> None:
    cases = [with_heart(k) for k in range(4)]
    there = protocol_difference(case_difference(*case) for case in cases)
    back = protocol_difference(case_difference(case[1], case[0]) for case in cases)
    assert found(there) == [(Zone.HEART, True)]
    assert found(back) == [(Zone.HEART, False)]
    assert "leave out the lung behind the heart in 4 of 4 cases" in back.sentence()


def test_a_dome_is_found_and_named() -> None:
    difference = protocol_difference(case_difference(*with_heart(k, "dome")) for k in range(4))
    assert found(difference) == [(Zone.DOME, True)]
    assert "behind the dome of the diaphragm" in difference.sentence()


@pytest.mark.parametrize(
    ("hearts", "of", "differs"), [(1, 1, True), (1, 2, False), (2, 8, False), (3, 8, True)]
)
def test_one_case_of_several_is_no_protocol(hearts: int, of: int, differs: bool) -> None:
    cases = []
    for k in range(of):
        lungs, whole = with_heart(k)
        cases.append(case_difference(lungs, whole if k < hearts else wobbled(lungs, k)))
    difference = protocol_difference(cases)
    assert difference.differs is differs
    assert difference.zones[0].cases == hearts


def test_what_lies_outside_the_lungs_is_no_protocol() -> None:
    difference = protocol_difference(case_difference(*with_heart(k, "abdomen")) for k in range(4))
    assert [(one.zone, one.cases) for one in difference.zones] == [(Zone.OUTSIDE, 4)]
    assert not difference.differs


def test_what_nobody_can_tell_does_not_count() -> None:
    lungs, parts = chest()
    case = case_difference(lungs, lungs | parts["heart"], ignore=parts["heart"])
    assert case is not None
    assert sum(case.added.areas) == sum(case.removed.areas) == 0


def test_a_large_image_gives_the_same_shares() -> None:
    lungs, whole = with_heart(1)
    one = case_difference(lungs, whole)
    other = case_difference(*(np.kron(mask, np.ones((4, 4), bool)) for mask in (lungs, whole)))
    assert one is not None and one == other


def test_cases_without_two_lungs_are_counted_and_not_measured() -> None:
    lungs, whole = with_heart(0)
    empty = np.zeros_like(lungs)
    assert case_difference(lungs, empty) is None and case_difference(empty, lungs) is None
    difference = protocol_difference([None, case_difference(lungs, whole), None])
    assert (difference.cases, difference.unmeasured, difference.differs) == (1, 2, True)
    nothing = protocol_difference([None])
    assert not nothing.differs and "not measured" in nothing.sentence()


def test_the_same_masks_hardly_differ() -> None:
    lungs, _ = chest()
    assert "hardly differ" in protocol_difference([case_difference(lungs, lungs)] * 2).sentence()


def test_masks_of_two_shapes_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="shape"):
        case_difference(np.zeros((4, 4), bool), np.zeros((4, 5), bool))


@pytest.mark.data
def test_real_protocols_are_told_apart_from_the_same_one(data: Path) -> None:
    covid = protocol_difference(_against_parent(data / "cxr" / "covid", "adapt", 12))
    assert (Zone.HEART, True) in found(covid) and (Zone.DOME, True) in found(covid)
    assert covid.found[0].zone == Zone.HEART and covid.found[0].cases == covid.cases
    montgomery = protocol_difference(_against_parent(data / "cxr" / "montgomery", "val", 12))
    assert found(montgomery) == [] and montgomery.cases == 12


def _against_parent(folder: Path, split: str, count: int) -> list[CaseDifference | None]:
    import napari_unet

    with open(folder / "manifest.csv", encoding="utf-8") as table:
        names = [row["file"] for row in csv.DictReader(table) if row["split"] == split][:count]
    cases = []
    for name in names:
        image, reference = (
            np.asarray(Image.open(folder / kind / name).convert("L")) for kind in ("images", "masks")
        )
        drawn = napari_unet.segment(image, inverted=False).mask()
        cases.append(case_difference(drawn, reference > 0))
    return cases
