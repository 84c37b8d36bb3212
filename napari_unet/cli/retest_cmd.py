"""`napari-unet-lung models test`: the acceptance test of today for a model that was fine-tuned before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_unet.cli import usage
from napari_unet.cli.console import json_line, progress_bar, stdout
from napari_unet.cli.options import AsJson, Device, Threads
from napari_unet.engine.here import steps

if TYPE_CHECKING:
    from napari_unet.core.events import CaseDone
    from napari_unet.models.card import ModelCard


def retest(
    name: Annotated[str, typer.Argument(help="Name or folder of a fine-tuned model.")],
    project: Annotated[
        Path | None,
        typer.Option(
            "--review",
            metavar="PROJECT",
            exists=True,
            file_okay=False,
            help="A review project: its images that nobody has corrected are looked at too.",
        ),
    ] = None,
    device: Device = "auto",
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Test a fine-tuned model against its parent as a new one is tested, and write that on its card.

    For models that an earlier version made. The comparison on held-out cases stays as it was found. Measured
    now: the parent's reference images, the same with simulated machines, X-rays of two other hospitals, and
    the untouched images of a review project.
    """
    from napari_unet.cli.acceptance_output import report_record, show_report
    from napari_unet.core.steps import run
    from napari_unet.review.store import ReviewProject

    usage.check_model(name, device)
    untouched = []
    if project is not None:
        with ReviewProject.open(project) as opened:
            untouched = opened.untouched_pairs()
    work = steps("retest", model=name, untouched=untouched, device=device, threads=threads)
    with progress_bar("Comparing") as bar:

        def tell(event: CaseDone) -> None:
            bar.show(event.done, event.total)
            if event.error:
                bar.say(event.error)

        result = run(work, tell)
    report = result.report
    if as_json:
        found = {"name": report.child, "parent": report.parent, "folder": str(result.folder)}
        json_line(found | report_record(report))
        return
    show_report(report)
    stdout.print(f"It is on the model's card in {result.folder}.", markup=False)


def offered(card: ModelCard) -> str:
    """A sentence with the command, for a model that was tested less than one is tested today; else ""."""
    from napari_unet.training.outcome import was_tested_less

    if not was_tested_less(card):
        return ""
    return (
        f"{card.name} was tested by an earlier program version, without images from other hospitals. Test it "
        f"as new models are tested: napari-unet-lung models test {card.name}"
    )
