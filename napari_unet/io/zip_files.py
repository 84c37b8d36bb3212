"""Zip files of strangers: refused before anything is written where they lead out, hold links or blow up."""

from __future__ import annotations

import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from napari_unet.core.errors import UserError

MIB = 2**20
_STEP = 4096  # bytes of a chunk where the method of packing hands out all that it makes of one
_FREE = 64 * MIB  # may be written whatever the packed size is


@contextmanager
def readable_zip(source: Path, damaged: UserError, by_hand: str) -> Iterator[zipfile.ZipFile]:
    """An open zip file. Raises `damaged` for what is none, also while members are read.

    by_hand : the remedy where it is packed in a way that cannot be read here.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            yield archive
    except NotImplementedError as error:
        packed = f"{source.name} is packed in a way that cannot be read here ({error})."
        raise UserError(packed, by_hand) from error
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, struct.error) as error:
        raise damaged from error


def check_member(source: Path, member: zipfile.ZipInfo, by_hand: str) -> None:
    """Raises UserError if a member leads out of the folder it is unpacked into, is a link, or encrypted."""
    name = member.filename
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
        raise unsafe(source, name, "leads out of it")
    check_kind(source, member, by_hand, name)


def check_kind(source: Path, member: zipfile.ZipInfo, by_hand: str, name: str) -> None:
    """Raises UserError if a member is a link or encrypted. name : what it is called then."""
    if stat.S_ISLNK(member.external_attr >> 16):
        raise unsafe(source, name, "is a link")
    if member.flag_bits & 1:
        raise UserError(f"{source.name} needs a password.", by_hand)


def check_growth(source: Path, members: Iterable[zipfile.ZipInfo], times: int, remedy: str) -> int:
    """How many bytes members unpack to. Raises UserError if that is many, and over `times` what is packed."""
    known = list(members)
    whole = sum(member.file_size for member in known)
    packed = sum(member.compress_size for member in known)
    if whole > _FREE and whole > times * packed:
        raise UserError(
            f"{source.name} has {packed / 1e6:.1f} MB and would unpack to {whole / 1e6:.0f} MB.", remedy
        )
    return whole


def chunk_size(member: zipfile.ZipInfo) -> int:
    """How many bytes to ask for at once, so that not much more is made of them in memory."""
    return MIB if member.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) else _STEP


def read_chunk(stream: IO[bytes], step: int) -> bytes:
    """Raises BadZipFile for whatever a decoder finds wrong; what is wrong with the disk stays an OSError."""
    try:
        return stream.read(step)
    except (lzma.LZMAError, zlib.error, EOFError, MemoryError, IndexError, AssertionError) as error:
        raise zipfile.BadZipFile(str(error)) from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise zipfile.BadZipFile(str(error)) from error  # as bz2 says it


def unsafe(source: Path, name: str, why: str) -> UserError:
    """What is said of a file that nobody should unpack."""
    return UserError(f"{source.name} is not safe: {name} {why}. Nothing was unpacked.", "Do not use it.")
