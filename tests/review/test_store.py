"""A review project as a whole: made, opened, cases added and read, files that move and change."""

from __future__ import annotations

import logging
import os
from dataclasses import replace

import numpy as np
import pytest
from project_fakes import ANN, MODEL, SHAPE, lungs, map_of, project_with, result_of

from napari_unet.core.errors import UserError
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import FileFacts, FileState, Measurement, NewCase, Status


def test_a_project_is_as_it_was_after_it_was_opened_again(tmp_path):
    with ReviewProject.create(tmp_path / "Lungen für Ärzte", "heart left out") as made:
        made.add([NewCase("/images/a.png", patient="P1", view="PA", split="train")], "Ann")
        before = made.cases()
    with ReviewProject.open(tmp_path / "Lungen für Ärzte") as opened:
        assert (opened.protocol, opened.id, opened.storage_note) == ("heart left out", made.id, "")
        assert opened.cases() == before
        (case,) = before
        assert (case.number, case.status, case.view, case.split) == (1, Status.NEW, "PA", "train")
        assert case.added.tzinfo is not None


def test_two_projects_hide_the_same_path_and_patient_behind_other_names(tmp_path):
    made = [ReviewProject.create(tmp_path / name) for name in "ab"]
    for project in made:
        project.add([NewCase("/images/a.png", patient="P1")], "Ann")
    (one,), (other,) = (project.cases() for project in made)
    assert one.id != other.id and one.patient != other.patient
    assert "P1" not in one.patient and "images" not in one.id


@pytest.mark.parametrize("content", ["a file", "a folder"])
def test_a_folder_that_holds_something_is_not_made_a_project(tmp_path, content):
    if content == "a file":
        (tmp_path / "thesis.docx").write_text("mine")
    else:
        (tmp_path / "photos").mkdir()
    with pytest.raises(UserError, match="holds something else"):
        ReviewProject.create(tmp_path)
    assert len(os.listdir(tmp_path)) == 1


def test_what_a_killed_creation_left_does_not_stand_in_the_way(tmp_path):
    (tmp_path / ".review-unfinished.db").write_bytes(b"half")
    (tmp_path / ".review-unfinished.db-wal").write_bytes(b"half")
    with pytest.raises(UserError, match="not a review project"):
        ReviewProject.open(tmp_path)
    ReviewProject.create(tmp_path).close()
    assert not [name for name in os.listdir(tmp_path) if "unfinished" in name]


def test_a_project_is_not_made_twice(tmp_path):
    ReviewProject.create(tmp_path).close()
    with pytest.raises(UserError, match="already"):
        ReviewProject.create(tmp_path)


def test_a_project_is_not_made_inside_another(tmp_path):
    ReviewProject.create(tmp_path / "p").close()
    with pytest.raises(UserError, match="another review project"):
        ReviewProject.create(tmp_path / "p" / "masks" / "new")


def test_a_closed_project_says_so(tmp_path):
    project = ReviewProject.create(tmp_path / "p")
    project.close()
    project.close()
    with pytest.raises(UserError, match="closed"):
        project.cases()


def test_the_same_file_is_the_same_case_however_its_path_is_written(tmp_path):
    project = ReviewProject.create(tmp_path / "p")
    first = project.add([NewCase("/images/a.png"), NewCase("/images/b.png")], "Ann")
    again = project.add([NewCase("/images/x/../b.png"), NewCase("/images/c.png")], "Ann")
    assert [new for _, new in first + again] == [True, True, False, True]
    assert again[0][0] == first[1][0]
    twice = project.add([NewCase("/images/d.png"), NewCase("/images/d.png")], "Ann")
    assert [new for _, new in twice] == [True, False]
    assert [case.number for case in project.cases()] == [1, 2, 3, 4]


def test_a_file_read_gives_size_spacing_and_patient(tmp_path):
    project = ReviewProject.create(tmp_path / "p")
    ids = [case for case, _ in project.add([NewCase("/a.dcm"), NewCase("/b.dcm"), NewCase("/c.png")], "Ann")]
    facts = FileFacts(FileState.PRESENT, "1" * 64, "P1", "PA", "DX", (10, 8), (0.2, 0.1), "L")
    project.put_facts({ids[0]: facts, ids[1]: replace(facts, content_hash="2" * 64)}, "")
    case = project.case(ids[0])
    assert (case.shape, case.spacing_mm, case.view, case.modality) == ((10, 8), (0.2, 0.1), "PA", "DX")
    assert case.patient == project.case(ids[1]).patient != ""
    assert project.patients() == (1, 1)


def test_names_that_are_no_text_and_folders_with_odd_names_are_fine(tmp_path):
    folder = tmp_path / "a?b#c%20 d'é"
    path = os.fsdecode(b"/images/m\xfcller.png")
    with ReviewProject.create(folder) as project:
        [(case, _)] = project.add([NewCase(path)], "Ann")
    with ReviewProject.open(folder) as project:
        assert os.fspath(project.source(case)) == os.path.abspath(path)
        assert project.add([NewCase(path)], "Ann") == [(case, False)]


