"""`napari-unet-lung review readings` and `review reference`: what second reading has shown so far."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from napari_unet.cli.console import json_line, stderr, stdout
from napari_unet.cli.options import AsJson, ProjectFolder
from napari_unet.cli.review_export_cmd import Reviewer
from napari_unet.core.auto import FINDING_MODEL
from napari_unet.core.calibration import Truth
from napari_unet.core.wording import counted
from napari_unet.review.login import login_name

if TYPE_CHECKING:
    from napari_unet.core.second_reading import Accuracy, Agreement
    from napari_unet.review.reporting.readings import FindingSummary


def reference(
    project: ProjectFolder,
    table: Annotated[
        Path,
        typer.Argument(
            metavar="CSV", exists=True, dir_okay=False, help="Columns case, finding, kind; also present."
        ),
    ],
    reviewer: Reviewer = "",
) -> None:
    """Import what is known of findings from elsewhere: a culture, a CT, a panel of readers.

    case: number or id of a case. kind: where it is known from. present: 1 or 0, without that column 1.
    """
    from napari_unet.review.references import read_references
    from napari_unet.review.store import ReviewProject

    with ReviewProject.open(project) as opened:
        known = read_references(table, opened)
        opened.put_references(known, reviewer or login_name("command line"))
    stdout.print(f"{counted(len(known), 'reference')} imported.")


def readings(
    project: ProjectFolder,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=100,
            help="Score from which the model says yes, 0 to 100. [as calibrated, otherwise 50]",
            show_default=False,
        ),
    ] = None,
    prevalence: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=100,
            help="Share of your patients with the finding, in %: then predictive values are shown, too.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What second reading has shown: minds changed, agreement, accuracy where a reference was imported.

    Only calls that were made before any score could be seen count.
    """
    from napari_unet.review.reporting.readings import summaries
    from napari_unet.review.store import ReviewProject

    with ReviewProject.open(project) as opened:
        found = summaries(opened, None if threshold is None else threshold / 100)
        own = opened.calibrations()
        triage = sum(not one.blind for one in opened.readings())
    if as_json:
        told = {"threshold": threshold, "calibrated": [asdict(one) for one in own], "not_blind": triage}
        json_line({**told, "findings": [asdict(one) for one in found]})
        return
    if threshold is None:
        for calibration in own:
            stdout.print(f"{calibration.finding}: threshold {calibration.in_words()}.", markup=False)
    if triage:
        stderr.print(f"{counted(triage, 'reading')} made after a time of triage: not counted.")
    if not found:
        stdout.print("Nobody has called a finding before seeing its score yet.")
        return
    stdout.print(_changes(found))
    agreed = (((one.finding, whom), said) for one in found for whom, said in one.agreement.items())
    stdout.print(agreement_table("Agreement of first calls", ("finding", "with"), agreed))
    if any(one.accuracy for one in found):
        stdout.print(_accuracy(found, None if prevalence is None else prevalence / 100))
    else:
        stderr.print("Sensitivity and specificity need a reference: import one with `review reference`.")


def calibrate(
    project: ProjectFolder,
    by: Annotated[Truth, typer.Option(help="The reference standard.")] = Truth.REFERENCE,
    model: Annotated[str, typer.Option(metavar="NAME", help="A model that scores findings.")] = FINDING_MODEL,
    sensitivity: Annotated[
        float,
        typer.Option(min=1, max=100, help="Share of the cases with the finding that is found, in %."),
    ] = 90,
    reviewer: Reviewer = "",
    as_json: AsJson = False,
) -> None:
    """Set from which score on the model says yes, by cases of your own.

    Needs at least 50 cases with a finding and 50 without. The threshold holds for this version of the model
    and this project.
    """
    from napari_unet.models.library import default_library
    from napari_unet.review.store import ReviewProject

    card = default_library().find(model).card
    with ReviewProject.open(project) as opened:
        who = reviewer or login_name("command line")
        found = opened.calibrate(who, by, card.name, card.version, sensitivity / 100)
    if as_json:
        json_line({"calibrated": [asdict(one) for one in found]})
        return
    for one in found:
        stdout.print(f"{one.finding}: threshold {one.in_words()}.", markup=False)
    left = [name for name in card.output.findings if name not in {one.finding for one in found}]
    if left:
        stderr.print(f"Too few cases for {', '.join(left)}: the threshold stays as it was.")


def _changes(found: list[FindingSummary]) -> Table:
    table = Table(title="After the score was seen", title_justify="left")
    for name in ("finding", "readings", "with final call", "more sure it is there", "less sure"):
        table.add_column(name)
    for name in ("now present", "now absent", "towards the model", "away from it"):
        table.add_column(name)
    for one in found:
        c = one.changes
        cells = (one.readings, c.n, c.up, c.down, c.to_present, c.to_absent, c.towards, c.away)
        table.add_row(one.finding, *map(str, cells))
    return table


def agreement_table(
    title: str, about: Sequence[str], rows: Iterable[tuple[Sequence[str], Agreement]]
) -> Table:
    """n, kappa, and the agreement on yes and on no of each row. about : titles of what is before these."""
    table = Table(title=title, title_justify="left")
    for name in (*about, "n", "kappa", "positive agr.", "negative agr."):
        table.add_column(name)
    for before, found in rows:
        table.add_row(*before, str(found.n), *map(_number, (found.kappa, found.positive, found.negative)))
    return table


def _accuracy(found: list[FindingSummary], prevalence: float | None) -> Table:
    table = Table(title="Against the reference", title_justify="left")
    for name in ("finding", "who", "with", "without", "sensitivity", "specificity", "AUC"):
        table.add_column(name)
    if prevalence is not None:
        for name in ("PPV", "NPV"):
            table.add_column(f"{name} at {100 * prevalence:g} %")
    for one in found:
        for who, sure in one.accuracy.items():
            rates = (_rate(sure.sensitivity), _rate(sure.specificity))
            counts = (str(sure.positives), str(sure.negatives))
            values = [] if prevalence is None else _predictive(sure, prevalence)
            table.add_row(one.finding, who, *counts, *rates, _number(sure.auc), *values)
    return table


def _predictive(found: Accuracy, prevalence: float) -> list[str]:
    from napari_unet.core.second_reading import predictive_values

    values = predictive_values(found.sensitivity[0], found.specificity[0], prevalence)
    return [_number(value) for value in values]


def _rate(found: tuple[float, float, float]) -> str:
    share, low, high = found
    return "–" if isnan(share) else f"{share:.2f} ({low:.2f}–{high:.2f})"


def _number(value: Any) -> str:
    return "–" if isnan(value) else f"{value:.2f}"
