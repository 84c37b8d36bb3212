"""A zip file of images, unpacked into a temporary folder; what a DICOMDIR lists: as if a folder was given."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from napari_unet.core.errors import UserError
from napari_unet.core.wording import counted
from napari_unet.io import zip_files
from napari_unet.io.content import looks_like_dicom
from napari_unet.io.dicomdir import listed_in
from napari_unet.io.names import folded, is_index, list_images, stem

_MOST_FILES = 50_000
_DENSE = 200  # times: slices of a phantom shrink to less than any of a patient
_MOST = 32 * 1024 * zip_files.MIB
_SPARE = 1024 * zip_files.MIB  # is left free on the disk
_LONGEST = 100  # letters of a name
_BY_HAND = "Unpack it yourself and open the folder."
_SNIFFED = 50  # files of a zip file that are looked at

_folders: dict[tuple[str, int, int], tempfile.TemporaryDirectory[str]] = {}


def is_zip(path: Path) -> bool:
    """Whether a path is to be unpacked: it is called .zip and is a file."""
    return path.suffix.lower() == ".zip" and path.is_file()


def is_bundle(path: Path) -> bool:
    """Whether a path stands for several images: a zip file or a DICOMDIR."""
    return is_zip(path) or (is_index(path) and path.is_file())


def has_dicom(path: Path) -> bool:
    """Whether one of the first files in a zip file is DICOM. False for what cannot be read."""
    damaged = UserError("")
    try:
        with zip_files.readable_zip(path, damaged, "") as archive:
            for member in [one for one in archive.infolist() if not one.is_dir()][:_SNIFFED]:
                if member.flag_bits & 1:
                    return False
                with archive.open(member) as stream:
                    if looks_like_dicom(zip_files.read_chunk(stream, 1024)):
                        return True
    except (UserError, OSError):
        pass
    return False


def unpacked(path: Path) -> Path:
    """The folder with the files of a zip file, which is removed when the program ends.

    All lie in one folder, which has the name of the zip file; hidden ones are left out. Nothing is written
    for a zip file with paths that lead out of it, links, a password, more than `_MOST_FILES` files, or that
    would fill the disk. A zip file is unpacked once; again where it has changed.
    Raises UserError, and leaves nothing behind.
    """
    state = path.stat()
    key = (str(path.resolve()), state.st_mtime_ns, state.st_size)
    if key not in _folders:
        folder = tempfile.TemporaryDirectory(prefix="napari-unet-lung-", ignore_cleanup_errors=True)
        inner = Path(folder.name, stem(path) or "images")
        try:
            inner.mkdir()
            _unpack(path, inner)
        except OSError as error:
            folder.cleanup()
            raise UserError(
                f"{path.name} could not be unpacked ({error.strerror}).", "Make room, or unpack it yourself."
            ) from error
        except BaseException:
            folder.cleanup()
            raise
        _folders[key] = folder
    return Path(_folders[key].name, stem(path) or "images")


def is_unpacked(path: Path) -> bool:
    """Whether a path lies in a folder that a zip file was unpacked into, which goes when the program ends."""
    return any(path.is_relative_to(folder.name) for folder in _folders.values())


def listed(index: Path) -> list[Path]:
    """The images that a DICOMDIR lists. Raises UserError if none or not all are there."""
    files = listed_in(index)
    missing = [file for file in files if not file.is_file()]
    if not files:
        raise UserError(f"{index.name} lists no image.", "Open the folder that it is in.")
    if missing:
        raise UserError(
            f"{index.name} lists {counted(len(files), 'image')}, of which {len(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not there.",
            "Copy the whole disc, or open its folder.",
        )
    return list(files)


def bundled(path: Path) -> list[Path] | None:
    """The images in a zip file, or that a DICOMDIR lists; None for other paths. Raises UserError."""
    if is_zip(path):
        found = list_images(unpacked(path))
        if not found:
            raise UserError(f"There is no readable image in {path.name}.", "Choose one that holds images.")
        return found
    return listed(path) if is_bundle(path) else None


def _unpack(path: Path, folder: Path) -> None:
    damaged = UserError(f"{path.name} is not a readable zip file.", "Copy it again, or unpack it yourself.")
    with zip_files.readable_zip(path, damaged, _BY_HAND) as archive:
        members = [one for one in archive.infolist() if not one.is_dir()]
        if len(members) > _MOST_FILES:
            raise UserError(f"{path.name} holds {len(members):,} files.", _BY_HAND)
        for member in members:
            zip_files.check_member(path, member, _BY_HAND)
        members = [one for one in members if not _is_hidden(one)]
        size = zip_files.check_growth(path, members, _DENSE, "No images do; do not use it.")
        if size > min(_MOST, shutil.disk_usage(folder).free - _SPARE):
            raise UserError(
                f"{path.name} would unpack to {size / 1e9:.1f} GB, for which there is no room.",
                _BY_HAND,
            )
        taken: set[str] = set()
        for member in members:
            _copy(archive, member, folder / _free_name(member, taken))


def _is_hidden(member: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(member.filename).parts
    return any(part.startswith(".") or part == "__MACOSX" for part in parts)


def _free_name(member: zipfile.ZipInfo, taken: set[str]) -> str:
    """A name for a member in one folder with all others; its own where that is free."""
    inner = PurePosixPath(member.filename)
    name, number = inner.name[-_LONGEST:], 1
    while folded(name) in taken:
        number += 1
        name = f"{number}_{inner.name[-_LONGEST:]}"
    taken.add(folded(name))
    return name


def _copy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    step = zip_files.chunk_size(member)
    with archive.open(member) as stream, target.open("xb") as out:
        while chunk := zip_files.read_chunk(stream, step):
            out.write(chunk)