def test_numbers_of_numpy_are_numbers(tmp_path):
    project, (case,) = project_with(tmp_path)
    one = np.float32(1.5)
    project.put_check_results(case, (), one)
    project.set_measurements(case, (Measurement("heart", ((one, one), (one, one)), one, True),), "Ann")
    project.put_facts({case: FileFacts(FileState.PRESENT, shape=(np.int64(4), 5), spacing_mm=(one, one))}, "")
    project.leave(case, "Ann", np.float64(2))
    found = project.case(case)
    assert (found.uncertainty, found.shape, found.spacing_mm) == (1.5, (4, 5), (1.5, 1.5))


def test_the_manifest_knows_better_than_the_header(tmp_path):
    project = ReviewProject.create(tmp_path / "p")
    [(case, _)] = project.add([NewCase("/a.dcm", patient="P1", view="AP")], "Ann")
    before = project.case(case)
    project.put_facts({case: FileFacts(FileState.PRESENT, "1" * 64, "OTHER", "PA")}, "")
    assert (project.case(case).patient, project.case(case).view) == (before.patient, "AP")


def test_a_manifest_that_comes_later_tells_the_patients_of_the_cases_that_are_there(tmp_path):
    project = ReviewProject.create(tmp_path / "p")
    cases = [case for case, _ in project.add([NewCase("/a.png"), NewCase("/b.png", "P2", "AP")], "Ann")]
    again = project.add([NewCase("/a.png", "P1", split="adapt"), NewCase("/b.png")], "Ann")
    assert again == [(case, False) for case in cases]
    first, second = (project.case(case) for case in cases)
    assert first.patient and first.patient != second.patient and first.split == "adapt"
    assert (second.patient, second.view) != ("", "") and project.patients() == (2, 0)
    number = len(project.events())
    project.add([NewCase("/a.png", "P1", split="adapt")], "Ann")
    assert len(project.events()) == number  # nothing new was said


def test_a_changed_file_is_set_aside_until_somebody_decides(tmp_path):
    project, (case,) = project_with(tmp_path)
    project.add_revision(case, lungs(), MODEL)
    project.decide(case, Status.ACCEPTED, "Ann")
    other = FileFacts(FileState.PRESENT, "d" * 64, "P2", shape=(20, 20), spacing_mm=(1.0, 1.0))
    project.put_facts({case: other}, "")
    aside = project.case(case)
    assert (aside.file_state, aside.shape, aside.content_hash) == (FileState.CHANGED, SHAPE, "c" * 64)
    with pytest.raises(UserError, match="changed"):
        project.decide(case, Status.ACCEPTED, "Ann")

    project.resolve_change(case, keep=False, by="Ann")
    assert project.case(case) == aside
    project.resolve_change(case, keep=True, by="Ann")
    taken = project.case(case)
    assert (taken.file_state, taken.shape, taken.content_hash) == (FileState.PRESENT, (20, 20), "d" * 64)
    assert (taken.status, taken.revision) == (Status.SECOND_LOOK, None)
    assert taken.patient != aside.patient == ""
    assert len(project.revisions(case)) == 1
    with pytest.raises(UserError, match="not changed"):
        project.resolve_change(case, keep=True, by="Ann")


def test_new_content_of_the_same_size_keeps_the_mask(tmp_path):
    project, (case,) = project_with(tmp_path)
    mask = project.add_revision(case, lungs(), MODEL)
    project.put_facts({case: FileFacts(FileState.PRESENT, "d" * 64, shape=SHAPE)}, "")
    project.resolve_change(case, keep=True, by="Ann")
    assert project.case(case).revision == mask.id
    assert project.case(case).status == Status.NEW


def test_a_file_that_is_as_it_was_again_needs_no_decision(tmp_path):
    project, (case,) = project_with(tmp_path)
    before = project.case(case)
    project.put_facts({case: FileFacts(FileState.PRESENT, "d" * 64, shape=(20, 20))}, "")
    project.put_facts({case: FileFacts(FileState.MISSING)}, "")
    assert project.case(case).file_state == FileState.MISSING
    project.put_facts({case: FileFacts(FileState.PRESENT, "c" * 64, shape=SHAPE, spacing_mm=(2.0, 2.0))}, "")
    assert project.case(case) == before


def test_a_moved_file_keeps_its_case(tmp_path):
    project, ids = project_with(tmp_path, 2)
    project.put_facts({ids[0]: FileFacts(FileState.MISSING)}, "")
    project.relocate(ids[0], "/elsewhere/0.png", "Ann")
    assert project.source(ids[0]).path.as_posix().endswith("/elsewhere/0.png")
    assert project.case(ids[0]).file_state == FileState.PRESENT
    assert project.add([NewCase("/elsewhere/0.png")], "Ann") == [(ids[0], False)]
    with pytest.raises(UserError, match="added as case"):
        project.relocate(ids[0], "/images/1.png", "Ann")
    [(other, new)] = project.add([NewCase("/images/0.png")], "Ann")  # another file where the first one was
    assert new and other not in ids


