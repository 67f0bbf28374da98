"""The ledger's file: its tables, and which files are ledgers."""

from __future__ import annotations

from pathlib import Path

import apsw

from sdr.source import UserError

VERSION = 1

SCHEMA = """
CREATE TABLE IF NOT EXISTS setting (
    id INTEGER PRIMARY KEY, sensor TEXT NOT NULL, low_hz REAL NOT NULL, high_hz REAL NOT NULL,
    sample_rate_hz REAL NOT NULL, gain_db REAL, baseline TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS visit (
    time_ns INTEGER NOT NULL, setting INTEGER NOT NULL, expected INTEGER NOT NULL,
    missing INTEGER NOT NULL, dropped INTEGER NOT NULL, clipped_ppm INTEGER NOT NULL,
    threshold_cdb INTEGER, PRIMARY KEY (time_ns, setting)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gap (
    sensor TEXT NOT NULL, start_ns INTEGER NOT NULL, stop_ns INTEGER NOT NULL, cause TEXT NOT NULL,
    fields TEXT NOT NULL, PRIMARY KEY (start_ns, sensor, cause)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS run (start_ns INTEGER PRIMARY KEY, stop_ns INTEGER) STRICT;
CREATE VIEW IF NOT EXISTS visits AS
    SELECT time_ns, strftime('%Y-%m-%dT%H:%M:%fZ', time_ns / 1e9, 'unixepoch') AS utc, sensor,
        low_hz, high_hz, expected, expected - missing AS received, dropped,
        (expected - missing) / sample_rate_hz AS duration_s, clipped_ppm / 1e6 AS clipped_fraction,
        threshold_cdb / 100.0 AS threshold_dbfs, gain_db, baseline
    FROM visit JOIN setting ON setting.id = visit.setting;
"""


class LedgerFault(UserError):
    """The ledger cannot be opened or read."""

    exit_code = 3


def check_version(db: apsw.Connection, path: Path) -> None:
    """Refuse a file that a newer program made.

    Raises
    ------
    LedgerFault
    """
    version = db.pragma("user_version")
    if version > VERSION:
        raise LedgerFault("ledger.newer", path=str(path), found=version, known=VERSION)
