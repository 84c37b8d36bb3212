"""Cases that only a model has seen: another model's mask may take the place of theirs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, select

from napari_unet.review.leases import is_leased
from napari_unet.review.schema import cases, revisions
from napari_unet.review.trail import now
from napari_unet.review.types import AuthorKind, Status


def all_untouched(connection: Connection) -> list[str]:
    """Ids by number. New, with a model's mask as the current one and none by a person, open nowhere."""
    time = now()
    return [row.id for row in connection.execute(_query()) if not is_leased(row, time)]


def is_untouched(connection: Connection, case: str) -> bool:
    """Whether the case is one of `all_untouched`."""
    row = connection.execute(_query().where(cases.c.id == case)).one_or_none()
    return row is not None and not is_leased(row, now())


def _query() -> Select[Any]:
    painted = select(revisions.c.case).where(revisions.c.author_kind == AuthorKind.PERSON.value)
    return (
        select(cases)
        .join(revisions, revisions.c.id == cases.c.revision)
        .where(
            cases.c.status == Status.NEW.value,
            revisions.c.author_kind == AuthorKind.MODEL.value,
            cases.c.id.not_in(painted),
        )
        .order_by(cases.c.number)
    )
