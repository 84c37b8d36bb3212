"""Weights on disk: safetensors beside the card, written whole or not at all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from napari_unet.core.errors import UserError
from napari_unet.core.files import checksum
from napari_unet.core.network_facts import NetworkDrawing, NetworkFacts
from napari_unet.io.alone import writing_alone
from napari_unet.models.card import ModelCard, NetSpec
from napari_unet.models.folder import CARD_FILE, MEMORY_FILE, WEIGHTS_FILE
from napari_unet.models.library import ModelEntry
from napari_unet.models.replay_set import ReplaySet, write_replay_set
from napari_unet.nets import registry

_DRAWN = 512  # pixels of a side of the input that is drawn, for networks that take any


def build_net(spec: NetSpec) -> nn.Module:
    """A network with random weights. Raises UserError for an unknown network or unknown arguments."""
    try:
        return registry.build(spec.kind, spec.arguments)
    except (TypeError, ValueError, RuntimeError, ArithmeticError, LookupError, AttributeError) as error:
        raise UserError(
            f"The network {spec.kind} cannot be made ({error}).", "Correct its arguments."
        ) from error


def bare_net(spec: NetSpec) -> nn.Module:
    """The network without memory for its weights, to ask what it is. Raises UserError as `build_net` does."""
    with torch.device("meta"), _Unfilled():
        return build_net(spec)


class _Unfilled(TorchFunctionMode):
    """Draws no random weights: without memory for them torch would load its compiler, for over a second."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Every other call as it is."""
        return args[0] if func is Tensor.normal_ else func(*args, **(kwargs or {}))


def network_drawing(card: ModelCard) -> NetworkDrawing:
    """The stages of the card's network for its input size, or if it has none for about 512 pixels.

    Raises UserError as `build_net` does.
    """
    from napari_unet.nets.stages import drawing  # which nothing else needs

    net = bare_net(card.net)
    return drawing(net, drawn_size(card, registry.facts_of(net)))


