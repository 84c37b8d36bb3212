"""The saver on a bad day: nothing is lost, nothing changes its order, and the window says what is wrong."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

import numpy as np
import pytest
from saver_rooms import ANN, SHAPE, Room, until

from napari_unet.core.errors import UserError
from napari_unet.review.saving.durable import write_all
from napari_unet.review.saving.journal import read_journal
from napari_unet.review.saving.recovery import unsaved_cases
from napari_unet.review.saving.save_state import Unsaved
from napari_unet.review.types import Reason, Status


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    monkeypatch.setattr("napari_unet.review.database.BUSY_SECONDS", 0.05)
    room = Room(tmp_path)
    yield room
    room.saver.close(20)
    room.project.close()


@pytest.fixture
def break_disk(room, monkeypatch) -> Callable[[int], pytest.MonkeyPatch]:
    """Makes every write below the project's folder fail; `undo()` of what is returned repairs it."""

    @contextmanager
    def broken(number: int) -> Iterator[None]:
        def is_inside(name: object) -> bool:
            return str(name).startswith(str(room.folder))

        def fail() -> None:
            raise OSError(number, os.strerror(number))

        def bad_write(file: FileIO, data: bytes) -> None:
            if is_inside(file.name):
                file.write(data[: len(data) // 3])  # a part of it still fits
                fail()
            write_all(file, data)

        def bad(call: Callable) -> Callable:
            def replaced(path, *arguments, **options):
                if is_inside(path):
                    fail()
                return call(path, *arguments, **options)

            return replaced

        with monkeypatch.context() as patch:
            for module in ("journal", "durable"):
                patch.setattr(f"napari_unet.review.saving.{module}.write_all", bad_write)
            patch.setattr(Path, "write_bytes", bad(Path.write_bytes))
            for name in ("replace", "rename", "unlink", "mkdir"):
                patch.setattr(os, name, bad(getattr(os, name)))
            yield

    return broken


def unsaved(room: Room) -> Unsaved | None:
    """What the window shows, if it is red."""
    state = room.states[-1] if room.states else None
    return state if isinstance(state, Unsaved) else None


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "full"),
        (errno.EDQUOT, "full"),
        (errno.EROFS, "cannot be written"),
        (errno.EACCES, "cannot be written"),
        (errno.EIO, "does not respond"),
        (errno.ESTALE, "no longer exists"),
    ],
)
def test_a_disk_that_fails_is_told_and_when_it_works_again_all_is_written(room, break_disk, number, words):
    id_ = room.open()
    room.paint(id_)
    room.save(id_)
    assert room.saver.flush(20)
    with break_disk(number):
        for _ in range(3):
            room.paint(id_)
        room.save(id_)
        room.saver.do(lambda project: project.set_note(id_, "first", "Ann"))
        room.saver.do(lambda project: project.set_note(id_, "second", "Ann"))
        until(lambda: unsaved(room) and unsaved(room).rescue)
        mask = room.paint(id_)
        assert words in unsaved(room).problem.problem and unsaved(room).problem.remedy
        until(lambda: np.array_equal(room.unsaved(id_), mask))  # in the rescue folder
        assert unsaved(room).rescue == room.rescue
        assert not room.saver.flush(0.1)
        assert len(room.project.revisions(id_)) == 1
    assert room.saver.flush(20)
    until(room.is_saved)
    np.testing.assert_array_equal(room.unsaved(id_), mask)  # now in the project's own journal
    assert list(room.rescue.iterdir()) == []
    room.save(id_)
    room.saver.close_case(id_)
    assert room.saver.flush(20)
    np.testing.assert_array_equal(room.head(id_), mask)
    notes = [event.kind for event in room.project.events(id_)]
    assert notes[-4:-1] == ["mask", "note", "note"] and room.project.case(id_).note == "second"
    assert room.journals() == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_window_that_ends_while_the_disk_fails_leaves_the_strokes_in_the_rescue_folder(
    room, break_disk, number
):
    id_ = room.open()
    room.paint(id_)
    room.save(id_)
    assert room.saver.flush(20)
    with break_disk(number):
        mask = room.paint(id_)
        room.save(id_)
        began = time.monotonic()
        assert not room.saver.close(0.2)
        assert time.monotonic() - began < 15
    room.start_saver()
    assert unsaved_cases(room.project, room.rescue) == [id_]
    np.testing.assert_array_equal(room.unsaved(id_), mask)
    room.open()
    room.paint(id_, mask)  # what the window does with it
    assert room.saver.flush(20)
    assert list(room.rescue.iterdir()) == []
    np.testing.assert_array_equal(room.unsaved(id_), mask)
    room.save(id_)
    assert room.saver.flush(20)
    np.testing.assert_array_equal(room.head(id_), mask)
    assert unsaved_cases(room.project, room.rescue) == []


def test_a_disk_that_is_full_again_and_again_leaves_each_time_something_to_offer(room, break_disk):
    """Strokes rescued twice, with nobody having looked at the first: both are there."""
    id_ = room.open()
    masks = []
    for _ in range(2):
        with break_disk(errno.ENOSPC):
            masks.append(room.paint(id_))
            room.saver.close(0.1)
        room.start_saver()
        room.open()
    found = [read_journal(path).labels() for path in sorted(room.rescue.iterdir())]
    assert len(found) == 2
    assert all(any(np.array_equal(mask, other) for other in found) for mask in masks)
    np.testing.assert_array_equal(room.unsaved(id_), masks[-1])


