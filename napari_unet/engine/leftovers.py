"""Shared memory that nobody will fetch: of a window and an engine that were killed together.

Whoever survives the other clears up (channel.py); where both are killed, the next start does. Each pair of
processes has a token, with which the names of its segments begin, and a locked file beside them. The system
releases the lock when the process ends, however it ends, so a lock that can be had belongs to nobody. It
holds across containers that share memory too, where numbers of processes mean nothing. Linux only: Windows
frees such memory itself, and macOS does not list it.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
import time
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

_ROOM = Path("/dev/shm")
_SEGMENT = re.compile(r"nul-[0-9a-f]{12}(?=[pc]\d+$)")
_LOCK = re.compile(r"(?<=^\.)nul-[0-9a-f]{12}(?=\.lock$)")
_UNLOCKED_S = 3600.0  # one without a lock, of an earlier version, is let be so long


class Claim:
    """token : how the names of one pair's segments begin, for as long as `end` is not called."""

    def __init__(self) -> None:
        self._lock: FileLock | None = None
        while True:
            self.token = f"nul-{secrets.token_hex(6)}"
            if sys.platform != "linux":
                return
            lock = _lock_of(self.token)
            try:
                lock.acquire(timeout=0)
            except (OSError, Timeout):  # no room for the file, or a sweep has it: without, or again
                if not os.access(_ROOM, os.W_OK):
                    return
                continue
            if Path(lock.lock_file).exists():  # else a sweep took it for a leftover before it was locked
                self._lock = lock
                return
            lock.release()

    def end(self) -> None:
        """Both processes are done with it."""
        lock, self._lock = self._lock, None
        if lock is not None:
            _remove(Path(lock.lock_file))
            lock.release()


def sweep() -> int:
    """Removes the segments of pairs that are gone, never those of living ones; returns how many."""
    if sys.platform != "linux":
        return 0
    tokens: dict[str, list[Path]] = {}
    with suppress(OSError):
        for path in _ROOM.iterdir():
            if found := _SEGMENT.match(path.name) or _LOCK.search(path.name):
                tokens.setdefault(found[0], []).append(path)
    return sum(_sweep(token, paths) for token, paths in tokens.items())


def _sweep(token: str, paths: list[Path]) -> int:
    lock = _lock_of(token)
    lock_file = Path(lock.lock_file)
    if not lock_file.exists():
        return sum(_remove(path) for path in paths if _is_old(path))
    try:
        lock.acquire(timeout=0)
    except (OSError, Timeout):  # its owner lives, or is another user's
        return 0
    try:
        removed = sum(_remove(path) for path in paths if path != lock_file)
        _remove(lock_file)
    finally:
        lock.release()
    return removed


def _lock_of(token: str) -> FileLock:
    return FileLock(_ROOM / f".{token}.lock", mode=0o600, thread_local=False)


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > _UNLOCKED_S
    except OSError:
        return False


def _remove(path: Path) -> bool:
    try:
        path.unlink()
    except OSError:  # gone meanwhile, or another user's
        return False
    return True
