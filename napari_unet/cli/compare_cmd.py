"""`napari-unet-lung compare`: two models on the same images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_unet.cli.console import complain, json_line, stderr, stdout, watched
from napari_unet.cli.usage import check_model
from napari_unet.core.errors import UserError
from napari_unet.core.steps import changed

if TYPE_CHECKING:
    from napari_unet.core.events import CaseDone
    from napari_unet.core.training_pair import TrainingPair
    from napari_unet.training.gate import Familiar


def compare(
    old: Annotated[str, typer.Argument(metavar="A", help="Name or folder of a model.")],
    new: Annotated[str, typer.Argument(metavar="B", help="Name or folder of another.")],
    images: Annotated[
        Path, typer.Option(metavar="DIR", exists=True, file_okay=False, help="Folder of images.")
    ],
    masks: Annotated[
        Path, typer.Option(metavar="DIR", exists=True, file_okay=False, help="Folder of masks to trust.")
    ],
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> None:
    """Dice and HD95 of both models on every image that has a mask, and whether B is better than A.

    A mask belongs to an image if its name is <stem>_mask.* or <stem>.* (the first wins). Distances are in mm
    where every image has a spacing, otherwise in pixels.
    """
    from napari_unet.cli.gate_output import evidence_records, place_record, show_evidence
    from napari_unet.core.gate_report import GateReport
    from napari_unet.training.gate import Familiar, compare_models

    check_model(old, device)
    check_model(new, device)
    pairs = list(_pairs(images, masks))
    if not pairs:
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

    evidence = watched("Comparing", changed(compare_models(old, new, pairs, device), heard))
    report = GateReport(old, new, evidence)
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


def _pairs(images: Path, masks: Path) -> Iterator[TrainingPair]:
    """Images with their masks; those without, or with several, are told and left out."""
    from napari_unet.cli.inputs import case_names
    from napari_unet.core.training_pair import TrainingPair
    from napari_unet.io.ignored import Ignored
    from napari_unet.io.names import list_images, list_images_and_masks, without_results
    from napari_unet.io.pairs import masks_of_images
    from napari_unet.io.sources import named_paths, sources_among

    sources = sources_among(without_results(list_images(images)))
    wanted = named_paths(sources)
    ignored = Ignored()
    list_images_and_masks(images, ignored=ignored)
    found = masks_of_images(wanted, masks)
    told = [f"{images}: {text}" for text in ignored.sentences()]
    for problem in dict.fromkeys((*told, *found.ignored, *found.problems)):
        stderr.print(problem, markup=False)
    for source, image, name in zip(sources, wanted, case_names(wanted), strict=True):
        if image in found.of:
            yield TrainingPair(name, source, found.of[image], content_hash=source.content_hash())
        else:
            why = f": {found.unclear[image]}" if image in found.unclear else " has no mask."
            stderr.print(f"{image.name}{why}", markup=False)
