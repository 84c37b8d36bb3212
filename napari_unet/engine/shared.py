"""Objects as bytes, and bytes through shared memory.

pickle (protocol 5) is the walk through dataclasses, tuples, dicts and lists: it hands out the bytes of every
array it meets, so that these need not go through the pipe. The life of a segment is short and has one rule:
the sender creates it and holds it until the receiver says so, the receiver removes its name as soon as it has
opened it. So a name exists for milliseconds only, and whoever survives the other knows which names are left;
what two killed ones left is found by leftovers.py.
"""

from __future__ import annotations

import io
import os
import pickle
import sys
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.shared_memory import SharedMemory
from typing import Any, cast

import numpy as np

from napari_unet.core.errors import UserError

SMALL = 4096  # bytes; smaller arrays stay inside the pickle


class _Pickler(pickle.Pickler):
    """Copies strided views and memory maps to plain arrays, whose bytes pickle can hand out."""

    def reducer_override(self, obj: Any) -> Any:
        strided = type(obj) is np.ndarray and not (obj.flags.c_contiguous or obj.flags.f_contiguous)
        if (strided or type(obj) is np.memmap) and not obj.dtype.hasobject:
            return np.array(obj, order="C", subok=False).__reduce_ex__(5)
        return NotImplemented


def dump(obj: object) -> list[memoryview]:
    """The pickle of `obj`, then the bytes of its big arrays (views, not copies)."""
    big: list[memoryview] = []

    def keep_inside(buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes < SMALL:
            return True
        big.append(raw)
        return False

    file = io.BytesIO()
    _Pickler(file, protocol=5, buffer_callback=keep_inside).dump(obj)
    return [file.getbuffer(), *big]


def load(parts: Sequence[Any]) -> Any:
    """The object whose `dump` gave `parts`. Its arrays use the memory of `parts`."""
    return pickle.loads(parts[0], buffers=parts[1:])


def put(name: str, parts: Sequence[memoryview]) -> SharedMemory:
    """A new segment `name` that holds `parts` one after the other.

    Raises UserError if there is not enough shared memory, and leaves nothing behind.
    """
    size = sum(part.nbytes for part in parts)
    try:
        segment = _create(name, size)
    except OSError as error:
        raise _too_small(size) from error
    try:
        _reserve(name, size)
    except OSError as error:
        segment.close()
        discard(name)
        raise _too_small(size) from error
    start = 0
    for part in parts:
        _view(segment, start, part.nbytes)[:] = np.frombuffer(part, np.uint8)
        start += part.nbytes
    return segment


def take(name: str, sizes: Sequence[int]) -> list[np.ndarray]:
    """Copies of the parts of segment `name`, which is gone afterwards. sizes : bytes of each part."""
    segment = _open(name)
    segment.unlink()
    try:
        starts = np.cumsum([0, *sizes])
        return [_view(segment, int(a), n).copy() for a, n in zip(starts, sizes, strict=False)]
    finally:
        segment.close()


def discard(name: str) -> None:
    """Remove segment `name` if there is one (on Windows the system does that)."""
    with suppress(OSError, ValueError):
        segment = _open(name)
        segment.unlink()
        segment.close()


def _view(segment: SharedMemory, start: int, size: int) -> np.ndarray:
    memory = cast(memoryview, segment.buf)
    return np.frombuffer(memory, np.uint8, size, start)  # numpy copies without the interpreter's lock


# Python's resource tracker removes segments when the process that registered them ends; here the receiver
# does, so the sender's entry is taken back, and `unlink` takes back the receiver's. 3.13 has a switch for it.
if sys.version_info >= (3, 13):

    def _create(name: str, size: int) -> SharedMemory:
        return SharedMemory(name, create=True, size=size, track=False)

    def _open(name: str) -> SharedMemory:
        return SharedMemory(name, track=False)

else:

    def _create(name: str, size: int) -> SharedMemory:
        segment = SharedMemory(name, create=True, size=size)
        if os.name == "posix":
            from multiprocessing import resource_tracker

            resource_tracker.unregister(f"/{name}", "shared_memory")
        return segment

    def _open(name: str) -> SharedMemory:
        return SharedMemory(name)


def _reserve(name: str, size: int) -> None:
    """Claim the memory now: a full /dev/shm would otherwise end the process at the first write (SIGBUS)."""
    if sys.platform != "linux":
        return
    descriptor = os.open(f"/dev/shm/{name}", os.O_RDWR)
    try:
        os.posix_fallocate(descriptor, 0, size)
    finally:
        os.close(descriptor)


def _too_small(size: int) -> UserError:
    return UserError(
        f"There is not enough shared memory for {size / 1e6:.0f} MB of image data.",
        "Close other programs; in a container, give it more (docker run --shm-size=4g).",
    )
