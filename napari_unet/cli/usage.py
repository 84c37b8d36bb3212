"""What is wrong with a command itself: reported before any work is done, with exit code 2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

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
    from napari_unet.models.library import default_library

    with _told():
        entries = default_library().meant(model)
        if not any(_has(entry, answer) for entry in entries):
            entries[0].card.output_named(answer)
    if device is not None:
        check_device(device)


def check_device(device: str) -> None:
    """A device that does not exist is wrong usage."""
    from napari_unet.engine.here import engine

    with _told():
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


def model_warning(model: str) -> str:
    """`ModelCard.warning`; "" for "auto", which takes no model for teaching."""
    return "" if model == AUTO else find_model(model).card.warning


def model_findings(model: str) -> tuple[str, ...]:
    """What a model scores. That it scores nothing, or is not there, is wrong usage."""
    output = find_model(model).card.output
    if output.task != "classification":
        complain(f"The model {model} draws masks and gives no scores. Use cxr-finding, for instance.")
        raise typer.Exit(2)
    return output.findings


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
