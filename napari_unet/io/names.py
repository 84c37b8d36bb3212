"""What can be told from a file's name alone: stem, suffix, whether it is an image or a mask."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".nii", ".nii.gz", ".dcm", ".dicom"})
IMAGE_SUFFIXES |= {".bmp", ".gif", ".webp", ".jp2", ".mpo", ".jfif"}

RESULT_ENDINGS = ("_overlay", "_probability")  # what a segmentation may leave besides its mask


def suffix_of(path: Path) -> str:
    """The last suffix as it stands in the name; ".nii.gz" counts as one."""
    if path.name.lower().endswith(".nii.gz"):
        return path.name[-len(".nii.gz") :]
    return path.suffix


def stem(path: Path) -> str:
    """The name without its last suffix; ".nii.gz" counts as one."""
    return path.name.removesuffix(suffix_of(path))


def is_mask_name(path: Path) -> bool:
    """True for `<anything>_mask.<suffix>`: the name that masks are saved under."""
    return stem(path).lower().endswith("_mask")


def is_readable_image(path: Path) -> bool:
    """True if the name says that `read_raster` can read this file.

    A file without a suffix, or with a number in its place as DICOM archives have them ("1.2.840.113"), is
    an image if it starts as a DICOM file does. Hidden files never are.
    """
    if path.name.startswith(".") or path.name.upper() == "DICOMDIR" or not path.is_file():
        return False
    suffix = suffix_of(path).lower()
    if suffix in IMAGE_SUFFIXES:
        return True
    return (suffix.lstrip(".").isdigit() or not suffix) and has_dicom_preamble(path)


def has_dicom_preamble(path: Path) -> bool:
    """True if the file has the letters DICM after its 128 bytes of preamble."""
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def list_images_and_masks(folder: Path, recursive: bool = False) -> tuple[list[Path], int]:
    """The readable images in a folder, sorted by path, and how many `*_mask.*` files were left out.

    recursive : look into sub-folders too (links to folders and hidden folders are not followed).
    """
    images: list[Path] = []
    masks = 0
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if recursive and not name.startswith(".")]
        found = [path for name in names if is_readable_image(path := Path(here, name))]
        masks += sum(map(is_mask_name, found))
        images += [path for path in found if not is_mask_name(path)]
    return sorted(images), masks


def list_images(folder: Path, recursive: bool = False) -> list[Path]:
    """The readable images in a folder, sorted, without `*_mask.*`; see `list_images_and_masks`."""
    return list_images_and_masks(folder, recursive)[0]


def without_results(images: list[Path]) -> list[Path]:
    """`images` less the overlays and probabilities that stand beside their image."""
    stems = {(image.parent, stem(image)) for image in images}

    def is_result(image: Path) -> bool:
        name = stem(image)
        return any(
            name.endswith(ending) and (image.parent, name.removesuffix(ending)) in stems
            for ending in RESULT_ENDINGS
        )

    return [image for image in images if not is_result(image)]


def expanded(given: Iterable[str]) -> Iterator[Path]:
    """What was given, with globs that no shell expanded (on Windows, or quoted) as their matches."""
    for text in given:
        matches = sorted(glob.glob(text, recursive=True)) if glob.has_magic(text) else []
        if matches and not Path(text).exists():
            yield from map(Path, matches)
        else:
            yield Path(text)