def test_notes_lines_and_queue_are_kept(tmp_path):
    project, ids = project_with(tmp_path, 3)
    lines = (
        Measurement("heart", ((1.0, 2.0), (1.5, 12.25)), 20.5, True),
        Measurement("distance", ((0.0, 0.0), (3.0, 4.0)), 5.0, False, slice=7),
    )
    project.set_note(ids[0], "Ärztin fragen", "Ann")
    project.set_measurements(ids[0], (lines[1],), "Ann")
    project.set_measurements(ids[0], lines, "Ann")
    project.set_queue({ids[1]: (2.5, "Left lung missing"), ids[2]: (0.5, "")})
    project.put_check_results(ids[1], ("missing left",), 0.125)
    with ReviewProject.open(project.folder) as again:
        first, second, third = again.cases()
    assert (first.note, first.measurements, first.checks) == ("Ärztin fragen", lines, None)
    assert (second.priority, second.why, second.checks) == (2.5, "Left lung missing", ("missing left",))
    assert (second.uncertainty, third.priority) == (0.125, 0.5)


def test_settings_hold_what_json_holds(tmp_path):
    with ReviewProject.create(tmp_path / "p") as project:
        assert project.setting("order", "case number") == "case number"
        for value in ("random", None, 3, [1, {"a": 2.5}]):
            project.set_setting("order", value)
            assert project.setting("order", "default") == value


def test_an_unknown_case_or_mask_is_told(tmp_path):
    project, _ = project_with(tmp_path)
    for ask in (project.case, project.source, project.revision, project.read_mask):
        with pytest.raises(UserError, match="has no"):
            ask("nobody")
    with pytest.raises(UserError, match="has no case"):
        project.put_map("nobody", map_of(lungs()))


def test_every_change_leaves_a_line_that_names_no_file_and_no_patient(tmp_path):
    project = ReviewProject.create(tmp_path / "p")
    [(case, _)] = project.add([NewCase("/secret/smith.png", patient="SMITH")], "Ann")
    project.put_facts({case: FileFacts(FileState.PRESENT, "1" * 64, "SMITH", shape=SHAPE)}, "")
    project.begin(case, "Ann")
    mask = project.add_revision(case, lungs(), ANN)
    project.set_note(case, "a note", "Ann")
    project.set_measurements(case, (), "Ann")
    project.set_queue({case: (1.0, "why")})
    project.put_check_results(case, (), None)
    project.decide(case, Status.ACCEPTED, "Ann")
    project.take_back("Ann")
    project.relocate(case, "/secret/smith2.png", "Ann")
    project.put_facts({case: FileFacts(FileState.PRESENT, "2" * 64)}, "")
    project.resolve_change(case, True, "Ann")
    project.put_map(case, map_of(lungs()))
    project.set_setting("order", "random")
    project.leave(case, "Ann", 12.0)
    kinds = [event.kind for event in project.events()]
    for kind in [
        "created",
        "added",
        "file read",
        "opened",
        "mask",
        "note",
        "measured",
        "queue sorted",
        "checked",
        "decided",
    ]:
        assert kind in kinds
    assert kinds[-5:] == ["file read", "new content taken", "map", "setting", "left"]
    assert [event.number for event in project.events()] == list(range(1, len(kinds) + 1))
    assert {event.case for event in project.events(case)} == {case}
    told = repr(project.events())
    assert "smith" not in told.lower() and mask.id in told


def test_nothing_is_logged_that_names_a_file_or_a_patient(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    project = ReviewProject.create(tmp_path / "p")
    [(case, _)] = project.add([NewCase("/secret/smith.png", patient="SMITH")], "Ann")
    project.put_facts({case: FileFacts(FileState.PRESENT, "1" * 64, "SMITH")}, "")
    result_of(project.verify())
    assert "smith" not in caplog.text.lower()


def test_ten_thousand_cases_are_added_and_listed(tmp_path):
    with ReviewProject.create(tmp_path / "p") as project:
        new = [NewCase(f"/images/{n:05}.png", patient=str(n // 3)) for n in range(10_000)]
        ids = [case for case, _ in project.add(new, "Ann")]
        project.put_facts({case: FileFacts(FileState.PRESENT, "1" * 64, shape=SHAPE) for case in ids}, "")
        project.set_queue({case: (1.0, "why") for case in ids})
        cases = project.cases()
        assert [case.id for case in cases] == ids and len(set(ids)) == 10_000
        assert project.add(new, "Ann") == [(case, False) for case in ids]
        assert project.counts()[Status.NEW] == 10_000
