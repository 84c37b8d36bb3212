"""Which mask belongs to which image."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from napari_unet.io.pairs import find_pairs, masks_by_case


def put(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        Image.new("L", (4, 4)).save(folder / name)
    return folder


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["a.png"], {"a": ["a.png"]}),
        (["a.png", "a_mask.png"], {"a": ["a_mask.png"]}),
        (["a.png", "a.tif"], {"a": ["a.png", "a.tif"]}),
        (["a_mask.png", "a_mask.tif"], {"a": ["a_mask.png", "a_mask.tif"]}),
        (["a_overlay.png", "b_probability.tif", "c.png"], {"c": ["c.png"]}),
    ],
)
def test_masks_by_case(tmp_path: Path, names: list[str], found: dict[str, list[str]]) -> None:
    masks, problems = masks_by_case(put(tmp_path, *names))
    assert {case: [path.name for path in paths] for case, paths in masks.items()} == found
    assert len(problems) == sum(len(paths) > 1 for paths in found.values())


def test_pairs_and_what_is_left_over(tmp_path: Path) -> None:
    here = put(tmp_path / "here", "a_mask.png", "b.png", "twice.png", "twice.tif")
    there = put(tmp_path / "there", "a.png", "c.png", "twice.png")
    pairing = find_pairs(here, there)
    assert pairing.cases == {"a": (here / "a_mask.png", there / "a.png")}
    text = " ".join(pairing.problems)
    assert "b.png has no reference" in text and "c.png has no prediction" in text and "twice has 2" in text
