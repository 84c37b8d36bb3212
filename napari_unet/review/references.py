"""A table of what is known of findings from elsewhere: culture, CT, a panel of readers."""

from __future__ import annotations

from pathlib import Path

from napari_unet.core.errors import UserError
from napari_unet.io.manifest import read_table
from napari_unet.review.store import ReviewProject

_COLUMNS = ("case", "finding", "kind")
_SAID = {"1": True, "0": False}


def read_references(path: Path, project: ReviewProject) -> list[tuple[str, str, bool, str]]:
    """(id of the case, finding, whether it is there, where that is known from) of each row.

    A case is named by its number or its id; without the column `present` a row says that the finding is
    there. Raises UserError if the table cannot be read or a row names no case, no finding or no kind.
    """
    columns, table = read_table(path)
    if missing := [name for name in _COLUMNS if name not in columns]:
        raise UserError(
            f"The table {path} lacks the column {missing[0]}.",
            "It needs the columns case, finding and kind; present (1 or 0) may be there too.",
        )
    cases = {str(case.number): case.id for case in project.cases()}
    cases |= {id: id for id in cases.values()}
    known = []
    for line, row in table:
        case = cases.get(row["case"])
        if case is None:
            raise UserError(
                f"Line {line} of the table {path} names no case of the project.",
                "Give the number or the id of a case.",
            )
        if not row["finding"] or not row["kind"]:
            raise UserError(f"Line {line} of the table {path} is not complete.", "Fill in finding and kind.")
        said = row.get("present", "1")
        if said not in _SAID:
            raise UserError(f"Line {line} of the table {path} says {said} of present.", "Write 1 or 0.")
        known.append((case, row["finding"], _SAID[said], row["kind"]))
    if not known:
        raise UserError(f"The table {path} is empty.", "It needs a row for each case and finding.")
    return known
