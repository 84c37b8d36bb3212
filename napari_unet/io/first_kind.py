"""What kind of images a person is about to add, from the first header: before any image is read."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from napari_unet.core.errors import UserError
from napari_unet.core.image_kind import XRAY, kind_of_modality
from napari_unet.io.content import is_dicom
from napari_unet.io.names import files_at, is_hidden

_LOOKED_AT = 20  # files of a folder; those of a series are alike


def first_kind(path: Path) -> str:
    """The kind (core.image_kind) of the first DICOM file at a path, or below it; X-ray if there is none.

    Looks at a few files only, and so answers at once for any folder. Never raises.
    """
    from napari_unet.io.dicom import guarded, read_header

    files = (file for file in files_at(path) if file == path or not is_hidden(file))
    for file in islice(files, _LOOKED_AT):
        if is_dicom(file):
            try:
                with guarded(file.name):
                    modality = str(read_header(file, "Modality").get("Modality") or "")
            except UserError:
                continue
            if modality:
                return kind_of_modality(modality)
    return XRAY
