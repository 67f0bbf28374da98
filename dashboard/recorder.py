"""What is recorded: one row a second of every band of every sensor, gathered into tiles.

Beside them stands what the site compared them with, see `dashboard.references`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from dashboard.picture import Frame, draw, level_for
from dashboard.pyramid import DAY_NS, SECOND, Codes, Tile, Value
from dashboard.pyramid import OFFSET_DB as OFFSET_DB
from dashboard.pyramid import STEP_DB as STEP_DB
from dashboard.references import SAME_NS, Reference, joined
from dashboard.ring import Ring
from dashboard.state import Board
from dashboard.tiles import TileFiles
from dashboard.watcher import Watcher
from sensors.messages import BandWatch, SpectrumReference, SpectrumRow, Watch

FINEST_BIN_HZ = 2000.0
MOST_ENDED = 1024
"""Windows that ended and are not yet written; beyond these the oldest are given up."""
MOST_DAYS_BACK = 31
"""So far the begin of a baseline is looked for."""


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
    rows, late, lost : int
        Rows recorded; rows thrown away because their minute was already written; minutes that the
        disk did not take in time.
    references_lost : int
        Baselines that changed faster than they could be written.
    """

    watcher: Watcher

    def __init__(self, files: TileFiles, n_bins: int) -> None:
        self.files = files
        self.rows = 0
        self.late = 0
        self.lost = 0
        self.references_lost = 0
        self._n_bins = n_bins
        self._rings: dict[int, Ring] = {}
        self._numbers: dict[Watch, int] = {}
        self._ended: list[Ring] = []
        self._baselines: dict[str, str] = {}

    def follow(self, board: Board) -> None:
        """Record exactly the bands that the sites say they watch."""
        self._baselines = {
            sensor.sensor: sensor.baseline
            for site in board.values()
            for sensor in site.heartbeat.sensors
        }
        wanted = {
            watch
            for site in board.values()
            for sensor in site.heartbeat.sensors
            for watch in windows_of(sensor.sensor, sensor.bands, self._n_bins)
        }
        for watch in self._numbers.keys() - wanted:
            number = self._numbers.pop(watch)
            self._ended.append(self._rings.pop(number))
            self.watcher.unwatch(number)
        for watch in wanted - self._numbers.keys():
            number = self._numbers[watch] = self.watcher.watch(watch)
            self._rings[number] = Ring(watch)
        self._ended = [ring for ring in self._ended if ring.begin]
        self.lost += len(self._ended[:-MOST_ENDED])
        self._ended = self._ended[-MOST_ENDED:]

    def row(self, row: SpectrumRow | SpectrumReference) -> None:
        """Take a row of one of our windows; others are none of our business."""
        ring = self._rings.get(row.watch)
        if ring is None:
            return
        if isinstance(row, SpectrumReference):
            self.references_lost += ring.following.refer(self._reference(row, ring.watch))
            return
        if len(row.levels) != ring.watch.n_bins:
            return
        covered = ring.covers(row)
        if ring.is_late(covered):
            self.late += 1
            return
        self.lost += ring.put(covered, standard_codes(row))
        begin_ns, end_ns = covered[0] * SECOND, (covered[-1] + 1) * SECOND
        self.references_lost += ring.following.row(begin_ns, end_ns)
        self.rows += 1

    def over(self, now_ns: int) -> list[Ring]:
        """Windows that ended, and those with a minute that is over: to be written, then told so."""
        return self._ended + [ring for ring in self._rings.values() if ring.is_over(now_ns)]

    async def write(self, rings: Sequence[Ring]) -> None:
        """Write the oldest minute of each of these, and what its rows were compared with."""
        tiles = [ring.tile(ring.begin) for ring in rings]
        references = [ring.following.known() for ring in rings]
        await asyncio.to_thread(self.files.write, tiles, [*chain(*references)])
        for ring, tile, known in zip(rings, tiles, references, strict=True):
            ring.written(tile)
            ring.following.written(known)

    def open_tiles(self, sensor: str) -> Iterator[Tile]:
        """What is gathered of a sensor and not yet written."""
        for ring in [*self._ended, *self._rings.values()]:
            if ring.watch.sensor == sensor:
                yield from ring.tiles()

    def open_references(self, sensor: str) -> Iterator[Reference]:
        """What a sensor's rows are compared with now, and what that not yet written said before."""
        for ring in [*self._ended, *self._rings.values()]:
            if ring.watch.sensor == sensor:
                yield from ring.following.known()

    def counters(self) -> dict[str, float]:
        """Rows and minutes that were recorded, and that were not."""
        counts = {
            "rows": self.rows,
            "rows_late": self.late,
            "minutes_lost": self.lost,
            "references_lost": self.references_lost + self.files.references_lost,
        }
        return {f"history_{name}": float(count) for name, count in counts.items()}

    def close(self) -> None:
        """Write what is there."""
        rings = [*self._ended, *self._rings.values()]
        self.files.write(
            [tile for ring in rings for tile in ring.tiles()],
            [one for ring in rings for one in ring.following.known()],
        )
        self.files.close()

    def _reference(self, said: SpectrumReference, watch: Watch) -> Reference | None:
        """What a site says it compares a window with; None without a baseline: that never lasts."""
        baseline = self._baselines.get(watch.sensor, "")
        if not baseline or not len(said.baseline) == len(said.threshold) == watch.n_bins:
            return None
        both = np.stack([_standard(codes, said) for codes in (said.baseline, said.threshold)])
        width_hz = (watch.stop_hz - watch.start_hz) / watch.n_bins
        return Reference(watch.sensor, watch.start_hz, width_hz, baseline, 0, 0, both)


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
            reference=True,
            every_s=1.0,
        )
        for band in bands
    ]


