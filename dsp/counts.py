"""What a survey counts on one hop: both looks of every bin as histograms, mergeable by adding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .histogram import Histograms
from .hours import HourMaxima
from .identity import BaselineMismatch
from .values import Dwell, Grid, Real

ACTIVE_RATIO = 10**0.9
"""A bin counts as active 9 dB over the quietest dwell seen in it."""


HISTOGRAMS = ("hist_mean", "hist_peak")
ARRAYS = (
    "sum_mean",
    "max_mean",
    "max_peak",
    "quiet",
    "max_time_ns",
    "first_ns",
    "last_ns",
)
HOURLY = ("mean", "peak", "days", "last_day")


@dataclass(slots=True, eq=False)
class HopCounts:
    """What was counted on one hop; a plain record that two learners can add up.

    Attributes
    ----------
    grid : Grid
    scans, segments, num_blocks : int
        Dwells; their segments in total; stretches of the burst look.
    dc : complex
        What was subtracted from the samples as the receiver's own carrier.
    sum_mean : float64, shape (n_bins,)
        Of the mean look, weighted with the segments.
    hist_mean, hist_peak : Histograms
    max_mean, max_peak : float32, shape (n_bins,)
    quiet : float32, shape (n_bins,)
        Smallest mean look.
    max_time_ns, first_ns, last_ns : int64, shape (n_bins,)
        Of the strongest burst look; of the first and last active one (0: never).
    hours : HourMaxima
        Strongest looks at each hour of the day.
    center_freq_hz : float or None
        Where the receiver was tuned; baselines of before it was kept do not know.
    """

    grid: Grid
    scans: int
    segments: int
    num_blocks: int
    dc: complex
    sum_mean: npt.NDArray[np.float64]
    hist_mean: Histograms
    hist_peak: Histograms
    max_mean: Real
    max_peak: Real
    quiet: Real
    max_time_ns: npt.NDArray[np.int64]
    first_ns: npt.NDArray[np.int64]
    last_ns: npt.NDArray[np.int64]
    hours: HourMaxima
    center_freq_hz: float | None = None

    def numbers(self) -> dict[str, object]:
        """All that is not an array."""
        numbers: dict[str, object] = {
            "grid": asdict(self.grid),
            "scans": self.scans,
            "segments": self.segments,
            "num_blocks": self.num_blocks,
            "dc": [self.dc.real, self.dc.imag],
        }
        if self.center_freq_hz is not None:
            numbers["center_freq_hz"] = self.center_freq_hz
        return numbers

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All that is kept on disk, by name; the histograms with all their levels."""
        own = {name: getattr(self, name) for name in ARRAYS}
        dense = {name: getattr(self, name).dense() for name in HISTOGRAMS}
        named = {"sum_mean": own.pop("sum_mean")} | dense | own
        return named | {f"hours_{name}": getattr(self.hours, name) for name in HOURLY}

    def freeze(self) -> None:
        """Make it read-only."""
        self.hours.freeze()
        held = [getattr(self, name) for name in ARRAYS]
        for each in (self.hist_mean, self.hist_peak):
            held += [each.cells, each.counts]
        for array in held:
            array.setflags(write=False)

    @classmethod
    def restore(
        cls, grid: Grid, numbers: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]
    ) -> HopCounts:
        """Rebuild from `numbers` and `arrays`.

        Raises
        ------
        ValueError
            An array is missing or has another shape or type.
        """
        whole = cls.empty(grid, center_freq_hz=numbers.get("center_freq_hz"))
        whole.scans, whole.segments = numbers["scans"], numbers["segments"]
        whole.num_blocks, whole.dc = numbers["num_blocks"], complex(*numbers["dc"])
        for name, wanted in whole.arrays().items():
            found = arrays.get(name)
            if found is None or found.shape != wanted.shape or found.dtype != wanted.dtype:
                raise ValueError(f"baseline array {name!r} is missing or damaged")
            whole._put(name, found)
        return whole

    def copy(self) -> HopCounts:
        """Writable copy."""
        copied = {name: getattr(self, name).copy() for name in (*ARRAYS, *HISTOGRAMS)}
        return replace(self, hours=self.hours.copy(), **copied)

    def _put(self, name: str, array: npt.NDArray[Any]) -> None:
        """Set one of `arrays`."""
        if name in HISTOGRAMS:
            setattr(self, name, Histograms.of(array))
        elif name.startswith("hours_"):
            self.hours.restore(name.removeprefix("hours_"), array)
        else:
            setattr(self, name, array)

    @classmethod
    def empty(cls, grid: Grid, dc: complex = 0j, center_freq_hz: float | None = None) -> HopCounts:
        """Nothing learnt yet."""
        n = grid.n_bins
        return cls(
            grid,
            0,
            0,
            1,
            dc,
            np.zeros(n),
            Histograms(n),
            Histograms(n),
            np.zeros(n, dtype=np.float32),
            np.zeros(n, dtype=np.float32),
            np.full(n, np.inf, dtype=np.float32),
            np.zeros(n, dtype=np.int64),
            np.zeros(n, dtype=np.int64),
            np.zeros(n, dtype=np.int64),
            HourMaxima(n),
            center_freq_hz,
        )

    def learn(self, dwell: Dwell) -> None:
        """Add one dwell."""
        self.scans += 1
        self.segments += dwell.num_segments
        self.num_blocks = max(self.num_blocks, dwell.num_blocks)
        self.sum_mean += dwell.mean * float(dwell.num_segments)
        self.hist_mean.count(dwell.mean)
        self.hist_peak.count(dwell.peak)
        np.minimum(self.quiet, dwell.mean, out=self.quiet)
        np.maximum(self.max_mean, dwell.mean, out=self.max_mean)
        stronger = dwell.peak > self.max_peak
        self.max_peak[stronger] = dwell.peak[stronger]
        self.max_time_ns[stronger] = dwell.time_ns
        active = dwell.peak > ACTIVE_RATIO * self.quiet
        self.first_ns[active & (self.first_ns == 0)] = dwell.time_ns
        self.last_ns[active] = dwell.time_ns
        self.hours.learn(dwell)

    def add(self, other: HopCounts) -> None:
        """Add what another learner counted on the same hop, in any order."""
        if self.grid != other.grid:
            raise BaselineMismatch("grid", self.grid, other.grid)
        self.scans += other.scans
        self.segments += other.segments
        self.num_blocks = max(self.num_blocks, other.num_blocks)
        self.sum_mean += other.sum_mean
        self.hist_mean.add(other.hist_mean)
        self.hist_peak.add(other.hist_peak)
        np.minimum(self.quiet, other.quiet, out=self.quiet)
        np.maximum(self.max_mean, other.max_mean, out=self.max_mean)
        stronger = other.max_peak > self.max_peak
        self.max_peak[stronger] = other.max_peak[stronger]
        self.max_time_ns[stronger] = other.max_time_ns[stronger]
        first = np.where(self.first_ns == 0, other.first_ns, self.first_ns)
        both = (self.first_ns > 0) & (other.first_ns > 0)
        self.first_ns = np.where(both, np.minimum(self.first_ns, other.first_ns), first)
        np.maximum(self.last_ns, other.last_ns, out=self.last_ns)
        self.hours.add(other.hours)
