"""`napari-unet-lung review again` and `review agreement`: how well readers agree with themselves."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from napari_unet.cli.console import json_line, stdout, watched
from napari_unet.cli.options import AsJson, ProjectFolder
from napari_unet.cli.review_export_cmd import Reviewer
from napari_unet.cli.review_readings_cmd import agreement_table
from napari_unet.core.wording import counted
from napari_unet.review.login import login_name


def again(
    project: ProjectFolder,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="AGAIN", help="A new folder for the second project."),
    ],
    share: Annotated[float, typer.Option(min=0, max=100, help="How many of the decided cases, in %.")] = 5,
    seed: Annotated[int, typer.Option(help="Of the random draw.")] = 0,
    reviewer: Reviewer = "",
) -> None:
    """Bring decided cases back: a second project with their first masks, and nothing that anybody decided.

    When it is reviewed, `review agreement` says how well both times agree.
    """
    from napari_unet.review.again import again_steps
    from napari_unet.review.store import ReviewProject

    by = reviewer or login_name("command line")
    with ReviewProject.open(project) as opened:
        count = watched("Reading images", again_steps(opened, output, by, share / 100, seed))
    stdout.print(
        f"{counted(count, 'case')} to be read again, in {output}. Nothing in {project} has changed.",
        markup=False,
    )


def agreement(
    project: ProjectFolder,
    again: Annotated[Path, typer.Argument(metavar="AGAIN", help="Folder that `review again` made.")],
    as_json: AsJson = False,
) -> None:
    """How well two readings of the same cases agree: masks, areas, decisions, and calls on findings."""
    from napari_unet.review.again import repeated, sentence
    from napari_unet.review.store import ReviewProject

    with ReviewProject.open(project) as first, ReviewProject.open(again) as second:
        found = repeated(first, second)
    if as_json:
        json_line({"readings": [asdict(one) for one in found]})
        return
    for one in found:
        stdout.print(sentence(one), markup=False)
        if one.findings:
            rows = (((finding,), agreed) for finding, agreed in one.findings.items())
            stdout.print(agreement_table("Calls before the score was seen", ("finding",), rows))
