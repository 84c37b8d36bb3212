"""`napari-unet-lung segment`: images in, masks and a report out."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_unet.cli.console import complain, json_line, once_each, progress_bar, stderr, stdout
from napari_unet.cli.options import (
    Anonymous,
    Answer,
    AsJson,
    CaseMinutes,
    Cluster,
    Device,
    LabelKind,
    Labels,
    MaskModel,
    Output,
    Overlay,
    Probability,
    Recursive,
    Resume,
    Seg,
    Threshold,
    Workers,
)
from napari_unet.cli.series_cmd import AllSeries, SeriesOption, choice_of
from napari_unet.cli.usage import check_model, model_labels
from napari_unet.core.auto import AUTO
from napari_unet.core.wording import counted

if TYPE_CHECKING:
    from napari_unet.cli.batch import Options
    from napari_unet.cluster.workplace import Workplace


RECORD = "segment"
"""Of what made each mask, see `ResumeRecord`; `watch` has the same."""


def segment(
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Images, folders or globs.")],
    output: Output,
    model: MaskModel = AUTO,
    answer: Answer = None,
    threshold: Threshold = None,
    device: Device = "auto",
    labels: Labels = None,
    probability: Probability = False,
    overlay: Overlay = False,
    seg: Seg = False,
    recursive: Recursive = False,
    series: SeriesOption = None,
    all_series: AllSeries = False,
    anonymous: Anonymous = False,
    resume: Resume = False,
    workers: Workers = None,
    cluster: Cluster = None,
    case_minutes: CaseMinutes = 60,
    as_json: AsJson = False,
) -> None:
    """Write OUT/<stem>_mask.png (or .nii.gz) for each image, and OUT/report.csv."""
    from napari_unet.cli.inputs import find_inputs
    from napari_unet.cli.report import make_folder
    from napari_unet.doctor import refuse_foreign_files

    refuse_foreign_files()
    found = find_inputs(inputs, output, recursive, anonymous, choice_of(series, all_series))
    say = stderr if as_json else stdout
    if found.skipped:
        masks = (
            "1 mask or earlier result" if found.skipped == 1 else f"{found.skipped} masks or earlier results"
        )
        say.print(f"Skipped {masks} among the inputs.")
    for sentence in found.ignored:
        stderr.print(sentence, markup=False)
    found.need("segment")
    make_folder(output)
    check_model(model, device if cluster is None else None, answer)
    sides = sides_of(labels, model, answer)

    from napari_unet.cli.batch import Batch, Options
    from napari_unet.cli.on_cluster import results_of, workplace
    from napari_unet.cli.resume import ResumeRecord

    options = Options(output, model, threshold, device, sides, probability, overlay, anonymous, answer, seg)
    assumed = without = before = 0
    tell_chosen = once_each()
    with workplace(workers, cluster, (model,), device, case_minutes) as place:
        record = ResumeRecord(output, RECORD, settings_of(options, place), again=not resume)
        batch = Batch(found, options, record)
        try:
            with progress_bar("Segmenting", total=len(found.cases)) as bar:
                for result in results_of(batch, place, bar.show):
                    assumed += result.sides_assumed
                    without += bool(result.no_seg)
                    before += result.earlier is not None
                    tell_chosen(result.chosen)
                    if as_json:
                        json_line(result.record())
                    if result.row.error:
                        complain(f"{result.row.case}: {result.row.error}")
                    elif result.earlier is not None:
                        if result.notes and not as_json:
                            stderr.print(result.sentence(), markup=False)
                    elif not as_json:
                        say.print(result.sentence(), markup=False)
                    bar.show(len(batch.results))
        finally:
            batch.write_report()
    if assumed:
        say.print(
            f"Right and left are assumed in {assumed} of {len(batch.rows)}: their files do not say "
            "which side is which, and the patient's right is taken to be on the image's left."
        )
    failed = sum(bool(row.error) for row in batch.rows)
    if seg and (written := len(batch.rows) - failed - without):
        say.print(_of_segs(written, anonymous))
    done_before = f", {before:,} of them before" if before else ""
    say.print(
        f"{len(batch.rows) - failed} of {len(batch.rows)} segmented{done_before}; results in {output}",
        markup=False,
    )
    if failed or without:
        raise typer.Exit(1)


def sides_of(labels: LabelKind | None, model: str, answer: str | None) -> bool | None:
    """`Options.sides` by what was asked for. Wrong usage where a model marks no lungs."""
    sides = None if labels is None else labels == LabelKind.LEFT_RIGHT
    known = model_labels(model, answer)
    if sides and known is not None and not known.of_lungs:
        raise typer.BadParameter(f"{model} marks {known.in_words()}; omit --labels to get them.")
    return sides


def settings_of(options: Options, place: Workplace | None = None) -> dict[str, Any]:
    """Everything but the image that makes a result of `segment`. place : where, if not in this process."""
    from napari_unet.cluster.made_by import made_by

    asked = {name: value for name, value in asdict(options).items() if name not in ("output", "device")}
    return asked | {"made by": place.made_by if place else made_by(options.model, device=options.device)}


def _of_segs(written: int, anonymous: bool) -> str:
    """Whose the DICOM segmentations are."""
    of = counted(written, "DICOM segmentation")
    if anonymous:
        return f"{of} for research, without patient and study, and without references to images."
    return (
        f"{of} for the archive, with the patient and the study of the image. Nobody has accepted the masks, "
        "so the descriptions begin with UNREVIEWED."
    )
