"""`napari-unet-lung models remember`: a copy of a model, with a replay set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_unet.cli.console import stdout
from napari_unet.engine.here import engine


def remember(
    name: Annotated[str, typer.Argument(help="Name or folder of a model.")],
    recipe: Annotated[
        Path, typer.Option("--recipe", help="The recipe that made it; it defines the replay set.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the copy; it must not exist yet.")
    ],
) -> None:
    """Copy a model and give it images for fine-tuning, chosen from its own training and validation sets."""
    from napari_unet.core.errors import UserError
    from napari_unet.models.checkpoint import copy_model
    from napari_unet.models.library import default_library
    from napari_unet.training.recipe import read_recipe

    entry = default_library().find(name)
    work = engine().submit("remember", recipe=read_recipe(recipe), card=entry.card)
    replay_set = work.result()
    if replay_set is None:
        raise UserError(f"{recipe} defines no replay set.", "Add the line `memory: {replay: 16, gate: 8}`.")
    copy_model(entry, output, replay_set)
    kept = (len(replay_set.part("replay")), len(replay_set.part("gate")))
    stdout.print(f"{output}: {kept[0]} images for replay and {kept[1]} for the acceptance test", markup=False)
