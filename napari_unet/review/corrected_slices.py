"""Slices of a volume that a person has changed, or marked as right: to learn from these alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.training_pair import TrainingPair
from napari_unet.review.history import Masks, begun_from
from napari_unet.review.types import USABLE, Case


def only_corrected(masks: Masks, cases: Iterable[Case], pairs: Sequence[TrainingPair]) -> list[TrainingPair]:
    """The pairs of these cases, of volumes with the slices that a person changed or marked and no others.

    Volumes without such a slice are left out, and so are images that nobody has accepted or corrected; a
    volume is taken as soon as one of its slices was changed or marked. A mask that can no longer be read
    keeps its pair whole if the case is decided: whoever reads it will say so.
    """
    by_id = {case.id: case for case in cases}
    found = (_restricted(masks, by_id[pair.id], pair) for pair in pairs)
    return [pair for pair in found if pair is not None]


def _restricted(masks: Masks, case: Case, pair: TrainingPair) -> TrainingPair | None:
    """The pair as far as it counts; None if it does not."""
    whole = pair if case.status in USABLE else None
    if not case.is_volume:
        return whole
    try:
        slices = corrected_slices(masks, case)
    except UserError:
        return whole
    return replace(pair, slices=slices) if slices else None


def corrected_slices(masks: Masks, case: Case) -> tuple[int, ...]:
    """Slices of a volume's current mask that differ from the model's or file's mask that it was made from,
    and those that a person has marked as right.

    Of a mask that a person drew from nothing, those with any label. A mark counts as long as the mask of its
    slice is what it was. Raises UserError if one of the masks cannot be read.
    """
    if case.revision is None:
        return ()
    current = masks.revision(case.revision)
    begun = begun_from(masks, current)
    as_begun = begun is not None and begun.sha256 == current.sha256
    if as_begun and not case.marked:
        return ()
    now = masks.read_mask(current.id)
    before = now if as_begun else np.zeros_like(now) if begun is None else masks.read_mask(begun.id)
    found = set(np.flatnonzero((now != before).any(axis=(1, 2))).tolist())
    marked = {z for z in case.marked if z < len(now)}
    if marked - found and case.marked_in not in (None, current.id):
        then = masks.read_mask(case.marked_in)
        marked = {z for z in marked if np.array_equal(now[z], then[z])}
    return tuple(sorted(found | marked))
