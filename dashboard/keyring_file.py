"""The tables of ``keys.db``.

What came later is in tables of its own: the program before this one reads the file too, should a
monitor have to go back.
"""

from __future__ import annotations

from pathlib import Path

import apsw

from sensors.toml import UserError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS site (
    curve TEXT PRIMARY KEY, verify TEXT NOT NULL, key TEXT NOT NULL, site TEXT NOT NULL,
    added_ns INTEGER NOT NULL, expires_ns INTEGER NOT NULL, revoked_ns INTEGER NOT NULL,
    relay INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS token (
    hash TEXT PRIMARY KEY, site TEXT NOT NULL, expires_ns INTEGER NOT NULL,
    used_ns INTEGER NOT NULL, relay INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS act (
    id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, actor TEXT NOT NULL, act TEXT NOT NULL,
    site TEXT NOT NULL, key TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS line (
    curve TEXT PRIMARY KEY, name TEXT NOT NULL, follows TEXT NOT NULL,
    replaced_ns INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS origin (
    site TEXT NOT NULL, verify TEXT NOT NULL, key TEXT NOT NULL, relay TEXT NOT NULL,
    added_ns INTEGER NOT NULL, state TEXT NOT NULL, PRIMARY KEY (site, verify)
) STRICT;
CREATE TABLE IF NOT EXISTS door (
    id INTEGER PRIMARY KEY CHECK (id = 1), events TEXT NOT NULL, state TEXT NOT NULL,
    since_ns INTEGER NOT NULL
) STRICT;
"""


def open_keys(path: Path) -> apsw.Connection:
    """Open ``keys.db``, made now when it is missing.

    Raises
    ------
    UserError
        It cannot be used.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        db = apsw.Connection(str(path))
        db.set_busy_timeout(5000)
        with db:
            db.execute(_SCHEMA)
    except (apsw.Error, OSError) as error:
        raise UserError("keys.unusable", file=path, why=str(error)) from None
    return db
