"""What is wrong with a command itself: reported before any work is done, with exit code 2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from napari_unet.cli.console import complain
from napari_unet.core.auto import AUTO
from napari_unet.core.errors import UserError

if TYPE_CHECKING:
    from napari_unet.core.label_set import LabelSet
    from napari_unet.models.library import ModelEntry


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except UserError as error:
        complain(error)
        raise typer.Exit(2) from error


def check_model(model: str, device: str | None, answer: str | None = None) -> None:
    """A model, one of its answers or a device that does not exist is wrong usage.

    With "auto" one of the models in use must have the answer. device : None if the work is done elsewhere.
    """
    from napari_unet.cli.engine import engine

    with _told():
        entries = _meant(model)
        if not any(_has(entry, answer) for entry in entries):
            entries[0].card.output_named(answer)
        if device is not None:
            engine().submit("pick_device", name=device).result()


def find_model(model: str) -> ModelEntry:
    """The model of that name or folder; that there is none is wrong usage."""
    from napari_unet.models.library import default_library

    with _told():
        return default_library().find(model)


def model_labels(model: str, answer: str | None = None) -> LabelSet | None:
    """What the masks of a model's answer hold; None if it makes none. Wrong usage as in `check_model`.

    Of "auto" None too, as long as it is open which model that is.
    """
    if model == AUTO:
        return None
    card = find_model(model).card
    with _told():
        output = card.output_named(answer)
    return output.labels if output.task == "segmentation" else None


def model_findings(model: str) -> tuple[str, ...]:
    """What a model scores. That it scores nothing, or is not there, is wrong usage."""
    output = find_model(model).card.output
    if output.task != "classification":
        complain(f"The model {model} draws masks and gives no scores. Use cxr-finding, for instance.")
        raise typer.Exit(2)
    return output.findings


def made_by(*models: str, device: str) -> dict[str, Any]:
    """What makes results besides images and options: models, program and backend, for `ResumeRecord`.

    models, and what is raised : see `known_by`. Raises UserError for a device that is not there.
    """
    from napari_unet.cli.engine import engine

    return known_by(*models) | {"backend": engine().submit("backends", device=device).result()}


def known_by(*models: str) -> dict[str, Any]:
    """The program and the models, as this computer has them. Imports no torch.

    models : names; of "auto" all that it may stand for. Raises UserError for models that are not there.
    """
    from napari_unet import __version__
    from napari_unet.core.files import checksum
    from napari_unet.models.card import CARD_FILE

    entries = [entry for model in models for entry in _meant(model)]
    cards = [(entry.card.name, checksum(entry.folder / CARD_FILE)) for entry in entries]
    return {"models": cards, "program": __version__}


def _meant(model: str) -> list[ModelEntry]:
    """The model of that name, or all that "auto" may stand for."""
    from napari_unet.core.image_kind import KINDS
    from napari_unet.models.library import default_library

    library = default_library()
    if model != AUTO:
        return [library.find(model)]
    return [library.for_kind(kind) for kind in KINDS]


def _has(entry: ModelEntry, answer: str | None) -> bool:
    try:
        entry.card.output_named(answer)
    except UserError:
        return False
    return True


def preset(text: str) -> str:
    """For typer: the name of a preset of fine-tuning."""
    from napari_unet.training.adapt_config import PRESETS

    if text not in PRESETS:
        raise typer.BadParameter(f"{text!r} is not known; choose {' or '.join(PRESETS)}.")
    return text
