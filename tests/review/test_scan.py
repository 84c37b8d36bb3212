"""What becomes of image files while they are in a project: read, moved, changed, gone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dicom_files as dicom
import numpy as np
import pytest
from PIL import Image

from napari_unet.core import source
from napari_unet.review import scan
from napari_unet.review.add import add_found, gather
from napari_unet.review.scan import ScanDone, ScanResult, scan_steps
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Author, AuthorKind, Case, FileState, Status


@pytest.fixture
def project(tmp_path: Path) -> Iterator[ReviewProject]:
    with ReviewProject.create(tmp_path / "project") as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three X-rays: a.png, b.png and c.dcm."""
    made = tmp_path / "images"
    made.mkdir()
    for seed, name in enumerate(("a.png", "b.png")):
        Image.fromarray(pixels(seed)).save(made / name)
    dicom.save(made / "c.dcm", pixels(2), PixelSpacing=[0.2, 0.3], ViewPosition="PA")
    return made


def pixels(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (40, 60), np.uint8)


def run(project: ReviewProject, *arguments: Any, **options: Any) -> tuple[list[ScanDone], ScanResult]:
    steps, events = scan_steps(project, *arguments, **options), []
    while True:
        try:
            events.append(next(steps))
        except StopIteration as end:
            return events, end.value


def added(project: ReviewProject, folder: Path) -> list[str]:
    return [case for case, _ in add_found(project, gather([folder]), "Ann")]


def states(project: ReviewProject) -> list[FileState]:
    return [case.file_state for case in project.cases()]


def later(path: Path) -> None:
    """Another time of change, whatever the clock's resolution."""
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 10**9))


def test_files_tell_what_they_are(project: ReviewProject, folder: Path) -> None:
    ids = added(project, folder)
    events, result = run(project, by="Ann")
    assert result.read == ids and events[-1].done == events[-1].total == 3
    a, _, c = project.cases()
    assert (a.shape, a.spacing_mm, a.patient, len(a.content_hash)) == ((40, 60), None, "", 64)
    assert (c.spacing_mm, c.view, c.modality) == ((0.2, 0.3), "PA", "DX")
    assert c.patient and "4711" not in c.patient
    assert project.patients() == (1, 2)


def test_no_name_number_or_path_is_kept_outside_the_database(project: ReviewProject, folder: Path) -> None:
    added(project, folder)
    run(project, by="Ann")
    secrets = (dicom.PATIENT, "SECRET", dicom.NUMBER, "c.dcm", str(folder))
    trail = repr(project.events())
    kept = [path.read_bytes() for path in project.folder.rglob("*") if path.suffix == ".json"]
    assert kept and not any(word in trail or word.encode() in b"".join(kept) for word in secrets)


