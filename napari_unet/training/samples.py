"""Samples: images with masks as a network trains with them, of a recipe, a review or a replay set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from napari_unet.core.errors import UserError
from napari_unet.core.input_rule import InputRule
from napari_unet.core.label_set import LabelSet
from napari_unet.core.labels import IGNORE
from napari_unet.core.raster import Raster
from napari_unet.core.training_pair import TrainingPair
from napari_unet.inference.prepare import common_box, field_of, network_input, resized
from napari_unet.models.card import ModelCard
from napari_unet.models.replay_set import ReplaySet
from napari_unet.training.pairs import chosen_slices, read_pair

OVERSIZE = 1.5  # samples are kept this much larger than the network's input: crops then stay sharp


@dataclass(frozen=True)
class SliceChoice:
    """Which slices of volumes become samples. empty : the share of those without any label. every : each
    how-many-th of the others and of these; both are spread over the volume."""

    empty: float = 1.0
    every: int = 1

    def of(self, labelled: Sequence[bool]) -> list[int]:
        """The numbers of slices that are chosen. labelled : whether there is any label in each."""
        rest = np.flatnonzero(~np.asarray(labelled, bool))
        wanted = round(self.empty * len(rest))
        kept = rest[np.arange(wanted) * len(rest) // max(wanted, 1)]
        return sorted([*np.flatnonzero(labelled).tolist(), *kept.tolist()])[self.every // 2 :: self.every]


@dataclass(frozen=True)
class Samples:
    """Images (N, K, Y, X) in 0..1, masks (N, C, Y, X) and `valid` (N, 1, Y, X), 0 or 1; all of them float32.

    images : a slice with its neighbours on both sides, if the model sees them. masks : a channel for each
    label of the output that is taught. valid : 0 where nobody could say what is there (label IGNORE); such
    pixels count in no loss and no score. origins : of each image the index of its pair; of a stack each slice
    that counts is an image. notes : what was assumed in reading the pairs. slices : of each image which slice
    of its pair it is. weights : float32 (N, 1, Y, X), how much a pixel counts in the loss (None: all 1).
    Of pictures with findings instead of masks, masks are (N, C, 1, 1), 1 where a picture has a finding, and
    `valid` (N, C, 1, 1), 0 where nobody has looked for it.
    """

    images: np.ndarray
    masks: np.ndarray
    valid: np.ndarray
    origins: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    slices: tuple[int, ...] = ()
    weights: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.images)

    def subset(self, chosen: Sequence[int]) -> Samples:
        """Some of them, in that order, without origins and notes."""
        index = np.asarray(chosen, dtype=np.intp)
        weights = None if self.weights is None else self.weights[index]
        return Samples(self.images[index], self.masks[index], self.valid[index], weights=weights)

    @property
    def volumes(self) -> tuple[int, ...]:
        """For each image a number, the same for slices of one volume."""
        return self.origins or tuple(range(len(self)))

    @property
    def middle(self) -> np.ndarray:
        """float32 (N, Y, X): the images without their neighbours."""
        return np.asarray(self.images[:, self.images.shape[1] // 2])

    @property
    def foreground(self) -> np.ndarray:
        """bool (N, Y, X): any label."""
        return np.asarray(self.masks.any(axis=1))

    def labels(self, known: LabelSet) -> np.ndarray:
        """uint8 (N, Y, X): 0, the values of `known`, IGNORE."""
        values = np.array(known.values, np.uint8)[self.masks.argmax(axis=1)] * self.foreground
        return np.where(self.valid[:, 0] > 0, values, np.uint8(IGNORE))

    def batch(self, chosen: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Images (N, K, Y, X); masks, then the pixels that do not count (N, C + 1, Y, X; of pictures N, 2 C).

        With `weights` a channel more: these less 1, so that 0 stands for a pixel like any other.
        """
        some = self.subset(chosen)
        more = [] if some.weights is None else [some.weights - 1]
        return torch.from_numpy(some.images), torch.from_numpy(
            np.concatenate([some.masks, 1 - some.valid, *more], axis=1)
        )


