"""What a person opens in napari at once: files, or the images in a folder; a series is one image."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from napari_unet.core.errors import UserError
from napari_unet.core.source import Source
from napari_unet.io.content import is_dicom
from napari_unet.io.discs import index_in
from napari_unet.io.ignored import Ignored
from napari_unet.io.names import (
    PICTURE,
    PassedOver,
    is_hidden,
    is_picture,
    is_readable_image,
    list_images,
)
from napari_unet.io.series_list import SeriesInfo, series_infos
from napari_unet.io.sources import sources_among
from napari_unet.io.unpacked import bundled, listed

_DEEPEST = 4  # folders below the one that is opened
_MOST_LOOKED = 20_000  # files and folders


def files_of(given: Sequence[Path], ignored: PassedOver | None = None) -> list[Path]:
    """Files as they are, and in place of folders, zip files and DICOMDIRs the images in them.

    Of folders those directly in them; of one that holds no DICOM or NIfTI, such as that of a disc or a
    study, what its DICOMDIR lists, or else the DICOM files in the folders below, if there are any. Raises
    UserError for zip files and DICOMDIRs that cannot be read. ignored : gets the pictures beside the DICOM.
    """
    return [
        file
        for one in given
        for file in (_in_folder(one, ignored) if one.is_dir() else bundled(one) or [one])
    ]


def holds_medical(folder: Path) -> bool:
    """Whether what `files_of` finds in a folder is not pictures alone."""
    return not all(map(is_picture, files_of([folder])))


def _in_folder(folder: Path, ignored: PassedOver | None) -> list[Path]:
    direct = list_images(folder)
    if not all(map(is_picture, direct)):
        return direct
    try:
        below = _on_disc(folder)
    except UserError:
        if not direct:
            raise
        below = []
    if below and ignored is not None:
        ignored.add(PICTURE, direct)
    return below or direct


def _on_disc(folder: Path) -> list[Path]:
    """What a DICOMDIR lists, or else the DICOM files below. Raises UserError if one leads nowhere."""
    index = index_in(folder)
    try:
        return _dicom_below(folder) if index is None else listed(index)
    except UserError as error:
        if found := _dicom_below(folder):
            return found
        raise UserError(error.problem, "Copy the whole disc again.") from error


def _dicom_below(folder: Path) -> list[Path]:
    """DICOM files in the folders below, sorted; none of a tree that is no study but, say, a whole disk."""
    found, looked = [], 0
    for path, folders, files in os.walk(folder):
        inside = Path(path)
        if len(inside.relative_to(folder).parts) >= _DEEPEST:
            folders.clear()
        folders[:] = [name for name in folders if not is_hidden(inside / name)]
        looked += len(files) + len(folders)
        if looked > _MOST_LOOKED:
            return []
        found += [inside / name for name in files if not is_picture(Path(name))]
    return sorted(file for file in found if is_readable_image(file) and is_dicom(file))


@dataclass(frozen=True)
class Opened:
    """What napari hands over, of all that a person opens together.

    images : that are to be shown now. told : what lies beside their series and is not shown, in sentences.
    series : among all that is opened at once, in the order in which napari comes to them; looked for when it
    is asked for.
    """

    images: list[Source]
    told: tuple[str, ...]
    files: tuple[Path, ...]

    @property
    def series(self) -> tuple[SeriesInfo, ...]:
        return _series(self.files)


def opened(given: Sequence[Path], together: Sequence[Path] = ()) -> Opened:
    """What comes of it when napari hands over `given`, of all that a person opens `together`.

    A series whose files a person opens together comes with the first of them that is handed over, and the
    others bring nothing: so it is one image, whether napari hands over its files at once or one by one.
    """
    beside, beside_any = Ignored(), Ignored()
    mine, every = files_of(given, beside), files_of(together, beside_any)
    if not set(mine) <= set(every):
        every, beside_any = mine, beside
    images, told = _images(tuple(every))
    told = (*told, *beside_any.sentences())
    leads = {image: next(file for file in every if file in files) for image, files in images}
    return Opened([image for image, _ in images if leads[image] in mine], told, tuple(every))


@lru_cache(maxsize=1)
def _images(
    files: tuple[Path, ...],
) -> tuple[tuple[tuple[Source, frozenset[Path]], ...], tuple[str, ...]]:
    """Images with their files, and what was passed over; kept, as napari asks for each file in turn."""
    ignored = Ignored()
    images = tuple((image, frozenset(image.files)) for image in sources_among(files, ignored))
    return images, tuple(ignored.sentences())


@lru_cache(maxsize=1)
def _series(files: tuple[Path, ...]) -> tuple[SeriesInfo, ...]:
    return tuple(series_infos([image for image, _ in _images(files)[0]]))
