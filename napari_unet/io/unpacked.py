"""A zip file of images, unpacked into a temporary folder; what a DICOMDIR lists: as if a folder was given."""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path

from napari_unet.core.errors import UserError
from napari_unet.core.wording import counted
from napari_unet.io import zip_files
from napari_unet.io.content import SNIFFED, looks_like_dicom
from napari_unet.io.dicomdir import listed_in
from napari_unet.io.names import PICTURE_SUFFIXES, folded, is_index, list_images, stem, suffix_of
from napari_unet.io.temporary import TemporaryFolder, sweep

_MOST_FILES = 50_000
_DENSE = 200  # times: slices of a phantom shrink to less than any of a patient
_MOST = 32 * 1024 * zip_files.MIB
_SPARE = 1024 * zip_files.MIB  # is left free on the disk
_LONGEST = 60  # letters of a name, each of up to four bytes
_FORBIDDEN = re.compile(r'[\x00-\x1f<>:"|?*]')  # in the name of a file, on one system or another
_RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{port}{k}" for port in ("COM", "LPT") for k in range(1, 10))}
_A_FILE = "a file in it"
_BY_HAND = "Unpack it yourself and open the folder."
_USUAL = {"", ".dcm", ".dicom", ".dic", ".ima", ".img", ".acr", ".dc3"}  # suffixes of DICOM
_MOST_OTHERS = 5_000  # files of other names that are looked at
_ENCRYPTED = 1

_folders: dict[tuple[str, int, int], TemporaryFolder] = {}


def is_zip(path: Path) -> bool:
    """Whether a path is to be unpacked: it is called .zip and is a file."""
    return path.suffix.lower() == ".zip" and path.is_file()


def is_bundle(path: Path) -> bool:
    """Whether a path stands for several images: a zip file or a DICOMDIR."""
    return is_zip(path) or (is_index(path) and path.is_file())


def has_dicom(path: Path) -> bool:
    """Whether a zip file holds DICOM, or files with a password, of which its reader says so.

    False for what cannot be read. A few bytes are read of each file that is called as DICOM is, and of some
    thousand others: napari's window waits for the answer.
    """
    damaged = UserError("")
    try:
        with zip_files.readable_zip(path, damaged, "") as archive:
            members = [one for one in archive.infolist() if not (_is_folder(one) or _is_hidden(one))]
            if any(is_index(Path(_name(one))) or one.flag_bits & _ENCRYPTED for one in members):
                return True
            likely = [one for one in members if _suffix(one) in _USUAL]
            others = [one for one in members if _suffix(one) not in _USUAL | PICTURE_SUFFIXES]
            looked_at = (*likely[:_MOST_FILES], *others[:_MOST_OTHERS])
            return any(_is_dicom(archive, one) for one in looked_at)
    except (UserError, OSError):
        return False


def _is_dicom(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    try:
        with archive.open(member) as stream:
            return looks_like_dicom(zip_files.read_chunk(stream, SNIFFED))
    except (zipfile.BadZipFile, NotImplementedError):
        return False


def _suffix(member: zipfile.ZipInfo) -> str:
    return suffix_of(Path(_name(member))).lower()


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
        sweep()
        try:
            _folders[key] = _unpacked(path)
        except OSError as error:
            raise UserError(
                f"{path.name} could not be unpacked ({error.strerror}).", "Make room, or unpack it yourself."
            ) from error
    return _folders[key].path / _called(path)


def _unpacked(path: Path) -> TemporaryFolder:
    folder = TemporaryFolder()
    try:
        inner = folder.path / _called(path)
        inner.mkdir()
        _unpack(path, inner)
    except BaseException:
        folder.cleanup()
        raise
    return folder


def _called(path: Path) -> str:
    return stem(path) or "images"


def is_unpacked(path: Path) -> bool:
    """Whether a path lies in a folder that a zip file was unpacked into, which goes when the program ends."""
    return unpacked_into(path) is not None


def unpacked_into(path: Path) -> Path | None:
    """The folder that a zip file was unpacked into, in which a path lies; None if it lies elsewhere."""
    return next((one.path for one in _folders.values() if path.is_relative_to(one.path)), None)


def listed(index: Path) -> list[Path]:
    """The images that a DICOMDIR lists and that are there; `io.discs` tells of the others.

    Raises UserError if there are none.
    """
    files = listed_in(index)
    there = [file for file in files if file.is_file()]
    if not there:
        lists = f"{counted(len(files), 'image')}, but none of them is there" if files else "no image"
        raise UserError(f"{index.name} lists {lists}.", "Open the folder that it is in.")
    return list(dict.fromkeys(there))


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
        members = [one for one in archive.infolist() if not _is_folder(one)]
        if len(members) > _MOST_FILES:
            raise UserError(f"{path.name} holds {len(members):,} files.", _BY_HAND)
        for member in members:
            _check(path, member)
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


def _check(path: Path, member: zipfile.ZipInfo) -> None:
    """Raises UserError for what nobody should unpack; its name is not quoted: it may be that of a patient."""
    if member.filename.startswith("/") or ".." in _parts(member):
        raise zip_files.unsafe(path, _A_FILE, "leads out of it")
    zip_files.check_kind(path, member, _BY_HAND, _A_FILE)


def _parts(member: zipfile.ZipInfo) -> list[str]:
    """The folders and the name of a member; programs for Windows write backslashes."""
    return [part for part in member.filename.replace("\\", "/").split("/") if part not in ("", ".")]


def _name(member: zipfile.ZipInfo) -> str:
    return (_parts(member) or [""])[-1]


def _is_folder(member: zipfile.ZipInfo) -> bool:
    return member.is_dir() or (member.filename.endswith("\\") and not member.file_size)


def _is_hidden(member: zipfile.ZipInfo) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in _parts(member))


def _free_name(member: zipfile.ZipInfo, taken: set[str]) -> str:
    """A name for a member in one folder with all others; its own where that is free and possible."""
    own = _FORBIDDEN.sub("_", _name(member))[-_LONGEST:].rstrip(". ") or "file"
    if own.partition(".")[0].upper() in _RESERVED:
        own = f"_{own}"
    name, number = own, 1
    while folded(name) in taken:
        number += 1
        name = f"{number}_{own}"
    taken.add(folded(name))
    return name


def _copy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    step = zip_files.chunk_size(member)
    with archive.open(member) as stream, target.open("xb") as out:
        while chunk := zip_files.read_chunk(stream, step):
            out.write(chunk)