def test_without_a_rescue_folder_the_work_waits_in_memory(room, break_disk):
    room.rescue.write_bytes(b"a file stands where the folder should be")
    id_ = room.open()
    with break_disk(errno.ENOSPC):
        mask = room.paint(id_)
        until(lambda: unsaved(room) is not None)
        time.sleep(0.2)
        assert unsaved(room).rescue is None and unsaved(room).waiting == 1
    assert room.saver.flush(20)
    np.testing.assert_array_equal(room.unsaved(id_), mask)


def test_a_folder_that_goes_away_and_comes_back(room):
    """A drive is unplugged for a while."""
    id_ = room.open()
    room.paint(id_)
    room.save(id_)
    assert room.saver.flush(20)
    away = room.folder.with_name("elsewhere")
    room.folder.rename(away)
    for _ in range(3):
        mask = room.paint(id_)
    room.save(id_)
    room.saver.do(lambda project: project.set_note(id_, "later", "Ann"))
    until(lambda: unsaved(room) and unsaved(room).rescue)
    assert "no longer exists" in unsaved(room).problem.problem
    assert not room.folder.exists()  # nothing is made in its place
    np.testing.assert_array_equal(read_journal(room.rescue / f"{id_}.strokes").labels(), mask)
    away.rename(room.folder)
    assert room.saver.flush(20)
    np.testing.assert_array_equal(room.head(id_), mask)
    assert room.project.case(id_).note == "later"
    assert room.unsaved(id_) is None


def test_a_folder_that_goes_away_for_good_while_the_window_ends(room):
    id_ = room.open()
    mask = room.paint(id_)
    assert room.saver.flush(20)
    shutil.rmtree(room.folder)
    later = room.paint(id_)
    assert not np.array_equal(mask, later)
    assert not room.saver.close(0.2)
    np.testing.assert_array_equal(read_journal(room.rescue / f"{id_}.strokes").labels(), later)


def test_a_database_locked_by_another_program_holds_up_no_stroke(room):
    id_ = room.open()
    other = sqlite3.connect(room.folder / "review.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    mask = room.paint(id_)
    room.save(id_)
    room.saver.do(lambda project: project.decide(id_, Status.REJECTED, "Ann", Reason.ROTATED))
    until(lambda: unsaved(room) is not None)
    assert "Another program" in unsaved(room).problem.problem
    assert unsaved(room).rescue is None  # the strokes are in the project's own journal
    later = room.paint(id_)
    until(lambda: np.array_equal(room.unsaved(id_), later))
    other.execute("ROLLBACK")
    other.close()
    assert room.saver.flush(20)
    np.testing.assert_array_equal(room.head(id_), mask)
    np.testing.assert_array_equal(room.unsaved(id_), later)
    assert room.project.case(id_).status == Status.REJECTED


def test_a_refusal_between_faults_is_told_once_and_holds_nothing_up(room, break_disk):
    id_ = room.open()
    told: list[UserError] = []
    with break_disk(errno.ENOSPC):
        room.paint(id_)
        room.save(id_)
        room.saver.do(lambda project: project.decide(id_, Status.REJECTED, "Ann"), failed=told.append)
        until(lambda: unsaved(room) is not None)
        assert told == []
    assert room.saver.flush(20)
    assert len(told) == 1 and "reason" in told[0].problem
    until(room.is_saved)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB; needs the right to mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    options = ["-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if mount is None or subprocess.run([mount, *options], capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_is_really_full_and_is_freed_again(small_disk, tmp_path):
    room = Room(small_disk)
    room.saver.close(20)
    room.rescue = tmp_path / "rescue"
    room.start_saver()
    id_ = room.open()
    filler = small_disk / "other people's files"
    with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="space"):
        while True:
            file.write(bytes(512))
    rng = np.random.default_rng(0)
    masks = []
    for _ in range(12):  # noise does not pack: this is more than what is left in the last page
        masks.append(rng.integers(0, 3, SHAPE).astype(np.uint8))
        room.paint(id_, masks[-1])
        room.save(id_)
        room.saver.do(lambda project: project.set_note(id_, "x" * 1000, "Ann"))
    until(lambda: unsaved(room) and unsaved(room).rescue)
    assert "full" in unsaved(room).problem.problem
    until(lambda: np.array_equal(room.unsaved(id_), masks[-1]))
    filler.unlink()
    assert room.saver.flush(30)
    found = [room.project.read_mask(revision.id) for revision in room.project.revisions(id_)]
    np.testing.assert_array_equal(found, masks)
    assert room.unsaved(id_) is None
    room.saver.close(20)
    assert room.project._database.check() == []
    room.project.close()


def test_a_folder_that_is_really_read_only(room):
    (room.folder / "journal").chmod(0o500)
    if os.access(room.folder / "journal", os.W_OK):
        pytest.skip("whoever runs this may write anywhere")
    (room.folder / "journal").chmod(0o700)
    id_ = room.open()
    room.saver.do(lambda project: project.add_revision(id_, room.masks[id_] + 1, ANN))
    assert room.saver.flush(20)
    room.open()
    (room.folder / "journal").chmod(0o500)
    mask = room.paint(id_)
    until(lambda: unsaved(room) and unsaved(room).rescue)
    assert "cannot be written" in unsaved(room).problem.problem
    (room.folder / "journal").chmod(0o700)
    assert room.saver.flush(20)
    np.testing.assert_array_equal(room.unsaved(id_), mask)
