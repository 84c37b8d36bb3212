"""What a fine-tune begins with: the parent, the network that will learn, and the parent's images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from napari_unet.core.errors import UserError
from napari_unet.core.steps import run
from napari_unet.inference.predictor import Predictor
from napari_unet.models.card import ModelCard
from napari_unet.models.checkpoint import load_model
from napari_unet.models.library import ModelEntry
from napari_unet.models.replay_set import ReplaySet, read_replay_set
from napari_unet.training.cases import Cases
from napari_unet.training.derived import THRESHOLD, seen_as_derived, unseen
from napari_unet.training.further import (
    SAME,
    following,
    is_further,
    largest_change,
    with_further_answer,
)
from napari_unet.training.learner import as_saved
from napari_unet.training.protocol_question import asked
from napari_unet.training.samples import Samples, from_replay_set
from napari_unet.training.undisputed import Masks, drawn_beside, undisputed


class Parent:
    """A model to begin with: entry, network, and the Predictor on its device."""

    def __init__(self, entry: ModelEntry, device: str) -> None:
        self.entry, self.device = entry, device
        self.net = load_model(entry)
        self.predictor = Predictor(self.net, entry.card, torch.device(device))

    @property
    def card(self) -> ModelCard:
        """The parent's."""
        return self.entry.card

    def begin(self, cases: Cases, protocol: str, same_protocol: bool | None) -> Beginning:
        """For these cases. same_protocol : as in `fine_tune`. Raises UserError as that does."""
        if same_protocol is None:
            self._only_if_the_same(cases, protocol)
        same = same_protocol is not False
        replay_set = read_replay_set(self.entry)
        if same:
            net, card = self.net, seen_as_derived(self.card)
        else:
            net, card = with_further_answer(self.net, self.card, THRESHOLD, protocol)
            replay_set = replay_set and replay_set.answered(self.card.output.id)
        judges = None if replay_set is None else unseen(replay_set, cases.fingerprints)
        return Beginning(self, cases, same, net, card, replay_set, judges)

    def _only_if_the_same(self, cases: Cases, protocol: str) -> None:
        """Raises UserError where only a person can know whether the protocols are the same."""
        question = run(asked(self.predictor, cases.pairs, protocol))
        if question.open:
            raise UserError(
                " ".join((question.asked_of(self.card.name), *question.in_lines())),
                "Say which it is: the same protocol on other images; or another protocol, for which the new "
                "model gets an answer of its own.",
            )


@dataclass(frozen=True)
class Beginning:
    """A network that is about to learn, with the card that says what; nothing has been learned yet.

    same_protocol : whether the parent's own answer is what changes. replay_set : of the parent, with what
    each mask answers in the new model. judges : its images that can test the new model.
    """

    parent: Parent
    cases: Cases
    same_protocol: bool
    net: nn.Module
    card: ModelCard
    replay_set: ReplaySet | None
    judges: ReplaySet | None

    @property
    def answer(self) -> str | None:
        """The only one that can change; None for all of them."""
        return self.card.output.id if is_further(self.card) else None

    def replayed(self, taught: Sequence[int]) -> Samples | None:
        """The parent's images that are learned from again, beside these samples of the cases, or None.

        Images by another protocol teach a new answer only where the protocols agree.
        """
        images = self.replay_set and self.replay_set.part("replay")
        if self.same_protocol or images is None:
            return self._following(images)
        card = self.parent.card
        of_parent = following(images, card.output)
        drawn = [masks for k in taught for masks in self._drawn[k]]
        return undisputed(of_parent, card, drawn) if of_parent else None

    @cached_property
    def _drawn(self) -> list[list[Masks]]:
        """`drawn_beside` of each sample of the cases, once for all trainings."""
        net, card, small = self.parent.net, self.parent.card, self.cases.small
        return [drawn_beside(net, card, small.subset([k])) for k in range(len(small))]

    @cached_property
    def reference(self) -> Samples | None:
        """Those of `judges` that say something about the answer that learns."""
        return self._following(self.judges)

    def predictor(self, weights: dict[str, Tensor]) -> Predictor:
        """The new network as it will be read back: weights rounded to half precision."""
        return Predictor(as_saved(self.card, weights), self.card, torch.device(self.parent.device))

    def earlier_change(self, weights: dict[str, Tensor]) -> float | None:
        """By how much the parent's earlier answers changed at most; None where they were to change.

        Measured on the reference images, or on the cases where there are none. Raises UserError if it is more
        than rounding.
        """
        if self.answer is None:
            return None
        some = self.judges and from_replay_set(self.judges, self.card)
        images = torch.from_numpy((some or self.cases.small).images)
        child = as_saved(self.card, weights)
        earlier = sum(len(output.channels) for output in self.card.outputs[:-1])
        change = largest_change(self.parent.net, child, images, earlier, self.parent.device)
        if change > SAME:
            raise UserError(
                f"Answers of {self.parent.card.name} that were to stay changed by {change:.2g}, so the new "
                "model was not saved.",
                "Train on the processor, and report this.",
            )
        return change

    def _following(self, images: ReplaySet | None) -> Samples | None:
        found = images and following(images, self.card.output)
        return from_replay_set(found, self.card) if found else None
