"""`napari-unet-lung review export` and `review report`: what was reviewed, for other tools and for people."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_unet.cli.console import complain, stderr, stdout, watched
from napari_unet.cli.options import ProjectFolder
from napari_unet.core.wording import counted
from napari_unet.review.exporting.kinds import Format
from napari_unet.review.login import login_name

if TYPE_CHECKING:
    from napari_unet.review.exporting.export import ExportResult
    from napari_unet.review.store import ReviewProject

_FORMATS = ", ".join(Format)
Reviewer = Annotated[
    str,
    typer.Option(
        metavar="NAME", help="Your name, stored as the author. [your login name]", show_default=False
    ),
]


def export(
    project: ProjectFolder,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", file_okay=False, help="A new or empty folder.")
    ],
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", metavar="NAME", help=f"{_FORMATS}; may be given several times. [png]"),
    ] = None,
    split: Annotated[
        str, typer.Option(metavar="SHARES", help="Shares of patients for train, val, test; they add up to 1.")
    ] = "0.7,0.15,0.15",
    seed: Annotated[int, typer.Option(help="Seed of the split.")] = 0,
    left_right: Annotated[
        bool, typer.Option("--left-right", help="1 = right lung, 2 = left lung, instead of 1 = lung.")
    ] = False,
    masks_only: Annotated[bool, typer.Option("--masks-only", help="Leave out the images.")] = False,
    source_names: Annotated[
        bool,
        typer.Option("--source-names", help="Name files after their sources; asks you first."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Write accepted and corrected masks for other tools, with a manifest split by patient."""
    from napari_unet.review.exporting.export import ExportOptions, Ratios, export_steps
    from napari_unet.review.store import ReviewProject

    try:
        chosen = [Format(name) for name in formats or ["png"]]
    except ValueError:
        unknown = next(name for name in formats or [] if name not in set(Format))
        raise typer.BadParameter(f"{unknown!r} is not a format; choose from {_FORMATS}.") from None
    try:
        ratios = Ratios.parse(split)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    by = login_name("command line")
    options = ExportOptions(ratios, seed, left_right, not masks_only, source_names, by)
    with ReviewProject.open(project) as opened:
        if source_names:
            _agree(opened, "Use these names for the exported files?", yes)
        result = watched("Exporting", export_steps(opened, output, chosen, options))
    _tell_export(result)
    if result.left_out:
        raise typer.Exit(1)


def key(
    project: ProjectFolder,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="CSV", dir_okay=False, help="A new file.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Write the linking table: which case is which file and, from DICOM headers, which patient.

    It is for you alone: it must not lie in a project or an export, and nobody else can read it.
    """
    from napari_unet.review.key import key_steps, refuse_place
    from napari_unet.review.store import ReviewProject

    with ReviewProject.open(project) as opened:
        refuse_place(Path(os.path.abspath(output)))
        _agree(opened, f"Write all of them to {output}?", yes)
        written = watched("Reading headers", key_steps(opened, output, login_name("command line")))
    stdout.print(f"The linking table is {written}. Keep it to yourself.", markup=False)


def _agree(project: ReviewProject, question: str, yes: bool) -> None:
    """Shows the first names and asks; ends the command if the answer is no."""
    from napari_unet.review.key import first_names, warning

    stderr.print(warning(first_names(project)), markup=False, highlight=False)
    if not yes:
        typer.confirm(question, abort=True, err=True)


def _tell_export(result: ExportResult) -> None:
    for case, why in result.left_out:
        complain(f"{case}: {why}")
    for note in (*result.together, *result.notes):
        stderr.print(note, markup=False)
    if result.text:
        number = "1 image contains" if len(result.text) == 1 else f"{len(result.text)} images contain"
        stderr.print(
            f"{number} text, perhaps a name or a date: look at them before you share "
            "them. README.txt lists them. The search misses some.",
            markup=False,
        )
    shares = ", ".join(f"{name} {number}" for name, number in sorted(result.splits.items()))
    cases = counted(len(result.exported), "case")
    stdout.print(f"{cases} exported ({shares}) to {result.folder}", markup=False)


def report(
    project: ProjectFolder,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", file_okay=False, help="A new or empty folder.")
    ],
    reviewer: Reviewer = "",
) -> None:
    """Write report.csv, one row per case, and summary.html, one page to print.

    Scores of findings are in it for cases on which you have made your first call.
    """
    from napari_unet.review.reporting.report import report_steps
    from napari_unet.review.store import ReviewProject

    by = reviewer or login_name("command line")
    with ReviewProject.open(project) as opened:
        written = watched("Reading cases", report_steps(opened, output, by))
    stdout.print(f"report.csv and summary.html are in {written}", markup=False)
