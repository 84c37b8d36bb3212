"""Masks that do not lie where their images lie, in every command that puts the two together."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
from click.testing import Result

from napari_unet.core.errors import UserError
from napari_unet.core.training_pair import TrainingPair
from napari_unet.io.formats import read_raster
from napari_unet.models.library import default_library
from napari_unet.review.store import ReviewProject
from napari_unet.training.data_folder import find_pairs
from napari_unet.training.pairs import read_pair
from napari_unet.training.recipe import DataConfig

Run = Callable[..., Result]
CASES = Path(__file__).parents[1] / "data" / "cases"
IDENTITY, SCALED = "ct_mask_identity_affine.nii.gz", "ct_mask_scaled.nii.gz"


def folder(at: Path, **files: Path) -> Path:
    at.mkdir(parents=True, exist_ok=True)
    for name, source in files.items():
        shutil.copy(source, at / f"{name}.nii.gz")
    return at


@pytest.fixture
def stored_otherwise(tmp_path: Path) -> Path:
    """The sample's mask in another order, with its own affine."""
    image = nibabel.as_closest_canonical(nibabel.load(CASES / SCALED))
    path = tmp_path / "canonical.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.rint(image.get_fdata()).astype(np.uint8), image.affine), path)
    return path


def add(run: Run, tmp_path: Path, mask: Path) -> tuple[Result, Path]:
    images = folder(tmp_path / "images", ct=CASES / "ct.nii.gz")
    masks, project = folder(tmp_path / "masks", ct_mask=mask), tmp_path / "project"
    assert run("review", "new", project).exit_code == 0
    return run("review", "add", project, images, "--masks", masks, "--model", "none"), project


def test_review_refuses_an_identity_beside_a_real_place(run: Run, tmp_path: Path) -> None:
    result, project = add(run, tmp_path, CASES / IDENTITY)
    assert result.exit_code == 1 and "Case 1: Only one of mask and image says" in result.stderr
    assert "4 × 1.5 × 1.5 mm" in " ".join(result.stderr.split())
    with ReviewProject.open(project) as opened:
        assert opened.cases()[0].revision is None


def test_review_takes_a_mask_in_another_order_the_right_way_round_and_says_so(
    run: Run, tmp_path: Path, stored_otherwise: Path
) -> None:
    result, project = add(run, tmp_path, stored_otherwise)
    assert result.exit_code == 0 and "flipped or turned as its affine says" in " ".join(result.stderr.split())
    with ReviewProject.open(project) as opened:
        mask = opened.read_mask(opened.cases()[0].revision or "")
    np.testing.assert_array_equal(mask, np.rint(read_raster(CASES / SCALED).pixels))


def evaluate(run: Run, tmp_path: Path, prediction: Path) -> tuple[Result, list[str]]:
    p, r = folder(tmp_path / "p", ct=prediction), folder(tmp_path / "r", ct=CASES / SCALED)
    result = run("evaluate", "--predictions", p, "--references", r, "-o", tmp_path / "s.csv")
    return result, (tmp_path / "s.csv").read_text("utf-8").splitlines()[1:]


def test_evaluate_says_that_a_prediction_lies_nowhere_instead_of_a_score_of_0(
    run: Run, tmp_path: Path
) -> None:
    result, rows = evaluate(run, tmp_path, CASES / IDENTITY)
    assert isinstance(result.exception, UserError)
    assert "ct.nii.gz: Only one of mask and image says where it lies" in rows[0] and ",,,,,," in rows[0]


def test_evaluate_compares_in_the_patient(run: Run, tmp_path: Path, stored_otherwise: Path) -> None:
    result, rows = evaluate(run, tmp_path, stored_otherwise)
    assert result.exit_code == 0, result.output
    assert [row.split(",")[2] for row in rows] == ["1.000000"] * 2
    assert "flipped or turned" in " ".join(result.stderr.split())


def test_compare_and_fine_tuning_read_pairs_by_the_same_rule(stored_otherwise: Path) -> None:
    card = default_library().find("cxr-lung").card
    image = CASES / "ct.nii.gz"
    with pytest.raises(UserError, match="Case 7: Only one of mask and image says"):
        read_pair(TrainingPair("7", image, CASES / IDENTITY), card)
    with pytest.raises(UserError, match="Case 7: Only one of mask and image says"):
        read_pair(TrainingPair("7", read_raster(image), CASES / IDENTITY), card)
    _, straight, _ = read_pair(TrainingPair("7", image, CASES / SCALED), card)
    _, turned, notes = read_pair(TrainingPair("7", image, stored_otherwise), card)
    np.testing.assert_array_equal(turned, straight)
    assert "flipped or turned" in notes[0]


def flat(path: Path, data: np.ndarray, affine: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nibabel.Nifti1Image(np.ascontiguousarray(data.T[:, :, None]), affine)
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)


@pytest.fixture
def films(tmp_path: Path, two_lungs: np.ndarray) -> Path:
    """Two X-rays as NIfTI with a real place, the one's mask with it and the other's without."""
    real = np.array([[-0.2, 0, 0, 40], [0, -0.2, 0, 60], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    for name, affine in (("1", real), ("2", np.eye(4))):
        flat(tmp_path / "images" / f"{name}.nii.gz", two_lungs, real)
        flat(tmp_path / "masks" / f"{name}.nii.gz", (two_lungs > 100).astype(np.uint8), affine)
    return tmp_path


def test_train_refuses_it_with_the_name_of_the_file(films: Path) -> None:
    right, wrong = find_pairs(DataConfig(str(films), manifest=None))
    card = default_library().find("cxr-lung").card
    assert read_pair(right, card).notes == ()
    with pytest.raises(UserError, match=r"2\.nii\.gz: Only one of mask and image says where it lies"):
        read_pair(wrong, card)


def test_compare_and_simulate_leave_it_out_and_say_why(run: Run, films: Path) -> None:
    images, masks = films / "images", films / "masks"
    result = run("compare", "cxr-lung", "cxr-lung", "--images", images, "--masks", masks, "--json")
    assert "Case 2: Only one of mask and image says where it lies" in " ".join(result.stderr.split())
    result = run("simulate", images, "--masks", masks, "-o", films / "out")
    assert "2: Only one of mask and image says where it lies" in " ".join(result.stderr.split())
