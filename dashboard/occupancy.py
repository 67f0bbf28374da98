"""How busy each channel was, from the recorded waterfall, after ITU-R SM.1880. Pure.

Frequency channel occupancy of channel c over a time T in which it was looked at N times::

    FCO(c) = N_occupied(c) / N(c)

A look is one recorded second.  It is occupied when the level of *any* bin inside the channel is
over the threshold, which is given, or the one that the site compared that bin with in that minute,
or dynamic: the noise of the minute, taken as the level under which the quietest 20 % of the band's
cells lie (after SM.1753), plus a margin.  SM.1880 asks for 3-5 dB at least; a recorded cell is the
maximum of a second, whose own noise reaches higher.

How far N looks can be trusted: the relative error of an occupancy p at 95 % confidence is
``1.96 * sqrt((1 - p) / (p * N))`` for independent looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import sqrt

import numpy as np
import numpy.typing as npt

from dashboard.picture import Index
from dashboard.pyramid import LEVELS, Codes, Tile
from dashboard.references import Reference

Thresholds = npt.NDArray[np.float64]
QUIETEST = 0.2


@dataclass(frozen=True, slots=True)
class Window:
    """What is counted.

    Attributes
    ----------
    start_ns, stop_ns : int
    start_hz, stop_hz : float
        Channels that lie wholly inside.
    raster_hz, offset_hz : float
        Channels are centred on ``offset_hz + k * raster_hz`` and as wide as the raster.
    """

    start_ns: int
    stop_ns: int
    start_hz: float
    stop_hz: float
    raster_hz: float
    offset_hz: float = 0.0


@dataclass(slots=True)
class Channel:
    """What was counted of one channel.

    Attributes
    ----------
    center_freq_hz : float
    looks, occupied : int
        Seconds in which it was seen; in which it was over the threshold.
    max_code : int
        Highest level, as tiles code it.
    thresholds : list of float
        In codes, one for each minute of its band.
    """

    center_freq_hz: float
    looks: int = 0
    occupied: int = 0
    max_code: int = 0
    thresholds: list[float] = field(default_factory=list)

    @property
    def fco(self) -> float:
        """Occupancy, 0-1."""
        return self.occupied / self.looks

    @property
    def error_95(self) -> float | None:
        """Relative error at 95 %; None where nothing was heard."""
        if not self.occupied:
            return None
        return 1.96 * sqrt((1 - self.fco) / (self.fco * self.looks))


class TooFine(Exception):
    """The recorded bins are wider than a channel; the argument is their width in hertz."""


def count(
    tiles: Iterable[Tile],
    window: Window,
    *,
    margin_codes: float,
    threshold_code: float | None = None,
    past: Sequence[Reference] = (),
) -> list[Channel]:
    """Count looks and occupied looks of every channel.

    Parameters
    ----------
    tiles : iterable of Tile
        Of the finest level, each minute of a band once.
    window : Window
    margin_codes : float
        Over the noise of the minute, in steps of the codes.
    threshold_code : float, optional
        A fixed threshold instead.
    past : sequence of Reference
        What the sensor compared with at that time: its thresholds count where there are any.

    Returns
    -------
    list of Channel
        Those that were seen at all, the lowest first.

    Raises
    ------
    TooFine
    """
    tallies: dict[tuple[float, float, int], _Tally] = {}
    for tile in tiles:
        if tile.bin_width_hz > window.raster_hz * (1 + 1e-9):
            raise TooFine(tile.bin_width_hz)
        codes = _rows_inside(tile, window)
        key = (tile.start_hz, tile.bin_width_hz, codes.shape[1])
        if key not in tallies:
            tallies[key] = _Tally(tile, window)
        if codes.any() and tallies[key].numbers.size:
            threshold = threshold_code
            if threshold is None:
                threshold = quiet_code(codes) + margin_codes
            tallies[key].add(codes, _thresholds(tile, past, threshold) if past else threshold)
    channels: dict[int, Channel] = {}
    for tally in tallies.values():
        for at in np.flatnonzero(tally.looks).tolist():
            number = int(tally.numbers[at])
            center_hz = window.offset_hz + number * window.raster_hz
            channel = channels.setdefault(number, Channel(center_hz))
            channel.looks += int(tally.looks[at])
            channel.occupied += int(tally.occupied[at])
            channel.max_code = max(channel.max_code, int(tally.max_codes[at]))
            channel.thresholds += tally.thresholds
    return [channels[number] for number in sorted(channels)]


class _Tally:
    """What was counted in the tiles of one grid, as arrays over its channels."""

    def __init__(self, tile: Tile, window: Window) -> None:
        numbers, inside = _channels_of(tile, window)
        begins = np.diff(numbers, prepend=numbers[:1] - 1) > 0
        ends = np.diff(numbers, append=numbers[-1:] + 1) > 0
        self.numbers = numbers[begins]
        self._first, self._last = inside[begins], inside[ends]
        self.looks = np.zeros(self.numbers.size, dtype=np.int64)
        self.occupied = np.zeros_like(self.looks)
        self.max_codes = np.zeros(self.numbers.size, dtype=np.uint8)
        self.thresholds: list[float] = []

    def add(self, codes: Codes, threshold: float | Thresholds) -> None:
        """Count the rows of a tile; thresholds are one for all, or one for each bin."""
        peaks = _peaks(codes, self._first, self._last)
        over = peaks > threshold if isinstance(threshold, float | int) else None
        if over is None:
            over = _peaks((codes > threshold).view(np.uint8), self._first, self._last) > 0
        self.looks += np.count_nonzero(peaks, axis=0)
        self.occupied += np.count_nonzero(over, axis=0)
        np.maximum(self.max_codes, peaks.max(axis=0), out=self.max_codes)
        self.thresholds.append(float(np.median(threshold)))


def _thresholds(tile: Tile, past: Sequence[Reference], otherwise: float) -> Thresholds:
    """Threshold of each bin of a minute: the highest where it changed, else ``otherwise``."""
    stop_ns = tile.start_ns + LEVELS[tile.level].tile_ns
    codes = np.zeros(tile.codes.shape[1], dtype=np.uint8)
    for one in past:
        same = one.start_hz == tile.start_hz and one.codes.shape[1] == len(codes)
        if same and one.first_ns < stop_ns and one.stop_ns > tile.start_ns:
            np.maximum(codes, one.codes[1], out=codes)
    return np.where(codes > 0, codes, otherwise)


def quiet_code(codes: Codes) -> int:
    """Level at or under which the quietest fifth of the seen cells lie; there is at least one."""
    counts = np.bincount(codes.ravel(), minlength=256)
    counts[0] = 0
    below = np.cumsum(counts)
    return int(np.searchsorted(below, QUIETEST * below[-1]))


def _peaks(codes: Codes, first: Index, last: Index) -> Codes:
    """Maximum of each run of bins, row by row.

    As many gathers as the widest run has bins: ``reduceat`` on bytes is ten times slower.
    """
    peaks = codes[:, first]
    for offset in range(1, int((last - first).max()) + 1):
        np.maximum(peaks, codes[:, np.minimum(first + offset, last)], out=peaks)
    return peaks


def _rows_inside(tile: Tile, window: Window) -> Codes:
    """Rows of a tile that began inside the window."""
    row_ns = LEVELS[tile.level].row_ns
    first = -(-(window.start_ns - tile.start_ns) // row_ns)
    last = -(-(window.stop_ns - tile.start_ns) // row_ns)
    return tile.codes[max(first, 0) : max(last, 0)]


def _channels_of(tile: Tile, window: Window) -> tuple[npt.NDArray[np.int64], Index]:
    """Bins of the channels that are wholly there: channel of each by its centre, and its index."""
    n_bins = tile.codes.shape[1]
    centers_hz = tile.start_hz + tile.bin_width_hz * (np.arange(n_bins) + 0.5)
    numbers = np.floor((centers_hz - window.offset_hz) / window.raster_hz + 0.5).astype(np.int64)
    low_hz = window.offset_hz + (numbers - 0.5) * window.raster_hz
    begin_hz = max(window.start_hz, tile.start_hz)
    end_hz = min(window.stop_hz, tile.start_hz + n_bins * tile.bin_width_hz)
    whole = (low_hz > begin_hz - 1e-3) & (low_hz + window.raster_hz < end_hz + 1e-3)
    return numbers[whole], np.flatnonzero(whole)
