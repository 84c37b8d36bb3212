"""The linking table of a project: which case is which file, and which patient as the file names them.

Names of files may hold patients' names. The table is for the person who works with the project: it lies
outside of projects and exports, and nobody else on the computer can read it.
"""

from __future__ import annotations

import csv
import io
import os
import re
import unicodedata
from collections.abc import Generator, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone
from napari_unet.io.atomic import atomic_write
from napari_unet.io.identity import read_identity
from napari_unet.io.names import composed, folded, stem
from napari_unet.io.sources import named_paths
from napari_unet.review.create import DATABASE_NAME

if TYPE_CHECKING:
    from napari_unet.review.store import ReviewProject

COLUMNS = ("number", "case", "file", "patient", "folder")
FEW = 3
"""So many names are shown before somebody agrees to see all."""

_FORBIDDEN = frozenset('<>:"/\\|?*')
_RESERVED = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))]
)
_SLICE = re.compile(r"(.+)_z\d+")
_LONGEST = 120  # characters of a name, so that endings and numbers have room behind it


def first_names(project: ReviewProject) -> list[str]:
    """The first three cases' file names, to be shown to the person who asks for all."""
    shown = shown_names(project)
    return [shown[case.id] for case in project.cases()[:FEW]]


def shown_names(project: ReviewProject) -> dict[str, str]:
    """By case the name of its file, or of the folder of its series, as it can be shown and written."""
    sources = project.sources()
    paths = named_paths(sources.values())
    return {case: shown_name(path) for case, path in zip(sources, paths, strict=True)}


def shown_name(path: Path) -> str:
    """A file's name as it can be shown and written: composed, bytes that are not text as question marks."""
    return composed(os.fsencode(path.name).decode("utf-8", "replace"))


def key_steps(project: ReviewProject, path: Path, by: str) -> Generator[CaseDone, None, Path]:
    """Writes the table as CSV (UTF-8, mode 0600), one line per case; returns where it is.

    file, folder : of a series, its folder and where that lies. patient : PatientID as it is in a DICOM
    header, else empty (a manifest's is kept as a hash alone).
    Raises UserError if `path` is there already, or lies in a project or in an export.
    """
    target = Path(os.path.abspath(path))
    refuse_place(target)
    cases, sources, shown = project.cases(), project.sources(), shown_names(project)
    rows = []
    for done, case in enumerate(cases, start=1):
        source = sources[case.id]
        error = ""
        try:
            patient = read_identity(source).patient_id
        except (UserError, OSError):
            patient, error = "", "its file cannot be read"
        folder = os.fsencode(source.path.parent).decode("utf-8", "replace")
        rows.append((case.number, case.id, shown[case.id], patient, folder))
        yield CaseDone(case.id, done, len(cases), error)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    with atomic_write(target) as partial:
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(text.getvalue().encode("utf-8", "replace"))
    project.note("key written", by, cases=len(cases))
    return target


def refuse_place(target: Path) -> None:
    """Raises UserError if a table must not lie there: it would be given away with a project or an export."""
    if os.path.lexists(target):
        raise UserError(f"{target} exists already and is not overwritten.", "Choose another name.")
    real = target.parent.resolve()
    for folder in dict.fromkeys((*target.parents, real, *real.parents)):
        what = _kind_of(folder)
        if what:
            raise UserError(
                f"The linking table must not be inside {what}: it would be shared with it.",
                "Choose a folder of your own, to which nobody else has access.",
            )


def _kind_of(folder: Path) -> str:
    if (folder / DATABASE_NAME).is_file():
        return "a review project"
    if (folder / "manifest.csv").is_file() and (folder / "README.txt").is_file():
        return "an export"
    return "an export" if (folder / "report.csv").is_file() and (folder / "summary.html").is_file() else ""


def unique_names(sources: Mapping[str, Path]) -> tuple[dict[str, str], list[str]]:
    """By case a name for files made of its source's, and the cases whose name is not quite the source's.

    Names are composed (NFC), hold no sign that some systems refuse, and differ in more than case. Of several
    equal ones, those after the first get a number.
    """
    names: dict[str, str] = {}
    changed = []
    wanted = {case: _usable(stem(path)) for case, path in sources.items()}
    taken: set[str] = set()
    originals = {folded(name) for name in wanted.values()}
    for case, name in wanted.items():
        found, again = name, 1
        while _clashes(folded(found), taken, originals, again > 1):
            again += 1
            found = f"{name}-{again}"
        taken.add(folded(found))
        names[case] = found
        if found != stem(sources[case]):
            changed.append(case)
    return names, changed


def _clashes(name: str, taken: set[str], originals: set[str], numbered: bool) -> bool:
    """Whether a name is another case's, or that of a slice of another case's stack ("a_z0001" of "a")."""
    slice_of = _SLICE.fullmatch(name)
    whose = slice_of is not None and slice_of.group(1) in originals
    return name in taken or whose or (numbered and name in originals)


def _usable(name: str) -> str:
    shown = composed(os.fsencode(name).decode("utf-8", "replace")).replace("\ufffd", "_")
    kept = "".join("_" if _is_bad(sign) else sign for sign in shown)[:_LONGEST].strip(" .")
    if not kept:
        return "unnamed"
    return f"{kept}_" if kept.split(".")[0].casefold() in _RESERVED else kept


def _is_bad(sign: str) -> bool:
    return sign in _FORBIDDEN or unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp")


def warning(names: Iterable[str]) -> str:
    """What a person reads before the names of files leave the project."""
    listed = ", ".join(f"“{name}”" for name in names)
    return f"File names may contain patient names. The first ones here: {listed}."
