"""A model from elsewhere into the library: checked first, then there at once and whole."""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from napari_unet.core.errors import UserError
from napari_unet.io.atomic import flush_folder
from napari_unet.models.card import CARD_FILE, MEMORY_FILE, ModelCard, read_card
from napari_unet.models.checkpoint import build_net, load_model
from napari_unet.models.library import ModelEntry, ModelLibrary
from napari_unet.models.memory import read_memory
from napari_unet.models.unpacking import unpack

_LARGEST_ARGUMENT = 65536
_DEEPEST = 16


@dataclass(frozen=True)
class Imported:
    """entry : the model in the library. left_out : names of files that do not belong to a model."""

    entry: ModelEntry
    left_out: tuple[str, ...] = ()


def import_model(source: Path, library: ModelLibrary, name: str | None = None) -> Imported:
    """Copies a model folder or a zip file of one into `library.own`. name : instead of the card's.

    The card, the checksums and the weights are checked before the model gets its place.
    Raises UserError if anything is wrong with it, the name is taken, or the library cannot be written to.
    """
    partial = library.own / f".import-{secrets.token_hex(6)}.partial"
    try:
        partial.mkdir(parents=True)
        left_out = unpack(source, partial)
        card = _checked(partial, source)
        if card.memory is None and (partial / MEMORY_FILE).is_file():
            (partial / MEMORY_FILE).unlink()  # the card knows nothing of it
            left_out.append(MEMORY_FILE)
        if name is not None:
            card = _renamed(card, name, partial)
        _check_free(card, library)
        for path in partial.iterdir():
            with path.open("rb+") as stream:
                os.fsync(stream.fileno())
        folder = library.own / card.name
        os.replace(partial, folder)
        flush_folder(library.own)
    except OSError as error:
        raise UserError(
            f"The model could not be imported into {library.own} ({error.strerror or error}).",
            "Free space, or choose another model folder with NAPARI_UNET_MODELS.",
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Imported(ModelEntry(card, folder), tuple(left_out))


def _checked(folder: Path, source: Path) -> ModelCard:
    """The card in `folder`, after everything that it names was found good; errors name `source`."""
    try:
        entry = ModelEntry(read_card(folder), folder)
        entry.verify()
        _check_shapes(entry)
        load_model(entry)
        read_memory(entry)
    except UserError as error:
        problem = error.problem.replace(str(folder), str(source)).replace(folder.name, source.name)
        remedy = error.remedy.replace("Install the model again", "Ask for it again where you got it")
        raise UserError(problem, remedy.replace("install the model again", "ask for it again")) from error
    return entry.card


def _check_shapes(entry: ModelEntry) -> None:
    """Compares names and shapes before anything is made: a card can ask for more memory than there is."""
    numbers = {key: value for key, value in entry.card.net.arguments.items() if isinstance(value, int)}
    if max(numbers.values(), default=0) > _LARGEST_ARGUMENT or numbers.get("depth", 0) > _DEEPEST:
        raise UserError(f"The network of the model {entry.card.name} is too large.", "Do not use it.")
    with torch.device("meta"):
        expected = {key: tuple(value.shape) for key, value in build_net(entry.card.net).state_dict().items()}
    try:
        with safe_open(entry.weights, framework="pt") as file:
            found = {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError):
        return  # load_model says what is wrong with such a file
    if found != expected:
        raise UserError(
            f"The weights of the model {entry.card.name} do not fit the network on its card.",
            "Install the model again.",
        )


def _renamed(card: ModelCard, name: str, folder: Path) -> ModelCard:
    """The card with another name, written into `folder`."""
    try:
        renamed = ModelCard.model_validate({**card.model_dump(), "name": name})
    except ValueError as error:
        raise UserError(
            f"{name} cannot be a model's name.", "Use letters, digits, '.', '_' and '-' only, up to 64."
        ) from error
    (folder / CARD_FILE).write_text(renamed.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return renamed


def _check_free(card: ModelCard, library: ModelLibrary) -> None:
    """Raises UserError if the name is in use; capital letters make no difference, as on some disks."""
    taken = {entry.card.name.lower() for entry in library.list()}
    if library.own.is_dir():
        taken |= {path.name.lower() for path in library.own.iterdir()}
    if card.name.lower() in taken or card.name.lower().endswith((".partial", ".json")):
        raise UserError(
            f"There is a model named {card.name} already.", "Import it under another name: --name NEW."
        )
