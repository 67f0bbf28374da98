"""Opening the database: one owner connection that writes, read-only connections beside it."""

from __future__ import annotations

import contextlib
import functools
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, Table, create_engine, event, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool, QueuePool, StaticPool

from dashboard.errors import Refused, StoreError
from dashboard.migration import prepare, renew

BUSY_S = 5.0
READERS = 4
LOCK = 0x72667072
"""Number of our advisory lock in PostgreSQL."""


class Closable(Protocol):
    """A lock that is held until it is closed."""

    def close(self) -> None:
        """Let go."""
        ...


@dataclass(frozen=True, slots=True)
class Database:
    """An open database.

    Attributes
    ----------
    writer, reader : Engine
    owner : Closable
        The lock that says "this monitor writes here".
    """

    writer: Engine
    reader: Engine
    owner: Closable

    def close(self) -> None:
        """Let go of everything."""
        self.reader.dispose()
        self.writer.dispose()
        self.owner.close()


def open_database(url: str) -> Database:
    """Open a store's database and make or check its tables.

    Raises
    ------
    StoreError
        It cannot be opened, is in use by another monitor, or was written by a newer program.
    """
    parsed = parse_url(url)
    try:
        owner = own(parsed)
        try:
            if parsed.get_backend_name() == "sqlite":
                renew(Path(str(parsed.database)))
            database = Database(*engines(parsed), owner)
        except BaseException:
            owner.close()
            raise
        try:
            prepare(database.writer)
        except BaseException:
            database.close()
            raise
    except (SQLAlchemyError, ImportError) as error:
        why = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
        raise StoreError("monitor.store_unusable", store=url, why=why) from None
    return database


def parse_url(url: str) -> URL:
    """Check that a store's URL is one that we can open, and make a SQLite file's folder.

    Raises
    ------
    StoreError
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreError("monitor.store_url", store=url) from None
    backend = parsed.get_backend_name()
    if backend not in ("sqlite", "postgresql") or (backend == "sqlite" and not parsed.database):
        raise StoreError("monitor.store_url", store=url)
    if backend == "sqlite":
        folder = Path(str(parsed.database)).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError("monitor.store_unusable", store=url, why=str(error)) from None
    elif parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed


def own(url: URL) -> Closable:
    """Take the lock that says "this monitor writes here"; it ends with the process.

    Raises
    ------
    StoreError
        Another monitor has it.
    """
    if url.get_backend_name() == "sqlite":
        return _own_file(url)
    connection = create_engine(url, poolclass=NullPool).connect()
    if not connection.scalar(select(func.pg_try_advisory_lock(LOCK))):
        connection.close()
        raise StoreError("monitor.store_in_use", store=url.render_as_string())
    connection.commit()  # the lock is the session's, not the transaction's
    return _ServerLock(connection)


class _ServerLock:
    """PostgreSQL's advisory lock; a session that just ends keeps it a little longer."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def close(self) -> None:
        """Let go."""
        with contextlib.suppress(SQLAlchemyError):  # the server is gone, and the lock with it
            self._connection.execute(select(func.pg_advisory_unlock(LOCK)))
        self._connection.close()


def _own_file(url: URL) -> sqlite3.Connection:
    """Lock a file of its own beside the database, so as not to be in our own readers' way."""
    try:
        owner = sqlite3.connect(f"{url.database}-owner", timeout=0, check_same_thread=False)
    except sqlite3.Error as error:
        raise StoreError("monitor.store_unusable", store=url.database, why=str(error)) from None
    try:
        owner.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        owner.close()
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            raise StoreError("monitor.store_in_use", store=url.database) from None
        # A full or read-only disk: nobody else is to be looked for.
        raise StoreError("monitor.store_unusable", store=url.database, why=str(error)) from None
    return owner


def engines(url: URL) -> tuple[Engine, Engine]:
    """Open the writer and the reader."""
    if url.get_backend_name() != "sqlite":
        engine = create_engine(url, pool_pre_ping=True)
        return engine, engine
    writer = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
    address = Path(str(url.database)).absolute().as_uri()

    def open_reader() -> sqlite3.Connection:
        return sqlite3.connect(
            f"{address}?mode=ro", uri=True, timeout=BUSY_S, check_same_thread=False
        )

    reader = create_engine(
        "sqlite://", creator=open_reader, poolclass=QueuePool, pool_size=READERS, max_overflow=0
    )

    @event.listens_for(writer, "connect")
    def _set_up(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA synchronous=EXTRA")  # the folder too, until WAL is on
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    return writer, reader


def back_up(reader: Engine, now_ns: int) -> Path:
    """Write a copy of a SQLite store beside it, while it is used.

    Through a connection of ours: another program's may write, and two that write are what SQLite's
    WAL-reset bug needs.

    Raises
    ------
    Refused
        It is no SQLite store, or the copy cannot be written (409).
    """
    if reader.dialect.name != "sqlite":
        raise Refused("backup.not_sqlite", 409)
    with reader.connect() as connection:
        store = Path(connection.exec_driver_sql("PRAGMA database_list").all()[0][2])
        stamp = datetime.fromtimestamp(now_ns / 1e9, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        copy = store.parent / "backup" / f"{store.stem}-{stamp}.db"
        part = copy.with_suffix(".part")
        try:
            copy.parent.mkdir(exist_ok=True)
            part.unlink(missing_ok=True)
            connection.exec_driver_sql("VACUUM INTO ?", (str(part),))
            part.rename(copy)
        except (OSError, SQLAlchemyError) as error:
            why = str(getattr(error, "orig", None) or error)
            raise Refused("backup.failed", 409, file=str(copy), why=why) from None
    return copy


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, object]],
    keys: Sequence[str] | None = None,
) -> None:
    """Insert rows; where one with the same keys is there, overwrite it.

    Parameters
    ----------
    connection : Connection
    table : Table
    rows : sequence of mapping
        All with the same columns.
    keys : sequence of str, optional
        Columns of a unique constraint; the primary key by default.
    """
    if not rows:
        return
    statement = _overwriting(connection.dialect.name, table, tuple(rows[0]), tuple(keys or ()))
    connection.execute(statement, [dict(row) for row in rows])


def insert_once(connection: Connection, table: Table, *rows: Mapping[str, object]) -> None:
    """Insert rows; where a unique constraint says that one is there, leave that one alone."""
    if rows:
        statement = _insert(connection.dialect.name, table).on_conflict_do_nothing()
        connection.execute(statement, [dict(row) for row in rows])


@functools.cache
def _overwriting(
    dialect: str, table: Table, columns: tuple[str, ...], keys: tuple[str, ...]
) -> Any:
    """Build a statement once: building it takes longer than executing it."""
    keys = keys or tuple(column.name for column in table.primary_key)
    statement = _insert(dialect, table)
    changed = {name: statement.excluded[name] for name in columns if name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=changed)


def _insert(dialect: str, table: Table) -> Any:
    """Build the dialect's own INSERT: only that one knows ON CONFLICT."""
    return (sqlite if dialect == "sqlite" else postgresql).insert(table)
