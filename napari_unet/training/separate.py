"""Whether the splits of a data folder are apart: by patient, by file, and by how the images look."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from napari_unet.core.errors import UserError
from napari_unet.core.files import checksum
from napari_unet.core.groups import Grouping, group_cases
from napari_unet.core.leaks import Fingerprint, look_of
from napari_unet.core.training_pair import TrainingPair
from napari_unet.io.formats import read_raster

_LISTED = 5


def together(images: Sequence[tuple[Path, str]]) -> Grouping:
    """Which of (file, patient) belong together. Reads all files; one that cannot be read is alone."""
    return group_cases([_fingerprint(path, patient) for path, patient in images])


def check_splits(pairs: Sequence[TrainingPair]) -> list[str]:
    """Sentences about images of different splits that look the same.

    Raises UserError, with their names, if one file is in two splits under two names.
    """
    found = together([(pair.source.first, pair.patient) for pair in pairs])
    for one, other in found.same_file:
        if pairs[one].split != pairs[other].split:
            raise UserError(
                f"{pairs[one].id} ({pairs[one].split}) and {pairs[other].id} "
                f"({pairs[other].split}) are the same file, in two splits.",
                "Keep one of them, or put both into one split.",
            )
    parted = [(pairs[a], pairs[b]) for a, b in found.alike if pairs[a].split != pairs[b].split]
    notes = [
        f"{a.id} ({a.split}) and {b.id} ({b.split}) look the same: if they are of one "
        "person, the scores are too good."
        for a, b in parted[:_LISTED]
    ]
    if len(parted) > _LISTED:
        notes.append(f"{len(parted) - _LISTED} more pairs of images in different splits look the same.")
    return notes


def _fingerprint(path: Path, patient: str) -> Fingerprint:
    content, look = "", None
    with suppress(UserError, OSError):  # reported when the pair itself is read
        content = checksum(path)
        look = look_of(read_raster(path))
    return Fingerprint(path.name, patient, content, look)
