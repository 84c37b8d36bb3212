"""Images that are too large for a computer, in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_unet.core.errors import UserError
from napari_unet.core.quiet import quiet

_LIBRARIES = ("PIL", "imagecodecs", "nibabel", "pydicom", "tifffile")


@contextmanager
def memory_for(path: Path) -> Iterator[None]:
    """Whatever reads `path` inside says nothing by itself, and that it does not fit as a UserError."""
    try:
        with quiet(*_LIBRARIES):  # they name the file, and a file's name may be a patient's
            yield
    except MemoryError as error:
        raise UserError(
            f"{path.name} does not fit into the memory of this computer.", "Make it smaller."
        ) from error
