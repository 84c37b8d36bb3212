"""A network as one function from grey to its answers: what files for other programs hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from napari_unet.models.card import ModelCard
from napari_unet.models.checkpoint import load_model
from napari_unet.models.library import ModelEntry
from napari_unet.models.output import Output
from napari_unet.nets.further_answer import settled

_LONGEST_NAME = 32  # of a tensor, in BioImage.IO


@dataclass(frozen=True)
class Answer:
    """What one output tensor holds: a map of each channel of `output`, or, `pooled`, one number of each.

    name : of the tensor. channels : of the network.
    """

    name: str
    output: Output
    channels: slice
    pooled: bool = False

    def in_words(self) -> dict[str, Any]:
        """As JSON: the tensor, and what other programs need to know of the output."""
        told = {"id", "task", "labels", "findings", "protocol", "threshold", "mask_rule", "swaps"}
        return {
            "tensor": self.name,
            "pooled": self.pooled,
            **self.output.model_dump(mode="json", include=told),
        }


def answers(card: ModelCard) -> tuple[Answer, ...]:
    """The tensors of a model, output after output: "probability", of a classification "scores" too.

    Of several outputs each has its id in the name: "probability_sides".
    """
    found: list[Answer] = []
    for output in card.outputs:
        channels = card.channels_of(output)
        kinds = ("probability", "scores") if output.task == "classification" else ("probability",)
        for kind in kinds:
            plain = re.sub(r"[^a-z0-9]", "_", output.id.lower())
            name = kind if len(card.outputs) == 1 else f"{kind}_{plain}"
            if len(name) > _LONGEST_NAME or name in {answer.name for answer in found}:
                name = f"{kind}_{len(found) + 1}"
            found.append(Answer(name, output, channels, pooled=kind == "scores"))
    return tuple(found)


class Standalone(nn.Module):
    """Network, mirrored prediction, pooling of scores and sigmoid in one, as `Predictor` does it.

    Input float32 (N, channels, *axes), grey by the card's IntensityRule; a tensor of each of `answers`:
    (N, classes, *axes), or (N, findings) where it is pooled. Of a single answer the tensor itself.
    """

    def __init__(self, net: nn.Module, flips: bool, mirrored: list[int], answers: Sequence[Answer]) -> None:
        super().__init__()
        self.net = net
        self.flips = flips
        self.mirrored = mirrored
        self.answers = tuple(answers)
        self.stride: int = net.stride  # type: ignore[assignment]

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        logits = self.net(x)
        maps, scores = torch.sigmoid(logits), self._scores(logits)
        if self.flips:
            logits = self.net(x.flip(-1))
            maps = (maps + torch.sigmoid(logits).flip(-1)[:, self.mirrored]) / 2
            other = self._scores(logits)
            scores = None if scores is None or other is None else (scores + other[:, self.mirrored]) / 2
        found = [
            (scores if answer.pooled and scores is not None else maps)[:, answer.channels]
            for answer in self.answers
        ]
        return found[0] if len(found) == 1 else tuple(found)

    def _scores(self, logits: Tensor) -> Tensor | None:
        """(N, classes), None where no answer is pooled."""
        if not any(answer.pooled for answer in self.answers):
            return None
        return torch.sigmoid(self.net.pool(logits))  # type: ignore[operator]


def as_tuple(found: Tensor | Sequence[Tensor]) -> tuple[Tensor, ...]:
    """What a `Standalone` gives, however many answers it has."""
    return (found,) if isinstance(found, Tensor) else tuple(found)


def standalone(entry: ModelEntry) -> Standalone:
    """The model in evaluation mode on the CPU. Raises UserError as `load_model` does."""
    card = entry.card
    net = settled(load_model(entry))
    return Standalone(net, card.flips, card.mirrored_channels, answers(card)).eval().requires_grad_(False)
