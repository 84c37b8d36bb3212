"""Chooses the replay set of a model: of many cases a few that represent all, as the model sees them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from napari_unet.core.core_set import k_centre, thumbnails
from napari_unet.core.leaks import perceptual_hash
from napari_unet.core.training_pair import TrainingPair
from napari_unet.models.card import DataSource, ModelCard
from napari_unet.models.replay_set import ReplayItem, ReplaySet, Role
from napari_unet.training.config import Recipe
from napari_unet.training.data_folder import find_pairs, of_split
from napari_unet.training.samples import labelled


def choose_replay_set(
    pairs: Sequence[TrainingPair], card: ModelCard, role: Role, count: int, source: DataSource
) -> ReplaySet:
    """Of `pairs` (slices of stacks count by themselves) the `count` that cover them best, by k-centre.

    card : says how an image becomes an input. source : where they come from, with licence and attribution.
    Raises UserError as `labelled` does.
    """
    cases = labelled(pairs, card, oversize=False)
    chosen = k_centre(thumbnails(cases.middle, cases.foreground), count)
    kept = cases.subset(chosen)
    own = [pairs[cases.origins[k]] for k in chosen]
    items = tuple(
        ReplayItem(role, pair.patient, pair.content_hash, perceptual_hash(image), source.name)
        for pair, image in zip(own, np.rint(kept.middle * 255).astype(np.uint8), strict=True)
    )
    return ReplaySet.of(kept.images, kept.labels(card.output.labels), items, (source,))


def recipe_replay_set(recipe: Recipe, card: ModelCard) -> ReplaySet | None:
    """What the recipe says that its model keeps: train images for replay, val images for acceptance tests.

    None if the recipe keeps nothing. The test split is never read. Raises UserError for unusable data.
    """
    wanted: tuple[tuple[Role, str, int], ...] = (
        ("replay", recipe.data.train, recipe.memory.replay),
        ("gate", recipe.data.val, recipe.memory.gate),
    )
    pairs = find_pairs(recipe.data, recipe.training.seed)
    parts = []
    for role, split, count in wanted:
        if count:
            own = [_hashed(pair, recipe.name) for pair in of_split(pairs, split)]
            (source,) = recipe.sources
            source = source.model_copy(update={"split": split, "images": min(count, len(own))})
            parts.append(choose_replay_set(own, card, role, count, source))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else parts[0].joined(parts[1])


def _hashed(pair: TrainingPair, salt: str) -> TrainingPair:
    patient = hashlib.sha256(f"{salt}\0{pair.patient}".encode()).hexdigest()[:16]
    return replace(pair, patient=patient, content_hash=pair.source.content_hash())
