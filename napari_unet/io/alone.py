"""One program at a time writes into one place: nobody clears away what another has half written there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_runtime_path

from napari_unet.core.errors import UserError
from napari_unet.core.quiet import quiet


@contextmanager
def writing_alone(target: Path) -> Iterator[None]:
    """While the block runs, no other program of this user and machine enters one for the same `target`.

    The lock is the system's, so a killed program holds none, and it lies outside the user's folders.
    Raises UserError if another program is at it.
    """
    key = hashlib.sha256(os.path.realpath(target).encode("utf-8", "surrogateescape")).hexdigest()[:24]
    try:
        with quiet("platformdirs"):  # it warns where the system names no such folder, and takes another
            folder = user_runtime_path("napari-unet-lung", appauthor=False, ensure_exists=True)
        lock = FileLock(folder / f"{key}.lock", mode=0o600, thread_local=False)
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(f"Another program is writing {target} now.", "Wait until it has finished.") from None
    except OSError:  # nowhere to lock: as it was before there were locks
        yield
        return
    try:
        yield
    finally:
        lock.release()
