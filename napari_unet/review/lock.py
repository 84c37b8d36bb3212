"""The file that lets in one program at a time where SQLite cannot: on network drives."""

from __future__ import annotations

import json
import os
import secrets
import threading
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from napari_unet.core.errors import UserError
from napari_unet.io.processes import Owner, owner_of
from napari_unet.review.faults import faults_explained
from napari_unet.review.trail import now

LOCK_NAME = "review.lock"


class LockFile:
    """A file that says which program has the project open. One program may hold it several times.

    Raises UserError if another program holds it. What a program of this machine left behind when it was
    killed is removed; whether one of another machine still runs cannot be known from here, so its file stays
    until somebody deletes it by hand. Only the owner's own file is removed at the end: if it was deleted and
    another program has made one since, that stays.
    """

    _held: ClassVar[dict[str, int]] = {}
    _owners: ClassVar[dict[str, Owner]] = {}
    _guard: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK_NAME
        self._key = os.path.realpath(self._path)
        with self._guard:
            if not self._held.get(self._key):
                self._owners[self._key] = self._take()
            self._held[self._key] = self._held.get(self._key, 0) + 1

    def release(self) -> None:
        """Gives the project free; the file goes with the last holder in this program."""
        with self._guard:
            self._held[self._key] -= 1
            if not self._held[self._key]:
                _remove(self._path, self._owners.pop(self._key))

    def _take(self) -> Owner:
        owner = Owner()
        about = asdict(owner) | {"since": now().isoformat()}
        with faults_explained():
            try:
                handle = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            except FileExistsError:
                self._refuse_or_remove()
                try:
                    handle = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
                except FileExistsError:  # another program was quicker
                    raise self._refused() from None
            with os.fdopen(handle, "w") as file:
                json.dump(about, file)
                file.flush()
                os.fsync(file.fileno())
        return owner

    def _refuse_or_remove(self) -> None:
        holder = owner_of(_words(self._path))
        ours = holder is not None and holder.process == os.getpid() and not self._held.get(self._key)
        if holder is None or not (holder.is_over or (ours and holder.machine == Owner().machine)):
            raise self._refused()
        _remove(self._path, holder)

    def _refused(self) -> UserError:
        words = _words(self._path)
        computer = str(words.get("computer", "")) if isinstance(words, dict) else ""
        return UserError(
            f"This project is open in another program, on the computer {computer or '(unknown)'}.",
            f"Close it there. If none has it open, delete the file {LOCK_NAME} in the project's folder.",
        )


def _remove(path: Path, owner: Owner) -> None:
    """Takes the file away if it is the owner's; another's, made since it was read, is put back."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    with suppress(OSError):
        found = owner_of(_words(path))
        if found is None or found.token != owner.token:
            return
        os.rename(path, aside)
        moved = owner_of(_words(aside))
        if moved is not None and moved.token != owner.token:
            os.link(aside, path)
        aside.unlink()


def _words(path: Path) -> Any:
    """What is in the file; None if it is not readable."""
    with suppress(OSError, ValueError, RecursionError):
        return json.loads(path.read_text("utf-8"))
    return None