def labelled(
    pairs: Sequence[TrainingPair], card: ModelCard, oversize: bool, slices: SliceChoice | None = None
) -> Samples:
    """Pairs as the model sees them in inference; of stacks, each slice that counts by itself.

    Masks are those of the card's `output`. oversize : 1.5 times the card's input size, for training;
    otherwise that size. Volumes that have no more pixels than the card's size are not enlarged: there are
    many slices of them. slices : which of those that count; None: all. Raises UserError for what `read_pair`
    refuses; if the model takes no whole images or draws no masks; if no mask holds any label (one that is
    empty is welcome: nothing can be seen there).
    """
    known = card.output.labels
    whole = _whole_field(card)
    large = whole.larger(OVERSIZE) if oversize else whole
    rule: InputRule | None = None
    images: list[np.ndarray] = []
    targets: list[np.ndarray] = []
    origins: list[int] = []
    places: list[int] = []
    notes: list[str] = []
    for k, pair in enumerate(pairs):
        raster, labels, said = read_pair(pair, card)
        notes += said
        stack = labels if labels.ndim == 3 else labels[None]
        box = common_box(raster, card.output.mask_rule)
        if rule is None:  # one size for all, as the first needs it
            rule = whole if labels.ndim == 3 and not _is_larger(labels, whole) else large
        for z in _slices(pair, raster, labels, known, slices) if labels.ndim == 3 else [0]:
            field, cut = field_of(raster, rule, z, box)
            images.append(network_input(field, rule, card.intensity, bool(raster.inverted)))
            targets.append(_targets(stack[z][cut], known, images[-1].shape[1:]))
            origins.append(k)
            places.append(z)
    if not any(target[:-1].any() for target in targets):
        raise UserError(
            f"None of the masks holds any {' or '.join(known.names)}.",
            "Choose cases in which some can be seen.",
        )
    stacked = np.stack(targets)
    return Samples(
        np.stack(images), stacked[:, :-1], stacked[:, -1:], tuple(origins), tuple(notes), tuple(places)
    )


def _is_larger(labels: np.ndarray, rule: InputRule) -> bool:
    """Whether a slice has more pixels along an axis than the network sees."""
    return any(n > size for n, size in zip(labels.shape[1:], rule.size or (), strict=True))


def _slices(
    pair: TrainingPair, raster: Raster, labels: np.ndarray, known: LabelSet, choice: SliceChoice | None
) -> list[int]:
    """Those of a stack that become samples."""
    counting = chosen_slices(pair, raster)
    if choice is None:
        return counting
    drawn = [bool(np.isin(labels[z], known.values).any()) for z in counting]
    return [counting[k] for k in choice.of(drawn)]


def from_replay_set(replay_set: ReplaySet, card: ModelCard) -> Samples:
    """The replay set of the model of `card`, as it trains with it."""
    images = replay_set.images if replay_set.images.ndim == 4 else replay_set.images[:, None]
    masks = np.stack([replay_set.labels == value for value in card.output.labels.values], axis=1)
    valid = replay_set.labels[:, None] != IGNORE
    return Samples(images.astype(np.float32) / 255, masks.astype(np.float32), valid.astype(np.float32))


def _targets(labels: np.ndarray, known: LabelSet, shape: tuple[int, ...]) -> np.ndarray:
    """float32 (C + 1, *shape), 0 or 1: the masks and where they are valid, by what most of a pixel's area is.

    A pixel that is mostly labelled has the label of the largest share.
    """
    parts = np.stack([*(labels == value for value in known.values), labels == IGNORE])
    *shares, ignored = resized(parts, shape)[0].numpy()
    valid = ignored < 0.5
    drawn = (sum(shares) >= 0.5 * (1 - ignored)) & valid
    first = np.argmax(shares, axis=0)
    return np.stack([*(drawn & (first == k) for k in range(len(shares))), valid]).astype(np.float32)


def _whole_field(card: ModelCard) -> InputRule:
    """The card's, if its model can be trained. Raises UserError if not."""
    problem = ""
    if card.output.task != "segmentation":
        problem = "gives scores and no masks; only models for masks can be fine-tuned."
    elif card.input.size is None:
        problem = "looks at images in tiles; only models that see the whole image can be fine-tuned."
    elif card.input.axes != 2:
        problem = "is for volumes; only models for images and slices can be fine-tuned."
    if problem:
        raise UserError(f"The model {card.name} {problem}", "Choose another model.")
    return card.input
