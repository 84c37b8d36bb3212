"""What the machine gives to a training: threads, memory, room on the disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from napari_unet.core.errors import UserError, is_out_of_memory

_ROOM = 64 << 20  # bytes; a model and its replay set take less


@contextmanager
def using_threads(count: int | None) -> Iterator[int]:
    """Lets torch use `count` processor threads (None: as many as before) and gives their number."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield torch.get_num_threads()
    finally:
        torch.set_num_threads(before)


@contextmanager
def memory_explained() -> Iterator[None]:
    """Makes a UserError of what torch raises where memory runs out."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(
            "Memory ran out during training; no model was changed.",
            "Close other programs, choose a smaller batch, or train on the CPU.",
        ) from None


def check_room(folder: Path) -> None:
    """Makes `folder`. Raises UserError if a model could not be saved there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise UserError(
            f"The folder of your models {folder} cannot be made ({error.strerror or error}).",
            "Choose another one.",
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(
            f"The folder of your models {folder} cannot be written to.",
            "Choose a folder that you may write to.",
        )
    if free < _ROOM:
        raise UserError(
            f"The disk with the folder of your models {folder} is full.", "Free some space first."
        )
