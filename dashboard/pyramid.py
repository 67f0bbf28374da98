"""The levels of a recorded waterfall: each coarser one by maximum, and beside it by mean. Pure.

The maximum keeps a burst of half a second visible in the picture of a month.  The mean shows what
was there most of the time; it is a mean of power, not of decibels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint8]
Cells = npt.NDArray[np.float32]
Value = Literal["max", "mean"]

OFFSET_DB = -140.0
STEP_DB = 0.5
"""Codes of all tiles, so that pictures of two sensors compare; other rows are converted."""
SECOND = 1_000_000_000
DAY_NS = 86_400 * SECOND
_PER_CODE = np.float32(STEP_DB / 10 * np.log(10))


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


def powers(codes: Codes) -> Cells:
    """Power of each cell relative to code 0; 0 where nothing was seen."""
    power: Cells = np.exp(codes * _PER_CODE)
    if not codes.all():
        power[codes == 0] = 0
    return power


def mean_codes(power: Cells, weight: Cells) -> Codes:
    """Codes of summed power over summed weight; unseen where there is no weight."""
    seen = weight > 0
    mean = np.divide(power, weight, out=np.ones_like(power), where=seen)
    codes = np.rint(np.log(mean) / _PER_CODE).clip(1, 255).astype(np.uint8)
    codes[~seen] = 0
    return codes


def changed(tile: Tile, time_ns: int) -> Tile:
    """The rows of a tile under that row of the next level which holds a time."""
    fine_ns, coarse_ns = LEVELS[tile.level].row_ns, LEVELS[tile.level + 1].row_ns
    start_ns = time_ns - time_ns % coarse_ns
    first = (start_ns - tile.start_ns) // fine_ns
    return replace(tile, start_ns=start_ns, codes=tile.codes[first : first + coarse_ns // fine_ns])


def coarser(tile: Tile, value: Value = "max") -> Tile:
    """The part of the next level's tile that a tile fills; the rest of it is unseen.

    The mean is over the cells that were seen, each as much as the others.
    """
    fine, coarse = LEVELS[tile.level], LEVELS[tile.level + 1]
    joined = coarse.bins_joined // fine.bins_joined
    n_bins = -(-tile.codes.shape[1] // joined)
    start_ns = tile.start_ns - tile.start_ns % coarse.tile_ns
    codes = np.zeros((coarse.rows, n_bins), dtype=np.uint8)
    times_ns = tile.start_ns + fine.row_ns * np.arange(tile.codes.shape[0]) - start_ns
    rows = times_ns // coarse.row_ns
    bounds = np.flatnonzero(np.diff(rows, prepend=-1))
    edges = np.arange(0, tile.codes.shape[1], joined)

    def joined_by(ufunc: np.ufunc, cells: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        by_row = ufunc.reduceat(cells, bounds, axis=0)
        result: npt.NDArray[np.generic] = ufunc.reduceat(by_row, edges, axis=1)
        return result

    if value == "max":
        codes[rows[bounds]] = joined_by(np.maximum, tile.codes)
    else:
        seen = (tile.codes > 0).astype(np.float32)
        power = joined_by(np.add, powers(tile.codes)).astype(np.float32)
        codes[rows[bounds]] = mean_codes(power, joined_by(np.add, seen).astype(np.float32))
    return Tile(
        tile.sensor, tile.level + 1, start_ns, tile.start_hz, tile.bin_width_hz * joined, codes
    )
