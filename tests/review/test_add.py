"""Adding images, and masks that are there already, to a real project."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from PIL import Image

from napari_unet.core.errors import UserError
from napari_unet.core.prediction import Prediction
from napari_unet.core.source import Source
from napari_unet.review.add import Attached, add_found, attach_masks, gather
from napari_unet.review.check_results import store_first_mask
from napari_unet.review.scan import scan_steps
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Author, AuthorKind, NewCase, Status


def lungs(shape: tuple[int, int] = (40, 60), value: int = 255) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    mask[10:30, 8:20] = value
    mask[10:30, 40:52] = value
    return mask


def put(path: Path, pixels: np.ndarray | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if pixels is None:
        pixels = np.random.default_rng(crc32(path.name.encode())).integers(0, 255, (40, 60), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def end(steps: Generator[Any, None, Any]) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


def names(cases: list[NewCase]) -> list[str]:
    return [Source.of(case.source).name for case in cases]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[ReviewProject]:
    with ReviewProject.create(tmp_path / "project") as made:
        yield made


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    for name in ("b.png", "a.png", "sub/c.png"):
        put(folder / name)
    return folder


def test_folders_and_below_files_and_globs_each_once(tmp_path: Path, images: Path) -> None:
    (images / "notes.txt").touch()
    assert names(gather([images]).cases) == ["a.png", "b.png", "c.png"]
    assert names(gather([images / "b.png", images]).cases) == ["b.png", "a.png", "c.png"]
    assert names(gather([f"{images}/**/*.png"]).cases) == ["a.png", "b.png", "c.png"]
    assert all(Source.of(case.source).path.is_absolute() for case in gather([images]).cases)


def test_masks_and_results_are_left_out_and_told(images: Path) -> None:
    for name in ("a_mask.png", "a_overlay.png", "masks/a.png", "sub/labelsTr/c.png", ".hidden/x.png"):
        put(images / name)
    found = gather([images])
    assert names(found.cases) == ["a.png", "b.png", "c.png"]
    text = " ".join(found.problems)
    assert "1 file: masks by their name" in text and "2 files: in a folder of masks" in text
    assert "1 file: overlays" in text
    assert names(gather([images / "masks"]).cases) == ["a.png"]  # named: it is meant


def test_a_folder_of_masks_that_lies_among_the_images(images: Path) -> None:
    put(images / "drawn" / "a.png")
    assert names(gather([images], masks=images / "drawn").cases) == ["a.png", "b.png", "c.png"]


def test_a_project_s_own_pictures_are_no_images(images: Path) -> None:
    with ReviewProject.create(images / "review") as inside:
        ids = add_found(inside, gather([images]), "Ann")
        end(scan_steps(inside))
        inside.add_revision(ids[0][0], lungs(value=1), Author(AuthorKind.PERSON, "Ann"))
    assert gather([images]).problems == ()
    assert names(gather([images]).cases) == ["a.png", "b.png", "c.png"]
    inside_only = gather([images / "a.png", images / "review" / "masks"])
    assert names(inside_only.cases) == ["a.png"] and "is in a review project" in inside_only.problems[0]


def test_what_cannot_be_added_is_told(tmp_path: Path, images: Path) -> None:
    (tmp_path / "notes.txt").touch()
    found = gather([images, tmp_path / "none.png", tmp_path / "x*.png", tmp_path / "notes.txt"])
    assert len(found.cases) == 3 and len(found.problems) == 3
    (tmp_path / "IMG_1.HEIC").write_bytes(b"\0\0\0\x24ftypheic" + bytes(400))
    assert "HEIC picture" in gather([images, tmp_path / "IMG_1.HEIC"]).problems[0]
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no image to add"):
        gather([tmp_path / "empty"])
    with pytest.raises(UserError, match=r"no image to add\. .*none\.png does not exist"):
        gather([tmp_path / "none.png"])


def test_a_manifest_gives_patient_view_and_split(tmp_path: Path, images: Path) -> None:
    manifest = tmp_path / "m.csv"
    manifest.write_text("file,patient,view,split\na.png,7,PA,train\nsub/c.png,8,,test\n")
    found = gather([images], manifest=manifest)
    fields = [(case.patient, case.view, case.split) for case in found.cases]
    assert fields == [("7", "PA", "train"), ("", "", ""), ("8", "", "test")]
    assert "1 image not in the manifest" in found.problems[0]
    assert names(gather([images], manifest=manifest, split="test").cases) == ["c.png"]
    with pytest.raises(UserError, match="no split val") as error:
        gather([images], manifest=manifest, split="val")
    assert "test, train" in error.value.remedy
    with pytest.raises(UserError, match="no manifest"):
        gather([images], split="test")


def test_the_same_image_is_added_once(project: ReviewProject, images: Path) -> None:
    first = add_found(project, gather([images]), "Ann")
    again = add_found(project, gather([images]), "Ann")
    assert [new for _, new in first] == [True] * 3
    assert again == [(case, False) for case, _ in first]


def attach(project: ReviewProject, images: Path, masks: Path, accept: bool = False) -> Attached:
    ids = [case for case, _ in add_found(project, gather([images], masks=masks), "Ann")]
    result: Attached = end(attach_masks(project, ids, masks, "Ann", accept))
    return result


def test_masks_by_name_become_revisions_by_a_file(
    project: ReviewProject, images: Path, tmp_path: Path
) -> None:
    masks = tmp_path / "masks"
    put(masks / "a_mask.png", lungs())
    put(masks / "c.png", lungs(value=1))
    result = attach(project, images, masks)
    assert (len(result.attached), len(result.without), result.accepted, result.problems) == (2, 1, (), ())
    for case in result.attached:
        known = project.case(case)
        assert known.status == Status.NEW and known.checks == () and known.shape == (40, 60)
        revision = project.revision(known.revision or "")
        assert revision.author == Author(AuthorKind.FILE, "Ann")
        np.testing.assert_array_equal(project.read_mask(revision.id), lungs(value=1))


def test_accept_marks_those_with_a_mask_that_is_not_empty(
    project: ReviewProject, images: Path, tmp_path: Path
) -> None:
    masks = tmp_path / "masks"
    put(masks / "a.png", lungs())
    put(masks / "b.png", np.zeros((40, 60), np.uint8))
    result = attach(project, images, masks, accept=True)
    assert [project.case(case).number for case in result.accepted] == [1]
    assert "Case 2" in result.problems[0]
    counts = project.counts()
    assert counts[Status.ACCEPTED] == 1 and counts[Status.NEW] == 2


def test_masks_that_do_not_fit_are_told_and_left_out(
    project: ReviewProject, images: Path, tmp_path: Path
) -> None:
    masks = tmp_path / "masks"
    put(masks / "a.png", lungs((30, 60)))
    put(masks / "b.png", np.arange(2400, dtype=np.uint8).reshape(40, 60))
    put(masks / "c.png", lungs())
    put(masks / "c.tif", lungs())
    result = attach(project, images, masks)
    text = " ".join(result.problems)
    assert result.attached == () and len(result.without) == 3
    assert "Case 1: The mask has the size 30 × 60, its image 40 × 60" in text
    assert "Case 2: The mask holds the values 1, 2, 3, 4, 5, ..." in text and "c has 2 masks" in text


def test_an_image_is_not_its_own_mask(project: ReviewProject, images: Path) -> None:
    put(images / "a_mask.png", lungs())
    ids = [case for case, _ in add_found(project, gather([images / "a.png", images / "b.png"]), "Ann")]
    result = end(attach_masks(project, ids, images, "Ann"))
    assert (len(result.attached), len(result.without)) == (1, 1)


def test_a_mask_is_given_to_none_of_two_images_of_one_name(
    project: ReviewProject, images: Path, tmp_path: Path
) -> None:
    put(images / "sub" / "a.png")
    put(tmp_path / "masks" / "a.png", lungs())
    result = attach(project, images, tmp_path / "masks")
    assert result.attached == () and "Several images have this name" in result.problems[0]


def test_work_of_people_is_not_replaced(project: ReviewProject, images: Path, tmp_path: Path) -> None:
    masks = tmp_path / "masks"
    put(masks / "a.png", lungs())
    put(masks / "b.png", lungs())
    (a, _), (b, _), _ = add_found(project, gather([images]), "Ann")
    end(scan_steps(project))
    painted = project.add_revision(a, lungs(value=2), Author(AuthorKind.PERSON, "Ann"))
    project.decide(b, Status.ACCEPTED, "Ann", empty_ok=True)
    result = attach(project, images, masks, accept=True)
    assert result.attached == () and result.accepted == ()
    assert project.case(a).revision == painted.id


def test_a_folder_of_masks_must_exist(project: ReviewProject, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no folder"):
        end(attach_masks(project, [], tmp_path / "none", "Ann"))


def first(score: float | None = 0.3) -> Prediction:
    return Prediction(
        np.full((1, 20, 30), 9, np.uint8),
        entropy=np.full((20, 30), 5, np.uint8),
        shape=lungs().shape,
        model="bright",
        version="7",
        drawn=lungs(value=1),
        boundary_uncertainty=score,
        checks=("border",),
    )


def test_a_model_s_mask_is_kept_with_its_map_and_findings(project: ReviewProject, images: Path) -> None:
    (case, _), *_ = add_found(project, gather([images]), "Ann")
    assert store_first_mask(project, case, first(), "Ann")
    known = project.case(case)
    assert (known.checks, known.uncertainty, known.status) == (("border",), 0.3, Status.NEW)
    assert project.revision(known.revision or "").author == Author(AuthorKind.MODEL, "bright", "7")
    found = project.map(case)
    assert found is not None and (found.maps == 9).all() and found.model == "bright"


def test_a_model_does_not_take_the_place_of_a_person(project: ReviewProject, images: Path) -> None:
    (case, _), *_ = add_found(project, gather([images]), "Ann")
    mine = project.add_revision(case, lungs(value=2), Author(AuthorKind.PERSON, "Ann"))
    assert not store_first_mask(project, case, first(), "Ann")
    assert project.case(case).revision == mine.id
    assert project.case(case).uncertainty == 0.3 and project.map(case) is not None


def test_an_image_that_the_model_is_not_for_has_no_mask_and_a_finding(
    project: ReviewProject, images: Path
) -> None:
    (case, _), *_ = add_found(project, gather([images]), "Ann")
    nothing = np.zeros((0, 40, 60), np.uint8)
    refused = Prediction(
        nothing, model="bright", version="7", image_checks=("unlike",), refused="It is a hand."
    )
    assert not store_first_mask(project, case, refused, "Ann")
    known = project.case(case)
    assert (known.revision, known.checks) == (None, ("unlike",))
    project.add_revision(case, np.zeros((40, 60), np.uint8), Author(AuthorKind.PERSON, "Ann"))
    assert project.case(case).checks == ("unlike", "no-lung")


def test_what_the_header_says_stays_with_the_case_whoever_made_the_mask(
    project: ReviewProject, images: Path
) -> None:
    (case, _), (other, _), *_ = add_found(project, gather([images]), "Ann")
    project.add_revision(case, lungs(value=2), Author(AuthorKind.PERSON, "Ann"))
    said = replace(first(), image_checks=("child",))
    for one in (case, other):
        store_first_mask(project, one, said, "Ann")
        assert "child" in (project.case(one).checks or ())
        project.add_revision(one, np.zeros((40, 60), np.uint8), Author(AuthorKind.PERSON, "Ann"))
        assert "child" in (project.case(one).checks or ())
