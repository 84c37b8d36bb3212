"""`napari-unet-lung series`: which series a folder, zip file or DICOMDIR holds; and how to choose."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from napari_unet.cli.console import complain, json_line, show_table, stderr
from napari_unet.cli.options import JsonLines
from napari_unet.core.errors import UserError

if TYPE_CHECKING:
    from napari_unet.io.series_list import SeriesChoice, SeriesInfo

SeriesOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NUMBER|UID",
        help="Take this series only; may be repeated. The end of a UID is enough.",
        show_default=False,
    ),
]
AllSeries = Annotated[bool, typer.Option("--all-series", help="Take each series of a folder with several.")]
_END = 12  # characters of a UID that are shown


def choice_of(series: list[str] | None, every: bool) -> SeriesChoice:
    """What was asked for by both options."""
    from napari_unet.io.series_list import SeriesChoice

    if series and every:
        raise typer.BadParameter("--series and --all-series exclude each other.")
    return SeriesChoice(tuple(series or ()), every)


def series(
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT...", help="Folders, zip files, DICOMDIRs or globs.")
    ],
    as_json: JsonLines = False,
) -> None:
    """List the series of CT, MR and PET in folders and below; for --series of segment and review add.

    Patients are not named.
    """
    from napari_unet.cli.inputs import find_inputs
    from napari_unet.io.series_list import series_infos

    found = find_inputs(inputs, None, recursive=True)
    for sentence in found.ignored:
        stderr.print(sentence, markup=False)
    wrong = [case for case in found.cases if case.problem]
    infos = series_infos([case.source for case in found.cases if not case.problem])
    archives = {case.source: case.path for case in found.cases}
    if as_json:
        for info in infos:
            json_line(_record(info, archives[info.source]))
    elif infos:
        show_table(_table(infos, archives))
    for case in wrong:
        complain(f"{case.name}: {case.problem}")
    if not infos:
        raise UserError("There is no series.", "Name a folder with DICOM files of a CT, an MR or a PET.")
    if wrong:
        raise typer.Exit(1)


def _table(infos: list[SeriesInfo], paths: dict[Any, Path]) -> Table:
    table = Table(
        "Number", "Description", "Slices", "Thickness", "Kernel", "Size", "End of UID", "Where", box=None
    )
    for info in infos:
        where = str(paths[info.source])
        table.add_row(info.number, info.description, *info.in_columns(), info.uid[-_END:], where)
    return table


def _record(info: SeriesInfo, path: Path) -> dict[str, Any]:
    return {
        "number": info.number,
        "description": info.description,
        "modality": info.modality,
        "slices": info.slices,
        "thickness_mm": info.thickness_mm,
        "kernel": info.kernel,
        "rows": info.size[0],
        "columns": info.size[1],
        "uid": info.uid,
        "path": str(path),
    }
