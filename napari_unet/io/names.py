"""What a file is by its name and its first bytes, and which images a folder holds.

Names are compared after Unicode's composition (NFC): "ü" may be stored as one character or as two, and which
it is depends on the system that wrote the file.
"""

from __future__ import annotations

import glob
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Protocol

from napari_unet.io.content import is_dicom, is_nifti_pair

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp"})
PICTURE_SUFFIXES |= {".jp2", ".j2k", ".mpo", ".jfif"}
IMAGE_SUFFIXES = PICTURE_SUFFIXES | {".nii", ".nii.gz", ".dcm", ".dicom"}

RESULT_ENDINGS = ("_overlay", "_probability", "_heatmap")  # what we may leave beside an image

SEG_ENDING = "_seg.dcm"

_DOUBLE = (".nii.gz", ".img.gz", ".hdr.gz")
_KNOWN = frozenset({*IMAGE_SUFFIXES, ".dc3", ".jp2", ".j2k", ".7z", ".bz2", ".mp4", ".onnx", ".safetensors"})
_LETTERS = re.compile(r"\.[a-z]{1,4}")


NO_IMAGE, HIDDEN, INDEX, FOLDER = "no image", "hidden", "index", "folder"
LOCALIZER, CAPTURE, REPORT, OBJECT, ODD = "localizer", "capture", "report", "object", "odd"
SEGMENTATION, SINGLE = "segmentation", "single"
PICTURE, MISSING = "picture", "missing"
"""Why something was passed over; the second and third line: what lies beside a series (io.dicom_sets), the
last one: what is on a disc or in a zip file, and what should be (io.discs)."""


class PassedOver(Protocol):
    """Gets what was passed over (see io.ignored)."""

    def add(self, reason: str, paths: Iterable[Path]) -> None: ...


def composed(name: str) -> str:
    """`name` as names are compared and written: in NFC."""
    return unicodedata.normalize("NFC", name)


def folded(name: str) -> str:
    """The same text for names that some file systems cannot distinguish: in NFC, without case."""
    return composed(composed(name).casefold())


def suffix_of(path: Path) -> str:
    """The last suffix as it is in the name; ".nii.gz" counts as one.

    Up to four letters are a suffix, and so are longer ones that are known. A number is not, nor is anything
    else: in "1.2.840.113" and "IM.001" it distinguishes one image from the next.
    """
    return _suffix_of(path.name)


@lru_cache(maxsize=1 << 15)  # asked several times for each file of a folder
def _suffix_of(name: str) -> str:
    lower = name.lower()
    for double in _DOUBLE:
        if lower.endswith(double) and lower != double:
            return name[-len(double) :]
    suffix = PurePath(name).suffix
    return suffix if suffix.lower() in _KNOWN or _LETTERS.fullmatch(suffix.lower()) else ""


def stem(path: Path) -> str:
    """The name without its suffix, in NFC: by it images, masks and results find each other."""
    return composed(path.name.removesuffix(suffix_of(path)))


def is_mask_name(path: Path) -> bool:
    """True for the names that masks are saved under: `<anything>_mask.<suffix>` and `<anything>_seg.dcm`."""
    return stem(path).lower().endswith("_mask") or is_seg_name(path)


def is_seg_name(path: Path) -> bool:
    """True for the name that DICOM segmentations are saved under: `<anything>_seg.dcm`."""
    return path.name.lower().endswith(SEG_ENDING)


def image_names(path: Path) -> tuple[str, str]:
    """What comes before "_mask" in the name of this image's mask: the image's whole name, or its stem.

    The whole name is sought first: it distinguishes images that differ in their suffix alone (1.png, 1.dcm).
    """
    return composed(path.name), stem(path)


def is_picture(path: Path) -> bool:
    """True for the names of pictures: of files that are neither DICOM nor NIfTI."""
    return suffix_of(path).lower() in PICTURE_SUFFIXES


def is_hidden(path: Path) -> bool:
    """True for names that begin with a dot, as those of the Mac's companions do ("._1.png")."""
    return path.name.startswith(".")


def is_index(path: Path) -> bool:
    """True for DICOMDIR, which lists the images of a disc and holds none."""
    return path.name.upper().removesuffix(";1") == "DICOMDIR"


