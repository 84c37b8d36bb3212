"""A stranger's model, a folder or a zip file, into a folder of our own: only known files of known sizes."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import IO

from napari_unet.core.errors import UserError
from napari_unet.io import zip_files
from napari_unet.io.zip_files import MIB
from napari_unet.models.folder import CARD_FILE, MEMORY_FILE, WEIGHTS_FILE

LIMITS = {CARD_FILE: 16 * MIB, WEIGHTS_FILE: 4096 * MIB, MEMORY_FILE: 1024 * MIB}
"""The files of a model and how many bytes each may have at most."""

PICKLES = frozenset({".bin", ".ckpt", ".joblib", ".pickle", ".pkl", ".pt", ".pth"})
_MOST_MEMBERS = 1000
_BY_HAND = "Unpack it yourself and import the folder."
_DENSE = 20  # weights never shrink to a smaller part than one in so many

Limits = Callable[[Path], Mapping[str, int]]
"""How many bytes each file may have at most, by the card that is there already."""


def unpack(source: Path, target: Path, limits: Limits | None = None) -> list[str]:
    """Copies the model in `source` into `target`, an empty folder; returns the names that were omitted.

    source : a folder with card.json, or a zip file with it at the top or in its one folder. Nothing is ever
    unpickled, no link followed, nothing written outside `target`. limits : asked after the card is there and
    before anything else is; it may raise what is wrong with the card.
    Raises UserError if it is not a model, or holds pickles, links, paths that lead elsewhere, or huge files.
    """
    if source.suffix.lower() in PICKLES:
        raise _pickle(source.name)
    if source.is_dir():
        return _copy_folder(source, target, limits)
    if not source.is_file():
        raise UserError(f"There is no file or folder {source}.", "Check the path.")
    damaged = UserError(
        f"{source.name} is neither a model folder nor a readable zip file.",
        "Choose the folder or the zip file of a model; if it is one, copy it again.",
    )
    with zip_files.readable_zip(source, damaged, _BY_HAND) as archive:
        return _extract(archive, source, target, limits)


def _copy_folder(source: Path, target: Path, limits: Limits | None) -> list[str]:
    paths = sorted(source.iterdir(), key=lambda path: (path.name != CARD_FILE, path.name))
    _check_names(source, (path.name for path in paths))
    allowed: Mapping[str, int] = LIMITS
    for path in paths:
        if path.name in LIMITS:
            if path.is_symlink() or not path.is_file():
                raise zip_files.unsafe(source, path.name, "is a link")
            _check_size(path.name, path.stat().st_size, allowed)
            with path.open("rb") as stream:
                _copy(stream, target / path.name, MIB)
            allowed = _allowed(path.name, target, limits, allowed)
    return [path.name for path in paths if path.name not in LIMITS]


def _extract(archive: zipfile.ZipFile, source: Path, target: Path, limits: Limits | None) -> list[str]:
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) > _MOST_MEMBERS:
        raise UserError(f"{source.name} holds {len(members)} files: it is not one model.", "Choose a model.")
    for member in members:
        zip_files.check_member(source, member, _BY_HAND)
    names = [member.filename for member in members]
    if len(set(names)) < len(names):
        raise zip_files.unsafe(source, CARD_FILE, "or another file is there twice")
    _check_names(source, names)
    top = _top(source, names)
    wanted = {
        PurePosixPath(member.filename).name: member
        for member in members
        if PurePosixPath(member.filename).parent == top and PurePosixPath(member.filename).name in LIMITS
    }
    zip_files.check_growth(source, wanted.values(), _DENSE, "No model does; do not use it.")
    allowed: Mapping[str, int] = LIMITS
    for name, member in sorted(wanted.items(), key=lambda item: (item[0] != CARD_FILE, item[0])):
        _check_size(name, member.file_size, allowed)
        with archive.open(member) as stream:
            _copy(stream, target / name, zip_files.chunk_size(member))
        allowed = _allowed(name, target, limits, allowed)
    return [member.filename for member in members if member not in wanted.values()]


def _allowed(name: str, target: Path, limits: Limits | None, allowed: Mapping[str, int]) -> Mapping[str, int]:
    """The limits after the file `name` is there."""
    if name != CARD_FILE or limits is None:
        return allowed
    return {**LIMITS, **limits(target)}


def _check_size(name: str, size: int, allowed: Mapping[str, int]) -> None:
    if size > allowed[name]:
        limit = allowed[name]
        words = f"{limit // MIB} MB" if limit >= MIB else f"{limit} bytes"
        raise UserError(
            f"{name} is larger than {words}: this is not a model of this program.",
            "Ask for it again where you got it.",
        )


def _top(source: Path, names: Iterable[str]) -> PurePosixPath:
    """The folder of the zip file that holds the card."""
    cards = [
        path.parent for path in map(PurePosixPath, names) if path.name == CARD_FILE and len(path.parts) < 3
    ]
    if len(cards) != 1:
        found = "no" if not cards else "more than one"
        raise UserError(f"{source.name} is not a model: it has {found} {CARD_FILE}.", "Choose a model.")
    return cards[0]


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


def _copy(stream: IO[bytes], target: Path, step: int) -> None:
    """No more than the stated size comes out of a zip file; a folder's file may grow meanwhile."""
    written = 0
    with target.open("xb") as out:
        while chunk := zip_files.read_chunk(stream, step):
            written += len(chunk)
            _check_size(target.name, written, LIMITS)
            out.write(chunk)


def _pickle(name: str) -> UserError:
    return UserError(
        f"{name} is a file that can run programs on your computer when it is opened (a pickle).",
        "Only safetensors files are taken: ask for the model in that form.",
    )
