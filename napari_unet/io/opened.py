"""What a person opens in napari at once: files, or the images in a folder; a series is one image."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from napari_unet.core.source import Source
from napari_unet.io.names import list_images
from napari_unet.io.sources import sources_among


def files_of(given: Sequence[Path]) -> list[Path]:
    """Files as they are, and in place of folders the images directly in them."""
    return [file for one in given for file in (list_images(one) if one.is_dir() else [one])]


def images_opened(given: Sequence[Path], together: Sequence[Path] = ()) -> list[Source]:
    """The images that are to be shown when napari hands over `given`, of all that a person opens `together`.

    A series whose files a person opens together comes with the first of them that is handed over, and the
    others bring nothing: so it is one image, whether napari hands over its files at once or one by one.
    """
    mine, every = files_of(given), files_of(together)
    if not set(mine) <= set(every):
        every = mine
    images = _images(tuple(every))
    leads = {image: next(file for file in every if file in files) for image, files in images}
    return [image for image, _ in images if leads[image] in mine]


@lru_cache(maxsize=1)
def _images(files: tuple[Path, ...]) -> tuple[tuple[Source, frozenset[Path]], ...]:
    """Images with their files; kept, as napari asks for each of the files in turn."""
    return tuple((image, frozenset(image.files)) for image in sources_among(files))
