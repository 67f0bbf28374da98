"""A SQLite store as a file: its version, a copy that is whole, and one file in another's place."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from dashboard.errors import StoreError
from dashboard.schema import VERSION, about


def version_of(path: Path) -> int | None:
    """Version of a SQLite store, read without touching it; None when it has no tables yet.

    Raises
    ------
    StoreError
        No store of ours, or newer than we are.
    """
    try:
        with closing(read_only(path)) as connection:
            names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
            if not names:
                return None
            if about.name not in names:
                raise StoreError("monitor.store_foreign", store=path)
            row = connection.execute("SELECT value FROM about WHERE name = 'schema'").fetchone()
    except sqlite3.Error as error:
        raise StoreError("monitor.store_unusable", store=path, why=str(error)) from None
    found = int(row[0]) if row else 0
    check_version(str(path), found)
    return found


def check_version(store: str, found: int) -> None:
    """Refuse what a newer program wrote.

    Raises
    ------
    StoreError
    """
    if found > VERSION:
        raise StoreError("monitor.store_newer", store=store, found=found, ours=VERSION)


def copy_whole(source: Path, copy: Path) -> None:
    """Copy a SQLite store with what its journal holds, and bring it to the disk."""
    copy.unlink(missing_ok=True)
    with closing(read_only(source)) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))
    with copy.open("rb+") as file:
        os.fsync(file.fileno())


def check_copy(source: Path, copy: Path) -> None:
    """Compare a copy with its source, table by table, and let SQLite check the file.

    Raises
    ------
    OSError
        It is not whole.
    """
    with closing(read_only(source)) as old, closing(read_only(copy)) as new:
        (verdict,) = new.execute("PRAGMA integrity_check").fetchone()
        if verdict != "ok":
            raise OSError(verdict)
        for name in sorted(_tables(old)):
            rows = f"SELECT count(*) FROM {name}"  # noqa: S608 - a name of ours
            before, after = (each.execute(rows).fetchone()[0] for each in (old, new))
            if before != after:
                raise OSError(f"{name}: {before} rows before, {after} after")


def take_place(copy: Path, path: Path, kept: Path) -> bool:
    """Put a copy in a store's place in one step; the old file, if any, stays as ``kept``."""
    if was_there := path.exists():
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        try:
            os.link(path, kept)
        except OSError:  # no links here, on FAT for example
            shutil.copy2(path, kept)
    for suffix in ("-wal", "-shm"):  # of the old file: poison to the new one
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    copy.replace(path)
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    return was_there


def stamp() -> str:
    """UTC now, for the name of a file."""
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")


def read_only(path: Path) -> sqlite3.Connection:
    """Open a store so that nothing can be written."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def _tables(connection: sqlite3.Connection) -> set[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    return {row[0] for row in connection.execute(query)}
