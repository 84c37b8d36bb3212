from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
from click.testing import Result
from PIL import Image

Run = Callable[..., Result]


class Folders:
    """Predictions, references, and the report of comparing them."""

    def __init__(self, root: Path) -> None:
        self.predictions, self.references = root / "predictions", root / "references"
        self.csv = root / "report.csv"
        self.predictions.mkdir()
        self.references.mkdir()

    def arguments(self) -> list[object]:
        return ["--predictions", self.predictions, "--references", self.references, "-o", self.csv]

    def rows(self) -> list[dict[str, str]]:
        with self.csv.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


CASES = Path(__file__).parents[1] / "data" / "cases"


def square(value: int = 255, shift: int = 0, size: int = 20) -> np.ndarray:
    mask = np.zeros((size, size), np.uint8)
    mask[5:15, 5 + shift : 15 + shift] = value
    return mask


def put(folder: Path, name: str, mask: np.ndarray) -> None:
    Image.fromarray(mask).save(folder / name)


def test_scores_in_pixels(run: Run, folders: Folders) -> None:
    put(folders.predictions, "a_mask.png", square(shift=2))
    put(folders.references, "a.png", square())
    put(folders.predictions, "b_mask.png", square())
    put(folders.references, "b_mask.png", square(value=1))
    result = run("evaluate", *folders.arguments())
    assert result.exit_code == 0, result.output
    shifted, equal = folders.rows()
    assert (shifted["case"], shifted["label"], shifted["unit"], shifted["error"]) == ("a", "lung", "px", "")
    assert float(shifted["dice"]) == pytest.approx(0.8)
    assert float(shifted["iou"]) == pytest.approx(2 / 3, abs=1e-6)
    assert float(shifted["hd95"]) == 2
    assert (float(equal["dice"]), float(equal["assd"])) == (1, 0)
    assert "0.900" in result.stdout
    assert "(px)" in result.stdout


def test_scores_in_mm(run: Run, folders: Folders) -> None:
    for folder, shift in ((folders.predictions, 2), (folders.references, 0)):
        image = nibabel.Nifti1Image(square(1, shift).T[..., None], np.diag([-0.5, -0.5, 1, 1]))
        image.header.set_xyzt_units("mm")
        nibabel.save(image, folder / "a_mask.nii.gz")
    assert run("evaluate", *folders.arguments()).exit_code == 0
    (row,) = folders.rows()
    assert (row["unit"], float(row["hd95"])) == ("mm", 1.0)


def test_a_mask_beside_its_image_wins(run: Run, folders: Folders) -> None:
    put(folders.predictions, "a_mask.png", square())
    put(folders.references, "a.png", square(shift=4))
    put(folders.references, "a_mask.png", square())
    assert run("evaluate", *folders.arguments()).exit_code == 0
    assert float(folders.rows()[0]["dice"]) == 1


def test_unmatched_doubled_and_wrongly_sized_files_are_listed(run: Run, folders: Folders) -> None:
    put(folders.predictions, "alone.png", square())
    put(folders.references, "missed.png", square())
    for name in ("twice.png", "twice.tif"):
        put(folders.references, name, square())
    put(folders.predictions, "twice.png", square())
    put(folders.predictions, "large.png", square(size=30))
    put(folders.references, "large.png", square())
    for folder in (folders.predictions, folders.references):
        put(folder, "good.png", square())
    result = run("evaluate", *folders.arguments())
    told = " ".join(result.stderr.split())
    assert result.exit_code == 0
    assert "alone.png has no reference" in told
    assert "missed.png has no prediction" in told
    assert "twice.png, twice.tif" in told
    assert "large.png has the size 30 × 30" in told
    assert [(row["case"], bool(row["error"])) for row in folders.rows()] == [("good", False), ("large", True)]
    assert (
        "Cases: 1 compared, 1 ignored, of another size, 2 without a partner, 1 ignored, with several masks."
        in told
    )


def test_a_mask_that_lies_on_its_side_is_told(run: Run, folders: Folders) -> None:
    put(folders.predictions, "a.png", np.ones((20, 30), np.uint8))
    put(folders.references, "a.png", np.ones((30, 20), np.uint8))
    told = " ".join(run("evaluate", *folders.arguments()).stderr.split())
    assert "before the picture was turned upright" in told


def test_no_match_is_a_failure(run: Run, folders: Folders) -> None:
    put(folders.predictions, "a.png", square())
    put(folders.references, "b.png", square())
    assert run("evaluate", *folders.arguments()).exit_code == 1


def test_labels_are_kept_where_both_masks_have_several(run: Run, folders: Folders) -> None:
    truth = np.zeros((20, 20), np.uint8)
    truth[:, :8], truth[:, 12:] = 1, 2
    swapped = np.where(truth == 1, 2, np.where(truth == 2, 1, 0)).astype(np.uint8)
    put(folders.references, "a.png", truth)
    put(folders.predictions, "a.png", swapped)
    put(folders.references, "b.png", truth)
    put(folders.predictions, "b.png", (truth > 0).astype(np.uint8) * 255)
    assert run("evaluate", *folders.arguments()).exit_code == 0
    found = [(row["case"], row["label"], float(row["dice"])) for row in folders.rows()]
    assert found == [("a", "1", 0), ("a", "2", 0), ("b", "lung", 1)]


