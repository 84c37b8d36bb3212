"""The tables of a review project, as the newest migration leaves them; nothing in them is SQLite's alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
)

HEAD = "0009"
"""The newest migration; see `migrations/versions`."""


class UtcTime(TypeDecorator[datetime]):
    """A time with its zone in Python, the same time in UTC without a zone in the database."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class PathText(TypeDecorator[str]):
    """A path, also one whose name is not valid text: such bytes (lone surrogates) stand as U+10DCxx there."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        return None if value is None else value.translate(_STORED)

    def process_result_value(self, value: str | None, dialect: Any) -> str | None:
        return None if value is None else value.translate(_READ)


_STORED = {code: code + 0x100000 for code in range(0xDC80, 0xDD00)}
_READ = {stored: code for code, stored in _STORED.items()}

metadata = MetaData()

project = Table(
    "project",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("salt", String(64), nullable=False),  # of the hashes of paths and patients
    Column("protocol", Text, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("labels", JSON, nullable=False),  # LabelSet.to_json of what its masks hold
)

settings = Table(
    "settings",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("value", JSON, nullable=False),
)

cases = Table(
    "cases",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("patient", String(32), nullable=False),
    Column("patient_from", String(10), nullable=False),  # "manifest", "file" or ""
    Column("view", String(50), nullable=False),
    Column("modality", String(20), nullable=False),
    Column("split", String(50), nullable=False),
    Column("shape", JSON(none_as_null=True)),
    Column("spacing_mm", JSON(none_as_null=True)),
    Column("columns_towards", String(1)),
    Column("file_state", String(20), nullable=False),
    Column("content_hash", String(64), nullable=False),  # core.source.Source.content_hash
    Column("look", String(64)),  # core.leaks.look_of the image, hexadecimal; NULL until it was read
    Column("found", JSON(none_as_null=True)),  # facts of a changed file, until it is decided about
    Column("status", String(20), nullable=False, index=True),
    Column("reason", String(20)),
    Column("reviewer", String(200), nullable=False),
    Column("note", Text, nullable=False),
    Column("priority", Float, nullable=False),
    Column("why", Text, nullable=False, server_default=""),
    Column("checks", JSON(none_as_null=True)),
    Column("uncertainty", Float),
    Column("revision", String(50)),  # revisions.id; the two tables would otherwise need each other to be made
    Column("added", UtcTime, nullable=False),
    Column("decided", UtcTime),
    Column("active_seconds", Float, nullable=False),
    Column("lease", String(200), nullable=False),
    Column("lease_renewed", UtcTime),
    Column("lease_session", String(32), nullable=False, server_default=""),
    Column("lease_computer", String(200), nullable=False, server_default=""),
    Column("lease_process", Integer),
)

files = Table(
    "files",
    metadata,
    Column("case", ForeignKey("cases.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),  # in the order of their names
    Column("path", PathText, nullable=False),  # the only place that has it
    Column("path_key", PathText, nullable=False, unique=True),  # the same, as this computer compares names
)

revisions = Table(
    "revisions",
    metadata,
    Column("id", String(50), primary_key=True),
    Column("case", ForeignKey("cases.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("file", Text, nullable=False),
    Column("author_kind", String(10), nullable=False),
    Column("author_name", String(200), nullable=False),
    Column("author_version", String(50), nullable=False),
    Column("parent", ForeignKey("revisions.id")),
    Column("time", UtcTime, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("labels_hash", String(64), nullable=False),  # of the labels, however they are stored
    Column("pixels", Integer, nullable=False),  # of foreground
    Column("dice", Float),
    Column("hd95", Float),
    Column("changed_pixels", Integer),
    Column("changed_mm2", Float),
    Column("note", Text, nullable=False),
    Column("checks", JSON(none_as_null=True)),  # codes of the anatomy checks; NULL in rows of before 0005
    Column("sides", Boolean, nullable=False, server_default=false()),  # see Revision
    UniqueConstraint("case", "number", name="one_number_per_case"),
)

calls = Table(
    "calls",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("time", UtcTime, nullable=False),
    Column("case", ForeignKey("cases.id"), nullable=False, index=True),
    Column("kind", String(20), nullable=False),
    Column("author_kind", String(10), nullable=False),
    Column("author_name", String(200), nullable=False, index=True),
    Column("author_version", String(50), nullable=False),
    Column("revision", String(50)),  # the mask that it is about
    Column("value", JSON(none_as_null=True)),  # NULL takes back and says nothing instead
    Column("takes_back", ForeignKey("calls.number")),
    UniqueConstraint("takes_back", name="taken_back_once"),
    sqlite_autoincrement=True,
)

maps = Table(
    "maps",
    metadata,
    Column("case", ForeignKey("cases.id"), primary_key=True),
    Column("file", Text, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("used", Integer, nullable=False),  # the higher, the later
)

features = Table(
    "features",
    metadata,
    Column("case", ForeignKey("cases.id"), primary_key=True),
    Column("model", String(200), nullable=False),
    Column("version", String(50), nullable=False),
    Column("numbers", LargeBinary, nullable=False),  # float16, little-endian
)

events = Table(
    "events",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("time", UtcTime, nullable=False),
    Column("case", ForeignKey("cases.id"), index=True),
    Column("who", String(200), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("details", JSON, nullable=False),
    sqlite_autoincrement=True,
)
