"""`napari-unet-lung segment`: images in, masks and a report out."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_unet.cli.console import complain, json_line, once_each, progress_bar, stderr, stdout
from napari_unet.cli.options import Device, Resume
from napari_unet.cli.series_cmd import AllSeries, SeriesOption, choice_of
from napari_unet.cli.usage import check_model, made_by, model_labels
from napari_unet.core.auto import AUTO
from napari_unet.core.errors import UserError
from napari_unet.core.wording import counted

if TYPE_CHECKING:
    from napari_unet.cli.batch import Options


class LabelKind(StrEnum):
    """What the values in a mask mean."""

    LUNGS = "lungs"
    LEFT_RIGHT = "left-right"


def _threshold(text: str) -> float:
    """Words of our own: what typer says of a wrong number or choice depends on its version."""
    try:
        value = float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a number.") from None
    if not 0 < value < 1:  # nan too
        raise typer.BadParameter(f"{text} must lie between 0 and 1, exclusive.")
    return value


def _label_kind(text: str) -> LabelKind:
    try:
        return LabelKind(text)
    except ValueError:
        choices = " or ".join(LabelKind)
        raise typer.BadParameter(f"{text!r} is not known; choose {choices}.") from None


def segment(
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Images, folders or globs.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", file_okay=False, help="Folder for the results.")
    ],
    model: Annotated[
        str,
        typer.Option(
            metavar="auto|NAME",
            help="Name or folder of a model; auto: the one in use for X-rays or CT, as each image is.",
        ),
    ] = AUTO,
    answer: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="For a model with several answers: the name of one, old or new."),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            parser=_threshold,
            metavar="T",
            help="Between 0 and 1, instead of the model's own.",
            show_default=False,
        ),
    ] = None,
    device: Device = "auto",
    labels: Annotated[
        LabelKind | None,
        typer.Option(
            parser=_label_kind,
            metavar="[lungs|left-right]",
            help="lungs: both as one, 0 and 255 (NIfTI 0 and 1); left-right: 1 = right, 2 = left lung. Other "
            "labels keep their numbers. [as the model has them]",
            show_default=False,
        ),
    ] = None,
    probability: Annotated[bool, typer.Option("--probability", help="Also write the probability.")] = False,
    overlay: Annotated[bool, typer.Option("--overlay", help="Also write the image with outlines.")] = False,
    seg: Annotated[
        bool, typer.Option("--seg", help="Also write a DICOM segmentation, with the patient and the study.")
    ] = False,
    recursive: Annotated[bool, typer.Option("--recursive", help="Include sub-folders.")] = False,
    series: SeriesOption = None,
    all_series: AllSeries = False,
    anonymous: Annotated[bool, typer.Option("--anonymous", help="Replace case names with hashes.")] = False,
    resume: Resume = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line on stdout.")] = False,
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
    if not found.cases:
        raise UserError("There is no image to segment.", "Name images or a folder that holds some.")
    make_folder(output)
    check_model(model, device, answer)
    sides = None if labels is None else labels == LabelKind.LEFT_RIGHT
    known = model_labels(model, answer)
    if sides and known is not None and not known.of_lungs:
        raise typer.BadParameter(f"{model} marks {known.in_words()}; omit --labels to get them.")

    from napari_unet.cli.batch import Batch, Options
    from napari_unet.cli.resume import ResumeRecord

    options = Options(output, model, threshold, device, sides, probability, overlay, anonymous, answer, seg)
    batch = Batch(found, options, ResumeRecord(output, "segment", _settings(options), again=not resume))
    assumed = without = before = 0
    tell_chosen = once_each()
    try:
        with progress_bar("Segmenting", total=len(found.cases)) as bar:
            for result in batch.run(bar.show):
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
                bar.show(len(batch.rows))
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


def _settings(options: Options) -> dict[str, Any]:
    """Everything but the image that makes a result of `segment`."""
    asked = {name: value for name, value in asdict(options).items() if name not in ("output", "device")}
    return asked | {"made by": made_by(options.model, device=options.device)}


def _of_segs(written: int, anonymous: bool) -> str:
    """Whose the DICOM segmentations are."""
    of = counted(written, "DICOM segmentation")
    if anonymous:
        return f"{of} for research, without patient and study, and without references to images."
    return (
        f"{of} for the archive, with the patient and the study of the image. Nobody has accepted the masks, "
        "so the descriptions begin with UNREVIEWED."
    )
