"""The stroke journal: nothing that was synced is lost, whatever happens to the end of the file."""

from __future__ import annotations

import errno
import os
import shutil
from io import FileIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.core.change import Change
from napari_unet.core.labels import IGNORE
from napari_unet.review.saving.journal import Checkpoint, Journal, read_journal

SHAPE = (12, 15)


def stroke(rng: np.random.Generator, shape: tuple[int, ...] = SHAPE) -> Change:
    """Some pixels in any order, with any labels: what brush, fill or undo may leave."""
    size = int(np.prod(shape))
    flat = rng.permutation(size)[: rng.integers(1, size)]
    return Change(shape, flat, rng.choice(np.array([0, 1, 2, IGNORE], np.uint8), len(flat)))


def after(start: np.ndarray, changes: list[Change]) -> np.ndarray:
    labels = start.copy()
    for change in changes:
        change.apply(labels)
    return labels


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal" / "c1.strokes"


@pytest.fixture
def start() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 3, SHAPE).astype(np.uint8)


def test_a_missing_journal_holds_nothing(path):
    assert read_journal(path) is None


def test_a_journal_holds_what_it_began_with(path, start):
    journal = Journal(path, "c1-4", start, "c1")
    journal.sync()
    found = read_journal(path)
    assert (found.case, found.base, found.shape, found.changes) == ("c1", "c1-4", SHAPE, ())
    assert found.checkpoint is None
    np.testing.assert_array_equal(found.labels(), start)


@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.sampled_from([(1, 1), SHAPE, (3, 5, 4), (2, 0)]),
    steps=st.lists(st.sampled_from(["stroke", "sync", "save", "save earlier"]), max_size=12),
)
def test_what_is_read_is_what_was_painted(tmp_path_factory, seed, shape, steps):
    rng = np.random.default_rng(seed)
    states = [rng.integers(0, 3, shape).astype(np.uint8)]
    path = tmp_path_factory.mktemp("any") / "journal" / "c.strokes"
    journal = Journal(path, None, states[0], "c")
    saved = 0
    for step in steps:
        if step == "stroke" and states[0].size > 1:
            change = stroke(rng, shape)
            journal.append(change)
            states.append(after(states[-1], [change]))
        elif step == "sync":
            journal.sync()
        elif step.startswith("save"):
            number = len(states) - 1 if step == "save" else int(rng.integers(saved, len(states)))
            saved = max(saved, number)
            journal.checkpoint(number, f"r{number}", states[number])
    journal.sync()
    found = read_journal(path)
    np.testing.assert_array_equal(found.labels(), states[-1])
    assert found.number == len(states) - 1
    assert found.is_saved == journal.is_saved


def test_strokes_before_a_checkpoint_are_saved_and_those_after_it_are_not(path, start):
    rng = np.random.default_rng(1)
    journal = Journal(path, None, start, "c1")
    changes = [stroke(rng) for _ in range(3)]
    for change in changes:
        journal.append(change)
    journal.sync()
    journal.checkpoint(2, "c1-1", after(start, changes[:2]))  # the third was painted meanwhile
    journal.sync()
    found = read_journal(path)
    assert found.checkpoint == Checkpoint(2, "c1-1") and not found.is_saved
    assert len(found.changes) == 1
    np.testing.assert_array_equal(found.labels(), after(start, changes))


@pytest.fixture
def painted(path, start):
    """A journal's bytes with five strokes and a checkpoint, its states, and how long it was after each."""
    rng = np.random.default_rng(2)
    journal = Journal(path, None, start, "c1")
    journal.sync()
    states, lengths = [start], [path.stat().st_size]
    for number in range(5):
        change = stroke(rng)
        journal.append(change)
        journal.sync()
        states.append(after(states[-1], [change]))
        lengths.append(path.stat().st_size)
        if number == 2:
            journal.checkpoint(2, "c1-1", states[2])
            journal.sync()
    return path.read_bytes(), states, lengths


def test_cut_at_every_byte_it_opens_with_every_stroke_that_was_whole(path, painted):
    data, states, lengths = painted
    for cut in range(len(data)):
        path.write_bytes(data[:cut])
        found = read_journal(path)
        whole = sum(length <= cut for length in lengths) - 1
        if whole < 0:
            assert found is None
        else:
            np.testing.assert_array_equal(found.labels(), states[whole])
            assert found.number == whole


@pytest.mark.parametrize("tail", [b"\0" * 300, b"\xff" * 300, bytes(range(256)) * 2], ids=["0", "ff", "any"])
def test_cut_at_every_byte_with_garbage_after_it(path, painted, tail):
    data, states, lengths = painted
    for cut in range(0, len(data), 3):
        path.write_bytes(data[:cut] + tail)
        found = read_journal(path)
        whole = sum(length <= cut for length in lengths) - 1
        if whole >= 0:
            np.testing.assert_array_equal(found.labels(), states[whole])


def test_a_wrong_byte_anywhere_never_makes_a_mask_that_was_not_painted(path, painted):
    data, states, _ = painted
    for position in range(len(data)):
        wrong = bytearray(data)
        wrong[position] ^= 0x10
        path.write_bytes(bytes(wrong))
        found = read_journal(path)
        assert found is None or any(np.array_equal(found.labels(), state) for state in states)


