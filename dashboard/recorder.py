"""What is recorded: one row a second of every band of every sensor, gathered into tiles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from dashboard.picture import Frame, draw, level_for
from dashboard.state import Board
from dashboard.tiles import LEVELS, Codes, Tile, TileFiles
from dashboard.watcher import Watcher
from sensors.messages import BandWatch, SpectrumReference, SpectrumRow, Watch

FINEST = LEVELS[0]
OFFSET_DB = -140.0
STEP_DB = 0.5
"""Codes of all tiles, so that pictures of two sensors compare; other rows are converted."""
LATE_NS = 3_000_000_000
"""A tile is written this long after its last row was due."""
FINEST_BIN_HZ = 2000.0


@dataclass(slots=True)
class _Window:
    """A recorded window and the tile that fills up now."""

    watch: Watch
    start_ns: int
    codes: Codes
    newest: int = 0

    def covers(self, row: SpectrumRow) -> range:
        """Seconds since the epoch that a row stands for: those that it took, and none left out.

        Rows come about once a second: now and then one second has none, and belongs to the next.
        """
        last = row.time_ns // FINEST.row_ns
        first = last + 1 - max(1, round(row.duration_s))
        is_next = 0 < first - self.newest <= 2
        return range(self.newest + 1 if is_next else first, last + 1)

    def raise_to(self, seconds: range, codes: Codes) -> None:
        """Raise the rows of these seconds that lie in this tile."""
        begin = self.start_ns // FINEST.row_ns
        rows = slice(max(seconds.start - begin, 0), max(seconds.stop - begin, 0))
        self.codes[rows] = np.maximum(self.codes[rows], codes)

    def tile(self) -> Tile:
        width_hz = (self.watch.stop_hz - self.watch.start_hz) / self.watch.n_bins
        return Tile(
            self.watch.sensor, 0, self.start_ns, self.watch.start_hz, width_hz, self.codes.copy()
        )


class Recorder:
    """Windows that are recorded.

    Parameters
    ----------
    files : TileFiles
    n_bins : int
        Bins of all bands of one sensor together.

    Attributes
    ----------
    watcher : Watcher
        Set before the first row comes.
    rows, late : int
        Recorded; thrown away because their tile was already written.
    """

    watcher: Watcher

    def __init__(self, files: TileFiles, n_bins: int) -> None:
        self.files = files
        self.rows = 0
        self.late = 0
        self._n_bins = n_bins
        self._windows: dict[int, _Window] = {}
        self._numbers: dict[Watch, int] = {}

    def follow(self, board: Board) -> list[Tile]:
        """Record exactly the bands that the sites say they watch.

        Returns
        -------
        list of Tile
            What was gathered of windows that no longer exist.
        """
        wanted = {
            watch
            for site in board.values()
            for sensor in site.heartbeat.sensors
            for watch in windows_of(sensor.sensor, sensor.bands, self._n_bins)
        }
        ended = []
        for watch in self._numbers.keys() - wanted:
            number = self._numbers.pop(watch)
            window = self._windows.pop(number)
            if window.start_ns:
                ended.append(window.tile())
            self.watcher.unwatch(number)
        for watch in wanted - self._numbers.keys():
            number = self._numbers[watch] = self.watcher.watch(watch)
            empty = np.zeros((FINEST.rows, watch.n_bins), dtype=np.uint8)
            self._windows[number] = _Window(watch, 0, empty)
        return ended

    def row(self, row: SpectrumRow | SpectrumReference) -> Tile | None:
        """Take a row of one of our windows; others are none of our business.

        Returns
        -------
        Tile or None
            The tile before, when this row begins a new one.
        """
        window = self._windows.get(row.watch)
        if window is None or not isinstance(row, SpectrumRow):
            return None
        if len(row.levels) != window.watch.n_bins:
            return None
        start_ns = row.time_ns - row.time_ns % FINEST.tile_ns
        if start_ns < window.start_ns:
            self.late += 1
            return None
        codes, covered = standard_codes(row), window.covers(row)
        finished = None
        if start_ns > window.start_ns:
            if window.start_ns:
                window.raise_to(covered, codes)
                finished = window.tile()
            window.start_ns = start_ns
            window.codes[:] = 0
        window.raise_to(covered, codes)
        window.newest = covered.stop - 1
        self.rows += 1
        return finished

    def finished(self, now_ns: int) -> list[Tile]:
        """Tiles whose time is over although no later row came: the sensor went silent."""
        over = []
        for window in self._windows.values():
            if 0 < window.start_ns < now_ns - FINEST.tile_ns - LATE_NS:
                over.append(window.tile())
                window.start_ns += FINEST.tile_ns
                window.codes[:] = 0
                if not over[-1].codes.any():
                    over.pop()
                    window.start_ns = 0
        return over

    def open_tiles(self, sensor: str) -> Iterator[Tile]:
        """What is gathered of a sensor and not yet written."""
        for window in list(self._windows.values()):
            if window.watch.sensor == sensor and window.start_ns:
                yield window.tile()

    def close(self) -> None:
        """Write what is there."""
        self.files.write([w.tile() for w in self._windows.values() if w.start_ns])
        self.files.close()


def windows_of(sensor: str, bands: Iterable[BandWatch], n_bins: int) -> list[Watch]:
    """Windows to record of one sensor: one for each band, all with the same width of a bin."""
    bands = [band for band in bands if band.stop_hz > band.start_hz]
    total_hz = sum(band.stop_hz - band.start_hz for band in bands)
    bin_hz = max(total_hz / n_bins, FINEST_BIN_HZ)
    return [
        Watch(
            sensor=sensor,
            start_hz=band.start_hz,
            stop_hz=band.stop_hz,
            n_bins=min(max(1, round((band.stop_hz - band.start_hz) / bin_hz)), 8192),
            credit=0,
            every_s=1.0,
        )
        for band in bands
    ]


def standard_codes(row: SpectrumRow) -> Codes:
    """Codes of a row in the offset and step of the tiles; unseen stays unseen."""
    codes = np.frombuffer(row.levels, dtype=np.uint8)
    if row.offset_db == OFFSET_DB and row.step_db == STEP_DB:
        return codes
    levels_db = row.offset_db + row.step_db * np.arange(256)
    table = np.clip(np.rint((levels_db - OFFSET_DB) / STEP_DB), 1, 255).astype(np.uint8)
    table[0] = 0
    converted: Codes = table[codes]
    return converted


def history(recorder: Recorder, sensor: str, frame: Frame) -> Codes:
    """Draw a window of what is on disk and of what is not yet written."""
    level = level_for(frame)
    tiles = recorder.files.read(
        sensor, level, frame.start_ns, frame.stop_ns, frame.start_hz, frame.stop_hz
    )
    newest = recorder.open_tiles(sensor)
    return np.maximum(draw(frame, tiles), draw(frame, newest))


def minutes(recorder: Recorder, sensor: str, frame: Frame) -> Iterator[Tile]:
    """Finest tiles of a window, each minute of a band once: on disk, not yet written, or both."""
    newest = {
        (tile.start_ns, tile.start_hz, tile.codes.shape[1]): tile
        for tile in recorder.open_tiles(sensor)
    }
    tiles = recorder.files.read(
        sensor, 0, frame.start_ns, frame.stop_ns, frame.start_hz, frame.stop_hz
    )
    for tile in tiles:
        more = newest.pop((tile.start_ns, tile.start_hz, tile.codes.shape[1]), None)
        if more is not None:
            tile = replace(tile, codes=np.maximum(tile.codes, more.codes))
        yield tile
    yield from newest.values()
