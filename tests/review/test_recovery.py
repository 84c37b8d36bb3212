"""What is offered after a crash, until when, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from saver_rooms import ANN, SHAPE, Room

from napari_unet.core.errors import UserError
from napari_unet.review.saving.recovery import rescue_folder, unsaved_cases


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    room = Room(tmp_path)
    yield room
    room.saver.close(20)
    room.project.close()


@pytest.fixture
def crashed(room) -> tuple[str, np.ndarray]:
    """A case with a saved mask and two strokes after it, whose window has crashed; and the mask then."""
    id_ = room.open()
    room.paint(id_)
    room.save(id_)
    room.paint(id_)
    mask = room.paint(id_)
    room.vanish()
    room.start_saver()
    return id_, mask


def test_nothing_is_unsaved_in_a_project_that_was_closed_well(room):
    id_ = room.open()
    room.paint(id_)
    room.save(id_)
    room.saver.close_case(id_)
    room.vanish()
    assert unsaved_cases(room.project, room.rescue) == []


def test_cases_with_unsaved_work_are_told_in_the_order_of_the_project(room):
    for case in (2, 0):
        room.paint(room.open(case))
    room.vanish()
    assert unsaved_cases(room.project, room.rescue) == [room.ids[0], room.ids[2]]


def test_looking_at_a_case_again_and_again_keeps_the_offer(room, crashed):
    id_, mask = crashed
    for _ in range(3):
        np.testing.assert_array_equal(room.unsaved(id_), mask)
        room.open()
        room.saver.close_case(id_)
        room.vanish()
        room.start_saver()
    np.testing.assert_array_equal(room.unsaved(id_), mask)


def test_what_was_found_and_painted_again_is_in_the_new_journal_alone(room, crashed):
    id_, mask = crashed
    room.open()
    room.paint(id_, mask)
    assert room.saver.flush(20)
    assert room.journals() == ["strokes"]
    np.testing.assert_array_equal(room.unsaved(id_), mask)
    later = room.paint(id_)
    room.vanish()  # a second time
    np.testing.assert_array_equal(room.unsaved(id_), later)


def test_undone_and_saved_it_is_offered_no_more(room, crashed):
    id_, mask = crashed
    room.open()
    old = room.masks[id_]
    room.paint(id_, mask)
    room.paint(id_, old)
    room.save(id_)
    assert room.saver.flush(20)
    assert room.unsaved(id_) is None


def test_strokes_that_were_not_taken_over_are_offered_until_a_mask_is_saved_and_kept_then(room, crashed):
    id_, mask = crashed
    room.open()
    new = room.paint(id_)  # on the saved mask, without what was found
    assert room.saver.flush(20)
    assert room.journals() == ["strokes", "strokes.1.aside"]
    np.testing.assert_array_equal(room.unsaved(id_), new)
    room.paint(id_, room.head(id_))  # and taken back
    assert room.saver.flush(20)
    np.testing.assert_array_equal(room.unsaved(id_), mask)
    room.paint(id_)
    room.save(id_)
    room.saver.close_case(id_)
    assert room.saver.flush(20)
    assert room.unsaved(id_) is None
    assert room.journals() == ["strokes.1.kept"]


def test_a_mask_killed_between_revision_and_checkpoint_is_not_offered_and_tidied_up(room):
    id_ = room.open()
    mask = room.paint(id_)
    room.vanish()
    room.project.add_revision(id_, mask, ANN)
    assert room.unsaved(id_) is None
    room.start_saver()
    room.open()
    room.saver.close_case(id_)
    assert room.saver.flush(20)
    assert room.journals() == []


def test_a_damaged_revision_takes_no_stroke_with_it(room, crashed):
    id_, mask = crashed
    revision = room.project.revisions(id_)[-1]
    (room.folder / revision.file).write_bytes(b"damaged")
    np.testing.assert_array_equal(room.unsaved(id_), mask)


def test_garbage_in_the_journal_folder_harms_nobody(room):
    id_ = room.open()
    path = room.project.journal_path(id_)
    path.write_bytes(b"not a journal")
    (path.parent / "Thumbs.db").write_bytes(b"x")
    (path.parent / f".{path.name}.12345678.partial").write_bytes(b"half")
    assert room.unsaved(id_) is None
    assert unsaved_cases(room.project, room.rescue) == []
    mask = room.paint(id_)
    assert room.saver.flush(20)
    np.testing.assert_array_equal(room.unsaved(id_), mask)
    assert room.journals() == ["db", "strokes"]


def test_a_journal_cut_at_every_byte_offers_a_mask_that_was_painted(room, crashed):
    id_, mask = crashed
    path = room.project.journal_path(id_)
    data = path.read_bytes()
    seen = []
    for cut in range(len(data), -1, -1):
        path.write_bytes(data[:cut])
        found = room.unsaved(id_)
        if not seen or not _same(seen[-1], found):
            seen.append(found)
    np.testing.assert_array_equal(seen[0], mask)
    assert seen[-1] is None
    assert len(seen) == 3  # both strokes, one, none


def _same(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    return one is other or (one is not None and other is not None and np.array_equal(one, other))


def test_a_rescue_folder_that_cannot_be_read_keeps_nobody_from_the_project(room, crashed):
    id_, mask = crashed
    room.rescue.mkdir()
    (room.rescue / f"{id_}.strokes").mkdir()  # reading it fails
    np.testing.assert_array_equal(room.unsaved(id_), mask)


def test_a_journal_that_cannot_be_read_is_told_in_words(room, crashed):
    id_, _ = crashed
    room.project.journal_path(id_).unlink()
    room.project.journal_path(id_).mkdir()
    with pytest.raises(UserError) as told:
        room.unsaved(id_)
    assert told.value.remedy
    room.project.journal_path(id_).rmdir()


def test_emptied_and_never_saved_is_nothing_unsaved(room):
    id_ = room.open()
    room.paint(id_)
    room.paint(id_, np.zeros(SHAPE, np.uint8))
    room.vanish()
    assert room.unsaved(id_) is None


def test_each_project_has_a_rescue_folder_of_its_own():
    assert rescue_folder("p1") != rescue_folder("p2")
    assert rescue_folder("p1").parts[-3:] == ("napari-unet-lung", "rescue", "p1")
