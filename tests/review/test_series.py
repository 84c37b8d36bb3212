"""A DICOM series as one case of a project: added, read, moved, changed, incomplete, trained on, exported."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
from dicom_files import NUMBER, PATIENT, save_series
from PIL import Image

from napari_unet.core.errors import UserError
from napari_unet.core.source import Source
from napari_unet.io.formats import read_raster, write_mask
from napari_unet.models.library import default_library
from napari_unet.review.add import Attached, add_found, attach_masks, gather
from napari_unet.review.exporting.export import export_steps
from napari_unet.review.exporting.kinds import Format
from napari_unet.review.key import key_steps
from napari_unet.review.scan import ScanResult, scan_steps
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Author, AuthorKind, Case, FileState, Status
from napari_unet.review.why_aside import why_aside
from napari_unet.training.pairs import read_pair

DEPTH, SHAPE = 6, (6, 48, 64)
ANN = Author(AuthorKind.PERSON, "Ann")


def end(steps: Generator[Any, None, Any]) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


def hu(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-1000, 400, SHAPE).astype(np.int16)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[ReviewProject]:
    with ReviewProject.create(tmp_path / "project") as made:
        yield made


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder with an X-ray and, below it, one series."""
    save_series(tmp_path / "images" / "thorax", hu())
    Image.fromarray(np.zeros((20, 30), np.uint8)).save(tmp_path / "images" / "film.png")
    return tmp_path / "images"


def add(project: ReviewProject, *inputs: Path, **options: Any) -> list[tuple[str, bool]]:
    return add_found(project, gather(inputs, **options), "Ann")


def scan(project: ReviewProject, **options: Any) -> ScanResult:
    return end(scan_steps(project, by="Ann", **options))


def the_series(project: ReviewProject) -> Case:
    (case,) = [case for case in project.cases() if project.source(case.id).is_series]
    return case


def test_a_series_is_one_case_beside_the_others(project: ReviewProject, images: Path) -> None:
    assert [new for _, new in add(project, images)] == [True, True]
    result = scan(project)
    assert len(result.read) == 2 and not result.unreadable
    case = the_series(project)
    assert (case.shape, case.modality, case.row_direction) == (SHAPE, "CT", "L")
    assert case.spacing_mm == pytest.approx((2.5, 0.75, 0.5)) and case.patient
    source = project.source(case.id)
    assert source == Source.of(list((images / "thorax").iterdir()))
    assert case.content_hash == source.content_hash()
    assert np.array_equal(read_raster(source).pixels, hu())
    assert [new for _, new in add(project, images / "thorax")] == [False]
    assert result_of_verify(project) == []


def result_of_verify(project: ReviewProject) -> list[str]:
    return [problem.text for problem in end(project.verify())]


def test_series_in_one_folder_are_cases_of_their_own(project: ReviewProject, tmp_path: Path) -> None:
    like = read_raster(Source.of(save_series(tmp_path / "ct", hu(), SeriesNumber=2)))
    save_series(tmp_path / "ct" / "more", hu(1), SeriesNumber=5)
    for file in (tmp_path / "ct" / "more").iterdir():
        file.rename(tmp_path / "ct" / f"B{file.name}")
    (tmp_path / "ct" / "more").rmdir()
    masks = tmp_path / "masks"
    masks.mkdir()
    for number, value in ((2, 1), (5, 2)):
        write_mask(masks / f"ct_{number}_mask.nii.gz", np.full(SHAPE, value, np.uint8), like)
    manifest = tmp_path / "m.csv"
    manifest.write_text("file,patient\nct_2,A\nct_5,B\n")
    ids = [id for id, _ in add(project, tmp_path / "ct", manifest=manifest, masks=masks)]
    scan(project)
    assert len(ids) == 2 and project.patients() == (2, 0)
    for id in ids:
        header = pydicom.dcmread(project.source(id).first)
        assert header.SeriesNumber in (2, 5) and len(project.source(id).files) == DEPTH
    attached: Attached = end(attach_masks(project, ids, masks, "Ann"))
    assert set(attached.attached) == set(ids) and attached.problems == ()
    for id in ids:
        number = pydicom.dcmread(project.source(id).first).SeriesNumber
        mask = project.read_mask(project.case(id).revision)
        assert set(np.unique(mask)) == {1 if number == 2 else 2}


