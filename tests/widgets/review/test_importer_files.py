"""What the window says of files that are added: masks without a place, a CT series, what was ignored."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from casework_fakes import write_images
from dicom_files import save_series

CASES = Path(__file__).parents[2] / "data" / "cases"


@pytest.fixture
def ct(tmp_path: Path) -> Path:
    (tmp_path / "ct").mkdir()
    return Path(shutil.copy(CASES / "ct.nii.gz", tmp_path / "ct" / "ct.nii.gz"))


def masks(tmp_path: Path, name: str) -> Path:
    (tmp_path / "masks").mkdir()
    shutil.copy(CASES / name, tmp_path / "masks" / "ct_mask.nii.gz")
    (tmp_path / "masks" / "notes.txt").write_text("x")
    return tmp_path / "masks"


def test_a_mask_without_a_place_is_refused_with_both_geometries(review, ct: Path, tmp_path: Path) -> None:
    review.start([])
    review.work.importer.add_images([ct], masks=masks(tmp_path, "ct_mask_identity_affine.nii.gz"))
    review.qtbot.waitUntil(lambda: bool(review.failures))
    text = str(review.failures[0])
    assert "Only one of mask and image says where it lies" in text and "4 × 1.5 × 1.5 mm" in text
    review.settle()


def test_a_mask_with_its_image_s_place_comes_and_other_files_are_counted(
    review, ct: Path, tmp_path: Path
) -> None:
    review.start([])
    review.work.importer.add_images([ct], masks=masks(tmp_path, "ct_mask_scaled.nii.gz"))
    review.qtbot.waitUntil(lambda: any("1 mask taken" in text for text in review.news))
    assert any("1 file was ignored" in text and "notes.txt" in text for text in review.news)
    review.settle()


def test_a_ct_series_is_one_case_that_is_opened_and_corrected(review, tmp_path: Path) -> None:
    review.start([])
    volume = np.random.default_rng(0).integers(-1000, 300, (4, 40, 50)).astype(np.int16)
    save_series(tmp_path / "series", volume)
    write_images(tmp_path / "series", 1)
    review.work.importer.add_images([tmp_path / "series"])
    review.qtbot.waitUntil(lambda: len(review.work.cases) == 2)
    review.settle()
    (id,) = [id for id, case in review.work.cases.items() if case.shape == volume.shape]
    mask, image = review.open(id), review.work.presenter.layers.image
    assert np.array_equal(image.data, volume) and mask.data.shape == volume.shape
    assert tuple(image.scale) == tuple(mask.scale) == pytest.approx((2.5, 0.75, 0.5))
    mask.data_setitem((np.array([2]), np.array([5]), np.array([7])), 1)
    review.work.opener.leave()
    review.settle()
    assert review.work.cases[id].revision is not None
