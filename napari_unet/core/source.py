"""Source: where one image is, in one file or in the files of a series."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from napari_unet.core.files import checksum


@dataclass(frozen=True, repr=False)
class Source:
    """The file of an image, or the files of a series that together form one image. One Source is one case.

    Two sources with the same files are equal. ``os.fspath`` returns `path`. File names may contain patient
    names: never write a Source to a log, a report or an export.

    Parameters
    ----------
    files : tuple of Path
        At least one. They are stored once each, sorted by path; the order of the slices is known only after
        reading the files.

    Raises
    ------
    ValueError
        If there is no file.
    """

    files: tuple[Path, ...]

    def __post_init__(self) -> None:
        if not self.files:
            raise ValueError("a source has at least one file")
        object.__setattr__(self, "files", tuple(sorted(set(self.files))))

    @classmethod
    def of(cls, image: Source | Path | str | Sequence[Path]) -> Source:
        """Return `image` as a Source.

        Parameters
        ----------
        image : Source, Path, str, or sequence of Path
            A Source, one path, or the paths of one series.
        """
        if isinstance(image, Source):
            return image
        return cls((Path(image),) if isinstance(image, (str, os.PathLike)) else tuple(image))

    @property
    def first(self) -> Path:
        """The first file by name; for most images the only one."""
        return self.files[0]

    @property
    def is_series(self) -> bool:
        """Whether there are several files."""
        return len(self.files) > 1

    @property
    def path(self) -> Path:
        """The path that people know: the file, or the innermost folder with all files of a series."""
        if not self.is_series:
            return self.first
        folders = {os.path.abspath(file.parent) for file in self.files}
        try:
            return Path(os.path.commonpath(folders))
        except ValueError:  # on several drives
            return self.first.parent

    @property
    def name(self) -> str:
        """The last part of `path`, for people."""
        return self.path.name

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The path of each file as this computer compares names, in the order of `files`; computed once."""
        return tuple(os.path.normcase(os.path.abspath(file)) for file in self.files)

    @property
    def key(self) -> str:
        """A string that identifies the source on this computer."""
        return "\0".join(sorted(self.keys))

    def missing(self) -> tuple[Path, ...]:
        """Return the files that do not exist."""
        return tuple(file for file in self.files if not file.exists())

    def exists(self) -> bool:
        """Return whether all files exist."""
        return not self.missing()

    def content_hash(self) -> str:
        """Return the SHA-256 of the content, as hexadecimal digits.

        For one file, that of its bytes. For several, the SHA-256 of their digests, sorted and joined by line
        feeds: it stays the same when files are renamed, and changes when a file is changed, added or removed.

        Raises
        ------
        OSError
            If a file cannot be read.
        """
        found = sorted(checksum(file) for file in self.files)
        return found[0] if len(found) == 1 else hashlib.sha256("\n".join(found).encode()).hexdigest()

    def __fspath__(self) -> str:
        return os.fspath(self.path)

    def __repr__(self) -> str:
        return f"Source of {len(self.files)} file{'s' if self.is_series else ''}"
