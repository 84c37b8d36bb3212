"""Which images the command line was asked to work on, and what each case is called."""

from __future__ import annotations

import glob
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_unet.core.errors import UserError
from napari_unet.core.source import Source
from napari_unet.io.ignored import Ignored
from napari_unet.io.names import (
    composed,
    expanded,
    folded,
    is_mask_name,
    list_images_and_masks,
    stem,
    without_results,
)
from napari_unet.io.series_list import EVERY, SeriesChoice, chosen
from napari_unet.io.sources import named_paths, sources_among
from napari_unet.io.unpacked import bundled, is_bundle, is_zip


@dataclass(frozen=True)
class Case:
    """One input: where it lies and its name in all results. problem : why there is nothing to read, if so.

    archive : the zip file that it was unpacked from.
    """

    source: Source
    name: str
    problem: str = ""
    archive: Path | None = None

    @property
    def path(self) -> Path:
        """Its file, the folder of its series, or the zip file that it is in."""
        return self.archive or self.source.path


@dataclass(frozen=True)
class Inputs:
    """What was found. skipped : masks and results of an earlier run that were ignored.

    folders : that were given, or that hold an input. ignored : what else was passed over in them, in words.
    """

    cases: tuple[Case, ...]
    skipped: int
    folders: frozenset[Path]
    ignored: tuple[str, ...] = ()

    def hold(self, path: Path) -> bool:
        """True if `path` lies in a folder that was given as input or that holds one of the inputs."""
        return path.resolve().parent in self.folders

    def need(self, to: str) -> None:
        """Raises UserError if there is nothing to work on. to : what was to be done: "segment"."""
        if not self.cases:
            raise UserError(f"There is no image to {to}.", "Name images or a folder that holds some.")


def find_inputs(
    given: Sequence[str],
    output: Path | None,
    recursive: bool = False,
    anonymous: bool = False,
    choice: SeriesChoice = EVERY,
) -> Inputs:
    """Files, folders and globs as cases, each file once, in the order given.

    A folder means the readable images directly in it (recursive : and below it, but not in `output`).
    `*_mask.*` are skipped, and so are overlays and probabilities that stand beside their image. Files that
    are named come through as they are: reading them says what is wrong with them. A zip file means the images
    in it, a DICOMDIR those that it lists. The files of a series of CT, MR or PET are one case. choice : which
    series are taken where one folder, zip file or DICOMDIR holds several; where nobody chose, it is a case
    with a problem. Raises UserError for a series that is not there.
    """
    files: dict[Path, Path] = {}
    problems: list[tuple[Path, str]] = []
    folders: set[Path] = set()
    bundles: dict[Path, Path] = {}
    skipped, ignored = 0, Ignored()
    for path in expanded(given):
        if path.is_dir():
            images, masks = list_images_and_masks(path, recursive, ignored)
            if output is not None and output.resolve() != path.resolve():
                ignored.less(output)
            kept = without_results(images if output is None else _outside(images, output, path))
            skipped += masks + len(images) - len(kept)
            folders |= {path.resolve(), *(image.parent.resolve() for image in kept)}
            files.update({image.resolve(): image for image in kept if image.resolve() not in files})
            if not images:
                below = any(one.is_dir() for one in path.iterdir()) and not recursive
                hint = " Add --recursive to look into the folders below." if below else ""
                problems.append((path, f"There is no readable image in this folder.{hint}"))
        elif is_bundle(path):
            try:
                found = {image.resolve(): image for image in bundled(path) or ()}
                files.update(found)
                bundles.update(dict.fromkeys(found.values(), path))
            except UserError as error:
                problems.append((path, str(error)))
        elif glob.has_magic(str(path)) and not os.path.lexists(path):
            problems.append((path, f"No file matches {path}."))
        elif is_mask_name(path) and path.is_file():
            skipped += 1
            folders.add(path.parent.resolve())
        else:
            files.setdefault(path.resolve(), path)
    every = sources_among(files.values(), ignored)
    sources, undecided = chosen(every, choice, lambda one: bundles.get(one.first, one.path))
    problems += [(path, str(error)) for path, error in undecided]
    paths = dict(zip(every, named_paths(every), strict=True))  # the same, whichever are chosen
    folders |= {folder.resolve() for folder in {path.parent for path in files.values()}}
    names = (
        _numbered([_anonymous_name(source) for source in sources])
        if anonymous
        else case_names([paths[source] for source in sources])
    )
    cases = [
        Case(source, name, archive=at if (at := bundles.get(source.first)) and is_zip(at) else None)
        for source, name in zip(sources, names, strict=True)
    ]
    for path, problem in problems:
        source = Source.of(path)
        named = composed(path.resolve().name if path.is_dir() else str(path))
        cases.append(Case(source, _anonymous_name(source) if anonymous else named, problem))
    return Inputs(tuple(cases), skipped, frozenset(folders), tuple(ignored.sentences(names=not anonymous)))


def case_names(paths: Sequence[Path]) -> list[str]:
    """A different name for each path: its stem, or its full file name where two share a stem.

    Where even the file names are the same, the folders that distinguish them are put before them. Names that
    differ only in case are the same: some file systems cannot distinguish them. All are in NFC.
    """
    whole = [Path(os.path.abspath(path)) for path in paths]
    together = len({path.drive for path in whole}) == 1
    common = os.path.commonpath([path.parent for path in whole]) if together else ""
    names = [stem(path) for path in paths]
    longer: tuple[Callable[[Path], str], ...] = (
        lambda path: composed(path.name),
        lambda path: composed("_".join(path.relative_to(common).parts if common else path.parts[1:])),
    )
    for lengthen in longer:
        shared = _shared(names)
        names = [lengthen(p) if folded(n) in shared else n for p, n in zip(whole, names, strict=True)]
    return _numbered(names)


def _outside(images: list[Path], output: Path, folder: Path) -> list[Path]:
    """Results of an earlier run do not become inputs of the next one because OUT lies below the input."""
    out = output.resolve()
    if out == folder.resolve() or not out.is_relative_to(folder.resolve()):
        return images
    return [image for image in images if not image.resolve().is_relative_to(out)]


def _anonymous_name(source: Source) -> str:
    """Made from the name and the content: the same on every run, and not to be guessed without the image."""
    digest = hashlib.sha256(os.fsencode(composed(source.name)))
    try:
        if source.is_series:
            digest.update(source.content_hash().encode())
        else:
            with source.first.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
    except OSError:
        digest.update(os.urandom(32))
    return f"case-{digest.hexdigest()[:12]}"


def _shared(names: Sequence[str]) -> set[str]:
    return {name for name, count in Counter(map(folded, names)).items() if count > 1}


def _numbered(names: Sequence[str]) -> list[str]:
    """Equal names get -2, -3, ... in turn."""
    taken: set[str] = set()
    result = []
    for name in names:
        number, free = 1, name
        while folded(free) in taken:
            number += 1
            free = f"{name}-{number}"
        taken.add(folded(free))
        result.append(free)
    return result
