"""Recorded waterfalls: compressed tiles of u8 codes with coarser copies by maximum, a file a day.

A picture of an hour or of a month reads about as many rows as it has pixels, whatever was recorded.
Each coarser level holds the maximum of the finer one, so that a burst of half a second stays
visible in the picture of a month.  Alarms and events are elsewhere: the files may be deleted.
"""

from __future__ import annotations

import contextlib
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Codes = npt.NDArray[np.uint8]

SECOND = 1_000_000_000
DAY_NS = 86_400 * SECOND
LATEST_NS = 253_402_300_799 * SECOND
DAY_FILES = "????-??-??.db"


@dataclass(frozen=True, slots=True)
class Level:
    """One resolution.

    Attributes
    ----------
    row_ns : int
        Time of one row.
    rows : int
        Rows of one tile; a tile never crosses midnight UTC.
    bins_joined : int
        Recorded bins under one bin of this level.
    """

    row_ns: int
    rows: int
    bins_joined: int

    @property
    def tile_ns(self) -> int:
        """Time of one tile."""
        return self.row_ns * self.rows


LEVELS = (Level(SECOND, 60, 1), Level(60 * SECOND, 60, 1), Level(900 * SECOND, 96, 4))
"""Seconds for the hours around an alarm, minutes for a day, quarters of an hour for months."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS tile (
    id INTEGER PRIMARY KEY,
    sensor TEXT NOT NULL, level INTEGER NOT NULL, start_ns INTEGER NOT NULL,
    start_hz REAL NOT NULL, bin_width_hz REAL NOT NULL, n_bins INTEGER NOT NULL,
    codes BLOB NOT NULL,
    UNIQUE (sensor, level, start_ns, start_hz, n_bins)
)"""


@dataclass(frozen=True, slots=True)
class Tile:
    """Rows of one window of one sensor.

    Attributes
    ----------
    sensor : str
    level : int
        Index into `LEVELS`.
    start_ns : int
        Of the first row.
    start_hz : float
        Lower edge of the first bin.
    bin_width_hz : float
    codes : uint8, shape (rows, n_bins)
        As in `sensors.messages.SpectrumRow`; 0 is unseen.
    """

    sensor: str
    level: int
    start_ns: int
    start_hz: float
    bin_width_hz: float
    codes: Codes


class TileFiles:
    """The files of a folder.  Writing and reading may happen in different threads.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writers: dict[str, sqlite3.Connection] = {}

    def write(self, tiles: list[Tile]) -> None:
        """Store finest tiles and raise the coarser levels under them, one transaction a file."""
        for day in {_day(tile.start_ns) for tile in tiles}:
            with self._writer(day) as connection:
                for tile in tiles:
                    if _day(tile.start_ns) == day:
                        self._raise(connection, tile)

    def read(
        self, sensor: str, level: int, start_ns: int, stop_ns: int, start_hz: float, stop_hz: float
    ) -> Iterator[Tile]:
        """Tiles of a level that overlap a window."""
        shape = LEVELS[level]
        first, last = _day(start_ns), _day(stop_ns)
        for path in sorted(self.folder.glob(DAY_FILES)):
            if not first <= path.stem <= last:
                continue
            connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
            try:
                rows = connection.execute(
                    "SELECT start_ns, start_hz, bin_width_hz, n_bins, codes FROM tile"
                    " WHERE sensor = ? AND level = ? AND start_ns > ? AND start_ns < ?"
                    " AND start_hz < ? AND start_hz + bin_width_hz * n_bins > ?",
                    (sensor, level, start_ns - shape.tile_ns, stop_ns, stop_hz, start_hz),
                )
                for tile_ns, low_hz, bin_width_hz, n_bins, packed in rows:
                    codes = _unpack(packed, shape.rows, n_bins)
                    yield Tile(sensor, level, tile_ns, low_hz, bin_width_hz, codes)
            finally:
                connection.close()

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
                    connection.execute(_SCHEMA)
                fresh.replace(path)
            connection = sqlite3.connect(path, check_same_thread=False)
            connection.execute("PRAGMA journal_mode=WAL")
            # Live rows are lossy anyway: a power cut may take the last minute, never the file.
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute(_SCHEMA)
            self._writers[day] = connection
        return self._writers[day]

    def _raise(self, connection: sqlite3.Connection, tile: Tile) -> None:
        """Merge a tile into its level by maximum, then its maximum into the next one."""
        shape = LEVELS[tile.level]
        key = (tile.sensor, tile.level, tile.start_ns, tile.start_hz, tile.codes.shape[1])
        found = connection.execute(
            "SELECT codes FROM tile WHERE sensor = ? AND level = ? AND start_ns = ?"
            " AND start_hz = ? AND n_bins = ?",
            key,
        ).fetchone()
        codes = tile.codes
        if found is not None:
            codes = np.maximum(codes, _unpack(found[0], shape.rows, codes.shape[1]))
        connection.execute(
            "INSERT INTO tile (sensor, level, start_ns, start_hz, n_bins, bin_width_hz, codes)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET codes = excluded.codes",
            (*key, tile.bin_width_hz, zstd.compress(codes.tobytes(), 1)),
        )
        if tile.level + 1 < len(LEVELS):
            self._raise(connection, coarser(tile))


def coarser(tile: Tile) -> Tile:
    """The part of the next level's tile that a tile fills; the rest of it is unseen."""
    fine, coarse = LEVELS[tile.level], LEVELS[tile.level + 1]
    joined = coarse.bins_joined // fine.bins_joined
    n_bins = -(-tile.codes.shape[1] // joined)
    start_ns = tile.start_ns - tile.start_ns % coarse.tile_ns
    codes = np.zeros((coarse.rows, n_bins), dtype=np.uint8)
    times_ns = tile.start_ns + fine.row_ns * np.arange(tile.codes.shape[0]) - start_ns
    rows = times_ns // coarse.row_ns
    bounds = np.flatnonzero(np.diff(rows, prepend=-1))
    by_bin = np.maximum.reduceat(tile.codes, np.arange(0, tile.codes.shape[1], joined), axis=1)
    codes[rows[bounds]] = np.maximum.reduceat(by_bin, bounds, axis=0)
    return Tile(
        tile.sensor, tile.level + 1, start_ns, tile.start_hz, tile.bin_width_hz * joined, codes
    )


def _unpack(packed: bytes, rows: int, n_bins: int) -> Codes:
    return np.frombuffer(zstd.decompress(packed), dtype=np.uint8).reshape(rows, n_bins)


def _day(time_ns: int) -> str:
    """Name of a UTC day; sorts as the days do until the year 9999."""
    time_ns = min(max(time_ns, 0), LATEST_NS)
    return datetime.fromtimestamp(time_ns // SECOND, UTC).strftime("%Y-%m-%d")
