"""`napari-unet-lung train`: a recipe in, a model folder out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_unet.cli.console import complain, progress_bar, stdout
from napari_unet.cli.options import Device, Threads
from napari_unet.core.errors import UserError
from napari_unet.engine.here import engine


def train(
    recipe: Annotated[
        Path,
        typer.Argument(
            metavar="RECIPE.yaml", dir_okay=False, help="The recipe: what to train, and on which data."
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="Folder of the new model.",
            show_default="NAME in the model folder",
        ),
    ] = None,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Train a model. A run that was broken off goes on where it stopped when started again."""
    from napari_unet.core.events import CaseDone, EpochEnded, Note
    from napari_unet.core.steps import run
    from napari_unet.models.library import default_library
    from napari_unet.training.recipe import read_recipe

    try:
        plan = read_recipe(recipe)
    except UserError as error:
        if recipe.exists():
            raise
        complain(error)
        raise typer.Exit(2) from error
    folder = output or default_library().own / plan.name
    work = engine(threads).submit("train", recipe=plan, folder=folder, device=device).events()
    with progress_bar("Training", total=plan.training.epochs + plan.training.second_cycle, stays=True) as bar:

        def tell(event: CaseDone | EpochEnded | Note) -> None:
            if isinstance(event, Note):
                bar.say(event.text)
                return
            if isinstance(event, CaseDone):
                for note in event.notes:
                    bar.say(note)
                bar.show(event.done, event.total, "Scoring")
                return
            bar.show(event.epoch)
            if event.val_dice == event.val_dice:  # measured in this epoch
                best = "  best so far" if event.best else ""
                bar.say(
                    f"epoch {event.epoch}: loss {event.loss:.3f}, {event.measure} {event.val_dice:.4f},"
                    f" under simulated shifts {event.shifted_dice:.4f}{best}"
                )

        card = run(work, tell)
    for row in card.scores:
        stdout.print(
            f"{row.set}: mean {row.mean:.3f}, median {row.median:.3f}, worst {row.worst:.3f} ({row.n} images)"
        )
    for told in card.finding_scores:
        stdout.print(
            f"{told.set}: {told.finding}, AUC {told.auc:.3f}, sensitivity {told.sensitivity:.3f}, "
            f"specificity {told.specificity:.3f} ({told.n} images)",
            markup=False,
        )
    stdout.print(f"The model {card.name} is in {folder}", markup=False)
