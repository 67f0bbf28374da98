"""Hops to one sweep on one grid, and the detections that two hops share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from .signals import Detection
from .values import Dwell, Grid, Spectrum


def stitch(dwells: Sequence[Dwell], grid: Grid | None = None) -> Spectrum:
    """Lay dwells side by side.

    Parameters
    ----------
    dwells : sequence of Dwell
        On bins of one common raster, in any order.
    grid : Grid, optional
        What the sweep covers; from the lowest to the highest dwell where it is not given.

    Returns
    -------
    Spectrum
        The larger value where dwells overlap (a signal at a kept edge is whole in one of them),
        NaN where nothing was received.

    Raises
    ------
    ValueError
        No dwells, or one that does not lie on the raster.

    Examples
    --------
    >>> def one(start, values):
    ...     power = np.array(values, dtype=np.float32)
    ...     return Dwell(0, Grid(start, 1.0, len(values)), power, power, 1.5, 0, 0.04, 9, 1)
    >>> stitch([one(105.0, [3, 4]), one(101.0, [1, 2])]).mean.tolist()
    [1.0, 2.0, nan, nan, 3.0, 4.0]
    """
    if not dwells:
        raise ValueError("no dwells to stitch")
    width = dwells[0].grid.bin_width_hz
    if grid is None:
        start = min(dwell.grid.start_hz for dwell in dwells)
        stop = max(dwell.grid.stop_hz for dwell in dwells)
        grid = Grid(start, width, round((stop - start) / width) + 1)
    mean = np.full(grid.n_bins, np.nan, dtype=np.float32)
    peak = mean.copy()
    for dwell in dwells:
        place = (dwell.grid.start_hz - grid.start_hz) / width
        if dwell.grid.bin_width_hz != width or abs(place - round(place)) > 1e-3:
            raise ValueError(f"{dwell.grid=} does not lie on the raster of {grid=}")
        first = max(0, round(place))
        skipped = first - round(place)
        count = max(0, min(dwell.grid.n_bins - skipped, grid.n_bins - first))
        to, of = slice(first, first + count), slice(skipped, skipped + count)
        np.fmax(mean[to], dwell.mean[of], out=mean[to])
        np.fmax(peak[to], dwell.peak[of], out=peak[to])
    time_ns = min(dwell.time_ns for dwell in dwells)
    stop_ns = max(dwell.time_ns + round(dwell.duration_s * 1e9) for dwell in dwells)
    rbw_hz = dwells[0].rbw_hz
    return Spectrum(grid, mean, peak, rbw_hz, time_ns, (stop_ns - time_ns) / 1e9)


def dedupe(detections: Iterable[Detection]) -> list[Detection]:
    """Keep one of the detections of the same signal in neighbouring hops of one sweep.

    Two from different hops are one signal where their bands overlap.  The one that is not cut at a
    kept edge is kept, then the stronger.

    Returns
    -------
    list of Detection
        By frequency.
    """
    kept: list[Detection] = []
    best_first = sorted(detections, key=lambda d: ("edge" in d.doubts, -d.power_dbfs))
    for detection in best_first:
        twin = any(
            other.hop != detection.hop
            and other.low_hz <= detection.high_hz
            and detection.low_hz <= other.high_hz
            for other in kept
        )
        if not twin:
            kept.append(detection)
    return sorted(kept, key=lambda d: d.center_freq_hz)
