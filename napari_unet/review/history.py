"""How the current mask of a case came about: what a model made, what a person changed, who accepted it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.mask_history import Made, MaskHistory
from napari_unet.review.record import Revision
from napari_unet.review.types import USABLE, AuthorKind, Case


class Masks(Protocol):
    """The masks of a project."""

    def revision(self, revision: str) -> Revision: ...

    def revisions(self, case: str) -> list[Revision]: ...

    def read_mask(self, revision: str) -> np.ndarray: ...


def history_of(masks: Masks, case: Case) -> MaskHistory:
    """The history of a case's current mask.

    A mask that a person brought back to what a model had made is that model's. Raises UserError if the case
    has no mask.
    """
    if case.revision is None:
        raise UserError("The case has no mask.", "Make one first.")
    current = masks.revision(case.revision)
    untouched = _untouched_model(masks, current)
    begun = untouched or begun_from(masks, current)
    made = Made.AUTOMATIC if untouched else Made.SEMIAUTOMATIC if begun else Made.MANUAL
    accepted = case.status in USABLE
    author = begun.author if begun is not None and begun.author.kind == AuthorKind.MODEL else None
    return MaskHistory(
        made,
        model="" if author is None else author.name,
        version="" if author is None else author.version,
        from_file=begun is not None and author is None,
        accepted=accepted,
        reader=case.reviewer if accepted else "",
    )


def begun_from(masks: Masks, revision: Revision) -> Revision | None:
    """The last mask by a model or from a file that this one is or was made from; None if a person drew it."""
    return next((one for one in _line(masks, revision) if one.author.kind != AuthorKind.PERSON), None)


def _line(masks: Masks, revision: Revision) -> Iterator[Revision]:
    """A mask and those that it was made from, the last one first."""
    while True:
        yield revision
        if revision.parent is None:
            return
        revision = masks.revision(revision.parent)


def _untouched_model(masks: Masks, current: Revision) -> Revision | None:
    """The last mask by a model that has the very labels of the current one."""
    made = [one for one in masks.revisions(current.case) if one.author.kind == AuthorKind.MODEL]
    earlier = [one for one in reversed(made) if one.number <= current.number]
    same = next((one for one in earlier if one.sha256 == current.sha256), None)
    if same is not None or not earlier:
        return same
    labels = masks.read_mask(current.id)
    return next((one for one in earlier if _holds(masks, one, labels)), None)


def _holds(masks: Masks, revision: Revision, labels: np.ndarray) -> bool:
    try:
        return np.array_equal(masks.read_mask(revision.id), labels)
    except UserError:  # damaged: it cannot be told, so it counts as touched
        return False
