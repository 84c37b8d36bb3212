"""A manifest: a CSV that says which patient each image is of, which view and which split."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from napari_unet.core.errors import UserError

_SEPARATORS = ",;\t"


@dataclass(frozen=True)
class Line:
    """One image as the manifest names it. number : of the line in the file, from 1."""

    number: int
    file: str
    patient: str
    view: str = ""
    split: str = ""


@dataclass(frozen=True)
class Matched:
    """lines : image to its line. problems : lines and images that do not go together, in words."""

    lines: dict[Path, Line]
    problems: tuple[str, ...]


def read_manifest(path: Path) -> list[Line]:
    """The lines of a CSV with the columns `file` and `patient`, and perhaps `view` and `split`.

    Columns are parted by commas, or by semicolons or tabs, as spreadsheets write them in many countries.
    Raises UserError if it cannot be read, a column is missing, or a line names no file.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            head = stream.readline()
            stream.seek(0)
            rows = list(csv.DictReader(stream, delimiter=max(_SEPARATORS, key=head.count)))
            columns = set(rows[0]) if rows else set()
    except FileNotFoundError as error:
        raise UserError(f"There is no manifest {path}.", "Check the name.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"The manifest {path} is not text in UTF-8.", "Save it as CSV in UTF-8.") from error
    except (OSError, csv.Error) as error:
        raise UserError(
            f"The manifest {path} cannot be read ({error}).", "Save it as CSV in UTF-8."
        ) from error
    if not rows:
        raise UserError(f"The manifest {path} has no lines.", "Give it the columns file and patient.")
    missing = {"file", "patient"} - columns
    if missing:
        raise UserError(
            f"The manifest {path} lacks the {'columns' if len(missing) > 1 else 'column'} "
            f"{' and '.join(sorted(missing))}.",
            "It needs the columns file and patient; view and split may be there too.",
        )
    lines = [
        Line(number, *(str(row.get(key) or "").strip() for key in ("file", "patient", "view", "split")))
        for number, row in enumerate(rows, start=2)
    ]
    for line in lines:
        if not line.file:
            raise UserError(f"Line {line.number} of the manifest {path} names no file.", "Fill it in.")
    return lines


def match(lines: Iterable[Line], images: Iterable[Path]) -> Matched:
    """Which line is of which image: `file` is the image's name, or as much of its path as tells it apart."""
    by_name: dict[str, list[Path]] = defaultdict(list)
    for image in images:
        by_name[image.name].append(image)
    found: dict[Path, Line] = {}
    problems = []
    absent = 0
    for line in lines:
        parts = PurePosixPath(line.file.replace("\\", "/")).parts
        fitting = [image for image in by_name.get(parts[-1], ()) if image.parts[-len(parts) :] == parts]
        if not fitting:
            absent += 1
        elif len(fitting) > 1:
            problems.append(
                f"Line {line.number} of the manifest fits {len(fitting)} images called {parts[-1]}:"
                " name more of their folders."
            )
        elif fitting[0] in found:
            problems.append(f"Line {line.number} of the manifest names {line.file} once more; left out.")
        else:
            found[fitting[0]] = line
    if absent:
        which = "1 line of the manifest names an image" if absent == 1 else f"{absent} lines name images"
        problems.append(f"{which} not among the inputs.")
    return Matched(found, tuple(problems))
