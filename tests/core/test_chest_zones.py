"""Zones of a chest, on drawn chests with known parts and on real ones by both protocols."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from drawn_chests import SHAPE, chest
from PIL import Image

from napari_unet.core.chest_zones import BORDER, Zone, chest_zones

INSIDE = {"heart": Zone.HEART, "dome": Zone.DOME, "spine": Zone.SPINE}
OUTSIDE = ("neck", "abdomen", "arm")


@pytest.mark.parametrize("tilt", [0, -7, 7])
@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_known_parts_of_a_drawn_chest_lie_in_their_zones(tilt: float, seed: int | None) -> None:
    lungs, parts = chest(tilt, seed)
    found = chest_zones(lungs)
    assert found is not None
    for name, zone in INSIDE.items():
        assert parts[name].sum() > 150
        assert np.mean(found.zones[parts[name]] == zone) > 0.85, name
    for name in OUTSIDE:
        assert np.mean(found.zones[parts[name]] == Zone.OUTSIDE) > 0.95, name


def test_the_lungs_are_their_own_zone_and_the_border_surrounds_them() -> None:
    lungs, _ = chest()
    found = chest_zones(lungs)
    assert found is not None
    assert np.array_equal(found.zones == Zone.LUNG, lungs)
    border = found.zones == Zone.BORDER
    assert np.array_equal(border, ~lungs & (found.distance <= BORDER))
    columns = np.flatnonzero(lungs.any(axis=0))
    assert found.width == pytest.approx(columns[-1] - columns[0] + 1, rel=0.02)


def test_zones_do_not_depend_on_which_side_is_which() -> None:
    lungs, _ = chest()
    one, other = chest_zones(lungs), chest_zones(lungs[:, ::-1])
    assert one is not None and other is not None
    assert np.mean(one.zones == other.zones[:, ::-1]) > 0.99


def test_a_squeezed_image_has_the_same_zones_squeezed() -> None:
    lungs, _ = chest()
    whole, squeezed = chest_zones(lungs), chest_zones(lungs[::2], aspect=2.0)
    assert whole is not None and squeezed is not None
    assert np.mean(whole.zones[::2] == squeezed.zones) > 0.98


def test_a_lung_that_ends_high_has_a_field_below_and_not_a_dome() -> None:
    lungs, _ = chest()
    rows, columns = np.indices(SHAPE)
    hidden = lungs & (columns < 128) & (rows > 130)
    found = chest_zones(lungs & ~hidden)
    assert found is not None
    away = hidden & (found.zones != Zone.BORDER)
    assert np.mean(found.zones[away] == Zone.FIELD) > 0.8


@pytest.mark.parametrize("mask", ["empty", "one lung", "one pixel each", "full"])
def test_without_two_lungs_there_are_no_zones(mask: str) -> None:
    lungs, _ = chest()
    masks = {
        "empty": np.zeros(SHAPE, bool),
        "one lung": lungs & (np.arange(SHAPE[1]) < 128),
        "one pixel each": lungs & (np.arange(SHAPE[1]) < 128) | (np.indices(SHAPE).sum(axis=0) == 420),
        "full": np.ones(SHAPE, bool),
    }
    assert chest_zones(masks[mask]) is None


def test_two_thin_lines_are_no_chest_and_no_error() -> None:
    mask = np.zeros(SHAPE, bool)
    mask[50:200, [60, 190]] = True
    assert chest_zones(mask) is not None
    mask[:] = False
    mask[128, 40:90] = mask[128, 160:210] = True
    found = chest_zones(mask)
    assert found is None or not (found.zones == Zone.HEART).any()


@pytest.mark.data
def test_lung_that_the_other_protocol_adds_in_real_children_lies_behind_the_heart(data: Path) -> None:
    """The hidden lung cannot be seen in a mask of the whole lung: what is left between them stays narrow.

    In masks of visible lung, heart and dome take up a large part of the chest.
    """
    shares = {}
    for place in ("montgomery", "children"):
        folder = data / "cxr" / place
        with open(folder / "manifest.csv", encoding="utf-8") as table:
            names = [row["file"] for row in csv.DictReader(table) if row["split"] == "val"][:20]
        found = [chest_zones(_mask(folder / "masks" / name)) for name in names]
        assert all(one is not None for one in found)
        shares[place] = np.median(
            [(one.zones == Zone.HEART).sum() / one.lungs.sum() for one in found if one is not None]
        )
    assert shares["montgomery"] > 0.15
    assert shares["children"] < 0.08


def _mask(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path.with_suffix(".png")).convert("L")) > 0
