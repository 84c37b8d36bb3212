"""How the files of an image get to a worker: by name, where it sees the same folders, or by value."""

from __future__ import annotations

import os
import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_unet.cluster.task import Unfit
from napari_unet.core.errors import UserError
from napari_unet.core.files import checksum
from napari_unet.core.source import Source
from napari_unet.io.names import suffix_of

if TYPE_CHECKING:
    from distributed import Client

_BY_NAME = 1000  # bytes under way of an image that a worker reads by itself
_DRIVE = "Connect its drive again."
_LOOK_S = 0.5


@dataclass(frozen=True)
class Load:
    """An image under way. content : of its files, in their order, or None: the worker reads them by name.

    sizes : of its files, or () where they could not be seen. patience_s : how long a folder that is gone is
    waited for.
    """

    source: Source
    sizes: tuple[int, ...]
    patience_s: float
    content: tuple[bytes, ...] | None = None

    @contextmanager
    def there(self, *folders: Path) -> Iterator[Source]:
        """On a worker: the image as it can be read there. folders : that must be there too, if by name.

        By value it lies in a folder that is emptied at once, under names that tell nothing; what a UserError
        says of them is said of the files that the user knows.
        """
        if self.content is None:
            self._wait_for(*folders)
            yield self.source
            return
        with tempfile.TemporaryDirectory(dir=scratch()) as folder:
            names = {}
            for number, (file, data) in enumerate(zip(self.source.files, self.content, strict=True)):
                here = Path(folder, f"{number:06d}{suffix_of(file)}")
                here.write_bytes(data)
                names[str(here)] = str(file)
            try:
                yield Source(tuple(map(Path, names)))
            except UserError as error:
                raise _renamed(error, names) from error

    def _wait_for(self, *folders: Path) -> None:
        """A file that is gone while its folder is there is not waited for: reading says so."""
        until = time.monotonic() + self.patience_s
        files = self.source.files
        while any(map(_is_away, {*(file.parent for file in files if not file.exists()), *folders})):
            if time.monotonic() > until:
                raise Unfit("A worker cannot reach the folder of the image, or that of the results.", _DRIVE)
            time.sleep(_LOOK_S)
        with suppress(OSError):
            if self.sizes and tuple(file.stat().st_size for file in files) != self.sizes:
                raise Unfit("A worker has other files under the same names.", "Give it the same folders.")


def bytes_under_way(source: Source, by_name: bool) -> int:
    """How many bytes are under way with an image."""
    return _BY_NAME if by_name else sum(_sizes(source))


def load(source: Source, by_name: bool, patience_s: float) -> Load:
    """An image made ready to be sent. Raises OSError if it travels by value and cannot be read."""
    content = None if by_name else tuple(file.read_bytes() for file in source.files)
    whole = Source(tuple(Path(os.path.abspath(file)) for file in source.files))
    return Load(whole, _sizes(source), patience_s, content)


def is_shared(client: Client, image: Path, folder: Path | None = None) -> bool:
    """Whether all workers have an image under its name. folder : and can write there."""
    mark = None if folder is None else folder.resolve() / f".{secrets.token_hex(8)}.probe"
    try:
        if mark is not None:
            mark.write_bytes(b"")
        known = checksum(image)
        answers = client.run(
            _sees, str(image.resolve()), known, None if mark is None else str(mark), on_error="return"
        )
    except OSError:
        return False
    finally:
        if mark is not None:
            with suppress(OSError):
                mark.unlink()
    return bool(answers) and all(answer is True for answer in answers.values())


def _sees(image: str, known: str, mark: str | None) -> bool:
    if mark is not None and not (os.path.exists(mark) and os.access(os.path.dirname(mark), os.W_OK)):
        return False
    return checksum(Path(image)) == known


def scratch() -> str:
    """The folder of this worker, which Dask empties."""
    from distributed import get_worker

    folder: str = get_worker().local_directory
    return folder


def _sizes(source: Source) -> tuple[int, ...]:
    try:
        return tuple(file.stat().st_size for file in source.files)
    except OSError:
        return ()


def _is_away(folder: Path) -> bool:
    """Whether a folder that holds something is not there: a drive that is gone leaves an empty one."""
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is None
    except OSError:
        return True


def _renamed(error: UserError, names: Mapping[str, str]) -> UserError:
    """The same of the files that the user knows."""
    problem, remedy = error.problem, error.remedy
    for here, there in names.items():
        for mine, theirs in ((here, there), (Path(here).name, Path(there).name)):
            problem, remedy = problem.replace(mine, theirs), remedy.replace(mine, theirs)
    return UserError(problem, remedy)
