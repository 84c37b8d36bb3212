"""Stroke journal: the strokes of one open case on disk, each as soon as it is made.

A journal is a file of records, each `length, crc32, payload`, and self-contained: the mask it began with is
in it, run-length coded, so a damaged or missing revision takes no stroke with it. Records:

    header      case, revision it began with, shape, a random session
    snapshot    the whole mask after stroke n
    change      stroke n: which pixels took which label
    checkpoint  the mask after stroke n is in the project, as revision r

A file that ends in the middle of a record, or in garbage, is read up to there. The checksums of a file begin
with its session, so that what an older file left in the same place of the disk is never taken for a record.
"""

from __future__ import annotations

import json
import os
import secrets
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.core.change import Change
from napari_unet.review.saving.durable import write_all, write_whole
from napari_unet.review.saving.journal_records import (
    CHANGE,
    CHECKPOINT,
    HEADER,
    MAGIC,
    NUMBER,
    SNAPSHOT,
    framed,
    packed_change,
    packed_labels,
    payloads,
    unpacked_change,
    unpacked_labels,
)

_COMPACT_OVER = 16 * 2**20  # bytes; a longer file is rewritten without what snapshots made needless


@dataclass(frozen=True)
class Checkpoint:
    """The mask after stroke `number` is in the project; revision : None while there is no mask at all."""

    number: int
    revision: str | None


@dataclass(frozen=True)
class Recovered:
    """What a journal holds.

    base : revision that the mask came from, or None. session : of the process that wrote it. first : number
    before the first stroke. start : uint8 labels, the mask after stroke `start_number`. changes : the strokes
    since. checkpoint : the last.
    """

    case: str
    base: str | None
    session: str
    first: int
    start: np.ndarray = field(repr=False)
    start_number: int
    changes: tuple[Change, ...] = field(repr=False)
    checkpoint: Checkpoint | None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the mask."""
        return self.start.shape

    @property
    def number(self) -> int:
        """Of the last stroke."""
        return self.start_number + len(self.changes)

    @property
    def is_saved(self) -> bool:
        """The project has all of it, as the journal's own writer said; or nothing was painted."""
        done = self.first if self.checkpoint is None else self.checkpoint.number
        return done >= self.number

    def labels(self) -> np.ndarray:
        """uint8, the mask after the last stroke; a new array."""
        labels = self.start.copy()
        for change in self.changes:
            change.apply(labels)
        return labels

    def has_been(self, labels: np.ndarray) -> bool:
        """The mask was `labels` at the start or after one of the strokes."""
        now = self.start.copy()
        for change in self.changes:
            if np.array_equal(now, labels):
                return True
            change.apply(now)
        return np.array_equal(now, labels)


