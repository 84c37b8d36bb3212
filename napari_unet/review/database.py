"""The project's database: how it is opened, written to by one thread at a time, and brought up to date.

Everything that only SQLite has (journal modes, locks, pragmas, copies) is here and in the migrations.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import OperationalError

from napari_unet.core.errors import UserError
from napari_unet.io.atomic import atomic_write
from napari_unet.review.faults import faults_explained, gone
from napari_unet.review.schema import HEAD

BUSY_SECONDS = 5.0
"""How long a write waits for another program's before it is told that the database is busy."""

_UNDO = "undo"  # in a connection's info

_CLOSED = UserError("The review project is closed.", "Open it again.")


class Database:
    """One SQLite file. `reading()` and `writing()` give a connection inside a transaction, on any thread.

    shared : the file lies on a network drive, where write-ahead logging does not work.
    Every fault of disk or database comes out as UserError, and nothing of the block is kept then.
    """

    def __init__(self, path: Path, shared: bool = False) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._engine: Engine | None = _engine(path, shared)
        self._file = _identity(path)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees the database as it is now, whatever is written meanwhile."""
        with self._explained(), self._opened().begin() as connection:
            yield connection

    @contextmanager
    def writing(self, links: bool = True) -> Iterator[Connection]:
        """A connection that alone may write; what the block did is kept when it ends well, or not at all.

        links : rows that point to nothing are refused at once; a table that is made again needs that off.
        """
        with self._lock, self._explained():
            engine = self._opened().execution_options(writing=True, links=links)
            if _identity(self.path) != self._file:  # SQLite would go on writing to a file without a name
                raise gone()
            with engine.connect() as connection:
                if not links:
                    connection.detach()  # nobody else gets it
                try:
                    with connection.begin():
                        yield connection
                except BaseException:
                    for undo in connection.info.pop(_UNDO, ()):
                        with suppress(OSError):
                            undo()
                    raise
                finally:
                    connection.info.pop(_UNDO, None)

    def build(self) -> None:
        """Makes the tables in an empty database."""
        with self.writing(links=False) as connection:
            _upgrade(connection)

    def migrate(self) -> None:
        """Brings the tables up to date; the database as it was stays beside it as a copy.

        Raises UserError if they are not a project's, or if a newer version of the program made them.
        """
        with self.reading() as connection:
            if _outdated(connection) is None:
                return
        with self.writing(links=False) as connection:
            if (version := _outdated(connection)) is not None:  # or another program was faster
                _copy(self.path, self.path.with_name(f"review-of-schema-{version}.db"))
                before = _loose(connection)
                _upgrade(connection)
                if _loose(connection) > before:
                    raise RuntimeError("a migration left rows that point to nothing")

    def check(self) -> list[str]:
        """What the database itself finds wrong with its file and its links between rows; empty if nothing."""
        with self.reading() as connection:
            found = [str(row[0]) for row in connection.execute(text("PRAGMA integrity_check"))]
            links = connection.execute(text("PRAGMA foreign_key_check")).all()
        wrong = [line for line in found if line != "ok"]
        return wrong + [f"A row of the table {row[0]} points to a row that is not there." for row in links]

    def close(self) -> None:
        """Ends all connections; the write-ahead log is folded into the file. Can be called twice."""
        with self._lock:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    def _opened(self) -> Engine:
        if self._engine is None:
            raise UserError(_CLOSED.problem, _CLOSED.remedy)
        return self._engine

    @contextmanager
    def _explained(self) -> Iterator[None]:
        with faults_explained():
            try:
                yield
            except sqlite3.Error as error:  # while a connection is set up, SQLAlchemy does not wrap it
                raise OperationalError("", None, error) from error


def on_failure(connection: Connection, undo: Callable[[], object]) -> None:
    """Has `undo` called if the transaction of `writing()` under way does not come to a good end."""
    connection.info.setdefault(_UNDO, []).append(undo)


def _engine(path: Path, shared: bool) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        hide_parameters=True,
        connect_args={"timeout": BUSY_SECONDS},
        pool_size=5,
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say so
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA journal_mode = {'DELETE' if shared else 'WAL'}")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if not options.get("links", True):
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writing", False) else "BEGIN")

    return engine


def _outdated(connection: Connection) -> str | None:
    """The migration that the tables are at if it is not the newest. UserError as `Database.migrate`."""
    made = inspect(connection).has_table("alembic_version")
    query = text("SELECT version_num FROM alembic_version")
    version = str(connection.execute(query).scalar() or "") if made else ""
    if not version:
        raise UserError("This folder is not a review project.", "Choose the folder of one.")
    if version > HEAD:
        raise UserError(
            "This review project was made by a newer version of the program.",
            "Update the program: pip install -U napari-unet-lung",
        )
    return None if version == HEAD else version


def _loose(connection: Connection) -> int:
    """How many rows point to a row that is not there."""
    return len(connection.execute(text("PRAGMA foreign_key_check")).all())


def _copy(source: Path, target: Path) -> None:
    with (
        atomic_write(target) as partial,
        closing(sqlite3.connect(source)) as old,
        closing(sqlite3.connect(partial)) as new,
    ):
        old.backup(new)


def _identity(path: Path) -> tuple[int, int] | None:
    """What distinguishes a file from another one of the same name; None if there is none."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
