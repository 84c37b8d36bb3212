"""What a project's files looked like when they were last read, so that none is read for nothing."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from napari_unet.core.errors import UserError
from napari_unet.core.source import Source
from napari_unet.io.atomic import atomic_write

Stamp = tuple[int, int]
"""Size of a file in bytes and its time of change in ns; of several files the sums."""
_NAME = "files-seen.json"


def stamp_of(source: Source) -> Stamp:
    """What shows that files have been written to. Raises OSError; FileNotFoundError if one is not there."""
    found = [file.stat() for file in source.files]
    return sum(stat.st_size for stat in found), sum(stat.st_mtime_ns for stat in found)


class FileStamps:
    """Size and time of change of each case's file when it was last read; no path and no name."""

    def __init__(self, project: Path) -> None:
        self._path = project / "thumbnails" / _NAME
        self.last_read: dict[str, Stamp] = {}
        self.fresh: dict[str, Stamp] = {}
        with suppress(OSError, ValueError, TypeError):
            read = json.loads(self._path.read_text(encoding="utf-8"))
            self.last_read = {case: (int(size), int(changed)) for case, (size, changed) in read.items()}

    def keep(self) -> None:
        """Write what is new, once its facts are stored. Where that is not possible, it only costs time."""
        if not self.fresh:
            return
        self.last_read |= self.fresh
        self.fresh = {}
        with suppress(OSError, UserError):
            self._path.parent.mkdir(exist_ok=True)
            with atomic_write(self._path) as partial:
                partial.write_text(json.dumps(self.last_read), encoding="utf-8")
