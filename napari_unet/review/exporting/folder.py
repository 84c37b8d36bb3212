"""A folder is there whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from napari_unet.core.errors import UserError
from napari_unet.io.alone import writing_alone
from napari_unet.io.atomic import disk_full


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Gives a hidden folder beside `folder`, which becomes `folder` when the block ends well.

    If the block fails or is left early, nothing is left behind. Leftovers of a killed run are cleared away.
    Raises UserError if `folder` is there and not empty, or cannot be written, or another program writes it.
    """
    target = folder.absolute()
    with writing_alone(target):
        yield from _made(folder, target)


def _made(folder: Path, target: Path) -> Iterator[Path]:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(f"{folder} exists already and is not overwritten.", "Choose another folder.")
    partial = target.with_name(f".{target.name}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        yield partial
        with suppress(FileNotFoundError):
            target.rmdir()  # an empty one
        os.replace(partial, target)
    except OSError as error:
        raise _explained(error, folder) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _explained(error: OSError, folder: Path) -> UserError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(folder)
    return UserError(f"{folder} cannot be written ({error.strerror or error}).", "Choose another folder.")
