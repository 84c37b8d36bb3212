"""What a project gives to a training: accepted and corrected masks, and images nobody has touched."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from sqlalchemy import Connection, select

from napari_unet.core.training_pair import TrainingPair
from napari_unet.review.labels import labels_of
from napari_unet.review.rows import all_sources
from napari_unet.review.schema import cases, revisions
from napari_unet.review.types import SET_ASIDE, USABLE, Status
from napari_unet.review.untouched import all_untouched


def training_pairs(
    connection: Connection,
    folder: Path,
    nobody: Collection[str] = (),
    statuses: Collection[Status] = USABLE,
) -> list[TrainingPair]:
    """Cases of these statuses by number, each with its current mask; files are not read here.

    Cases whose image is known to be missing, changed or unreadable are omitted. nobody : hashes in the place
    of a patient that stand for none.
    """
    columns = (cases.c.id, cases.c.patient, cases.c.content_hash)
    labels = labels_of(connection)
    query = (
        select(*columns, revisions.c.file, revisions.c.sha256, revisions.c.sides)
        .join(revisions, revisions.c.id == cases.c.revision)
        .where(cases.c.status.in_([status.value for status in statuses]))
        .where(cases.c.file_state.not_in([state.value for state in SET_ASIDE]))
        .order_by(cases.c.number)
    )
    sources = all_sources(connection)
    return [
        TrainingPair(
            row.id,
            sources[row.id],
            folder / row.file,
            "" if row.patient in nobody else row.patient,
            row.content_hash,
            row.sha256,
            label_set=labels.with_sides(row.sides),
        )
        for row in connection.execute(query)
    ]


def untouched_pairs(connection: Connection, nobody: Collection[str] = ()) -> list[TrainingPair]:
    """Cases that only a model has seen, by number, without a mask; `nobody` and what is omitted as above."""
    untouched = set(all_untouched(connection))
    query = (
        select(cases.c.id, cases.c.patient, cases.c.content_hash)
        .where(cases.c.file_state.not_in([state.value for state in SET_ASIDE]))
        .order_by(cases.c.number)
    )
    sources = all_sources(connection)
    return [
        TrainingPair(
            row.id, sources[row.id], None, "" if row.patient in nobody else row.patient, row.content_hash
        )
        for row in connection.execute(query)
        if row.id in untouched
    ]