def test_what_is_as_it_was_is_not_read_again(
    project: ReviewProject, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added(project, folder)
    run(project)
    before = len(project.events())
    read: list[Path] = []
    checksum = source.checksum
    monkeypatch.setattr(source, "checksum", lambda path: read.append(path) or checksum(path))
    run(project)
    assert read == [] and len(project.events()) == before
    later(folder / "a.png")
    run(project)
    assert [path.name for path in read] == ["a.png"] and states(project)[0] == FileState.PRESENT
    run(project, thorough=True)
    assert len(read) == 4


def test_a_scan_that_was_stopped_goes_on(
    project: ReviewProject, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added(project, folder)
    monkeypatch.setattr(scan, "_EVERY", 1)
    steps = scan_steps(project)
    assert next(steps).cases == (project.cases()[0].id,)
    steps.close()
    assert states(project) == [FileState.PRESENT, FileState.UNCHECKED, FileState.UNCHECKED]
    assert next(scan_steps(project)).cases == (project.cases()[1].id,)  # those not read yet come first


def test_only_the_cases_that_are_asked_for(project: ReviewProject, folder: Path) -> None:
    ids = added(project, folder)
    _, result = run(project, [ids[1], "no such case"])
    assert result.read == [ids[1]]
    assert states(project) == [FileState.UNCHECKED, FileState.PRESENT, FileState.UNCHECKED]


def test_damaged_and_missing_files_are_told_and_come_back(project: ReviewProject, folder: Path) -> None:
    whole = (folder / "a.png").read_bytes()
    a, b, _ = added(project, folder)
    (folder / "a.png").write_bytes(whole[:200])
    kept = (folder / "b.png").rename(folder.parent / "elsewhere.png")
    _, result = run(project)
    assert (result.unreadable, result.missing) == ([a], [b])
    (folder / "a.png").write_bytes(whole)
    later(folder / "a.png")
    kept.rename(folder / "b.png")
    _, result = run(project)
    assert states(project) == [FileState.PRESENT] * 3


def test_a_changed_file_is_set_aside_until_decided(project: ReviewProject, folder: Path) -> None:
    a, *_ = added(project, folder)
    run(project)
    before = project.case(a).content_hash
    Image.fromarray(pixels(9)).save(folder / "a.png")
    later(folder / "a.png")
    _, result = run(project)
    assert result.changed == [a]
    assert (project.case(a).file_state, project.case(a).content_hash) == (FileState.CHANGED, before)
    project.resolve_change(a, keep=True, by="Ann")
    _, result = run(project)
    assert result.changed == [] and project.case(a).content_hash != before


def moved_whole(project: ReviewProject, folder: Path) -> list[Case]:
    added(project, folder)
    run(project)
    project.decide(project.cases()[0].id, Status.ACCEPTED, "Ann", empty_ok=True)
    return project.cases()


def test_moved_files_are_found_in_the_folders_given(
    project: ReviewProject, folder: Path, tmp_path: Path
) -> None:
    before = moved_whole(project, folder)
    there = tmp_path / "archive" / "2026"
    shutil.move(folder, there)
    _, result = run(project)
    assert len(result.missing) == 3
    _, result = run(project, look_in=[tmp_path / "archive"])
    assert sorted(result.moved) == sorted(case.id for case in before) and result.missing == []
    found = [project.source(case.id).path for case in before]
    assert found == [there / name for name in ("a.png", "b.png", "c.dcm")]
    assert project.cases()[0].status == Status.ACCEPTED and states(project) == [FileState.PRESENT] * 3


def test_renamed_files_are_found_beside_the_others(project: ReviewProject, folder: Path) -> None:
    a = moved_whole(project, folder)[0]
    (folder / "a.png").rename(folder / "z.png")
    Image.fromarray(pixels(5)).save(folder / "y.png")
    _, result = run(project)
    assert result.moved == [a.id] and project.source(a.id).path == folder / "z.png"


def test_without_what_was_seen_before_all_is_read_once_more(project: ReviewProject, folder: Path) -> None:
    moved_whole(project, folder)
    shutil.rmtree(project.folder / "thumbnails")
    (folder / "a.png").rename(folder / "z.png")
    _, result = run(project)
    assert len(result.moved) == 1 and states(project) == [FileState.PRESENT] * 3


def test_moved_images_that_are_added_again_stay_the_same_cases(
    project: ReviewProject, folder: Path, tmp_path: Path
) -> None:
    before = moved_whole(project, folder)
    there = tmp_path / "new"
    shutil.move(folder, there)
    Image.fromarray(pixels(7)).save(there / "d.png")
    result = add_found(project, gather([there]), "Ann")
    assert result[:3] == [(case.id, False) for case in before] and result[3][1]
    assert len(project.cases()) == 4


def test_a_copy_is_a_case_of_its_own_and_told(project: ReviewProject, folder: Path) -> None:
    before = moved_whole(project, folder)
    shutil.copy(folder / "a.png", folder / "copy.png")
    added(project, folder)
    _, result = run(project)
    assert result.duplicates == [(before[0].id, project.cases()[3].id)]


def test_a_project_that_cannot_keep_what_was_seen_is_read_all_the_same(
    project: ReviewProject, folder: Path
) -> None:
    shutil.rmtree(project.folder / "thumbnails")
    (project.folder / "thumbnails").touch()
    ids = added(project, folder)
    _, result = run(project)
    assert result.read == ids


def test_what_a_header_says_against_the_model_stands_in_the_queue_before_any_mask(
    project: ReviewProject, tmp_path: Path
) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    dicom.save(folder / "a.dcm", pixels(0), ViewPosition="PA", PatientAge="008Y", Modality="DX")
    dicom.save(folder / "b.dcm", pixels(1), ViewPosition="PA", PatientAge="045Y", Modality="DX")
    dicom.save(folder / "c.dcm", pixels(2), ViewPosition="LL", PatientAge="045Y", Modality="DX")
    add_found(project, gather([folder]), "Ann")
    run(project)
    child, adult, lateral = project.cases()
    assert (child.checks, adult.checks, lateral.checks) == (("child",), None, ("view",))
    project.add_revision(child.id, np.ones(pixels(0).shape, np.uint8), Author(AuthorKind.PERSON, "Ann"))
    assert "child" in (project.case(child.id).checks or ())  # and it stays with whatever mask comes
    run(project, [child.id], thorough=True)
    checks = project.case(child.id).checks or ()
    assert checks.count("child") == 1 and len(checks) > 1
    for path in project.folder.rglob("*"):  # the age itself is not stored
        assert not path.is_file() or b"008Y" not in path.read_bytes()
