"""`napari-unet-lung find`: chest X-rays in, scores of findings and heat maps out."""

from __future__ import annotations

from typing import Annotated

import typer

from napari_unet.cli.console import complain, json_line, progress_bar, stderr, stdout
from napari_unet.cli.options import (
    Anonymous,
    CaseMinutes,
    Cluster,
    Device,
    JsonLines,
    Output,
    Recursive,
    Resume,
    Workers,
)
from napari_unet.cli.usage import check_model, model_findings
from napari_unet.core.auto import FINDING_MODEL, LUNGS_FOR_FINDINGS


def find(
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Images, folders or globs.")],
    output: Output,
    model: Annotated[
        str, typer.Option(metavar="NAME", help="Name or folder of a model that scores findings.")
    ] = FINDING_MODEL,
    device: Device = "auto",
    recursive: Recursive = False,
    anonymous: Anonymous = False,
    heatmap: Annotated[
        bool, typer.Option("--heatmap", help="Also write each image with its heat map.")
    ] = False,
    page: Annotated[bool, typer.Option("--page", help="Also write one page (PDF) about each image.")] = False,
    resume: Resume = False,
    workers: Workers = None,
    cluster: Cluster = None,
    case_minutes: CaseMinutes = 60,
    as_json: JsonLines = False,
) -> None:
    """Write OUT/findings.csv: scores from 0 to 100 of chest X-rays. Research use, not a diagnosis."""
    from napari_unet.cli.inputs import find_inputs
    from napari_unet.cli.report import make_folder
    from napari_unet.doctor import refuse_foreign_files

    refuse_foreign_files()
    given = find_inputs(inputs, output, recursive, anonymous)
    say = stderr if as_json else stdout
    for sentence in given.ignored:
        stderr.print(sentence, markup=False)
    given.need("look at")
    make_folder(output)
    check_model(model, device if cluster is None else None)
    findings = model_findings(model)

    from napari_unet.cli.find_batch import FINDINGS, FindBatch, FindOptions
    from napari_unet.cli.on_cluster import results_of, workplace
    from napari_unet.cli.resume import ResumeRecord
    from napari_unet.cluster.made_by import made_by

    options = FindOptions(output, model, device, heatmap, page, anonymous)
    models = (model, LUNGS_FOR_FINDINGS)
    asked = {"heatmap": heatmap, "page": page, "anonymous": anonymous}
    with workplace(workers, cluster, models, device, case_minutes) as place:
        settings = asked | {"made by": place.made_by if place else made_by(*models, device=device)}
        batch = FindBatch(given, options, findings, ResumeRecord(output, "find", settings, again=not resume))
        try:
            with progress_bar("Looking", total=len(given.cases)) as bar:
                for found in results_of(batch, place, bar.show):
                    if as_json:
                        json_line(found.record())
                    if found.error:
                        complain(f"{found.case}: {found.error}")
                    elif not as_json and not found.resumed:
                        say.print(found.sentence(), markup=False)
                    bar.show(len(batch.results))
        finally:
            batch.write_table()
    failed = sum(bool(found.error) for found in batch.results)
    before = sum(found.resumed for found in batch.results)
    done_before = f", {before:,} of them before" if before else ""
    say.print(
        f"{len(batch.results) - failed} of {len(batch.results)} scored{done_before}; "
        f"results in {output / FINDINGS}. "
        "A score is a rank among images, not a probability of disease. Research use.",
        markup=False,
    )
    if failed:
        raise typer.Exit(1)
