"""The newest rows of one recorded window, in memory that is taken once. Pure.

A minute stays here while it fills up and until it is written.  The rows lie in a ring, a little
longer than a minute, which is touched when it is made: what a monitor needs for its sensors it has
from the beginning, and only what is being written is copied when all minutes end together.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dashboard.pyramid import LEVELS, SECOND, Codes, Tile
from dashboard.references import Following
from sensors.messages import SpectrumRow, Watch

MINUTE = LEVELS[0].rows
SPARE_S = 20
"""So long the writing of a minute may take; then its rows are overwritten."""
LATE_S = 3
"""A minute that no later row ended is over this long after its last row was due."""


class Ring:
    """A window and its rows, a second each, from the minute that is not yet written.

    Parameters
    ----------
    watch : Watch

    Attributes
    ----------
    begin : int
        Second in which the oldest minute that is not written begins; 0 when there is none.
    newest : int
        Last second that a row was put into.
    following : Following
        What its rows were compared with.
    """

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.begin = 0
        self.newest = 0
        self.following = Following()
        self._codes = np.empty((MINUTE + SPARE_S, watch.n_bins), dtype=np.uint8)
        self._codes[:] = 0

    def covers(self, row: SpectrumRow) -> range:
        """Seconds since the epoch that a row stands for: those that it took, and none left out.

        Rows come about once a second: now and then one second has none, and belongs to the next.
        """
        last = row.time_ns // SECOND
        first = last + 1 - max(1, round(row.duration_s))
        is_next = 0 < first - self.newest <= 2
        return range(self.newest + 1 if is_next else first, last + 1)

    def is_late(self, seconds: range) -> bool:
        """Whether the minute of these seconds is written; far older ones say: a clock set back."""
        return self.begin - len(self._codes) <= seconds[-1] < self.begin

    def put(self, seconds: range, codes: Codes) -> int:
        """Raise the rows of these seconds; returns how many minutes were overwritten unwritten."""
        lost = 0
        length = len(self._codes)
        last = seconds[-1]
        if last < self.begin:
            lost = -(-(self.newest + 1 - self.begin) // MINUTE)
            self.begin = 0
        if not self.begin:
            first = max(seconds[0], last + 1 - MINUTE)
            self.begin, self.newest = _minute(first), first - 1
            self._codes[:] = 0
        elif last - self.begin >= length:
            gone = min(_minute(last), self.newest + 1) - self.begin
            lost = -(-gone // MINUTE)
            self.begin = _minute(last)
        fresh = range(max(self.newest + 1, last + 1 - length), last + 1)
        self._codes[np.array(fresh, dtype=np.intp) % length] = 0
        self.newest = max(self.newest, last)
        for second in seconds[max(0, self.begin - seconds[0]) :]:
            at = second % length
            np.maximum(self._codes[at], codes, out=self._codes[at])
        return lost

    def is_over(self, now_ns: int) -> bool:
        """Whether the oldest minute can be written."""
        if not self.begin:
            return False
        end = self.begin + MINUTE
        return self.newest >= end or now_ns > (end + LATE_S) * SECOND

    def tile(self, begin: int) -> Tile:
        """One minute as it is now."""
        codes = np.zeros((MINUTE, self.watch.n_bins), dtype=np.uint8)
        seconds = np.arange(begin, min(begin + MINUTE, self.newest + 1))
        codes[: len(seconds)] = self._codes[seconds % len(self._codes)]
        width_hz = (self.watch.stop_hz - self.watch.start_hz) / self.watch.n_bins
        start_ns = begin * SECOND
        return Tile(self.watch.sensor, 0, start_ns, self.watch.start_hz, width_hz, codes)

    def tiles(self) -> Iterator[Tile]:
        """Every minute that is not yet written."""
        oldest = self.begin  # read once: other threads look while rows come
        if oldest:
            for begin in range(oldest, self.newest + 1, MINUTE):
                yield self.tile(begin)

    def written(self, tile: Tile) -> None:
        """Let go of the oldest minute, if it still is this one."""
        if tile.start_ns != self.begin * SECOND:
            return
        self.begin += MINUTE
        if self.begin > self.newest:
            self.begin = 0


def _minute(second: int) -> int:
    return second - second % MINUTE
