"""A store opened for reading only: while its monitor runs, and as a copy that nobody runs."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from dashboard import schema
from dashboard.database import parse_url
from dashboard.errors import StoreError
from dashboard.store_file import check_version, read_only


def reading(url: str) -> Engine | None:
    """Open a store so that nothing can be written; None where there is no such file.

    Raises
    ------
    StoreError
        No store's URL.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, poolclass=NullPool)
    path = Path(str(parsed.database))
    if not path.exists():
        return None
    return create_engine("sqlite://", creator=lambda: read_only(path), poolclass=NullPool)


def store_at(url: str) -> Engine:
    """Open a store of exactly our schema for reading only.

    Raises
    ------
    StoreError
        There is none, it cannot be read, or another version wrote it.
    """
    engine = reading(url)
    if engine is None:
        raise StoreError("backup.no_store", store=parse_url(url).database)
    name = parse_url(url).render_as_string()
    with told(url), engine.connect() as connection:
        version = select(schema.about.c.value).where(schema.about.c.name == "schema")
        found = int(connection.scalar(version) or 0)
    check_version(name, found)
    if found < schema.VERSION:
        raise StoreError("report.store_older", store=name, found=found, ours=schema.VERSION)
    return engine


@contextlib.contextmanager
def told(url: str) -> Iterator[None]:
    """Whatever a database says becomes one line."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        why = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
        shown = make_url(url).render_as_string()  # without the password
        raise StoreError("monitor.store_unusable", store=shown, why=why) from None


@contextlib.contextmanager
def moment(reader: Engine) -> Iterator[Connection]:
    """A connection that sees the store as it is now, however long it reads."""
    with reader.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")  # the driver begins none for reading
        else:
            connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection
