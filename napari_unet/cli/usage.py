"""What is wrong with a command itself: told before any work is done, with exit code 2."""

from __future__ import annotations

import typer

from napari_unet.cli.console import complain
from napari_unet.core.errors import UserError


def check_model(model: str, device: str) -> None:
    """A model or a device that does not exist is wrong usage."""
    from napari_unet.inference.device import pick_device
    from napari_unet.models.library import default_library

    try:
        default_library().find(model)
        pick_device(device)
    except UserError as error:
        complain(error)
        raise typer.Exit(2) from error
