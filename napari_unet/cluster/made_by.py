"""What makes results besides images and options: models, program and backend, here and on every worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_unet.models.library import ModelLibrary


def made_by(*models: str, device: str) -> dict[str, Any]:
    """What makes results in this process, with the backend that its engine uses on a device.

    models, and what is raised : see `known_by`. Raises UserError for a device that is not there.
    """
    from napari_unet.engine.here import engine

    return known_by(*models) | {"backend": engine().submit("backends", device=device).result()}


def known_by(*models: str, library: ModelLibrary | None = None) -> dict[str, Any]:
    """The "program" and the "models", as this computer has them. Imports no torch.

    models : names; of "auto" all that it may stand for. library : where they are looked for, None for the
    usual one. Raises UserError for models that are not there.
    """
    from napari_unet import __version__
    from napari_unet.core.files import checksum
    from napari_unet.models.folder import CARD_FILE
    from napari_unet.models.library import default_library

    library = library or default_library()
    entries = [entry for model in models for entry in library.meant(model)]
    cards = [(entry.card.name, checksum(entry.folder / CARD_FILE)) for entry in entries]
    return {"models": cards, "program": __version__}
