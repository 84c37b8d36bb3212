"""Memory that torch frees and takes again: kept meanwhile, where the C library can be told to."""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4  # of mallopt, see malloc.h
_USUAL = ((_MMAP_MAX, 65536), (_MMAP_THRESHOLD, 32 << 20), (_TRIM_THRESHOLD, 64 << 20))
"""What glibc comes to by itself in a program that has freed blocks of 32 MB."""

_lock = threading.Lock()
_inside = 0  # how many blocks are under way, in all threads


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Lets the C library keep memory that torch frees, and gives it back at the end of the outermost block.

    Each layer, image and step frees and takes the same hundreds of megabytes. By default glibc hands large
    blocks to the system every time, which fills them with zeros again: up to a third of the time of a network
    on a large image. So it is told to take no block from the system by itself (M_MMAP_MAX, mallopt(3)). Other
    C libraries are left as they are.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc is None or not hasattr(libc, "gnu_get_libc_version"):
        yield
        return
    _enter(libc)
    try:
        yield
    finally:
        _leave(libc)


def _enter(libc: ctypes.CDLL) -> None:
    global _inside
    with _lock:
        _inside += 1
        if _inside == 1:
            libc.mallopt(_MMAP_MAX, 0)
            libc.mallopt(_TRIM_THRESHOLD, (1 << 31) - 1)


def _leave(libc: ctypes.CDLL) -> None:
    global _inside
    with _lock:
        _inside -= 1
        if _inside == 0:
            for parameter, value in _USUAL:
                libc.mallopt(parameter, value)
            libc.malloc_trim(0)
