"""`manifest.csv` and `README.txt` of an export: what lies where, without a path of a source.

The names of sources are in it only where the files are called by them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from napari_unet.core.label_set import LabelSet
from napari_unet.core.labels import IGNORE
from napari_unet.core.wording import counted
from napari_unet.io.atomic import atomic_write
from napari_unet.review.exporting.item import ExportResult
from napari_unet.review.exporting.kinds import Format
from napari_unet.review.types import Status


@dataclass(frozen=True)
class Row:
    """One case in one format.

    patient : salted hash, "" if unknown. file, mask : relative to the folder of the export; file is "" where
    the image was not exported. revision : SHA-256 of the mask in the project.
    """

    case: str
    patient: str
    file: str
    mask: str
    format: Format
    status: Status
    revision: str
    split: str


_RENUMBERED = "the labels are 1, 2, ... in this order, and "
_NAMED = (
    "THE FILES ARE NAMED AFTER THEIR SOURCES. File names may contain patient names: check them before you "
    "share this folder.",
    "",
)
COLUMNS = tuple(field.name for field in fields(Row))


def write_manifest(path: Path, rows: Iterable[Row]) -> None:
    """One line per case and format, in UTF-8."""
    write_rows(path, COLUMNS, map(astuple, rows))


def write_rows(path: Path, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """A CSV file in UTF-8, atomically."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(rows)
    with atomic_write(path) as partial:
        partial.write_bytes(text.getvalue().encode("utf-8", "backslashreplace"))


def write_readme(
    path: Path, protocol: str, labels: LabelSet, result: ExportResult, source_names: bool = False
) -> None:
    """What is in the folder, for whoever gets it without us."""
    values = labels.in_words()
    of, counts = ("Lung masks", "What counts as lung") if labels.of_lungs else ("Masks", "What is marked")
    renumbered = "" if labels.values == tuple(range(1, len(labels.values) + 1)) else _RENUMBERED
    lines = [
        f"{of} of {counted(len(result.exported), 'case')}, reviewed by people. Research use.",
        "",
        f"Values in a mask: 0 background, {values}, {IGNORE} ignore (nobody could say what is there: leave "
        f"it out of training and scores). In nnunet/ {renumbered}the ignore value is the one after the last "
        "label. A mask "
        "may look black in a picture viewer: its values are small numbers, not colours.",
        "",
        *(_NAMED if source_names else ()),
        f"{counts}: {protocol or 'not written down in the project'}.",
        "",
        "manifest.csv has one line a case and format. Splits:",
        *(f"  {name}: {counted(number, 'case')}" for name, number in sorted(result.splits.items())),
        *result.together,
    ]
    if result.text:
        lines += [
            "",
            "LOOK AT THESE IMAGES BEFORE YOU SHARE THEM. Text was found in them, "
            "perhaps a name or a date (the search misses some):",
            *(f"  {case}" for case in result.text),
        ]
    if result.left_out:
        lines += ["", "Left out:", *(f"  {case}: {why}" for case, why in result.left_out)]
    if result.notes:
        lines += ["", *result.notes]
    with atomic_write(path) as partial:
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
