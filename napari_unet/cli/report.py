"""`report.csv` of `segment`: one row an input. Its columns are fixed: people's scripts read them."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path

from napari_unet.core.errors import UserError
from napari_unet.io.atomic import atomic_write
from napari_unet.io.names import composed

REPORT = "report.csv"


@dataclass(frozen=True)
class Row:
    """What happened to one case.

    seconds : wall time from reading to writing. area_mm2 : None where the spacing is not known.
    parts : connected parts of the mask, over all slices of a stack of X-rays. checks : codes of the check
    results. error : why there is no mask; empty if there is one. area_px : pixels of the mask (voxels of a
    volume). right_px, left_px, right_mm2, left_mm2 : of the patient's right and left lung, by the image's
    sides, also where the mask does not distinguish them. Of the lungs in a volume, else None and "":
    volume_ml, right_ml, left_ml, mean_hu, laa950_percent, slice_mm, kernel, contrast, as in
    core.lung_measures; incomplete : its sentences, why the volume is at least what was measured;
    laa950_reason. label_sizes : of labels that are not lungs, see core.label_sizes; they have columns of
    their own after all others. New columns come at the end.
    """

    case: str
    model: str = ""
    version: str = ""
    device: str = ""
    seconds: float | None = None
    area_mm2: float | None = None
    parts: int | None = None
    checks: tuple[str, ...] = ()
    error: str = ""
    area_px: int | None = None
    right_px: int | None = None
    left_px: int | None = None
    right_mm2: float | None = None
    left_mm2: float | None = None
    volume_ml: float | None = None
    right_ml: float | None = None
    left_ml: float | None = None
    mean_hu: float | None = None
    laa950_percent: float | None = None
    slice_mm: float | None = None
    kernel: str = ""
    contrast: str = ""
    incomplete: str = ""
    laa950_reason: str = ""
    label_sizes: tuple[int | float | None, ...] = ()

    def cells(self) -> list[str]:
        """The row's text, column by column; empty where there is no answer."""
        return [
            *(self.case, self.model, self.version, self.device, _cell(self.seconds, ".3f")),
            *(_cell(self.area_mm2), _cell(self.parts), ";".join(self.checks), self.error),
            *map(_cell, (self.area_px, self.right_px, self.left_px, self.right_mm2, self.left_mm2)),
            *map(_cell, (self.volume_ml, self.right_ml, self.left_ml, self.mean_hu)),
            *(_cell(self.laa950_percent, ".2f"), _cell(self.slice_mm, ".3f"), self.kernel, self.contrast),
            *(self.incomplete, self.laa950_reason),
            *map(_cell, self.label_sizes),
        ]


def _cell(number: float | None, decimals: str = ".1f") -> str:
    if number is None:
        return ""
    return str(number) if isinstance(number, int) else format(number, decimals)


COLUMNS = tuple(field.name for field in fields(Row) if field.name != "label_sizes")


def make_folder(folder: Path) -> None:
    """Makes `folder` if it is not there. Raises UserError if that, or writing to it, cannot be done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"The folder {folder} cannot be made ({error.strerror}).", "Choose another one."
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f"{folder} cannot be written to.", "Choose a folder that you may write to.")


def write_report(folder: Path, rows: Iterable[Row], of_labels: tuple[str, ...] = ()) -> Path:
    """`folder/report.csv`, atomically. of_labels : columns behind the others. UserError if it cannot be."""
    columns = (*COLUMNS, *of_labels)
    cells = (row.cells() for row in rows)
    return write_table(folder / REPORT, columns, (one + [""] * (len(columns) - len(one)) for one in cells))


def write_table(path: Path, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> Path:
    """A CSV file in UTF-8, atomically; names that are not text are written with escapes."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(rows)
    with atomic_write(path) as partial:
        partial.write_bytes(text.getvalue().encode("utf-8", "backslashreplace"))
    return path


def finished_cases(folder: Path, name: str = REPORT) -> frozenset[str]:
    """The cases that the table of an earlier run in `folder` has without an error, in NFC."""
    with (
        suppress(OSError, UnicodeDecodeError, csv.Error),
        (folder / name).open(encoding="utf-8", newline="") as file,
    ):
        rows = list(csv.DictReader(file))
        return frozenset(composed(row["case"]) for row in rows if row.get("case") and not row.get("error"))
    return frozenset()
