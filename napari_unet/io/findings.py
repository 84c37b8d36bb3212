"""A table of which findings each image has: a column `file`, and one per finding with 1, 0 or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_unet.core.errors import UserError
from napari_unet.core.patients import placeholders_among
from napari_unet.io.manifest import Line, match, read_table

_OTHERS = ("file", "patient", "view", "split")  # columns that are not findings
_SAID = dict.fromkeys(("1", "yes", "true"), True) | dict.fromkeys(("0", "no", "false"), False)


@dataclass(frozen=True)
class StatedFindings:
    """What the table says of one image: findings by their names in small letters; patient "" if unknown."""

    findings: Mapping[str, bool]
    patient: str = ""


def read_findings(path: Path, images: Sequence[Path]) -> tuple[dict[Path, StatedFindings], tuple[str, ...]]:
    """(what is known of each image that the table names, what matches no image or is spelled otherwise).

    An empty cell means that nobody has looked. Names are matched as in `io.manifest.match`. Raises UserError
    if the table cannot be read, has no column `file` or no finding, or a cell is neither yes nor no.
    """
    columns, table = read_table(path)
    names = [name for name in columns if name and name not in _OTHERS]
    if "file" not in columns or not names:
        raise UserError(
            f"The table {path} lacks the column {'file' if 'file' not in columns else 'of a finding'}.",
            "It needs the column file, and one for each finding with 1 or 0.",
        )
    if twice := next((name for name in columns if name and columns.count(name) > 1), ""):
        raise UserError(f"The table {path} has the column {twice} twice.", "Keep only one of them.")
    nobody = placeholders_among(row.get("patient", "") for _, row in table)
    found = match(
        [Line(number, row.get("file", ""), row.get("patient", "")) for number, row in table], images
    )
    rows = dict(table)
    known = {
        image: StatedFindings(
            _findings(path, line.number, {name: rows[line.number].get(name, "") for name in names}),
            "" if line.patient in nobody else line.patient,
        )
        for image, line in found.lines.items()
    }
    return known, (*found.problems, *found.notes)


def _findings(path: Path, line: int, cells: Mapping[str, str]) -> dict[str, bool]:
    odd = next((name for name, cell in cells.items() if cell and cell.casefold() not in _SAID), "")
    if odd:
        raise UserError(
            f"Line {line} of the table {path} says {cells[odd]} of {odd}.",
            "Write 1, 0, or nothing if unknown.",
        )
    return {name: _SAID[cell.casefold()] for name, cell in cells.items() if cell}