def is_readable_image(path: Path) -> bool:
    """True if `read_raster` can be expected to read this file.

    By the name for the usual kinds; a file of any other name is an image if it begins as a DICOM file does
    (or is the .img file of a NIfTI pair). Hidden files never are.
    """
    if is_hidden(path) or is_index(path) or not path.is_file():
        return False
    suffix = suffix_of(path).lower()
    return suffix in IMAGE_SUFFIXES or is_dicom(path) or (suffix == ".img" and is_nifti_pair(path))


def list_images_and_masks(
    folder: Path, recursive: bool = False, ignored: PassedOver | None = None
) -> tuple[list[Path], int]:
    """The readable images in a folder, sorted by path, and how many `*_mask.*` files were ignored.

    recursive : look into sub-folders too (links to folders and hidden folders are not followed). ignored :
    gets what was passed over.
    """
    images: list[Path] = []
    masks = 0
    for here, folders, names in os.walk(folder):
        below = [name for name in folders if not is_hidden(Path(name))]
        folders[:] = below if recursive else []
        found = readable_files([Path(here, name) for name in names], ignored)
        if ignored is not None and not recursive:
            ignored.add(FOLDER, [Path(here, name) for name in below])
        masks += sum(map(is_mask_name, found))
        images += [path for path in found if not is_mask_name(path)]
    return sorted(images), masks


def files_at(place: Path) -> Iterator[Path]:
    """The file at a path, or all files below a folder, in the order of their names.

    Devices and pipes are no files: reading one may never come to an end.
    """
    if place.is_file():
        yield place
        return
    for here, folders, names in os.walk(place):
        folders.sort()
        yield from filter(Path.is_file, (Path(here, name) for name in sorted(names)))


def readable_files(paths: Iterable[Path], ignored: PassedOver | None = None) -> list[Path]:
    """Those that are readable images, masks too; `ignored` gets the rest."""
    found = []
    for path in paths:
        if is_readable_image(path):
            found.append(path)
        elif ignored is not None and not _of_a_pair(path):
            ignored.add(HIDDEN if is_hidden(path) else INDEX if is_index(path) else NO_IMAGE, [path])
    return found


def list_images(folder: Path, recursive: bool = False) -> list[Path]:
    """The readable images in a folder, sorted, without `*_mask.*`; see `list_images_and_masks`."""
    return list_images_and_masks(folder, recursive)[0]


def _of_a_pair(path: Path) -> bool:
    """The .hdr file of a NIfTI pair goes with its .img file."""
    return path.suffix.lower() == ".hdr" and is_nifti_pair(path.with_suffix(".img"))


def as_stored(path: Path) -> Path:
    """`path` as the file system spells it, if one file there has the same name in NFC; otherwise `path`."""
    if os.path.lexists(path) or path == path.parent:
        return path
    folder = as_stored(path.parent)
    if path.name.isascii():
        return folder / path.name
    wanted = composed(path.name)
    try:
        same = [name for name in os.listdir(folder) if composed(name) == wanted]
    except OSError:
        same = []
    return folder / (same[0] if len(same) == 1 else path.name)


def without_results(images: list[Path]) -> list[Path]:
    """`images` less the overlays and probabilities that lie beside their image."""
    names = {(image.parent, name) for image in images for name in image_names(image)}

    def is_result(image: Path) -> bool:
        name = stem(image)
        return any(
            name.endswith(ending) and (image.parent, name.removesuffix(ending)) in names
            for ending in RESULT_ENDINGS
        )

    return [image for image in images if not is_result(image)]


def expanded(given: Iterable[str]) -> Iterator[Path]:
    """What was given, with globs that no shell expanded (on Windows, or quoted) as their matches."""
    for text in given:
        path = as_stored(Path(text))
        matches = _matches(text) if glob.has_magic(text) and not path.exists() else []
        if matches:
            yield from map(Path, matches)
        else:
            yield path


def _matches(pattern: str) -> list[str]:
    """The files that a glob names, however its letters and theirs are composed."""
    spelled = {pattern, *(unicodedata.normalize(form, pattern) for form in ("NFC", "NFD"))}
    return sorted({match for one in spelled for match in glob.glob(one, recursive=True)})
