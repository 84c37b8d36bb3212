"""What the numbers in a project's masks mean, and whether a model's masks mean the same."""

from __future__ import annotations

from sqlalchemy import Connection, func, select, update

from napari_unet.core.errors import UserError
from napari_unet.core.label_set import LUNGS, LabelSet
from napari_unet.review.schema import project, revisions
from napari_unet.review.trail import note_event


class OtherLabels(UserError):
    """Masks with other labels than those of the project."""


def labels_of(connection: Connection) -> LabelSet:
    """The label set of the project."""
    return LabelSet.from_json(connection.execute(select(project.c.labels)).scalar_one())


def admit(connection: Connection, labels: LabelSet, by: str) -> bool:
    """Makes sure that masks of `labels` mean in this project what they say; True if its set had to change.

    A project that has no mask yet, and still has the lungs that it was made with, takes these labels for its
    own: nobody has painted or decided anything under the old ones. Raises OtherLabels wherever else they are
    not among the project's.
    """
    own = labels_of(connection)
    if own.takes(labels):
        return False
    masks = connection.execute(select(func.count()).select_from(revisions)).scalar_one()
    if masks or own != LUNGS:
        raise OtherLabels(
            f"The masks of this project hold {own.in_words()}; these would hold {labels.in_words()}.",
            "Choose a model with the labels of the project, or make another project for these.",
        )
    connection.execute(update(project).values(labels=labels.to_json()))
    note_event(connection, None, by, "labels", labels=labels.to_json())
    return True
