"""Recorded waterfalls: compressed tiles of u8 codes with coarser copies, a file a day.

A picture of an hour or of a month reads about as many rows as it has pixels, whatever was recorded:
see `dashboard.pyramid`.  Alarms and events are elsewhere: the files may be deleted.
"""

from __future__ import annotations

import contextlib
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from dashboard import reference_table
from dashboard.pyramid import DAY_NS, LEVELS, SECOND, Codes, Tile, Value, changed, coarser
from dashboard.references import Reference

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LATEST_NS = 253_402_300_799 * SECOND
DAY_FILES = "????-??-??.db"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS {table} (
    id INTEGER PRIMARY KEY,
    sensor TEXT NOT NULL, level INTEGER NOT NULL, start_ns INTEGER NOT NULL,
    start_hz REAL NOT NULL, bin_width_hz REAL NOT NULL, n_bins INTEGER NOT NULL,
    codes BLOB NOT NULL,
    UNIQUE (sensor, level, start_ns, start_hz, n_bins)
)"""
_READ = """
SELECT start_ns, start_hz, bin_width_hz, n_bins, codes FROM {table}
WHERE sensor = ? AND level = ? AND start_ns > ? AND start_ns < ?
AND start_hz < ? AND start_hz + bin_width_hz * n_bins > ?"""
_NEXT_SENSOR = """
SELECT min(sensor) FROM {table} WHERE sensor > ?"""
_HAS = """
SELECT 1 FROM {table}
WHERE sensor = ? AND level = ? AND start_ns > ? AND start_ns < ? LIMIT 1"""
_FIND = """
SELECT codes FROM {table}
WHERE sensor = ? AND level = ? AND start_ns = ? AND start_hz = ? AND n_bins = ?"""
_WRITE = """
INSERT INTO {table} (sensor, level, start_ns, start_hz, n_bins, bin_width_hz, codes)
VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET codes = excluded.codes"""
TABLES: dict[Value, str] = {"max": "tile", "mean": "mean"}
"""The finest level is in the first only: there, one row is both."""


class TileFiles:
    """The files of a folder.  Writing and reading may happen in different threads.

    Parameters
    ----------
    folder : Path

    Attributes
    ----------
    references_lost : int
        Baselines of the past that changed more often than a day keeps.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.references_lost = 0
        self._writers: dict[str, sqlite3.Connection] = {}

    def write(self, tiles: Sequence[Tile], references: Sequence[Reference] = ()) -> None:
        """Store finest tiles and raise the coarser levels under them, one transaction a file.

        The references are what those tiles were compared with.
        """
        days = {_day(tile.start_ns) for tile in tiles} | {_day(one.first_ns) for one in references}
        for day in sorted(days):
            with self._writer(day) as connection:
                for tile in tiles:
                    if _day(tile.start_ns) == day:
                        self._raise(connection, tile)
                self.references_lost += reference_table.keep(
                    connection, [one for one in references if _day(one.first_ns) == day]
                )

    def read(
        self,
        sensor: str,
        level: int,
        start_ns: int,
        stop_ns: int,
        start_hz: float,
        stop_hz: float,
        value: Value = "max",
    ) -> Iterator[Tile]:
        """Tiles of a level that overlap a window."""
        shape = LEVELS[level]
        table = TABLES[value if level else "max"]
        for connection in self._days_with(table, start_ns, stop_ns):
            rows = connection.execute(
                _READ.format(table=table),
                (sensor, level, start_ns - shape.tile_ns, stop_ns, stop_hz, start_hz),
            )
            for tile_ns, low_hz, bin_width_hz, n_bins, packed in rows:
                codes = _unpack(packed, shape.rows, n_bins)
                yield Tile(sensor, level, tile_ns, low_hz, bin_width_hz, codes)

    def sensors(self, level: int, start_ns: int, stop_ns: int) -> set[str]:
        """Sensors of which a level has a tile in a time."""
        found = set()
        reach_ns, table = LEVELS[level].tile_ns, TABLES["max"]
        for connection in self._days_with(table, start_ns, stop_ns):
            # From one name to the next in the index: a day has a million tiles and few sensors.
            name = ""
            while (
                name := connection.execute(_NEXT_SENSOR.format(table=table), (name,)).fetchone()[0]
            ) is not None:
                window = (name, level, start_ns - reach_ns, stop_ns)
                if connection.execute(_HAS.format(table=table), window).fetchone() is not None:
                    found.add(name)
        return found

    def references(
        self, sensor: str, start_ns: int, stop_ns: int, start_hz: float, stop_hz: float
    ) -> Iterator[Reference]:
        """What a window was compared with then, day by day."""
        for connection in self._days_with(reference_table.TABLE, start_ns, stop_ns):
            yield from reference_table.find(
                connection, sensor, start_ns, stop_ns, start_hz, stop_hz
            )

    def expire(self, now_ns: int, days: int) -> list[str]:
        """Delete the files of days that are older than ``days``; returns their names."""
        oldest = _day(now_ns - days * DAY_NS)
        gone = []
        for path in sorted(self.folder.glob(DAY_FILES)):
            if path.stem < oldest:
                if (writer := self._writers.pop(path.stem, None)) is not None:
                    writer.close()
                for suffix in ("", "-wal", "-shm"):
                    path.with_name(path.name + suffix).unlink(missing_ok=True)
                gone.append(path.name)
        return gone

    def close(self) -> None:
        """Close the files."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def _days_with(self, table: str, start_ns: int, stop_ns: int) -> Iterator[sqlite3.Connection]:
        """Open each day of a time that has a table; older days may lack the newer ones."""
        first, last = _day(start_ns), _day(stop_ns)
        for path in sorted(self.folder.glob(DAY_FILES)):
            if not first <= path.stem <= last:
                continue
            connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
            try:
                if (table,) in connection.execute("SELECT name FROM sqlite_master"):
                    yield connection
            finally:
                connection.close()

    def _writer(self, day: str) -> sqlite3.Connection:
        """Open a day for writing; only the newest two days stay open."""
        if day not in self._writers:
            for old in sorted(self._writers)[:-1]:
                self._writers.pop(old).close()
            self.folder.mkdir(parents=True, exist_ok=True)
            path = self.folder / f"{day}.db"
            if not path.exists():
                # A reader must never find a file without its table.
                fresh = path.with_suffix(".new")
                with contextlib.closing(sqlite3.connect(fresh)) as connection:
                    _prepare(connection)
                fresh.replace(path)
            connection = sqlite3.connect(path, check_same_thread=False)
            connection.execute("PRAGMA journal_mode=WAL")
            # Live rows are lossy anyway: a power cut may take the last minute, never the file.
            connection.execute("PRAGMA synchronous=NORMAL")
            _prepare(connection)
            self._writers[day] = connection
        return self._writers[day]

    def _raise(self, connection: sqlite3.Connection, tile: Tile) -> None:
        """Merge a finest tile into its level, and what the coarser ones make of it into theirs."""
        highest = mean = self._merge(connection, "max", tile, np.maximum)
        for _ in LEVELS[1:]:
            highest, mean = changed(highest, tile.start_ns), changed(mean, tile.start_ns)
            highest = self._merge(connection, "max", coarser(highest, "max"), np.maximum)
            mean = self._merge(connection, "mean", coarser(mean, "mean"), _newer)

    def _merge(
        self,
        connection: sqlite3.Connection,
        value: Value,
        tile: Tile,
        join: Callable[[Codes, Codes], Codes],
    ) -> Tile:
        """Join a tile with what is there of it; returns the whole."""
        table = TABLES[value]
        key = (tile.sensor, tile.level, tile.start_ns, tile.start_hz, tile.codes.shape[1])
        found = connection.execute(_FIND.format(table=table), key).fetchone()
        if found is not None:
            before = _unpack(found[0], *tile.codes.shape)
            tile = replace(tile, codes=join(before, tile.codes))
        packed = zstd.compress(tile.codes.tobytes(), 1)
        connection.execute(_WRITE.format(table=table), (*key, tile.bin_width_hz, packed))
        return tile


def _prepare(connection: sqlite3.Connection) -> None:
    for table in TABLES.values():
        connection.execute(_SCHEMA.format(table=table))
    reference_table.prepare(connection)


def _newer(before: Codes, after: Codes) -> Codes:
    """Rows of a mean are worked out anew from everything under them: they replace the old ones."""
    return np.where(after > 0, after, before)


def _unpack(packed: bytes, rows: int, n_bins: int) -> Codes:
    return np.frombuffer(zstd.decompress(packed), dtype=np.uint8).reshape(rows, n_bins)


def _day(time_ns: int) -> str:
    """Name of a UTC day; sorts as the days do until the year 9999."""
    time_ns = min(max(time_ns, 0), LATEST_NS)
    return datetime.fromtimestamp(time_ns // SECOND, UTC).strftime("%Y-%m-%d")
