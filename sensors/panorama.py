"""What a viewer of one window sees: the maximum under each pixel since the last row, never less."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dsp.units import db
from dsp.values import Dwell, Grid, Real

OFFSET_DB = -140.0
STEP_DB = 0.5
UNSEEN = 0

Codes = npt.NDArray[np.uint8]


def encode_levels(power: npt.ArrayLike) -> Codes:
    """Linear power to u8 codes: 0 unseen (NaN), else -139.5 to -12.5 dBFS in 0.5 dB steps.

    Examples
    --------
    >>> encode_levels([float("nan"), 1e-12, 1e-5]).tolist()
    [0, 40, 180]
    """
    power = np.asarray(power, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        codes = np.clip(np.rint((db(power) - OFFSET_DB) / STEP_DB), 1, 255)
    return np.where(np.isnan(power), UNSEEN, codes).astype(np.uint8)


class Window:
    """One viewer's window on a sensor.

    A dwell raises the pixels it touches; `row` gives them and starts anew.  A pixel not received
    since the last row repeats what it last showed, until it is older than ``stale_ns`` and
    becomes unseen: silence is never shown as quiet.

    Parameters
    ----------
    start_hz, stop_hz : float
        Edges of the window.
    n_bins : int
        Pixels.
    stale_ns : int
        Age after which a pixel counts as unseen.
    """

    def __init__(self, start_hz: float, stop_hz: float, n_bins: int, stale_ns: int) -> None:
        self.start_hz = start_hz
        self.bin_width_hz = (stop_hz - start_hz) / n_bins
        self.n_bins = n_bins
        self.stale_ns = stale_ns
        self._fresh = np.full(n_bins, np.nan, dtype=np.float32)
        self._last = np.full(n_bins, np.nan, dtype=np.float32)
        self._last_ns = np.zeros(n_bins, dtype=np.int64)
        self._touched: dict[Grid, tuple[slice, npt.NDArray[np.intp]]] = {}

    def update(self, dwell: Dwell) -> None:
        """Take one dwell's peak look."""
        pixels, _ = self._pixels(dwell.grid)
        if pixels.start == pixels.stop:
            return
        levels = self.reduce(dwell.grid, dwell.peak)[pixels]
        self._fresh[pixels] = np.fmax(self._fresh[pixels], levels)
        self._last_ns[pixels] = dwell.time_ns

    def reduce(self, grid: Grid, levels: Real) -> Real:
        """Maximum of the bins that overlap each pixel; NaN where the grid does not reach."""
        pixels, bounds = self._pixels(grid)
        reduced = np.full(self.n_bins, np.nan, dtype=np.float32)
        if pixels.start < pixels.stop:
            # reduceat needs every index inside the array: the pad is never inside a pair.
            padded = np.append(levels, np.float32(0))
            reduced[pixels] = np.maximum.reduceat(padded, bounds)[::2]
        return reduced

    def row(self, time_ns: int) -> Codes:
        """Codes of the row that ends at ``time_ns``."""
        shown = np.where(np.isnan(self._fresh), self._last, self._fresh)
        shown[time_ns - self._last_ns > self.stale_ns] = np.nan
        self._last = shown
        self._fresh = np.full(self.n_bins, np.nan, dtype=np.float32)
        return encode_levels(shown)

    def _pixels(self, grid: Grid) -> tuple[slice, npt.NDArray[np.intp]]:
        """Pixels that a grid touches, and for each of them its first bin and one past its last."""
        known = self._touched.get(grid)
        if known is None:
            known = self._touched[grid] = self._map(grid)
        return known

    def _map(self, grid: Grid) -> tuple[slice, npt.NDArray[np.intp]]:
        first = int(np.floor((grid.low_hz - self.start_hz) / self.bin_width_hz + 1e-6))
        last = int(np.ceil((grid.high_hz - self.start_hz) / self.bin_width_hz - 1e-6))
        first, last = max(first, 0), min(last, self.n_bins)
        if first >= last:
            return slice(0, 0), np.empty(0, dtype=np.intp)
        edges = self.start_hz + self.bin_width_hz * np.arange(first, last + 1)
        position = (edges - grid.low_hz) / grid.bin_width_hz
        low = np.clip(np.floor(position[:-1] + 1e-6), 0, grid.n_bins - 1)
        high = np.clip(np.ceil(position[1:] - 1e-6), low + 1, grid.n_bins)
        bounds = np.stack([low, high], axis=1).astype(np.intp).ravel()
        return slice(first, last), bounds
