"""One more answer beside those of a parent, which stay as they are."""

from __future__ import annotations

import copy

import torch
from torch import nn

from napari_unet.core.errors import UserError
from napari_unet.models.card import ModelCard, NetSpec
from napari_unet.models.checkpoint import build_net
from napari_unet.models.output import Output
from napari_unet.models.replay_set import ReplaySet
from napari_unet.nets.further_answer import KIND, FurtherAnswer
from napari_unet.nets.unet import UNet

DESIGN, OF_SEVERAL = "adapted-path", "last-stages"
"""Of the parts that give a new answer of one label, and of several (nets/answer_designs.py).

docs/fine-tuning.md compares them.
"""

SAME = 1e-6
"""By how much the probability of an earlier answer may differ from the parent's: rounding, and no more."""


def is_further(card: ModelCard) -> bool:
    """Whether the last answer has parts of its own, so that nothing that is learned changes the others."""
    return card.net.kind == KIND


def with_further_answer(
    net: nn.Module, card: ModelCard, threshold: float, protocol: str, design: str | None = None
) -> tuple[nn.Module, ModelCard]:
    """The network and the card of a child that has one answer more, by another protocol, before it learns.

    net, card : of the parent. threshold : of the new answer. protocol : in words. design : see DESIGNS;
    None chooses it by the number of labels.
    Raises UserError if there is nothing to put it beside: only a U-Net with padding can have one.
    """
    if not isinstance(net, UNet | FurtherAnswer):
        raise UserError(
            f"The network of {card.name} cannot have a further answer: it is not a U-Net with padding.",
            "Begin with another model, or say that the protocol is the same: its own answer changes then.",
        )
    new = card.output.model_copy(
        update={"id": _free_id(card.outputs), "threshold": threshold, "protocol": protocol}
    )
    count = len(new.channels)
    chosen = design or (DESIGN if count == 1 else OF_SEVERAL)
    arguments = {"base": card.net.model_dump(), "classes": count, "design": chosen}
    spec = NetSpec(kind=KIND, arguments=arguments)
    further = build_net(spec)
    assert isinstance(further, FurtherAnswer)
    further.begin(net.state_dict())
    changed = {"outputs": (*card.outputs, new), "net": spec, "facts": None}
    return further.eval(), card.model_copy(update=changed)


def up_to(net: nn.Module, card: ModelCard, answer: str | None) -> tuple[nn.Module, ModelCard]:
    """The same model as it was when `answer` was its last one: then that can be trained too.

    answer : as in `ModelCard.output_named`. Raises UserError if the network's answers were made together.
    """
    wanted = card.output_named(answer)
    while card.output != wanted and isinstance(net, FurtherAnswer):
        net, base = net.base, NetSpec.model_validate(card.net.arguments["base"])
        card = card.model_copy(update={"outputs": card.outputs[:-1], "net": base, "facts": None})
    if card.output != wanted:
        raise UserError(
            f"Of the model {card.name} only the answer {card.output.id} can be trained.",
            "Choose that, or another model.",
        )
    (net.own if isinstance(net, FurtherAnswer) else net).requires_grad_(True)
    return net, card


@torch.inference_mode()
def largest_change(
    parent: nn.Module, child: nn.Module, inputs: torch.Tensor, channels: int, device: str = "cpu"
) -> float:
    """By how much the probability in any of the first `channels` differs at most, on inputs (N, C, Y, X)."""
    before, after = copy.deepcopy(parent).to(device).eval(), child.to(device).eval()
    largest = 0.0
    for image in inputs.split(1):
        old, new = (torch.sigmoid(net(image.to(device)))[:, :channels] for net in (before, after))
        largest = max(largest, float((old - new).abs().max()))
    return largest


def following(replay_set: ReplaySet, output: Output) -> ReplaySet:
    """The images whose masks follow the protocol of `output`, which is the last of its card."""
    return replay_set.subset([k for k, item in enumerate(replay_set.items) if item.follows(output.id)])


def _free_id(outputs: tuple[Output, ...]) -> str:
    """As in "lungs-2", for the second answer."""
    taken, number = {output.id for output in outputs}, len(outputs) + 1
    first = outputs[0].id[:56]
    while f"{first}-{number}" in taken:
        number += 1
    return f"{first}-{number}"
