"""Files that are on the disk when a function returns."""

from __future__ import annotations

import os
from contextlib import suppress
from io import FileIO
from pathlib import Path

from napari_unet.io.atomic import flush_folder


def write_whole(path: Path, contents: bytes) -> None:
    """Put a file with these contents on the disk in place of `path`, or raise OSError and change nothing."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")  # one, also if it cannot be deleted
    try:
        with FileIO(partial, "w") as file:
            write_all(file, contents)
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def write_all(file: FileIO, data: bytes) -> None:
    """Write all of `data`; a file may take less at a time."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
