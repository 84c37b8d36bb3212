"""Open masks are learned from with the image in whose place they lie."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

CASES = Path(__file__).parents[2] / "data" / "cases"


@pytest.mark.parametrize(
    ("mask", "fits"), [("ct_mask_scaled.nii.gz", True), ("ct_mask_identity_affine.nii.gz", False)]
)
def test_a_mask_without_a_place_is_not_paired_with_an_image_that_has_one(
    open_dock, viewer, tmp_path: Path, mask: str, fits: bool
) -> None:
    dock = open_dock()
    shutil.copy(CASES / mask, tmp_path / "ct_mask.nii.gz")
    for path in (CASES / "ct.nii.gz", tmp_path / "ct_mask.nii.gz"):
        viewer.open(str(path), plugin="napari-unet-lung")
    pairs = dock.setup.source.pairs
    assert pairs.rowCount() == 1
    assert bool(pairs.chosen()) is fits
    box = pairs.cellWidget(0, 1)
    assert box.count() == int(fits) and "matching" in box.placeholderText()
