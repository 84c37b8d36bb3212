"""`napari-unet-lung evaluate`: masks against reference masks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from napari_unet.cli.console import complain, show_table, stderr, stdout
from napari_unet.core.errors import UserError
from napari_unet.core.wording import counted

if TYPE_CHECKING:
    from napari_unet.evaluation import CaseScores

COLUMNS = ("case", "label", "dice", "iou", "hd95", "assd", "unit", "error")


def evaluate(
    predictions: Annotated[
        Path, typer.Option(metavar="DIR", exists=True, file_okay=False, help="Folder of masks to evaluate.")
    ],
    references: Annotated[
        Path, typer.Option(metavar="DIR", exists=True, file_okay=False, help="Folder of reference masks.")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="CSV", dir_okay=False, help="CSV with one row per case.")
    ],
) -> None:
    """Dice, IoU, HD95 and ASSD per case and in summary.

    A mask belongs to an image if its name is <stem>_mask.* or <stem>.* (the first wins). 255 beside other
    labels is ignored. Distances are in mm where the spacing is known, otherwise in pixels. Files without a
    partner, with several or of another size are listed, ignored and counted at the end; a file that cannot
    be read or is not a mask makes the exit code 1.
    """
    from napari_unet.cli.report import make_folder, write_table
    from napari_unet.core.events import Note
    from napari_unet.evaluation import SizesDiffer, score_case
    from napari_unet.io.pairs import find_pairs

    make_folder(output.parent)
    pairing = find_pairs(predictions, references)
    for problem in (*pairing.ignored, *pairing.problems):
        stderr.print(problem, markup=False)
    scored: list[CaseScores] = []
    failed: list[tuple[str, UserError]] = []
    noted: set[str] = set()
    with stderr.status("Comparing") as status:
        for number, (case, (prediction, reference)) in enumerate(pairing.cases.items(), start=1):
            status.update(f"Comparing {number} of {len(pairing.cases)}")
            try:
                for found in score_case(case, prediction, reference):
                    if isinstance(found, Note):
                        stderr.print(found.text, markup=False)
                        noted.add(case)
                    else:
                        scored.append(found)
            except UserError as error:
                failed.append((case, error))
                complain(f"{case}: {error}")
    rows = [_cells(row) for row in scored] + [[case, *[""] * 6, str(error)] for case, error in failed]
    rows.sort(key=lambda cells: cells[0])
    write_table(output, COLUMNS, rows)
    if not scored:
        raise UserError(
            f"No mask in {predictions} could be compared with one in {references}.",
            "Masks are matched by name: <stem>_mask.* or <stem>.* in both folders.",
        )
    _show(scored)
    stdout.print(f"Scores of each case are in {output}", markup=False)
    sizes = sum(isinstance(error, SizesDiffer) for _, error in failed)
    _sum_up(
        (len({row.case for row in scored}), "compared"),
        (len(noted), "read with assumptions (see above)"),
        (sizes, "ignored, of another size"),
        (len(failed) - sizes, "refused"),
        (pairing.alone, "without a partner"),
        (pairing.doubled, "ignored, with several masks"),
    )
    if len(failed) > sizes:
        raise typer.Exit(1)


def _sum_up(*counts: tuple[int, str]) -> None:
    """What became of the files, on stderr: cases by case, files without a partner by file."""
    said = ", ".join(f"{count} {what}" for count, what in counts if count)
    stderr.print(f"Cases: {said}.", markup=False)


def _cells(row: CaseScores) -> list[str]:
    s = row.scores
    return [row.case, row.label, *map(_number, (s.dice, s.iou, s.hd95, s.assd)), s.unit, ""]


def _number(value: float) -> str:
    return "" if value != value else f"{value:.6f}"


def _show(scored: Sequence[CaseScores]) -> None:
    """One table per label and unit; a case without an answer (both masks empty) does not count there."""
    groups: dict[tuple[str, str], list[CaseScores]] = defaultdict(list)
    for row in scored:
        groups[row.label, row.scores.unit].append(row)
    for (label, unit), rows in groups.items():
        table = Table(
            title=f"{label}, {counted(len(rows), 'case')}", title_justify="left", box=None, pad_edge=False
        )
        for column in ("", "mean", "median", "worst", "n"):
            table.add_column(column, justify="left" if not column else "right")
        for name, title, highest_is_worst in (
            ("dice", "Dice", False),
            ("iou", "IoU", False),
            ("hd95", f"HD95 ({unit})", True),
            ("assd", f"ASSD ({unit})", True),
        ):
            values = [getattr(row.scores, name) for row in rows]
            table.add_row(title, *_summary(values, highest_is_worst))
        show_table(table)
        good = [row.scores.dice for row in rows if row.scores.dice == row.scores.dice]
        if good:
            stdout.print(f"Dice under 0.90: {sum(value < 0.90 for value in good)} of {len(good)}")


def _summary(values: list[float], highest_is_worst: bool) -> list[str]:
    import numpy as np

    known = np.array([value for value in values if value == value])
    if not len(known):
        return ["–", "–", "–", "0"]
    worst = known.max() if highest_is_worst else known.min()
    return [f"{known.mean():.3f}", f"{np.median(known):.3f}", f"{worst:.3f}", str(len(known))]