def standard_codes(row: SpectrumRow) -> Codes:
    """Codes of a row in the offset and step of the tiles; unseen stays unseen."""
    return _standard(row.levels, row)


def _standard(levels: bytes, scale: SpectrumRow | SpectrumReference) -> Codes:
    codes = np.frombuffer(levels, dtype=np.uint8)
    if scale.offset_db == OFFSET_DB and scale.step_db == STEP_DB:
        return codes
    levels_db = scale.offset_db + scale.step_db * np.arange(256)
    table = np.clip(np.rint((levels_db - OFFSET_DB) / STEP_DB), 1, 255).astype(np.uint8)
    table[0] = 0
    converted: Codes = table[codes]
    return converted


def history(recorder: Recorder, sensor: str, frame: Frame, value: Value = "max") -> Codes:
    """Draw a window of what is on disk and of what is not yet written."""
    level = level_for(frame)
    tiles = recorder.files.read(
        *(sensor, level, frame.start_ns, frame.stop_ns, frame.start_hz, frame.stop_hz), value
    )
    return draw(frame, chain(tiles, recorder.open_tiles(sensor)), value)


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


def references(
    recorder: Recorder, sensor: str, start_ns: int, stop_ns: int, start_hz: float, stop_hz: float
) -> list[Reference]:
    """What a window was compared with then: on disk, and not yet written."""
    written = recorder.files.references(sensor, start_ns, stop_ns, start_hz, stop_hz)
    return [
        one
        for one in joined(chain(written, recorder.open_references(sensor)))
        if one.first_ns < stop_ns
        and one.stop_ns > start_ns
        and one.start_hz < stop_hz
        and one.start_hz + one.bin_width_hz * one.codes.shape[1] > start_hz
    ]


def in_use_since(recorder: Recorder, one: Reference) -> int:
    """When the baseline of a reference came into use; its levels change with the hours."""
    since_ns = one.first_ns
    for _ in range(MOST_DAYS_BACK):
        window = (one.start_hz, one.start_hz + one.bin_width_hz)
        day = recorder.files.references(one.sensor, since_ns - DAY_NS, since_ns, *window)
        earliest_ns = since_ns
        for each in sorted(day, key=lambda each: each.first_ns, reverse=True):
            if each.baseline == one.baseline and each.stop_ns >= earliest_ns - SAME_NS:
                earliest_ns = min(earliest_ns, each.first_ns)
        if earliest_ns == since_ns:
            break
        since_ns = earliest_ns
    return since_ns
