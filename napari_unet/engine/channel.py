"""A pair of pipes that carries messages, with everything big beside it in shared memory.

Anonymous pipes rather than a socket: nobody else can connect, so that there is no key to keep, and the end
of either process closes them.
"""

from __future__ import annotations

import pickle
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.shared_memory import SharedMemory
from typing import Any, BinaryIO

from napari_unet.engine.shared import discard, dump, load, put, take

_LENGTH = struct.Struct("<I")
_SMALL = 16_384  # bytes; a longer pickle goes through shared memory too, so that a write never fills the pipe


@dataclass(frozen=True)
class _Envelope:
    body: bytes  # the pickle, empty if it lies in the segment
    segment: str  # its name, "" if there is none
    sizes: tuple[int, ...]  # bytes of each part in the segment


@dataclass(frozen=True)
class _Received:
    segment: str


class Channel:
    """One end. `send` may be called from any thread, `receive` from one.

    mine, theirs : beginnings of the names of the segments that this end and the other end create.
    """

    def __init__(self, reader: BinaryIO, writer: BinaryIO, mine: str, theirs: str) -> None:
        self._reader = reader
        self._writer = writer
        self._mine = mine
        self._theirs = theirs
        self._sent = 0
        self._taken = 0
        self._on_the_way: dict[str, SharedMemory] = {}
        self._lock = threading.Lock()

    def send(self, message: object) -> None:
        """Raises BrokenPipeError if the other end is gone, UserError if there is too little shared memory."""
        parts = dump(message)
        with self._lock:
            if len(parts) == 1 and parts[0].nbytes < _SMALL:
                self._write(_Envelope(parts[0].tobytes(), "", ()))
                return
            self._sent += 1
            name = f"{self._mine}{self._sent}"
            body = b"" if parts[0].nbytes >= _SMALL else parts.pop(0).tobytes()
            self._on_the_way[name] = put(name, parts)
            self._write(_Envelope(body, name, tuple(part.nbytes for part in parts)))

    def receive(self) -> Any:
        """The next message; waits for it. Raises EOFError if the other end is gone."""
        while True:
            (length,) = _LENGTH.unpack(self._read(_LENGTH.size))
            letter = pickle.loads(self._read(length))
            if isinstance(letter, _Received):
                with self._lock:
                    self._on_the_way.pop(letter.segment).close()
                continue
            parts: list[Any] = [letter.body] if letter.body else []
            if letter.segment:
                parts += take(letter.segment, letter.sizes)
                self._taken += 1
                with self._lock, suppress(BrokenPipeError):
                    self._write(_Received(letter.segment))
            return load(parts)

    def sweep(self) -> None:
        """After the other end is gone: remove what it has not fetched and what it was about to send."""
        with self._lock:
            for name, segment in self._on_the_way.items():
                segment.close()
                discard(name)
            self._on_the_way.clear()
            discard(f"{self._theirs}{self._taken + 1}")

    def hang_up(self) -> None:
        """Let the other end see that no more will come."""
        with suppress(OSError):
            self._writer.close()

    def close(self) -> None:
        """Close both pipes."""
        self.hang_up()
        self._reader.close()

    def _write(self, letter: _Envelope | _Received) -> None:
        data = pickle.dumps(letter)
        try:
            self._writer.write(_LENGTH.pack(len(data)) + data)
            self._writer.flush()
        except (OSError, ValueError) as error:  # ValueError: closed by us
            raise BrokenPipeError from error

    def _read(self, size: int) -> bytes:
        data = self._reader.read(size)
        if len(data) < size:
            raise EOFError
        return data
