"""What arrives in a folder, once it is whole: a file that still grows is left alone."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from napari_unet.cli.inputs import Case, Inputs, find_inputs
from napari_unet.core.errors import UserError

Stamp = tuple[int, int]
"""Size in bytes, and time of the last change in ns."""


@dataclass(frozen=True)
class _Seen:
    """A file as it was seen first with this stamp. since : by `time.monotonic`."""

    stamp: Stamp
    since: float


class WatchedFolder:
    """Looks into a folder again and again.

    settle : a file counts as whole if its size and time have been the same for so many seconds. A series is
    whole if all of its files are, and no other file of its folder arrived meanwhile.
    """

    def __init__(self, folder: Path, output: Path, recursive: bool, anonymous: bool, settle: float) -> None:
        self._folder, self._output = folder, output
        self._recursive, self._anonymous, self._settle = recursive, anonymous, settle
        self._seen: dict[Path, _Seen] = {}
        self._handled: dict[Path, Stamp] = {}
        self._done: dict[str, tuple[Stamp, ...]] = {}

    def arrived(self) -> Inputs | None:
        """The cases that are whole, and new or changed since they were given last; None if there are none.

        Raises UserError if the folder is gone.
        """
        now = time.monotonic()
        found = dict(_stamps(self._folder, self._output, self._recursive))
        self._seen = {
            path: before if (before := self._seen.get(path)) and before.stamp == stamp else _Seen(stamp, now)
            for path, stamp in found.items()
        }
        whole = {path: seen.stamp for path, seen in self._seen.items() if now - seen.since >= self._settle}
        if whole == self._handled:
            return None
        self._handled = whole
        inputs = find_inputs([str(self._folder)], self._output, self._recursive, self._anonymous)
        cases = tuple(case for case in inputs.cases if self._is_due(case, whole))
        for case in cases:
            self._done[case.name] = tuple(whole[path] for path in _files(case))
        return replace(inputs, cases=cases) if cases else None

    @property
    def waits(self) -> bool:
        """Whether something is there that is not whole yet."""
        return len(self._handled) < len(self._seen)

    def _is_due(self, case: Case, whole: Mapping[Path, Stamp]) -> bool:
        files = _files(case)
        if not all(path in whole for path in files):  # nor is the folder itself, where it is still empty
            return False
        if case.source.is_series:
            folders = {path.parent for path in files}
            if any(path.parent in folders and path not in whole for path in self._seen):
                return False  # the rest of it may be under way
        return self._done.get(case.name) != tuple(whole[path] for path in files)


def _files(case: Case) -> list[Path]:
    """What was copied: the zip file, or the files themselves."""
    given = [case.archive] if case.archive is not None else case.source.files
    return [Path(os.path.abspath(path)) for path in given]


def _stamps(folder: Path, output: Path, recursive: bool) -> Iterator[tuple[Path, Stamp]]:
    """Every file in the folder, without hidden ones (many programs copy under such a name) and results."""
    if not folder.is_dir():
        raise UserError(f"The folder {folder} is gone.", "Connect its drive again, then start again.")
    results = os.path.abspath(output)
    for root, folders, files in os.walk(os.path.abspath(folder)):
        folders[:] = [
            name
            for name in folders
            if recursive and not name.startswith(".") and os.path.join(root, name) != results
        ]
        for name in files:
            path = Path(root, name)
            try:
                state = path.stat()
            except OSError:  # it was moved away meanwhile
                continue
            if not name.startswith("."):
                yield path, (state.st_size, state.st_mtime_ns)