def test_two_empty_masks_have_no_score(run: Run, folders: Folders) -> None:
    for folder in (folders.predictions, folders.references):
        put(folder, "a.png", np.zeros((20, 20), np.uint8))
    assert run("evaluate", *folders.arguments()).exit_code == 0
    assert [folders.rows()[0][name] for name in ("dice", "iou", "hd95", "assd", "error")] == [""] * 5


def test_an_unreadable_mask_is_a_failure(run: Run, folders: Folders) -> None:
    for name in ("a.png", "b.png"):
        put(folders.references, name, square())
        put(folders.predictions, name, square())
    (folders.predictions / "a.png").write_bytes(b"\x89PNG")
    result = run("evaluate", *folders.arguments())
    assert result.exit_code == 1
    assert [bool(row["error"]) for row in folders.rows()] == [True, False]
    assert "Cases: 1 compared, 1 refused." in result.stderr


def test_what_is_not_sure_counts_nowhere(run: Run, folders: Folders) -> None:
    hard = np.asarray(Image.open(CASES / "mask_hard.png"))
    put(folders.predictions, "a.png", hard)
    put(folders.references, "a.png", np.asarray(Image.open(CASES / "mask_not_sure.png")))
    left = np.where(np.arange(256) > 128, 2, 1) * (hard > 0)
    put(folders.predictions, "b.png", left.astype(np.uint8))
    left[100:150] = 255
    put(folders.references, "b.png", left.astype(np.uint8))
    assert run("evaluate", *folders.arguments()).exit_code == 0
    found = [(r["case"], r["label"], *map(float, (r["dice"], r["hd95"], r["assd"]))) for r in folders.rows()]
    assert found == [("a", "lung", 1, 0, 0), ("b", "1", 1, 0, 0), ("b", "2", 1, 0, 0)]


def test_a_mask_with_grey_edges_is_read_as_two_values_and_that_is_said(run: Run, folders: Folders) -> None:
    hard, soft = (Image.open(CASES / f"mask_{kind}.png") for kind in ("hard", "soft"))
    hard.save(folders.references / "a.png")
    soft.save(folders.predictions / "a.png")
    hard.save(folders.references / "b.png")
    Image.open(CASES / "mask_hard.png").save(folders.predictions / "b.jpg", quality=75)
    hard.save(folders.references / "c.png")
    Image.open(CASES / "mask_in_opacity.png").save(folders.predictions / "c.png")
    result = run("evaluate", *folders.arguments())
    assert result.exit_code == 0
    assert [row["label"] for row in folders.rows()] == ["lung"] * 3
    assert all(float(row["dice"]) > 0.999 for row in folders.rows())
    told = " ".join(result.stderr.split())
    for name in (
        "a.png: It is not a clean",
        "b.jpg: It is not a clean",
        "c.png: The picture has one grey value",
    ):
        assert name in told
    assert "3 compared, 3 read with assumptions" in told


def test_values_that_nobody_knows_are_refused_by_name(run: Run, folders: Folders) -> None:
    for name in ("a", "b"):
        put(folders.references, f"{name}.png", np.asarray(Image.open(CASES / "mask_hard.png")))
    (folders.predictions / "a.jpg").write_bytes((CASES / "mask_100_200.jpg").read_bytes())
    put(folders.predictions, "b.png", np.asarray(Image.open(CASES / "mask_hard.png")))
    result = run("evaluate", *folders.arguments())
    assert result.exit_code == 1
    assert "a.jpg: The mask holds the values 1, 2, 3, 4, 5, ... (69 from 1 to 215)" in result.stderr


def test_a_nifti_mask_with_a_scaling_factor(run: Run, folders: Folders) -> None:
    for folder in (folders.predictions, folders.references):
        (folder / "a.nii.gz").write_bytes((CASES / "ct_mask_scaled.nii.gz").read_bytes())
    assert run("evaluate", *folders.arguments()).exit_code == 0
    assert [(row["label"], float(row["dice"])) for row in folders.rows()] == [("1", 1), ("2", 1)]


def test_folders_must_exist(run: Run, folders: Folders, tmp_path: Path) -> None:
    arguments = ["--predictions", tmp_path / "none", "--references", folders.references, "-o", folders.csv]
    assert run("evaluate", *arguments).exit_code == 2


def test_an_output_that_cannot_be_written_is_told_before_scoring(
    run: Run, folders: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_unet import evaluation
    from napari_unet.core.errors import UserError

    monkeypatch.setattr(evaluation, "score_case", lambda *_: pytest.fail("scored first"))
    for folder in (folders.predictions, folders.references):
        put(folder, "a.png", square())
    (tmp_path / "file").touch()
    folders.csv = tmp_path / "file" / "report.csv"
    result = run("evaluate", *folders.arguments())
    assert result.exit_code == 1
    assert isinstance(result.exception, UserError)
    assert "cannot be made" in str(result.exception)


def test_one_case_is_no_plural(run: Run, folders: Folders) -> None:
    for folder in (folders.predictions, folders.references):
        put(folder, "a.png", square())
    assert "lung, 1 case\n" in run("evaluate", *folders.arguments()).stdout.replace(" \n", "\n")
