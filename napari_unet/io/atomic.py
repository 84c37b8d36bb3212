"""A file is there whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from napari_unet.core.errors import UserError
from napari_unet.io.names import suffix_of


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Gives a hidden path in the same folder; what the block writes there replaces `path` when it ends well.

    The data are on the disk (fsync) before the swap. If the block fails, or the disk is full, the old file
    stays as it was and nothing is left behind. A `path` that is a symbolic link is itself replaced: what it
    points to is never written to. The temporary name has the suffix of `path`, for libraries that look at it.
    Raises UserError if the folder cannot be written to or is full.
    """
    partial = path.with_name(f".{secrets.token_hex(6)}.partial{suffix_of(path)}")
    try:
        yield partial
        _flush(partial)
        os.replace(partial, path)
        flush_folder(path.parent)
    except OSError as error:
        raise _explained(error, path) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Makes the new name durable; Windows has no such call, and some network folders refuse it."""
    if os.name != "posix":
        return
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def disk_full(path: Path) -> UserError:
    """What to say where there was no room for a file or folder."""
    return UserError(
        f"The disk is full: {path} was not written.", "Free some space or choose another folder."
    )


def _explained(error: OSError, path: Path) -> UserError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(path)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return UserError(f"{path.parent} cannot be written to.", "Choose a folder that you may write to.")
    if error.errno == errno.ENAMETOOLONG:
        return UserError(f"The name {path.name} is too long for a file.", "Use a shorter name for the image.")
    if error.errno == errno.ENOENT:
        return UserError(
            f"The folder {path.parent} does not exist.", "Create it first, or choose another one."
        )
    return UserError(f"{path} could not be written ({error.strerror or error}).", "Try another folder.")
