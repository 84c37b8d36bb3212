"""Splits of an export: one person or picture stays together, and README.txt says what is known."""

from __future__ import annotations

import csv
from collections import Counter

import numpy as np
import pytest
from dicom_files import save
from export_rooms import SECRET, Room, finished, lungs

from napari_unet.core.errors import UserError
from napari_unet.review.add import add_found, gather
from napari_unet.review.cases import salted
from napari_unet.review.exporting.export import ExportOptions, Ratios, export_steps
from napari_unet.review.scan import scan_steps
from napari_unet.review.schema import cases as case_table
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import NewCase


@pytest.fixture
def room(tmp_path):
    room = Room(tmp_path)
    yield room
    room.project.close()


def picture(seed):
    return (np.random.default_rng(seed).random((20, 20)).repeat(3, 0).repeat(4, 1) * 200).astype(np.uint8)


def accepted(room, name, **how):
    room.image(name, **how)
    room.mask(name, lungs())
    room.decide(name)


def exported(room, seed=0, ratios=None):
    options = ExportOptions(ratios or Ratios(0.5, 0.25, 0.25), seed)
    out = room.out / str(seed)
    result = finished(export_steps(room.project, out, options=options))
    with (out / "manifest.csv").open(encoding="utf-8") as stream:
        return (
            result,
            {row["case"]: row["split"] for row in csv.DictReader(stream)},
            (out / "README.txt").read_text(),
        )


