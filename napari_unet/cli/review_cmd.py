"""`napari-unet-lung review`: review projects without a window, and the way into one."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_unet.cli import review_again_cmd, review_export_cmd, review_readings_cmd
from napari_unet.cli.console import complain, json_line, stderr, stdout, watched
from napari_unet.cli.options import Answer, AsJson, CaseMinutes, Cluster, ProjectFolder, Workers
from napari_unet.cli.review_export_cmd import Reviewer
from napari_unet.cli.series_cmd import AllSeries, SeriesOption, choice_of
from napari_unet.cli.usage import check_device, check_model, model_labels
from napari_unet.core.auto import AUTO, NO_MODEL
from napari_unet.core.errors import UserError
from napari_unet.core.wording import counted
from napari_unet.review.login import login_name

if TYPE_CHECKING:
    from napari_unet.core.source import Source
    from napari_unet.review.store import ReviewProject

app = typer.Typer(
    help="Review projects: look through masks, correct them, export them.", no_args_is_help=True
)

_LISTED = 20  # problems are listed one by one up to this many


@app.command("new")
def new(
    project: Annotated[Path, typer.Argument(metavar="PROJECT", help="A new or empty folder.")],
    protocol: Annotated[
        str, typer.Option(metavar="TEXT", help='What belongs to a mask, in words: "heart left out".')
    ] = "",
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The masks have this model's labels. [lungs]", show_default=False),
    ] = None,
) -> None:
    """Make a review project."""
    from napari_unet.core.label_set import LUNGS
    from napari_unet.review.store import ReviewProject

    labels = (None if model is None else model_labels(model)) or LUNGS
    with ReviewProject.create(project, protocol, labels) as made:
        if made.storage_note:
            stderr.print(made.storage_note, markup=False)
    stdout.print(f"Made the review project {project}", markup=False)


@app.command("add")
def add(
    project: ProjectFolder,
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Images, folders or globs.")],
    masks: Annotated[
        Path | None,
        typer.Option(metavar="DIR", exists=True, file_okay=False, help="Folder of masks, matched by name."),
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV", exists=True, dir_okay=False, help="Columns file, patient; also view, split."
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option(metavar="NAME", help="Take this split of the manifest only.")
    ] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Mark cases that have a mask from a file as accepted.")
    ] = False,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="auto|none|NAME",
            help="Make first masks with this model where there is none; auto: with the one in use for X-rays "
            "or CT, to suit each image; none: no masks. [auto, where it can be used]",
            show_default=False,
        ),
    ] = None,
    answer: Answer = None,
    device: Annotated[str, typer.Option(help="For the model: auto, cpu, cuda or mps.")] = "auto",
    series: SeriesOption = None,
    all_series: AllSeries = False,
    workers: Workers = None,
    cluster: Cluster = None,
    case_minutes: CaseMinutes = 60,
    reviewer: Reviewer = "",
) -> None:
    """Add images: look into folders and below, read every file, take over masks.

    A mask belongs to an image if its name is <stem>_mask.* or <stem>.* (the first wins). What is there
    already is not added twice, and an image that was moved is found again.
    """
    if accept and masks is None:
        raise typer.BadParameter("--accept needs --masks.")
    if split is not None and manifest is None:
        raise typer.BadParameter("--split needs --manifest.")
    if answer is not None and model == NO_MODEL:
        raise typer.BadParameter("--answer needs a model; leave out --model none.")
    from napari_unet.review.add import gather
    from napari_unet.review.store import ReviewProject

    named = model is not None or answer is not None
    model, here = model or AUTO, cluster is None
    if model != NO_MODEL and named:
        check_model(model, device if here else None, answer)
    elif model != NO_MODEL and here and device != AUTO:
        check_device(device)
    by = reviewer or login_name("command line")
    with ReviewProject.open(project) as opened:
        first = None
        if model != NO_MODEL:
            from napari_unet.cli.on_cluster import workplace
            from napari_unet.cli.review_model import MaskMaker, admit_model

            if named:
                admit_model(opened, model, answer, by)
            where = partial(workplace, workers, cluster, (model,), device, case_minutes)
            maker = MaskMaker(opened, model, answer, device, by, where)
            first = maker.make if named else partial(maker.make_where_possible, here=here)
        found = gather(
            inputs,
            manifest=manifest,
            split=split,
            masks=masks,
            choice=choice_of(series, all_series),
        )
        _note(found.problems if masks else tuple(map(_with_hint, found.problems)))
        failed = _add(opened, found, masks, accept, by, first)
    if failed:
        raise typer.Exit(1)


@app.command("status")
def status(
    project: ProjectFolder,
    as_json: AsJson = False,
) -> None:
    """How far the review is: cases by status, patients, what is wrong with files."""
    from napari_unet.core.label_set import LUNGS, LabelSet
    from napari_unet.review.store import ReviewProject

    with ReviewProject.open(project) as opened:
        found = _status(opened)
    if as_json:
        json_line(found)
        return
    if found["protocol"]:
        stdout.print(f"Protocol: {found['protocol']}", markup=False)
    if (labels := LabelSet.from_json(found["labels"])) != LUNGS:
        stdout.print(f"Labels: {labels.in_words()}", markup=False)
    decided = sum(found["status"][name] for name in ("accepted", "corrected", "rejected"))
    stdout.print(
        f"{decided} of {found['cases']} cases are decided, after {found['minutes']:.0f} minutes of work."
    )
    for title, numbers in (
        ("", found["status"]),
        ("Image files", found["files"]),
        ("Rejected", found["reasons"]),
    ):
        lines = [f"{number:>7}  {name}" for name, number in numbers.items() if number]
        if title and lines:
            stdout.print(f"{title}:")
        for line in lines:
            stdout.print(line, markup=False)
    known, unknown = found["patients"]["known"], found["patients"]["unknown"]
    alone = f"; {counted(unknown, 'case')} without, each counted as a separate patient" if unknown else ""
    stdout.print(f"Patients: {known} known{alone}.")
    if found["placeholders"]:
        from napari_unet.review.scan import placeholder_words

        stdout.print(placeholder_words(found["placeholders"]))


@app.command("verify")
def verify(project: ProjectFolder) -> None:
    """Read every mask and image again and say what is wrong."""
    from napari_unet.review.store import ReviewProject

    with ReviewProject.open(project) as opened:
        problems = watched("Reading", opened.verify())
        total = len(opened.cases())
    bad = [problem for problem in problems if not problem.harmless]
    for problem in problems:
        if problem.harmless:
            stderr.print(f"Harmless: {problem.text}", markup=False)
        else:
            complain(problem.text)
    if bad:
        raise typer.Exit(1)
    stdout.print(f"All is well: {counted(total, 'case')}, every mask and image is unchanged.")


@app.command("open")
def open_(project: ProjectFolder) -> None:
    """Open napari with the docks Review and Correct on a project."""
    from napari_unet.review.store import ReviewProject

    with ReviewProject.open(project):
        pass  # what is wrong with it is reported here, not in a window
    if not importlib.util.find_spec("napari"):
        raise UserError("napari is not installed.", 'Run: pip install "napari-unet-lung[all]"')
    command = [sys.executable, "-m", "napari_unet.widgets.open_review", str(project.resolve())]
    raise typer.Exit(subprocess.run(command, check=False).returncode)


app.command("export")(review_export_cmd.export)
app.command("report")(review_export_cmd.report)
app.command("key")(review_export_cmd.key)
app.command("reference")(review_readings_cmd.reference)
app.command("readings")(review_readings_cmd.readings)
app.command("calibrate")(review_readings_cmd.calibrate)
app.command("again")(review_again_cmd.again)
app.command("agreement")(review_again_cmd.agreement)


def _add(
    project: ReviewProject,
    found: Any,
    masks: Path | None,
    accept: bool,
    by: str,
    first_masks: Callable[[list[str]], bool] | None,
) -> bool:
    """Adds what was found and reports it; True if a file could not be used.

    first_masks : makes some for cases that have none; True if one failed.
    """
    from napari_unet.review.add import add_found, attach_masks
    from napari_unet.review.scan import placeholder_words, scan_steps

    ids = add_found(project, found, by)
    fresh = sum(is_new for _, is_new in ids)
    there = f"; {counted(len(ids) - fresh, 'case')} there already" if fresh < len(ids) else ""
    stdout.print(f"{counted(fresh, 'case')} added{there}.")
    chosen = [case for case, _ in ids]
    result = watched("Reading images", scan_steps(project, chosen, by=by))
    wrong = [case for case in (*result.unreadable, *result.missing, *result.changed)]
    states, sources = {case.id: case for case in project.cases()}, project.sources()
    for case in wrong[:_LISTED]:
        complain(f"Case {states[case].number}: {_what_is_wrong(states[case], sources[case])}")
    mine = set(chosen)
    for group in result.duplicates[:_LISTED]:
        if mine & set(group):
            same = " and ".join(str(states[case].number) for case in group)
            stderr.print(f"Cases {same} are the same image.")
    if result.placeholders:
        stderr.print(placeholder_words(len(result.placeholders)))
    failed = bool(wrong)
    if masks is not None:
        attached = watched("Reading masks", attach_masks(project, chosen, masks, by, accept))
        _note(attached.problems)
        _note((*attached.ignored, *attached.notes))
        failed |= bool(attached.problems)
        accepted = f", {counted(len(attached.accepted), 'case')} accepted" if accept else ""
        without = f"; {counted(len(attached.without), 'case')} without a mask" if attached.without else ""
        taken = counted(len(attached.attached), "mask")
        stdout.print(f"{taken} imported{accepted}{without}.")
    if first_masks is not None:
        bare = [case for case in chosen if project.case(case).revision is None and case not in wrong]
        failed |= first_masks(bare)
    return failed


def _what_is_wrong(case: Any, source: Source) -> str:
    """About a case's files, with their names: it is the person's own terminal. Of a series also why."""
    from napari_unet.io.formats import read_raster

    file = os.fsencode(source).decode(errors="replace")
    if not source.is_series:
        return f"the image file is {case.file_state}: {file}"
    try:
        read_raster(source)
    except UserError as error:
        return f"the series is {case.file_state}: {file}: {error.problem}"
    return f"the series is {case.file_state}: {file}"


def _status(project: ReviewProject) -> dict[str, Any]:
    cases = project.cases()
    known, unknown = project.patients()
    files: dict[str, int] = {}
    reasons: dict[str, int] = {}
    for case in cases:
        files[case.file_state] = files.get(case.file_state, 0) + 1
        if case.reason is not None:
            reasons[case.reason] = reasons.get(case.reason, 0) + 1
    return {
        "project": project.id,
        "protocol": project.protocol,
        "labels": project.labels.to_json(),
        "cases": len(cases),
        "status": {name.value: number for name, number in project.counts().items()},
        "files": files,
        "reasons": reasons,
        "patients": {"known": known, "unknown": unknown},
        "placeholders": sum(case.placeholder for case in cases),
        "with_mask": sum(case.revision is not None for case in cases),
        "minutes": sum(case.active_seconds for case in cases) / 60,
        "storage_note": project.storage_note,
    }


def _with_hint(problem: str) -> str:
    """What `gather` says about masks that were ignored, with what to do about it on the command line."""
    from napari_unet.review.add import MASKS_LEFT_OUT

    hint = (
        "; give --masks FOLDER to use them."
        if problem.endswith(tuple(f"{w}." for w in MASKS_LEFT_OUT))
        else "."
    )
    return problem.removesuffix(".") + hint


def _note(problems: tuple[str, ...]) -> None:
    for problem in problems[:_LISTED]:
        stderr.print(problem, markup=False)
    if len(problems) > _LISTED:
        stderr.print(f"... and {len(problems) - _LISTED} more.")