class Journal:
    """Writes the journal of one case. One thread.

    `append` and `checkpoint` only remember; `sync` puts on the disk what is not there yet and returns when it
    is. After an OSError everything is still remembered and the next `sync` rewrites the file.
    """

    def __init__(self, path: Path, base: str | None, labels: np.ndarray, case: str, number: int = 0) -> None:
        """labels : uint8, the mask as it is now, after stroke `number`. Nothing is written before `sync`."""
        self.path = path
        self.session = secrets.token_hex(8)
        self.first = self.number = number
        self._seed = zlib.crc32(self.session.encode())
        self._shape = labels.shape
        header = {"case": case, "base": base, "shape": labels.shape, "session": self.session, "first": number}
        self._header = MAGIC + framed(HEADER + json.dumps(header).encode(), 0)
        self._snapshot = self._framed_snapshot(labels, number)
        self._checkpoint: tuple[int, bytes] | None = None
        self._changes: list[bytes] = []  # framed, since the snapshot
        self._unwritten: list[bytes] = []
        self._file: FileIO | None = None
        self._compact_over = _COMPACT_OVER

    @property
    def is_behind(self) -> bool:
        """Something is remembered that is not on the disk."""
        return bool(self._unwritten)

    @property
    def waiting(self) -> int:
        """How many records are not on the disk."""
        return len(self._unwritten)

    @property
    def is_saved(self) -> bool:
        """The project has everything (see `checkpoint`)."""
        return self.number == self.first or (
            self._checkpoint is not None and self._checkpoint[0] >= self.number
        )

    def append(self, change: Change) -> None:
        """Remember a stroke. Raises ValueError if it is of a mask of another shape."""
        if change.shape != self._shape:
            raise ValueError(f"the stroke is of a mask of shape {change.shape}, not {self._shape}")
        self.number += 1
        payload = NUMBER.pack(CHANGE, self.number) + packed_change(change)
        self._changes.append(framed(payload, self._seed))
        self._unwritten.append(self._changes[-1])

    def checkpoint(self, number: int, revision: str | None, labels: np.ndarray) -> None:
        """Remember that the project has `labels` (uint8), the mask after stroke `number`, as `revision`."""
        since = number - (self.number - len(self._changes))
        if since < 0:
            return  # a later mask is saved already
        self._snapshot = self._framed_snapshot(labels, number)
        self._changes = self._changes[since:]
        payload = NUMBER.pack(CHECKPOINT, number) + json.dumps(revision).encode()
        self._checkpoint = number, framed(payload, self._seed)
        self._unwritten += [self._snapshot, self._checkpoint[1]]

    def contents(self) -> bytes:
        """The whole journal as a file would hold it, without strokes that a snapshot has made needless."""
        checkpoint = self._checkpoint[1] if self._checkpoint else b""
        return b"".join([self._header, self._snapshot, checkpoint, *self._changes])

    def recovered(self) -> Recovered:
        """What a reader of `contents` gets."""
        found = _read(self.contents())
        assert found is not None
        return found

    def sync(self) -> None:
        """Put everything on the disk (fsync). Raises OSError if that fails; then call it again later."""
        try:
            if self._file is None or not self._is_in_place() or self._file.tell() > self._compact_over:
                self._write_anew()
            elif self._unwritten:
                write_all(self._file, b"".join(self._unwritten))
                os.fsync(self._file.fileno())
        except OSError:
            self.close()  # what was half written is replaced by the next sync
            raise
        self._unwritten.clear()

    def close(self) -> None:
        """Release the file, which stays."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._file = None

    def remove(self) -> None:
        """Release the file and delete it, if it is this journal's."""
        ours = self._file is not None and self._is_in_place()
        self.close()
        if ours:
            self.path.unlink(missing_ok=True)

    def _framed_snapshot(self, labels: np.ndarray, number: int) -> bytes:
        return framed(NUMBER.pack(SNAPSHOT, number) + packed_labels(labels), self._seed)

    def _is_in_place(self) -> bool:
        """Writing to a file that was deleted, or whose folder was, succeeds and is lost."""
        assert self._file is not None
        try:
            return os.path.samestat(os.fstat(self._file.fileno()), os.stat(self.path))
        except FileNotFoundError:
            return False

    def _write_anew(self) -> None:
        self.close()
        self.path.parent.mkdir(exist_ok=True)
        write_whole(self.path, self.contents())
        self._file = FileIO(self.path, "r+")
        self._compact_over = max(_COMPACT_OVER, 2 * self._file.seek(0, os.SEEK_END))


def read_journal(path: Path) -> Recovered | None:
    """What a journal holds, up to the first record that is not whole. None if there is no beginning of one.

    Raises OSError if the file is there and cannot be read.
    """
    try:
        return _read(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None


def _read(data: bytes) -> Recovered | None:
    if not data.startswith(MAGIC):
        return None
    records = payloads(data)
    try:
        first = next(records, b"")
        header: dict[str, Any] = json.loads(first[1:]) if first[:1] == HEADER else {}
        return _replayed(records, header, tuple(header["shape"]))
    except (KeyError, TypeError, ValueError):
        return None


def _replayed(records: Iterator[bytes], header: dict[str, Any], shape: tuple[int, ...]) -> Recovered | None:
    start: np.ndarray | None = None
    checkpoint: Checkpoint | None = None
    start_number = number = 0
    changes: list[Change] = []
    with suppress(ValueError, struct.error, zlib.error):  # what stands before it counts
        for payload in records:
            kind, at = NUMBER.unpack_from(payload)
            body = payload[NUMBER.size :]
            if kind == SNAPSHOT:
                start = unpacked_labels(body, shape)
                changes = changes[max(0, at - start_number) :]
                start_number, number = at, max(at, number)
            elif kind == CHANGE and start is not None and at == number + 1:
                changes.append(unpacked_change(body, shape))
                number = at
            elif kind == CHECKPOINT:
                checkpoint = Checkpoint(at, json.loads(body))
            else:
                break
    if start is None:
        return None
    about = (header["case"], header["base"], header["session"], header["first"])
    return Recovered(*about, start, start_number, tuple(changes), checkpoint)
