"""A stranger's model, a folder or a zip file, into a folder of our own: only known files of known sizes."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from napari_unet.core.errors import UserError
from napari_unet.models.card import CARD_FILE, MEMORY_FILE, WEIGHTS_FILE

MIB = 2**20
LIMITS = {CARD_FILE: 16 * MIB, WEIGHTS_FILE: 4096 * MIB, MEMORY_FILE: 1024 * MIB}
"""The files of a model and how many bytes each may have at most."""

PICKLES = frozenset({".bin", ".ckpt", ".joblib", ".pickle", ".pkl", ".pt", ".pth"})
_MOST_MEMBERS = 1000
_CHUNK = MIB


def unpack(source: Path, target: Path) -> list[str]:
    """Copies the model in `source` into `target`, an empty folder; returns the names that were left out.

    source : a folder with card.json, or a zip file with it at the top or in its one folder. Nothing is ever
    unpickled, no link followed, nothing written outside `target`.
    Raises UserError if it is no model, or holds pickles, links, paths that lead elsewhere, or huge files.
    """
    if source.suffix.lower() in PICKLES:
        raise _pickle(source.name)
    if source.is_dir():
        return _copy_folder(source, target)
    if not source.is_file():
        raise UserError(f"There is no file or folder {source}.", "Check the path.")
    with _readable_zip(source) as archive:
        return _extract(archive, source, target)


def _copy_folder(source: Path, target: Path) -> list[str]:
    paths = sorted(source.iterdir())
    _check_names(source, (path.name for path in paths))
    for path in paths:
        if path.name in LIMITS:
            if path.is_symlink() or not path.is_file():
                raise _unsafe(source, path.name, "is a link")
            with path.open("rb") as stream:
                _copy(stream, target / path.name)
    return [path.name for path in paths if path.name not in LIMITS]


def _extract(archive: zipfile.ZipFile, source: Path, target: Path) -> list[str]:
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) > _MOST_MEMBERS:
        raise UserError(f"{source.name} holds {len(members)} files: it is not one model.", "Choose a model.")
    for member in members:
        _check_member(source, member)
    names = [member.filename for member in members]
    if len(set(names)) < len(names):
        raise _unsafe(source, CARD_FILE, "or another file is there twice")
    _check_names(source, names)
    top = _top(source, names)
    left_out = []
    for member in members:
        path = PurePosixPath(member.filename)
        if path.parent == top and path.name in LIMITS:
            with archive.open(member) as stream:
                _copy(stream, target / path.name)
        else:
            left_out.append(member.filename)
    return left_out


def _top(source: Path, names: Iterable[str]) -> PurePosixPath:
    """The folder of the zip file that holds the card."""
    cards = [
        path.parent for path in map(PurePosixPath, names) if path.name == CARD_FILE and len(path.parts) < 3
    ]
    if len(cards) != 1:
        found = "no" if not cards else "more than one"
        raise UserError(f"{source.name} is not a model: it has {found} {CARD_FILE}.", "Choose a model.")
    return cards[0]


def _check_member(source: Path, member: zipfile.ZipInfo) -> None:
    name = member.filename
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
        raise _unsafe(source, name, "leads out of it")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise _unsafe(source, name, "is a link")
    if member.flag_bits & 1:
        raise UserError(f"{source.name} needs a password.", "Unpack it yourself and import the folder.")


def _check_names(source: Path, names: Iterable[str]) -> None:
    names = list(names)
    if {"rdf.yaml", "bioimageio.yaml"} & {PurePosixPath(name).name for name in names}:
        raise UserError(
            f"{source.name} is a BioImage.IO package, which other programs run.",
            "Import a model folder, or a zip file made by `models export` without --bioimageio.",
        )
    for name in names:
        if PurePosixPath(name).suffix.lower() in PICKLES:
            raise _pickle(f"{source.name}/{name}")


def _copy(stream: IO[bytes], target: Path) -> None:
    """Counts what really comes: the size that a zip file states may be a lie."""
    limit, written = LIMITS[target.name], 0
    with target.open("xb") as out:
        while chunk := stream.read(_CHUNK):
            written += len(chunk)
            if written > limit:
                raise UserError(
                    f"{target.name} is larger than {limit // MIB} MB: this is not a model of this program.",
                    "Ask for it again where you got it.",
                )
            out.write(chunk)


@contextmanager
def _readable_zip(source: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(source) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise UserError(
            f"{source.name} is neither a model folder nor a readable zip file.",
            "Choose the folder or the zip file of a model; if it is one, copy it again.",
        ) from error


def _pickle(name: str) -> UserError:
    return UserError(
        f"{name} is a file that can run programs on your computer when it is opened (a pickle).",
        "Only safetensors files are taken: ask for the model in that form.",
    )


def _unsafe(source: Path, name: str, why: str) -> UserError:
    return UserError(f"{source.name} is not safe: {name} {why}. Nothing was imported.", "Do not use it.")
