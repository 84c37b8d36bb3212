"""Temporary folders that are gone when their process is, however it ends.

A process that is killed removes nothing, and what lies there may be images of a patient: each folder has a
locked file, which the system releases in any case, and whoever needs the next folder removes those that
nobody holds.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

_PREFIX = "napari-unet-lung-"
_LOCK = ".lock"
_UNLOCKED_S = 24 * 3600.0  # one without a lock, of an earlier version or just begun, is let be so long
_UNKNOWN = (OSError, NotImplementedError)  # nobody can tell whether a process holds it


class TemporaryFolder:
    """path : for this user alone. Removed by `cleanup`, at the end of the program, or else by a `sweep`."""

    def __init__(self) -> None:
        """Raises OSError if there is no room."""
        self.path, lock = _locked()
        self.cleanup = weakref.finalize(self, _remove, self.path, lock)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder until the block ends; those of processes that are gone are removed first.

    Raises OSError if there is no room.
    """
    sweep()
    folder = TemporaryFolder()
    try:
        yield folder.path
    finally:
        folder.cleanup()


def _locked() -> tuple[Path, FileLock]:
    """A new folder, locked if its file system has locks."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        lock = _lock_of(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:  # a sweep takes it for a leftover
            continue
        except _UNKNOWN:
            return path, lock
        if Path(lock.lock_file).exists():  # else a sweep was faster
            return path, lock
        lock.release()


def sweep() -> None:
    """Removes the folders of processes that are gone."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if path.is_dir() and not path.is_symlink() and _is_mine(path):
                _sweep(path)


def _sweep(path: Path) -> None:
    lock = _lock_of(path)
    if not Path(lock.lock_file).exists():
        if time.time() - path.stat().st_mtime > _UNLOCKED_S:
            shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(Timeout, *_UNKNOWN):
        lock.acquire(timeout=0)
        _remove(path, lock)


def _lock_of(folder: Path) -> FileLock:
    return FileLock(folder / _LOCK, mode=0o600, thread_local=False)


def _is_mine(path: Path) -> bool:
    return not hasattr(os, "getuid") or path.stat().st_uid == os.getuid()


def _remove(path: Path, lock: FileLock) -> None:
    shutil.rmtree(path, ignore_errors=True)
    lock.release()
    shutil.rmtree(path, ignore_errors=True)  # Windows keeps a file that somebody has open