def test_one_image_under_two_names_is_in_one_split(room):
    for k in range(8):
        accepted(room, f"film{k}", pixels=picture(k))
    accepted(room, "copy", pixels=picture(3))
    accepted(room, "darker", pixels=picture(3) // 2 + 9)
    for seed in range(5):
        _, splits, readme = exported(room, seed)
        assert len({splits[room.ids[name]] for name in ("film3", "copy", "darker")}) == 1
        assert len(set(splits.values())) == 3
    assert "No patient is in two splits" not in readme
    assert "The patient of NO case is known (10 cases)" in readme
    assert "1 pair of cases are the same file under two names" in readme
    assert "look the same and are kept in one split: cases 4 and 10; 9 and 10" in readme


def dicom(room, name, seed, patient):
    path = room.sources / f"{name}.dcm"
    save(path, picture(seed), PatientID=patient)
    ((case, _),) = room.project.add([NewCase(str(path))], "R")
    result = finished(scan_steps(room.project, [case]))
    room.ids[name] = case
    room.mask(name, lungs((60, 80)))
    room.decide(name)
    return result


def test_people_called_anonymous_are_not_one_patient(room):
    for k, patient in enumerate(["ANONYMOUS", "Anonymous", "00000", "^", "TEST"] * 3):
        result = dicom(room, f"film{k}", k, patient)
        assert result.placeholders == [room.ids[f"film{k}"]]
    assert room.project.patients() == (0, 15)
    assert all(case.placeholder and not case.patient for case in room.project.cases())
    assert {pair.patient for pair in room.project.training_pairs()} == {""}
    result, splits, readme = exported(room)
    assert set(Counter(splits.values())) == {"train", "val", "test"}
    assert "In 15 cases a placeholder such as ANONYMOUS" in readme
    assert any("placeholder" in line for line in result.together)


def test_placeholders_that_an_older_version_hashed_are_known_again(room):
    dicom(room, "film", 1, "ANONYMOUS")
    project = room.project
    with project._database.writing() as connection:
        connection.execute(case_table.update().values(patient=salted(project._salt, "Anonymous")))
    with ReviewProject.open(project.folder) as again:
        (case,) = again.cases()
        assert case.placeholder and case.patient == ""


def test_in_headers_that_count_from_zero_zero_is_a_patient(room):
    for k, patient in enumerate(["0", "0", "1", "2"]):
        dicom(room, f"film{k}", k, patient)
        if k == 1:
            assert all(case.placeholder for case in room.project.cases())  # nothing counts so far
    patients = [case.patient for case in room.project.cases()]
    assert patients[0] and patients[0] == patients[1] and len(set(patients)) == 3
    assert room.project.patients() == (3, 0)


def test_a_placeholder_in_a_manifest_gives_way_to_the_header(room):
    path = room.sources / "film.dcm"
    save(path, picture(1), PatientID="ID-12")
    ((case, _),) = room.project.add([NewCase(str(path), "ANON")], "R")
    assert room.project.case(case).placeholder
    finished(scan_steps(room.project, [case]))
    now = room.project.case(case)
    assert now.patient and not now.placeholder


def test_in_a_manifest_that_counts_from_zero_zero_is_a_patient(room):
    new = [NewCase(f"/images/{k}.png", str(k // 2)) for k in range(6)]
    room.project.add(new, "R")
    patients = [case.patient for case in room.project.cases()]
    assert patients[0] and patients[0] == patients[1] and len(set(patients)) == 3
    with ReviewProject.open(room.project.folder) as again:
        assert [case.patient for case in again.cases()] == patients


def test_one_patient_that_takes_a_whole_split_and_empty_splits_are_told(room):
    for k in range(4):
        accepted(room, f"film{k}", patient="Ada", pixels=picture(k))
    result, splits, readme = exported(room)
    assert len(set(splits.values())) == 1
    told = " ".join(result.notes)
    assert "4 of 4 cases are of one patient" in told and told.count("is empty") == 2
    assert "The patient of every case is known (1 patient), and no patient is in two splits" in readme
    assert result.notes[0] in readme and SECRET not in readme


def test_a_manifest_that_has_one_file_in_two_splits_is_refused(room):
    accepted(room, "a", pixels=picture(1), split="train")
    accepted(room, "b", pixels=picture(1), split="test")
    with pytest.raises(UserError, match="Cases 1 and 2 are the same file"):
        exported(room)
    assert not room.out.exists() or not any(room.out.iterdir())


def test_a_manifest_that_parts_what_looks_the_same_is_followed_and_told(room):
    accepted(room, "a", pixels=picture(1), split="train")
    accepted(room, "b", pixels=picture(1) // 2 + 9, split="test")
    result, splits, readme = exported(room)
    assert splits == {room.ids["a"]: "train", room.ids["b"]: "test"}
    assert "look the same into different splits: cases 1 and 2" in " ".join(result.notes)
    assert result.notes[0] in readme


def test_the_manifest_for_training_keeps_copies_together(room):
    for k in range(3):
        accepted(room, f"film{k}", pixels=picture(k))
    accepted(room, "copy", pixels=picture(1) // 2 + 5)
    exported(room)
    with (room.out / "0" / "png" / "manifest.csv").open() as stream:
        patients = {row["file"]: row["patient"] for row in csv.DictReader(stream)}
    assert patients[f"{room.ids['film1']}.png"] == patients[f"{room.ids['copy']}.png"]
    assert len(set(patients.values())) == 3


def test_looks_of_a_project_of_before_are_found_when_it_is_exported(room):
    for k in range(3):
        accepted(room, f"film{k}", pixels=picture(k))
    accepted(room, "copy", pixels=picture(1) // 2 + 5)
    with room.project._database.writing() as connection:
        connection.execute(case_table.update().values(look=None))
    for seed in range(4):
        _, splits, _ = exported(room, seed)
        assert splits[room.ids["film1"]] == splits[room.ids["copy"]]


def test_adding_tells_of_placeholders_in_a_manifest(room, tmp_path):
    from PIL import Image

    for k in range(3):
        Image.fromarray(picture(k)).save(room.sources / f"{k}.png")
    manifest = tmp_path / "m.csv"
    manifest.write_text("file,patient\n0.png,Unknown\n1.png,unknown\n2.png,7\n")
    found = gather([room.sources], manifest=manifest)
    told = "2 images in the manifest with a placeholder such as ANONYMOUS"
    assert any(told in problem for problem in found.problems)
    add_found(room.project, found, "R")
    assert [(case.patient != "", case.placeholder) for case in room.project.cases()] == [
        (False, True),
        (False, True),
        (True, False),
    ]
