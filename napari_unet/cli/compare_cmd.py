"""`napari-unet-lung compare`: two models on the same images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_unet.cli.console import complain, json_line, stderr, stdout, watched
from napari_unet.cli.options import AsJson, Device
from napari_unet.cli.usage import check_model
from napari_unet.core.errors import UserError
from napari_unet.core.steps import changed
from napari_unet.engine.here import steps

if TYPE_CHECKING:
    from napari_unet.core.events import CaseDone, Familiar
    from napari_unet.core.training_pair import TrainingPair


def compare(
    old: Annotated[str, typer.Argument(metavar="A", help="Name or folder of a model.")],
    new: Annotated[str, typer.Argument(metavar="B", help="Name or folder of another model.")],
    images: Annotated[
        Path, typer.Option(metavar="DIR", exists=True, file_okay=False, help="Folder of images.")
    ],
    masks: Annotated[
        Path | None,
        typer.Option(metavar="DIR", exists=True, file_okay=False, help="Folder of reference masks."),
    ] = None,
    findings: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE",
            exists=True,
            dir_okay=False,
            help="For models that score findings: a CSV with a column file and one per finding, 1 or 0.",
        ),
    ] = None,
    answer: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="For a model B with several answers: compare only the one of this name, old or new.",
        ),
    ] = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Dice and HD95 of both models on every image that has a mask, and whether B is better than A.

    A mask belongs to an image if its name is <stem>_mask.* or <stem>.* (the first wins). Distances are in mm
    where every image has a spacing, otherwise in pixels. Of models that score findings: the area under the
    ROC curve of each finding.
    """
    if masks is None and findings is None:
        raise typer.BadParameter("Give --masks, --findings, or both.", param_hint="--masks")
    from napari_unet.cli.acceptance_output import evidence_records, place_record, show_evidence
    from napari_unet.core.acceptance_report import AcceptanceReport
    from napari_unet.core.events import Familiar

    check_model(old, device)
    check_model(new, device, answer)
    pairs = list(_pairs(images, masks, findings))
    if not pairs:
        if masks is None:
            raise UserError(f"The table {findings} names no image in {images}.", "Check its column file.")
        raise UserError(
            f"No image in {images} has a mask in {masks}.",
            "Masks are matched by name: <stem>_mask.* or <stem>.*.",
        )
    failed: list[str] = []
    familiar: list[Familiar] = []

    def heard(event: CaseDone | Familiar) -> CaseDone | None:
        if isinstance(event, Familiar):
            familiar.append(event)
            return None
        if event.error:
            failed.append(event.name)
            complain(event.error)
        for note in event.notes:
            stderr.print(note, markup=False)
        return event

    work = steps("compare", old=old, new=new, pairs=pairs, device=device, answer=answer)
    evidence = watched("Comparing", changed(work, heard))
    report = AcceptanceReport(old, new, evidence)
    verdict = report.verdict()
    unfair = [sentence for one in familiar if (sentence := one.sentence())]
    for one in familiar:
        if one.unknown:
            stderr.print(one.unknown, markup=False)
    if as_json:
        figures = {**place_record(evidence), "evidence": evidence_records(evidence)}
        json_line({"old": old, "new": new, "verdict": verdict, "leaks": unfair, **figures})
    else:
        show_evidence(evidence, old, new)
        for sentence in (f"{new}: {verdict}", *report.remarks(), *unfair):
            stdout.print(sentence, markup=False)
    if failed:
        raise typer.Exit(1)


def _pairs(images: Path, masks: Path | None, findings: Path | None) -> Iterator[TrainingPair]:
    """Images with their masks and findings; those with no mask or several are reported and ignored."""
    from napari_unet.cli.inputs import case_names
    from napari_unet.core.training_pair import TrainingPair
    from napari_unet.io.findings import StatedFindings, read_findings
    from napari_unet.io.ignored import Ignored
    from napari_unet.io.names import list_images, list_images_and_masks, without_results
    from napari_unet.io.pairs import masks_of_images
    from napari_unet.io.sources import named_paths, sources_among

    sources = sources_among(without_results(list_images(images)))
    wanted = named_paths(sources)
    ignored = Ignored()
    list_images_and_masks(images, ignored=ignored)
    found = masks_of_images(wanted, masks, sources) if masks is not None else None
    known, problems = read_findings(findings, wanted) if findings is not None else ({}, ())
    told = [f"{images}: {text}" for text in ignored.sentences()]
    told += [*found.ignored, *found.problems] if found is not None else []
    for problem in dict.fromkeys((*told, *problems)):
        stderr.print(problem, markup=False)
    for source, image, name in zip(sources, wanted, case_names(wanted), strict=True):
        mask = found.of.get(image) if found is not None else None
        if mask is not None or image in known:
            said, hash = known.get(image, StatedFindings({})), source.content_hash()
            yield TrainingPair(name, source, mask, said.patient, hash, findings=said.findings)
        elif found is not None and image in found.unclear:
            stderr.print(f"{image.name}: {found.unclear[image]}", markup=False)
        else:
            stderr.print(f"{image.name} has no {'mask' if masks else 'line in the table'}.", markup=False)