def drawn_size(card: ModelCard, facts: NetworkFacts) -> tuple[int, ...]:
    """The card's input size, or if it has none about 512 pixels of a side."""
    side = -(-_DRAWN // facts.stride) * facts.stride
    return card.input.size or (side,) * facts.axes


def check_fits(net: nn.Module, card: ModelCard) -> None:
    """Raises UserError if the network is not the card's: its input in, its classes out, as its facts say."""
    channels, classes = card.input.channels, len(card.channels)
    facts = registry.facts_of(net)
    taken_in = facts.channels == channels and facts.axes == card.input.axes
    if not taken_in or net.classes != classes or net.output_margin:
        grey = "one grey image" if channels == 1 else f"{channels} slices"
        taken = grey if card.input.axes == 2 else "one volume"
        raise UserError(
            f"The network of the model {card.name} does not take {taken} and give {classes} classes at its"
            " size.",
            f"Use a network of {card.input.axes} axes with {channels} input channel{'s' * (channels > 1)} "
            "and as many classes as the card names.",
        )
    if card.facts is not None and card.facts != facts:
        raise UserError(
            f"The card of the model {card.name} describes another network ({card.facts.in_words()}) than it "
            f"names ({facts.in_words()}).",
            "Install the model again.",
        )
    if any(output.task == "classification" for output in card.outputs) and not hasattr(net, "pool"):
        raise UserError(
            f"The network of the model {card.name} has no pooling from a map to a score.",
            "Use a network that classifies.",
        )
    stride = facts.stride
    if card.input.size is not None and any(n % stride for n in card.input.size):
        raise UserError(
            f"The network of the model {card.name} takes sizes that are multiples of {stride}, and its card "
            f"says {' × '.join(map(str, card.input.size))}.",
            "Correct the card's input size.",
        )


def save_model(
    weights: dict[str, Tensor],
    card: ModelCard,
    folder: Path,
    half: bool = True,
    replay_set: ReplaySet | None = None,
) -> ModelCard:
    """Writes a model folder, whole or not at all, and returns the card with checksums and facts filled in.

    weights : a state dict. half : floating-point tensors as float16, half the size, where their values fit.
    replay_set : None for a model without one, which the card says.
    Raises UserError if the folder exists (a model is never overwritten) or cannot be written, or if there is
    no such network as the card's.
    """
    card = card.model_copy(update={"facts": registry.facts_of(bare_net(card.net))})
    with writing_alone(folder):
        return _saved(weights, card, folder, half, replay_set)


def _saved(
    weights: dict[str, Tensor], card: ModelCard, folder: Path, half: bool, replay_set: ReplaySet | None
) -> ModelCard:
    if folder.exists():
        raise UserError(f"There is a model in {folder} already.", "Choose another name or version.")
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        stored = rounded_weights(weights, card.net) if half else weights
        save_file({name: _contiguous(value) for name, value in stored.items()}, partial / WEIGHTS_FILE)
        spec = None
        if replay_set is not None:
            write_replay_set(replay_set, partial / MEMORY_FILE)
            spec = replay_set.spec(checksum(partial / MEMORY_FILE))
        card = card.model_copy(update={"sha256": checksum(partial / WEIGHTS_FILE), "memory": spec})
        (partial / CARD_FILE).write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")
        for path in partial.iterdir():
            with path.open("rb+") as stream:
                os.fsync(stream.fileno())
        os.replace(partial, folder)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise UserError(
            f"The model could not be saved in {folder} ({getattr(error, 'strerror', None) or error}).",
            "Free space or choose another folder.",
        ) from error
    except BaseException:  # Ctrl+C
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return card


def load_model(entry: ModelEntry) -> nn.Module:
    """The network with its weights in float32, in evaluation mode.

    Raises UserError if the checksum is wrong, the file is not a safetensors file (pickles are never opened),
    or its tensors do not fit the network on the card, or the card does not describe that network.
    """
    weights = _read_weights(entry)
    net = build_net(entry.card.net)
    try:
        net.load_state_dict({name: _loaded(value) for name, value in weights.items()})
    except RuntimeError as error:
        raise UserError(
            f"The weights of the model {entry.card.name} do not fit the network on its card.",
            "Install the model again.",
        ) from error
    check_fits(net, entry.card)
    return net.eval()


def copy_model(entry: ModelEntry, folder: Path, replay_set: ReplaySet) -> ModelCard:
    """The same model in another folder, with `replay_set` in place of its own; returns its card.

    Raises UserError as `load_model` and `save_model` do.
    """
    return save_model(_read_weights(entry), entry.card, folder, half=False, replay_set=replay_set)


def _read_weights(entry: ModelEntry) -> dict[str, Tensor]:
    """As they are stored."""
    entry.verify_weights()
    try:
        return load_file(entry.weights)
    except (SafetensorError, OSError) as error:
        raise UserError(
            f"The weights of the model {entry.card.name} are not a safetensors file.",
            "Do not use it: other formats can contain harmful programs. Install the model again.",
        ) from error


def rounded_weights(weights: dict[str, Tensor], spec: NetSpec) -> dict[str, Tensor]:
    """Floating-point tensors as float16 where their values fit; those that no training changes, exactly."""
    untouched = registry.UNTOUCHED.get(spec.kind)
    return {
        name: _half(value, exact=untouched is not None and name.startswith(untouched))
        for name, value in weights.items()
    }


def _half(value: Tensor, exact: bool) -> Tensor:
    if not value.dtype.is_floating_point:
        return value
    rounded = value.to(torch.float16)
    fits = torch.equal(rounded.to(value.dtype), value) if exact else bool(rounded.isfinite().all())
    return rounded if fits else value


def _contiguous(value: Tensor) -> Tensor:
    return value.detach().cpu().contiguous()


def _loaded(value: Tensor) -> Tensor:
    return value.float() if value.dtype.is_floating_point else value