def test_what_an_older_journal_left_behind_the_end_is_not_read(path, painted, start):
    old, _, lengths = painted
    path.unlink()
    journal = Journal(path, None, start, "c1")
    journal.sync()
    now = path.read_bytes()
    assert len(now) == lengths[0]
    path.write_bytes(now + old[lengths[0] :])
    np.testing.assert_array_equal(read_journal(path).labels(), start)


def test_a_long_journal_is_written_anew_without_what_is_saved(path, start, monkeypatch):
    monkeypatch.setattr("napari_unet.review.saving.journal._COMPACT_OVER", 4000)
    rng = np.random.default_rng(3)
    journal = Journal(path, None, start, "c1")
    labels, sizes = start, []
    for number in range(1, 60):
        change = stroke(rng)
        labels = after(labels, [change])
        journal.append(change)
        journal.checkpoint(number, f"c1-{number}", labels)
        journal.sync()
        sizes.append(path.stat().st_size)
        np.testing.assert_array_equal(read_journal(path).labels(), labels)
    assert max(sizes) < 6000


def test_a_stroke_of_another_shape_is_refused(path, start):
    with pytest.raises(ValueError, match="shape"):
        Journal(path, None, start, "c1").append(Change((2, 2), np.array([0]), np.array([1], np.uint8)))


def test_every_stroke_is_flushed_to_the_disk_before_sync_returns(path, start, monkeypatch):
    """What a power cut leaves is at least what the last fsync of the file had."""
    on_disk: list[bytes] = []
    flush = os.fsync

    def fsync(handle: int) -> None:
        flush(handle)
        if os.path.isfile(f"/proc/self/fd/{handle}"):
            on_disk.append(Path(f"/proc/self/fd/{handle}").read_bytes())

    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("needs /proc")
    monkeypatch.setattr(os, "fsync", fsync)
    rng = np.random.default_rng(4)
    journal = Journal(path, None, start, "c1")
    for _ in range(4):
        journal.append(stroke(rng))
        journal.sync()
        assert on_disk[-1] == path.read_bytes()


def no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


class HalfWritten(FileIO):
    """A disk that takes a few bytes of what is written and is full then."""

    room = 0

    def write(self, data) -> int:
        if HalfWritten.room <= 0:
            no_space()
        written = super().write(bytes(data)[: HalfWritten.room])
        HalfWritten.room -= written
        return written


def test_a_disk_that_is_full_at_every_byte_loses_nothing(path, start, monkeypatch):
    """The stroke under way fails; those before it stay; when there is room again all of them are there."""
    monkeypatch.setattr("napari_unet.review.saving.journal.FileIO", HalfWritten)
    monkeypatch.setattr("napari_unet.review.saving.durable.FileIO", HalfWritten)
    rng = np.random.default_rng(5)
    changes = [stroke(rng) for _ in range(3)]
    HalfWritten.room = 10**9
    journal = Journal(path, None, start, "c1")
    journal.append(changes[0])
    journal.sync()
    small = len(journal._unwritten)
    assert not small
    journal.append(changes[1])
    need = len(journal._unwritten[0])
    for room in range(0, need, 7):
        HalfWritten.room = room
        with pytest.raises(OSError, match="space"):
            journal.sync()
        assert journal.is_behind
        np.testing.assert_array_equal(read_journal(path).labels(), after(start, changes[:1]))
        assert [other.name for other in path.parent.iterdir()] == [path.name]
        HalfWritten.room = 10**9
        journal.sync()  # there is room again
        assert not journal.is_behind
        np.testing.assert_array_equal(read_journal(path).labels(), after(start, changes[:2]))
        path.unlink()
        journal = Journal(path, None, start, "c1")
        journal.append(changes[0])
        journal.sync()
        journal.append(changes[1])


@pytest.mark.parametrize("call", ["os.fsync", "os.replace"])
def test_after_a_failed_flush_the_file_is_written_anew(path, start, monkeypatch, call):
    rng = np.random.default_rng(6)
    changes = [stroke(rng) for _ in range(2)]
    journal = Journal(path, None, start, "c1")
    journal.append(changes[0])
    if call == "os.fsync":
        journal.sync()
    journal.append(changes[1])
    with monkeypatch.context() as patch:
        patch.setattr(call, no_space)
        for _ in range(3):
            with pytest.raises(OSError):
                journal.sync()
    journal.sync()
    np.testing.assert_array_equal(read_journal(path).labels(), after(start, changes))
    assert [other.name for other in path.parent.iterdir()] == [path.name]


def test_a_file_that_somebody_deleted_is_written_again(path, start):
    rng = np.random.default_rng(7)
    changes = [stroke(rng) for _ in range(2)]
    journal = Journal(path, None, start, "c1")
    journal.append(changes[0])
    journal.sync()
    shutil.rmtree(path.parent)
    journal.append(changes[1])
    journal.sync()
    np.testing.assert_array_equal(read_journal(path).labels(), after(start, changes))


def test_a_project_that_went_away_is_an_error_and_comes_back(path, start):
    away = path.parent.parent.with_name("elsewhere")
    journal = Journal(path, None, start, "c1")
    journal.sync()
    path.parent.parent.rename(away)
    change = stroke(np.random.default_rng(8))
    journal.append(change)
    with pytest.raises(FileNotFoundError):
        journal.sync()
    assert not path.parent.parent.exists()  # nothing is made in its place
    away.rename(path.parent.parent)
    journal.sync()
    np.testing.assert_array_equal(read_journal(path).labels(), after(start, [change]))
