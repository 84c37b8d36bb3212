"""A manifest: a table that says which patient each image is of, which view and which split.

It is read as spreadsheets write it: with commas, semicolons or tabs, a line `sep=;`, capitals in the
headings, empty rows, as UTF-8 or UTF-16.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from napari_unet.core.errors import UserError
from napari_unet.core.wording import first_of
from napari_unet.io.names import composed, folded, stem, suffix_of

_SEPARATORS = ",;\t"
_COLUMNS = ("file", "patient", "view", "split")
_SPLITS = ("train", "val", "test")  # what exports and training know by these names
_NUMBER = re.compile(r"0*(\d+)(?:\.0)?")  # 007, and what a spreadsheet makes of it: 7 or 7.0
_SHOWN = 3  # examples in a sentence
_AS_CSV = "Save it as CSV in UTF-8."


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
    """lines : image to its line. problems : lines that match no image, or not one alone, in words.

    notes : what was matched although it is spelled in another way, in words. absent : lines without an image.
    """

    lines: dict[Path, Line]
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()
    absent: tuple[Line, ...] = ()


def read_manifest(path: Path) -> list[Line]:
    """The lines of a CSV with the columns `file` and `patient`, and perhaps `view` and `split`.

    Raises UserError if it cannot be read, a column is missing or there twice, or a line does not name a file.
    """
    columns, table = read_table(path)
    if not table:
        raise UserError(f"The manifest {path} is empty.", "It needs the columns file and patient.")
    missing = [name for name in ("file", "patient") if name not in columns]
    if missing:
        raise UserError(
            f"The manifest {path} lacks the {'columns' if len(missing) > 1 else 'column'} "
            f"{' and '.join(missing)}.",
            "It needs the columns file and patient; view and split may be there too.",
        )
    twice = [name for name in _COLUMNS if columns.count(name) > 1]
    if twice:
        raise UserError(f"The manifest {path} has the column {twice[0]} twice.", "Keep only one of them.")
    lines = []
    for number, row in table:
        lines.append(Line(number, *(row.get(name, "") for name in _COLUMNS)))
        if not lines[-1].file:
            raise UserError(f"Line {number} of the manifest {path} does not name a file.", "Fill it in.")
    return lines


def read_table(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """(headings in small letters, (number of the line, cells by heading) of each row that is not empty).

    Raises UserError if there is no such file or it is not a table.
    """
    try:
        columns, rows = _table(_text(path))
    except csv.Error as error:
        raise UserError(f"The manifest {path} cannot be read ({error}).", _AS_CSV) from error
    table = [(number, dict(zip(columns, cells, strict=False))) for number, cells in rows]
    for _, row in table:
        if "split" in row:
            row["split"] = split_name(row["split"])
    return columns, table


def split_name(text: str) -> str:
    """A split as it is called everywhere: train, val and test in small letters, others as they are."""
    return text.casefold() if text.casefold() in _SPLITS else text


def match(lines: Iterable[Line], images: Iterable[Path]) -> Matched:
    """Which line is of which image: `file` is the image's name, or as much of its path as identifies it.

    Names are compared in NFC. A name without suffix, in other capitals, or without the leading zeros of a
    number is taken for the one image that it fits, and that is noted.
    """
    every, left = list(images), list(lines)
    found: dict[Path, Line] = {}
    problems: list[str] = []
    loose: list[str] = []
    for level in _LEVELS:
        table = _by_name(every, level)
        rest: list[Line] = []
        for line in left:
            fitting = _fitting(line, table, level)
            if not fitting:
                rest.append(line)
            elif len(fitting) > 1:
                problems.append(
                    f"Line {line.number} of the manifest fits {len(fitting)} images called "
                    f"{_parts(line.file)[-1]}: add more of their folders."
                )
            elif fitting[0] in found:
                problems.append(f"Line {line.number} of the manifest names {line.file} again; ignored.")
            else:
                found[fitting[0]] = line
                if level != _EXACT:
                    loose.append(f"{line.file} for {composed(fitting[0].name)}")
        left = rest
    if left:
        which = (
            "1 line of the manifest names an image" if len(left) == 1 else f"{len(left)} lines name images"
        )
        problems.append(f"{which} not among the inputs{_examples([line.file for line in left])}.")
    notes: tuple[str, ...] = ()
    if loose:
        which = "1 line of the manifest was" if len(loose) == 1 else f"{len(loose)} lines of it were"
        notes = (f"{which} matched although the name is spelled differently{_examples(loose)}.",)
    return Matched(found, tuple(problems), notes, tuple(left))


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except FileNotFoundError as error:
        raise UserError(f"The manifest {path} does not exist.", "Check the name.") from error
    except OSError as error:
        raise UserError(f"The manifest {path} cannot be read ({error}).", _AS_CSV) from error
    if raw.startswith(b"PK\x03\x04") or raw.startswith(b"\xd0\xcf\x11\xe0"):
        raise UserError(f"The manifest {path} is a workbook, not a CSV.", _AS_CSV)
    wide = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return raw.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"The manifest {path} is not text in UTF-8.", _AS_CSV) from error


def _table(text: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    lines = text.splitlines(keepends=True)
    first = lines[0].strip().strip('"') if lines else ""
    skipped = 1 if first.lower().startswith("sep=") else 0
    said = first[len("sep=") :] if skipped else ""
    body = "".join(lines[skipped:])
    first_line = next((line for line in body.splitlines() if line.strip(_SEPARATORS + " \r")), "")
    separator = said[:1] or ("\t" if skipped else max(_SEPARATORS, key=first_line.count))
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=separator)
    rows = []
    for cells in reader:
        stripped = [composed(cell.strip()) for cell in cells]
        if any(stripped):
            rows.append((reader.line_num + skipped, stripped))
    if not rows:
        return [], []
    return [cell.casefold() for cell in rows[0][1]], rows[1:]


def _parts(file: str) -> tuple[str, ...]:
    """Its folders and its name; relative or not, with the slashes of any system."""
    return tuple(part for part in PurePosixPath(file.replace("\\", "/")).parts if part != ".") or ("",)


_EXACT, _STEM, _FOLDED, _PLAIN, _ELSEWHERE = _LEVELS = range(5)
"""As it stands; without suffix; in any capitals too; as a number that has lost its leading zeros; and as a
path on another computer, of which only the end holds here."""


def _fitting(line: Line, table: dict[str, list[Path]], level: int) -> list[Path]:
    *folders, name = _parts(line.file)
    if level == _PLAIN and name.startswith("0"):
        return []
    named = table.get(_line_key(name, level), [])
    if level != _ELSEWHERE:
        return [image for image in named if _lies_in(image, folders, level)]
    if not (line.file.startswith(("/", "\\")) or PureWindowsPath(line.file).drive):
        return []
    for first in range(1, len(folders) + 1):  # as much of its end as fits anything
        if fitting := [image for image in named if _lies_in(image, folders[first:], _EXACT)]:
            return fitting
    return []


def _by_name(images: Iterable[Path], level: int) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = defaultdict(list)
    for image in images:
        for key in _image_keys(image, level):
            found[key].append(image)
    return found


def _image_keys(image: Path, level: int) -> set[str]:
    whole, short = composed(image.name), stem(image)
    if level in (_EXACT, _ELSEWHERE):
        return {whole}
    if level == _STEM:
        return {short}
    if level == _FOLDED:
        return {folded(whole), folded(short)}
    return {_without_zeros(short), _without_zeros(short) + suffix_of(image).lower()}


def _line_key(name: str, level: int) -> str:
    if level in (_EXACT, _STEM, _ELSEWHERE):
        return composed(name)
    if level == _FOLDED:
        return folded(name)
    path = Path(name)
    return _without_zeros(stem(path)) + suffix_of(path).lower()


def _without_zeros(name: str) -> str:
    number = _NUMBER.fullmatch(name)
    return number.group(1) if number else folded(name)


def _lies_in(image: Path, folders: list[str], level: int) -> bool:
    how = composed if level in (_EXACT, _STEM) else folded
    above = image.parts[-len(folders) - 1 : -1] if folders else ()
    return list(map(how, above)) == list(map(how, folders))


def _examples(texts: list[str]) -> str:
    return f" ({first_of(texts, _SHOWN)})"
