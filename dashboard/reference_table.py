"""Baselines of the past in a day's file of the history: each once, and when it counted."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterable, Iterator

import numpy as np

from dashboard.references import Reference

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MOST_A_DAY = 200
"""Changes of one window that a day keeps: one that changes with every message fills no disk."""
TABLE = "reference"

_SCHEMA = (
    """
CREATE TABLE IF NOT EXISTS reference (
    digest BLOB PRIMARY KEY, codes BLOB NOT NULL
)""",
    """
CREATE TABLE IF NOT EXISTS reference_time (
    sensor TEXT NOT NULL, start_hz REAL NOT NULL, bin_width_hz REAL NOT NULL,
    first_ns INTEGER NOT NULL, stop_ns INTEGER NOT NULL, baseline TEXT NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (sensor, start_hz, bin_width_hz, first_ns)
)""",
)
_COUNT = """
SELECT count(*) FROM reference_time
WHERE sensor = ? AND start_hz = ? AND bin_width_hz = ? AND first_ns <> ?"""
_WRITE = """
INSERT INTO reference_time (sensor, start_hz, bin_width_hz, first_ns, stop_ns, baseline, digest)
VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
SET stop_ns = excluded.stop_ns, baseline = excluded.baseline, digest = excluded.digest"""
_READ = """
SELECT start_hz, bin_width_hz, first_ns, stop_ns, baseline, digest FROM reference_time
WHERE sensor = ? AND stop_ns > ? AND first_ns < ?"""


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables where they are not there."""
    for statement in _SCHEMA:
        connection.execute(statement)


def keep(connection: sqlite3.Connection, references: Iterable[Reference]) -> int:
    """Store references, or that they go on; returns how many were too many for a day."""
    lost = 0
    for one in references:
        window = (one.sensor, one.start_hz, one.bin_width_hz, one.first_ns)
        if connection.execute(_COUNT, window).fetchone()[0] >= MOST_A_DAY:
            lost += 1
            continue
        digest = one.digest
        known = "SELECT 1 FROM reference WHERE digest = ?"
        if connection.execute(known, (digest,)).fetchone() is None:
            packed = zstd.compress(one.codes.tobytes(), 3)
            connection.execute("INSERT INTO reference VALUES (?, ?)", (digest, packed))
        connection.execute(_WRITE, (*window, one.stop_ns, one.baseline, digest))
    return lost


def find(
    connection: sqlite3.Connection,
    sensor: str,
    start_ns: int,
    stop_ns: int,
    start_hz: float,
    stop_hz: float,
) -> Iterator[Reference]:
    """References that counted in some part of a window."""
    codes: dict[bytes, np.ndarray[tuple[int, int], np.dtype[np.uint8]]] = {}
    for low_hz, bin_hz, first_ns, last_ns, baseline, digest in connection.execute(
        _READ, (sensor, start_ns, stop_ns)
    ).fetchall():
        if digest not in codes:
            (packed,) = connection.execute(
                "SELECT codes FROM reference WHERE digest = ?", (digest,)
            ).fetchone()
            both = np.frombuffer(zstd.decompress(packed), dtype=np.uint8)
            codes[digest] = both.reshape(2, -1)
        found = codes[digest]
        if low_hz < stop_hz and low_hz + bin_hz * found.shape[1] > start_hz:
            yield Reference(sensor, low_hz, bin_hz, baseline, first_ns, last_ns, found)
