"""The sources of a recipe together: which pairs train, which validate, and how many of them an epoch sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from napari_unet.core.errors import UserError
from napari_unet.core.training_pair import TrainingPair
from napari_unet.io.manifest import split_name
from napari_unet.training.data_folder import check_patients, find_pairs
from napari_unet.training.recipe import DataConfig, FindingConfig

Use = Literal["train", "val"]


@dataclass(frozen=True)
class Found:
    """What a source holds. pairs : their `split` is train, val or test, whatever the source calls it."""

    data: DataConfig
    pairs: tuple[TrainingPair, ...]

    def of(self, use: Use) -> list[TrainingPair]:
        """Those that train or those that validate."""
        return [pair for pair in self.pairs if pair.split == use]


@dataclass(frozen=True)
class Epoch:
    """Which images an epoch sees. parts : of each source the number of images, and how many are seen."""

    parts: tuple[tuple[int, int], ...]

    def __len__(self) -> int:
        return sum(seen for _, seen in self.parts)

    def order(self, generator: torch.Generator) -> Tensor:
        """Their indices in random order; of a source, no image is seen again before all have been seen."""
        first, drawn = 0, []
        for count, seen in self.parts:
            rounds = [torch.randperm(count, generator=generator) for _ in range(-(-seen // count))]
            drawn.append(first + torch.cat(rounds)[:seen])
            first += count
        order = torch.cat(drawn)
        return order if len(drawn) == 1 else order[torch.randperm(len(order), generator=generator)]


def find_sources(
    sources: Sequence[DataConfig],
    seed: int = 0,
    notes: list[str] | None = None,
    findings: Sequence[FindingConfig] = (),
) -> tuple[Found, ...]:
    """The pairs of each source, in order. Where there are several, names of images begin with their source's.

    notes, findings : as in `find_pairs`. Raises UserError as that does; if a patient is in two splits of
    different sources; if a source has nothing to train with, or none has anything to validate with.
    """
    found = []
    for data in sources:
        uses = {split_name(data.test): "test", split_name(data.val): "val", split_name(data.train): "train"}
        place = f"{data.name or Path(data.folder).name}/" if len(sources) > 1 else ""
        pairs = [
            replace(pair, id=place + pair.id, split=uses.get(pair.split, f"{pair.split}, not used"))
            for pair in find_pairs(data, seed, notes, findings)
        ]
        found.append(Found(data, tuple(pairs)))
    for one in found:
        if not one.of("train"):
            raise _nothing(one.data.train)
    if not any(one.of("val") for one in found):
        raise _nothing(found[0].data.val)
    check_patients(pair for one in found for pair in one.pairs)
    return tuple(found)


def of_use(found: Sequence[Found], use: Use) -> list[TrainingPair]:
    """What trains or validates, source after source."""
    return [pair for one in found for pair in one.of(use)]


def epoch_of(found: Sequence[Found], origins: Sequence[int]) -> Epoch:
    """What an epoch sees. origins : of each image its pair among `of_use(found, "train")`."""
    parts, first = [], 0
    for one in found:
        end = first + len(one.of("train"))
        count = sum(first <= origin < end for origin in origins)
        parts.append((count, one.data.per_epoch or count))
        first = end
    return Epoch(tuple(part for part in parts if part[0]))


def _nothing(split: str) -> UserError:
    return UserError(f"No image belongs to the split {split}.", "Correct the manifest or the recipe.")
