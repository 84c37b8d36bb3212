"""Chooses the replay set of a model: of many cases a few that represent all, as the model sees them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

import numpy as np

from napari_unet.core.core_set import k_centre, thumbnails
from napari_unet.core.leaks import perceptual_hash
from napari_unet.core.training_pair import TrainingPair
from napari_unet.models.card import DataSource, ModelCard
from napari_unet.models.replay_set import ReplayItem, ReplaySet, Role
from napari_unet.training.recipe import Recipe, data_source
from napari_unet.training.samples import labelled
from napari_unet.training.sources import Use, find_sources


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

    Each source gives the same number. None if the recipe keeps nothing, as one for findings does. The test
    split is never read. Raises UserError for unusable data.
    """
    if recipe.findings:
        return None
    found = find_sources(recipe.data, recipe.training.seed)
    wanted: tuple[tuple[Role, Use, int], ...] = (
        ("replay", "train", recipe.memory.replay),
        ("gate", "val", recipe.memory.gate),
    )
    parts = []
    for role, use, count in wanted:
        there = [one for one in found if one.of(use)]
        for k, one in enumerate(there):
            if share := count // len(there) + (k < count % len(there)):
                own = [_hashed(pair, recipe.name) for pair in one.of(use)]
                split = one.data.train if use == "train" else one.data.val
                source = data_source(one.data, split, min(share, len(own)))
                parts.append(choose_replay_set(own, card, role, share, source))
    return reduce(ReplaySet.joined, parts) if parts else None


def _hashed(pair: TrainingPair, salt: str) -> TrainingPair:
    patient = hashlib.sha256(f"{salt}\0{pair.patient}".encode()).hexdigest()[:16]
    return replace(pair, patient=patient, content_hash=pair.source.content_hash())
