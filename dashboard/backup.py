"""Copies of the store for whoever has the machine's console: made whole, checked, put back.

A copy counts only when SQLite finds the file whole and the audit log's hash chain holds from its
first entry to its last.  PostgreSQL's own programs do the same for its stores.
"""

from __future__ import annotations

import hashlib
import shlex
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct
from sqlalchemy import Engine, Row, create_engine, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from dashboard import schema
from dashboard.audit import GENESIS, Entry, first_broken
from dashboard.database import own, parse_url
from dashboard.dump import dump, dump_line, load
from dashboard.errors import StoreError
from dashboard.records import append
from dashboard.store_file import copy_whole, read_only, stamp, take_place, version_of

PIECE = 1024 * 1024


class Contents(Struct, frozen=True):
    """What is in a store.

    Attributes
    ----------
    version : int
        Of its schema.
    events, alarms, entries : int
        Rows; entries are those of the audit log.
    head : str
        Hash of the audit log's last entry: whoever wrote it down knows this log again.
    """

    version: int
    events: int
    alarms: int
    entries: int
    head: str


def back_up(url: str, target: Path) -> Contents:
    """Write a copy of a store that no monitor uses.

    Raises
    ------
    StoreError
        A monitor uses it, the file is there already or cannot be written, or the store itself is
        damaged: then no copy is left that somebody could trust.
    """
    parsed = parse_url(url)
    if target.exists():
        raise StoreError("backup.exists", file=target)
    part = target.with_name(target.name + ".part")
    in_use = StoreError("backup.running")
    if parsed.get_backend_name() != "sqlite":
        in_use = StoreError("backup.server_running", line=shlex.join(dump_line(parsed, target)))
    with _unused(url, in_use), _said("backup.failed", target):
        target.parent.mkdir(parents=True, exist_ok=True)
        if parsed.get_backend_name() == "sqlite":
            path = Path(str(parsed.database))
            if not path.exists():
                raise StoreError("backup.no_store", store=path)
            copy_whole(path, part)
            found = check(part)
        else:
            engine = create_engine(parsed, poolclass=NullPool)
            found = _contents(engine, url)
            dump(parsed, part)
        part.replace(target)
    return found


def restore(url: str, source: Path, kept_in: Path, by: str) -> tuple[Contents, Path | None]:
    """Put a copy in the store's place.

    Parameters
    ----------
    url : str
    source : Path
        As `back_up` or ``POST /api/v1/backup`` wrote it.
    kept_in : Path
        Folder for the store that is replaced.
    by : str
        Who answers for it, for the audit log.

    Returns
    -------
    found : Contents
        Of the copy.
    kept : Path or None
        Where the replaced store is; None when there was none.

    Raises
    ------
    StoreError
        A monitor uses the store, or the copy is damaged or of a newer rfproctor: then the store is
        as it was.
    """
    parsed = parse_url(url)
    if not source.is_file():
        raise StoreError("config.file_missing", file=source)
    kept = kept_in / f"replaced-{stamp()}.db"
    with _unused(url, StoreError("restore.running")), _said("restore.failed", source):
        kept_in.mkdir(parents=True, exist_ok=True)
        if parsed.get_backend_name() != "sqlite":
            kept = kept.with_suffix(".dump")
            dump(parsed, kept)
            engine = create_engine(parsed, poolclass=NullPool)
            load(parsed, source)
            found = _contents(engine, url)
            _sign(engine, source, by)
            return found, kept
        found = check(source)
        path = Path(str(parsed.database))
        copy = path.with_name(path.name + ".new")
        copy_whole(source, copy)
        _sign(create_engine(f"sqlite:///{copy}", poolclass=NullPool), source, by)
        was_there = take_place(copy, path, kept)
    return found, kept if was_there else None


def check(path: Path) -> Contents:
    """Read a SQLite store whole.

    Raises
    ------
    StoreError
        It is damaged, no store, or of a newer rfproctor.
    """
    if version_of(path) is None:
        raise StoreError("monitor.store_foreign", store=path)
    try:
        with closing(read_only(path)) as connection:
            (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
    except sqlite3.Error as error:
        raise StoreError("backup.damaged", store=path, why=str(error)) from None
    if verdict != "ok":
        raise StoreError("backup.damaged", store=path, why=verdict)
    engine = create_engine("sqlite://", creator=lambda: read_only(path), poolclass=NullPool)
    return _contents(engine, str(path))


def _contents(engine: Engine, name: str) -> Contents:
    audit = schema.audit
    with engine.connect() as connection:
        version = connection.scalar(
            select(schema.about.c.value).where(schema.about.c.name == "schema")
        )
        events, alarms, entries = (
            connection.scalar(select(func.count()).select_from(each)) or 0
            for each in (schema.events, schema.alarms, audit)
        )
        head = GENESIS
        stream = connection.execution_options(yield_per=1000)

        def passing(rows: Iterable[Row[Any]]) -> Iterator[Entry]:
            nonlocal head
            for row in rows:
                head = row.hash
                yield Entry(**row._mapping)

        with stream.execute(select(audit).order_by(audit.c.seq)) as rows:
            broken = first_broken(passing(rows))
    if broken is not None:
        raise StoreError("backup.chain", store=name, entry=broken)
    return Contents(int(version or 0), events, alarms, entries, head)


def _sign(engine: Engine, source: Path, by: str) -> None:
    """Write into the audit log that this store came out of a copy, and who answers for it."""
    digest = hashlib.sha256()
    with source.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    with engine.begin() as connection:
        append(
            connection,
            time_ns=time.time_ns(),
            actor=f"console/{by}"[:64],
            act="store.restored",
            subject=source.name[:200],
            detail={"sha256": digest.hexdigest(), "by": by},
        )


@contextmanager
def _unused(url: str, in_use: StoreError) -> Iterator[None]:
    """Hold the lock that a monitor would hold."""
    try:
        lock = own(parse_url(url))
    except StoreError as error:
        if error.message_id == "monitor.store_in_use":
            raise in_use from None
        raise
    except (SQLAlchemyError, ImportError) as error:
        raise StoreError("monitor.store_unusable", store=url, why=_why(error)) from None
    try:
        yield
    finally:
        lock.close()


@contextmanager
def _said(message_id: str, file: Path) -> Iterator[None]:
    """Whatever the disk or the database says becomes one line."""
    try:
        yield
    except (OSError, SQLAlchemyError, sqlite3.Error) as error:
        raise StoreError(message_id, file=file, why=_why(error)) from None


def _why(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