def test_a_file_that_is_missing_makes_the_series_missing(project: ReviewProject, images: Path) -> None:
    add(project, images)
    scan(project)
    source = project.source(the_series(project).id)
    away = source.files[2].rename(images.parent / "elsewhere")
    assert scan(project).missing == [the_series(project).id]
    assert the_series(project).file_state == FileState.MISSING
    (said,) = result_of_verify(project)
    assert (
        said == f"The image of case {the_series(project).number} is incomplete: 1 of its 6 files are missing."
    )
    away.rename(source.files[2])
    assert scan(project).missing == [] and the_series(project).file_state == FileState.PRESENT


def test_a_folder_that_was_moved_is_found_again(project: ReviewProject, images: Path, tmp_path: Path) -> None:
    add(project, images)
    scan(project)
    id = the_series(project).id
    shutil.move(images / "thorax", tmp_path / "archive" / "T1")
    for k, file in enumerate(sorted((tmp_path / "archive" / "T1").iterdir())):
        file.rename(file.with_name(f"slice{k}.dcm"))
    assert scan(project).missing == [id]
    assert scan(project, look_in=[tmp_path / "archive"]).moved == [id]
    assert project.source(id).path == tmp_path / "archive" / "T1"
    shutil.move(tmp_path / "archive" / "T1", tmp_path / "T2")
    assert add(project, tmp_path / "T2") == [(id, False)] and project.source(id).path == tmp_path / "T2"


def test_a_slice_that_was_written_to_makes_the_series_changed(project: ReviewProject, images: Path) -> None:
    add(project, images)
    scan(project)
    case = the_series(project)
    project.add_revision(case.id, np.ones(SHAPE, np.uint8), ANN)
    project.decide(case.id, Status.ACCEPTED, "Ann")
    file = project.source(case.id).files[1]
    dataset = pydicom.dcmread(file)
    dataset.RescaleIntercept = -1000
    dataset.save_as(file)
    os.utime(file, ns=(1, 10**18))
    assert scan(project).changed == [case.id] and project.training_pairs() == []
    project.resolve_change(case.id, keep=True, by="Ann")
    assert project.case(case.id).status == Status.SECOND_LOOK
    assert project.case(case.id).content_hash == project.source(case.id).content_hash()


def test_slices_that_came_later_complete_the_series(
    project: ReviewProject, images: Path, tmp_path: Path
) -> None:
    kept = sorted((images / "thorax").iterdir())[-1]
    away = shutil.move(kept, tmp_path / "later")
    ((id, _),) = add(project, images / "thorax")
    assert len(project.source(id).files) == DEPTH - 1
    shutil.move(away, kept)
    assert add(project, images / "thorax") == [(id, False)]
    assert len(project.source(id).files) == DEPTH
    scan(project)
    assert project.case(id).shape == SHAPE


def test_a_copy_of_a_series_is_a_case_of_its_own_and_told(project: ReviewProject, images: Path) -> None:
    ((id, _),) = add(project, images / "thorax")
    shutil.copytree(images / "thorax", images / "copy")
    assert sorted(new for _, new in add(project, images)) == [False, True, True]
    result = scan(project)
    assert len(project.source(id).files) == DEPTH and result.unreadable == []
    ((one, other),) = result.duplicates
    assert id in (one, other)


def test_a_slice_that_is_a_case_already_is_not_taken_from_it(project: ReviewProject, images: Path) -> None:
    one = sorted((images / "thorax").iterdir())[0]
    ((id, _),) = add(project, one)
    assert add(project, images / "thorax") == [(id, False)]
    assert project.source(id) == Source.of(one)


def test_masks_a_training_pair_and_exports(project: ReviewProject, images: Path, tmp_path: Path) -> None:
    add(project, images / "thorax")
    scan(project)
    case = the_series(project)
    mask = np.zeros(SHAPE, np.uint8)
    mask[2, 3:9, 4:20] = 1
    raster = read_raster(project.source(case.id))
    masks = tmp_path / "masks"
    masks.mkdir()
    write_mask(masks / "thorax_mask.nii.gz", mask, raster)
    attached: Attached = end(attach_masks(project, [case.id], masks, "Ann", accept=True))
    assert attached.accepted == (case.id,) and attached.problems == ()
    (pair,) = project.training_pairs()
    assert pair.image == project.source(case.id) and pair.content_hash == case.content_hash
    card = default_library().find("cxr-lung").card
    read = read_pair(pair, card)
    assert np.array_equal(read.labels, mask) and np.array_equal(read.raster.pixels, hu())
    with pytest.raises(UserError, match="has changed since it was reviewed"):
        read_pair(replace(pair, content_hash="0" * 64), card)
    formats = (Format.PNG, Format.TIFF, Format.NIFTI, Format.NNUNET)
    result = end(export_steps(project, tmp_path / "out", formats))
    assert result.exported == (case.id,)
    for folder, ending in (("images", ""), ("masks", "_mask")):
        (file,) = sorted((tmp_path / "out" / "nifti" / folder).iterdir())
        saved = nibabel.load(file)
        shown = np.asarray(saved.dataobj).transpose()  # an upright series is written as L, P, S
        assert np.array_equal(shown, mask if ending else hu())
        z, y, x = 2, 3, 4
        right, anterior, superior = nibabel.affines.apply_affine(saved.affine, (x, y, z))
        assert np.allclose((raster.affine @ (z, y, x, 1))[:3], (superior, -anterior, -right))
    every = b"".join(
        file.read_bytes() for file in (tmp_path / "out").rglob("*") if file.suffix in (".csv", ".txt")
    )
    assert b"thorax" not in every and PATIENT.encode() not in every


def test_its_key_names_the_folder(project: ReviewProject, images: Path, tmp_path: Path) -> None:
    add(project, images / "thorax")
    end(key_steps(project, tmp_path / "key.csv", "Ann"))
    (row,) = csv.DictReader((tmp_path / "key.csv").open(encoding="utf-8"))
    assert (row["file"], row["folder"], row["patient"]) == ("thorax", str(images), NUMBER)


def test_a_manifest_names_the_folder_of_a_series(
    project: ReviewProject, images: Path, tmp_path: Path
) -> None:
    (tmp_path / "m.csv").write_text("file,patient,split\nthorax,P1,test\nfilm.png,P2,train\n")
    add(project, images, manifest=tmp_path / "m.csv")
    assert the_series(project).split == "test" and project.patients() == (2, 0)
    found = gather([images], manifest=tmp_path / "m.csv", split="test")
    assert [Source.of(case.source).name for case in found.cases] == ["thorax"]


def test_why_it_was_set_aside_is_told_without_names(project: ReviewProject, images: Path) -> None:
    add(project, images)
    source = project.source(the_series(project).id)
    assert why_aside(project, the_series(project).id) == ""
    by_place = sorted(source.files, key=lambda file: float(pydicom.dcmread(file).ImagePositionPatient[2]))
    by_place[3].write_bytes(by_place[3].read_bytes()[:-99])
    assert scan(project).unreadable == [the_series(project).id]
    assert why_aside(project, the_series(project).id) == "… is damaged or incomplete and cannot be read."
    by_place[3].unlink()
    assert why_aside(project, the_series(project).id).startswith("… of the series … is missing")


def test_no_path_of_a_slice_stands_outside_the_table_of_files(project: ReviewProject, images: Path) -> None:
    add(project, images)
    scan(project)
    assert "thorax" not in repr(project.events()) and "IM0" not in repr(project.events())
    assert "thorax" not in repr(project.cases()) and PATIENT not in repr(project.sources())
