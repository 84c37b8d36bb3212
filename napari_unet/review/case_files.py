"""The files of cases: one of most, several of a series."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select, update

from napari_unet.core.source import Source
from napari_unet.review.schema import cases, files
from napari_unet.review.trail import note_event
from napari_unet.review.types import FileState

AT_ONCE = 500
"""Values in one IN (...)."""


def complete(connection: Connection, case: str, source: Source, known: Mapping[str, str], by: str) -> None:
    """A series of which there were fewer files before has them all now; they are read as if they were new."""
    query = select(files.c.path_key).where(files.c.case == case)
    before = set(connection.execute(query).scalars())
    grown = len(before) > 1 and before < set(source.keys)
    if grown and all(known.get(key, case) == case for key in source.keys):
        replace_files(connection, case, source)
        unread = {"file_state": FileState.UNCHECKED.value}
        connection.execute(update(cases).where(cases.c.id == case).values(unread))
        note_event(connection, case, by, "files added", before=len(before), now=len(source.files))


def replace_files(connection: Connection, case: str, source: Source) -> None:
    """The case's image lies there now."""
    connection.execute(files.delete().where(files.c.case == case))
    connection.execute(insert(files), file_rows(case, source))


def file_rows(case: str, source: Source) -> list[dict[str, Any]]:
    """Rows of the table `files` for a case's image."""
    return [
        {"case": case, "position": position, "path": os.path.abspath(path), "path_key": key}
        for position, (path, key) in enumerate(zip(source.files, source.keys, strict=True))
    ]


def owners_of(connection: Connection, keys: Sequence[str]) -> dict[str, str]:
    """Case id by path, of those paths that are a case's."""
    found: dict[str, str] = {}
    for start in range(0, len(keys), AT_ONCE):
        part = keys[start : start + AT_ONCE]
        query = select(files.c.path_key, files.c.case).where(files.c.path_key.in_(part))
        found.update((key, case) for key, case in connection.execute(query))
    return found
