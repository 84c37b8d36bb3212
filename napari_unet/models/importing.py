"""A model from elsewhere into the library: checked first, then there at once and whole."""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import dataclass
from math import prod
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import nn

from napari_unet.core.auto import RESERVED
from napari_unet.core.errors import UserError
from napari_unet.io.atomic import flush_folder
from napari_unet.models.card import ModelCard
from napari_unet.models.checkpoint import bare_net, check_fits, load_model
from napari_unet.models.folder import CARD_FILE, MEMORY_FILE, WEIGHTS_FILE, read_card
from napari_unet.models.library import ModelEntry, ModelLibrary
from napari_unet.models.replay_set import read_replay_set
from napari_unet.models.unpacking import LIMITS, unpack
from napari_unet.nets.registry import layers_of

_LARGEST_ARGUMENT = 65536
_DEEPEST = 16
_WIDEST = 8  # bytes of a number
_HEADER = 1 << 20  # bytes for the names of tensors
_ITEM = 4096  # bytes for the words about an image
_LARGEST_IMAGE = 4096  # pixels per side


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
        left_out = unpack(source, partial, lambda folder: _expected_sizes(folder, source))
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
        _check_numbers(entry)
        read_replay_set(entry)
    except UserError as error:
        raise _of_source(error, folder, source) from error
    return entry.card


def _of_source(error: UserError, folder: Path, source: Path) -> UserError:
    """The same, about the file that people know."""
    problem = error.problem.replace(str(folder), str(source)).replace(folder.name, source.name)
    remedy = error.remedy.replace("Install the model again", "Ask for it again where you got it")
    return UserError(problem, remedy.replace("install the model again", "ask for it again"))


def _expected_sizes(folder: Path, source: Path) -> dict[str, int]:
    """How large a model's files can be at most by its card, which is all that is in `folder` yet."""
    try:
        card = read_card(folder)
        values = sum(value.numel() for value in _meta_net(card).state_dict().values())
    except UserError as error:
        raise _of_source(error, folder, source) from error
    sizes = {WEIGHTS_FILE: values * _WIDEST + _HEADER}
    if card.memory is not None:
        pixels = prod(card.input.size or (_LARGEST_IMAGE, _LARGEST_IMAGE))
        images = card.memory.replay + card.memory.gate
        planes = card.input.channels + 1 + len(card.channels) // 8  # of one byte per pixel; labels take a bit
        sizes[MEMORY_FILE] = images * (planes * pixels + _ITEM) + _HEADER
    return {name: min(size, LIMITS[name]) for name, size in sizes.items()}


def _meta_net(card: ModelCard) -> nn.Module:
    """The network without memory for its weights: a card can ask for more than there is."""
    for layer, (_, arguments) in enumerate(layers_of(card.net.kind, card.net.arguments)):
        numbers = {key: value for key, value in arguments.items() if isinstance(value, int)}
        largest, deepest = max(numbers.values(), default=0), max(layer, numbers.get("depth", 0))
        if largest > _LARGEST_ARGUMENT or deepest > _DEEPEST:
            raise UserError(f"The network of the model {card.name} is too large.", "Do not use it.")
    net = bare_net(card.net)
    check_fits(net, card)
    expected = [output.likeness for output in card.outputs if output.likeness is not None]
    if any(len({value for row in like.shape for value in row}) < 2 for like in expected):
        raise UserError(
            f"The card of the model {card.name} says that all masks look alike everywhere (likeness.shape).",
            "Install the model again.",
        )
    return net


def _check_numbers(entry: ModelEntry) -> None:
    """Raises UserError for weights that are not numbers, and as load_model does."""
    for name, value in load_model(entry).state_dict().items():
        if not value.isfinite().all():
            raise UserError(
                f"The weights of the model {entry.card.name} are not all numbers ({name}).",
                "Install the model again.",
            )


def _check_shapes(entry: ModelEntry) -> None:
    """Compares names and shapes before anything is made."""
    expected = {key: tuple(value.shape) for key, value in _meta_net(entry.card).state_dict().items()}
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
    taken = {*RESERVED, *(entry.card.name.lower() for entry in library.list())}
    if library.own.is_dir():
        taken |= {path.name.lower() for path in library.own.iterdir()}
    if card.name.lower() in taken or card.name.lower().endswith((".partial", ".json")):
        raise UserError(
            f"There is a model named {card.name} already.", "Import it under another name: --name NEW."
        )
