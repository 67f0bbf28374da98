"""The file of the outbox: SQLite set so that what it confirms survives a power cut.

WAL mode with ``synchronous=FULL``: with anything less, committed events are lost when the power
goes.  The file has one owner, a size that it cannot exceed, and two tables: the records, and one
row with the epoch, the newest record and the cursor of what the centre has.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import apsw

from sensors.messages import RECORD_VERSION
from sensors.outbox_record import NO_HASH

_SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, epoch BLOB NOT NULL,
    last INTEGER NOT NULL, head BLOB NOT NULL, acked INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS record (
    seq INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, record BLOB NOT NULL,
    signature BLOB NOT NULL, hash BLOB NOT NULL
) STRICT;
"""


def make_durable(db: apsw.Connection, max_bytes: int) -> None:
    """Take the file for this process alone; make it durable and bounded."""
    db.set_busy_timeout(0)
    # Exclusive: one owner, and no shared-memory file that a second process could join.
    db.execute("PRAGMA locking_mode=EXCLUSIVE")
    # EXTRA syncs the folder when the first rollback journal is deleted; a power cut could bring
    # that journal back and with it the empty file (found by `bench power`).  In WAL mode EXTRA
    # means FULL.
    db.execute("PRAGMA synchronous=EXTRA")
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    page = db.pragma("page_size")
    db.execute(f"PRAGMA max_page_count={max(64, max_bytes // page)}")


def make_tables(db: apsw.Connection) -> None:
    """Begin an epoch in a new file; a file that has one is left as it is."""
    with transaction(db):
        db.execute(_SCHEMA)
        db.execute(
            "INSERT OR IGNORE INTO outbox VALUES (1, ?, ?, 0, ?, 0)",
            (RECORD_VERSION, os.urandom(16), NO_HASH),
        )


@contextmanager
def transaction(db: apsw.Connection) -> Iterator[None]:
    """All of it or nothing.  Not apsw's own: SQLite has already rolled back on a full disk."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
