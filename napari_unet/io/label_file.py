"""`labels.csv` beside masks: what their numbers mean."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from napari_unet.core.label_set import BACKGROUND, NOT_SURE, LabelSet
from napari_unet.core.labels import IGNORE
from napari_unet.io.atomic import atomic_write

LABELS_FILE = "labels.csv"
_COLUMNS = ("value", "name", "side", "snomed_ct")


def write_labels(path: Path, labels: LabelSet) -> None:
    """One line a number, background and "not sure" too. UTF-8, atomically; UserError if the disk is full."""
    rows: list[tuple[object, ...]] = [(BACKGROUND, "background", "", "")]
    rows += [(label.value, label.name, label.side, label.code) for label in labels.labels]
    if labels.not_sure:
        rows.append((IGNORE, NOT_SURE, "", ""))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    writer.writerows(rows)
    with atomic_write(path) as partial:
        partial.write_bytes(text.getvalue().encode())
