"""The values that flow from antenna to alarm: one frozen type per arrow of the signal path.

Frequencies are RF hertz, levels are linear powers relative to a full-scale tone (1.0 = 0 dBFS)
inside the arrays and ``_db``/``_dbfs`` numbers at the edges, times are UTC nanoseconds of the first
sample.  Metadata travels with the samples; nothing is interpreted by position or by a global.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

IQ = npt.NDArray[np.complex64]
Real = npt.NDArray[np.float32]
Raw = npt.NDArray[Any]

SampleFormat = Literal["cu8", "cs8", "ci16", "cf32"]
WindowName = Literal["hann", "hamming", "blackman_harris", "flat_top", "rectangular"]


@dataclass(frozen=True, slots=True, eq=False)
class IQBlock:
    """Consecutive samples as the receiver gave them, not yet converted.

    Attributes
    ----------
    raw : ndarray, shape (2 * num_samples,)
        Interleaved I and Q in ``sample_format``'s own type (uint8, int8, int16 or float32).
    sample_format : {"cu8", "cs8", "ci16", "cf32"}
    center_freq_hz : float
        The frequency that the receiver was tuned to.
    sample_rate_hz : float
        The true rate, not the requested one.
    time_ns : int
        UTC of the first sample.
    sample_index : int
        Number of samples that the receiver produced before this block since it was opened,
        lost ones included.
    dropped_samples : int
        Samples known to be lost immediately before this block.
    """

    raw: Raw
    sample_format: SampleFormat
    center_freq_hz: float
    sample_rate_hz: float
    time_ns: int
    sample_index: int
    dropped_samples: int = 0

    @property
    def num_samples(self) -> int:
        """Complex samples in the block."""
        return int(self.raw.shape[0]) // 2

    @property
    def duration_s(self) -> float:
        """Length of the block on the air."""
        return self.num_samples / self.sample_rate_hz


@dataclass(frozen=True, slots=True)
class Grid:
    """Equally spaced frequency bins.

    Attributes
    ----------
    start_hz : float
        Centre of bin 0.
    bin_width_hz : float
    n_bins : int
    """

    start_hz: float
    bin_width_hz: float
    n_bins: int

    @property
    def stop_hz(self) -> float:
        """Centre of the last bin."""
        return self.start_hz + (self.n_bins - 1) * self.bin_width_hz

    @property
    def low_hz(self) -> float:
        """Lower edge of the first bin."""
        return self.start_hz - self.bin_width_hz / 2

    @property
    def high_hz(self) -> float:
        """Upper edge of the last bin."""
        return self.stop_hz + self.bin_width_hz / 2

    def freqs_hz(self) -> npt.NDArray[np.float64]:
        """Centre of every bin, shape (n_bins,)."""
        return self.start_hz + self.bin_width_hz * np.arange(self.n_bins, dtype=np.float64)

    def index(self, freq_hz: float) -> int:
        """Bin that holds ``freq_hz``; may lie outside ``range(n_bins)``."""
        return round((freq_hz - self.start_hz) / self.bin_width_hz)

    def window(self, low_hz: float, high_hz: float) -> slice:
        """Bins whose centres lie in [low_hz, high_hz]; empty where none does."""
        first = int(np.ceil((low_hz - self.start_hz) / self.bin_width_hz - 1e-9))
        last = int(np.floor((high_hz - self.start_hz) / self.bin_width_hz + 1e-9))
        first = min(max(first, 0), self.n_bins)
        return slice(first, max(first, min(last + 1, self.n_bins)))


@dataclass(frozen=True, slots=True, eq=False)
class Dwell:
    """One stay on one frequency, as power per bin: the two looks at it.

    Attributes
    ----------
    hop : int
        Index of the hop in its plan.
    grid : Grid
        The kept bins.
    mean : float32, shape (n_bins,)
        Mean power over the dwell; a full-scale tone reads 1.0.
    peak : float32, shape (n_bins,)
        Largest of the sub-block means (5 ms each): a short burst is not averaged away.
    rbw_hz : float
        Noise bandwidth of one bin (ENBW times bin width).
    time_ns, duration_s : int, float
        First sample; samples used.
    num_segments, num_blocks : int
        FFT segments in ``mean``; sub-blocks that ``peak`` was taken over.
    clipped_fraction : float
        Share of I and Q values at the converter's end stops.
    dropped_samples : int
        Lost inside or immediately before the dwell.
    center_freq_hz : float
        Where the receiver was tuned; NaN where that is not known.
    window, overlap : WindowName, float
        How the segments were cut; the noise statistics depend on it.
    dc : complex
        Mean of the samples, full scale 1.
    """

    hop: int
    grid: Grid
    mean: Real
    peak: Real
    rbw_hz: float
    time_ns: int
    duration_s: float
    num_segments: int
    num_blocks: int
    clipped_fraction: float = 0.0
    dropped_samples: int = 0
    center_freq_hz: float = float("nan")
    window: WindowName = "hann"
    overlap: float = 0.5
    dc: complex = 0j


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What a dwell is compared with: the quiet floor and the known traffic of every bin of a hop.

    Attributes
    ----------
    grid : Grid
    floor : float32, shape (n_bins,)
        Power of a quiet dwell (mean look), linear.
    typical_mean, typical_peak : float32, shape (n_bins,)
        Median of each look: what the guard is counted from.
    traffic_mean, traffic_peak : float32, shape (n_bins,)
        High quantile of each look where more than noise was seen there, else 0.
    steady : float32, shape (n_bins,)
        Mean look of its quietest dwells: what is there at all times, keyed signals not.
    masked : bool, shape (n_bins,)
        Bins that never alarm: the receiver's own spurs.
    scans : float
        Dwells that ``floor`` was averaged from; infinite where it is known exactly.
    """

    grid: Grid
    floor: Real
    typical_mean: Real
    typical_peak: Real
    traffic_mean: Real
    traffic_peak: Real
    steady: Real
    masked: npt.NDArray[np.bool_]
    scans: float


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """A sweep: many hops on one grid.

    Attributes
    ----------
    grid : Grid
    mean, peak : float32, shape (n_bins,)
        As in `Dwell`; NaN where nothing was received ("unseen", never zero).
    rbw_hz : float
    time_ns, duration_s : int, float
        Of the whole sweep.
    """

    grid: Grid
    mean: Real
    peak: Real
    rbw_hz: float
    time_ns: int
    duration_s: float
