"""A piece of an emission: where it was on, and what its spectrum summed up to."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dsp.classify import Shape

OCCUPIED = 0.99
"""Share of the power in the occupied bandwidth (ITU-R SM.443)."""

SPLATTER_DB = 35.0
NEAR_DB = 55.0
NEAR_HZ = 25e3
"""Close to a narrow signal its own sidebands are all there is, so that they count further down."""

CORE = 0.01
TONE_DB = 8.0
HOLE_BINS = 6

Sums = npt.NDArray[np.float64]


@dataclass(slots=True, eq=False)
class Segment:
    """What is known so far of one emission that may still go on.

    Attributes
    ----------
    start, stop : int
        Samples from the beginning of the recording.
    low_bin, high_bin : int
        Bins that stood out, both ends included.
    head, tail : tuple of int
        Lowest and highest of these in the first and in the last moments.
    power, noise : float64, shape (nfft,)
        Tile rows between start and stop, and the floor under them, summed.
    rows : int
        Number of rows summed.
    peak : float
        Strongest cell.
    top : float
        Usual power in the band when on.
    on : int
        Samples on.
    runs : int
        Times keyed on.
    longest : int
        Samples of the longest run.
    steady : bool
        Never seen to start: there since the beginning, or part of the quiet level.
    pulse : bool
        A short wide pulse, whose level is its own and not that of its tile rows.
    part : tuple of int
        Samples of the block in which its kind shows.
    cut : Shape
        Features of its strongest piece.
    clipped : float
        Share of clipped values while it was on.
    limits : tuple of int
        First and last bin that may be its own: beyond them lies something else.
    """

    start: int
    stop: int
    low_bin: int
    high_bin: int
    head: tuple[int, int]
    tail: tuple[int, int]
    power: Sums
    noise: Sums
    rows: int
    peak: float
    top: float
    on: int
    runs: int
    longest: int
    part: tuple[int, int]
    steady: bool = False
    pulse: bool = False
    cut: Shape = field(default_factory=Shape)
    clipped: float = 0.0
    limits: tuple[int, int] = (0, 1 << 30)

    @property
    def width(self) -> int:
        """Bins that stood out."""
        return self.high_bin - self.low_bin + 1

    @property
    def core(self) -> int:
        """Bins of its strongest stretch, 20 dB down: its clicks at on and off not counted."""
        inside = self.power[self.low_bin : self.high_bin + 1]
        return int(np.count_nonzero(inside > CORE * inside.max()))

    @property
    def length(self) -> int:
        """Samples from start to stop."""
        return self.stop - self.start

    def continues(self, other: Segment) -> bool:
        """Whether it goes on where the other stopped: the bins in which they meet."""
        (low, high), (other_low, other_high) = self.head, other.tail
        shared = min(high, other_high) - max(low, other_low) + 1
        return shared >= 0.3 * min(high - low + 1, other_high - other_low + 1)

    def absorb(self, other: Segment) -> None:
        """Take another piece of the same emission in."""
        apart = max(other.start - self.stop, self.start - other.stop)
        if -apart < 0.5 * min(self.length, other.length):
            # One after the other; where they touch, a run goes on.
            self.on += other.on
            self.runs += other.runs - (apart <= 0)
        else:
            self.on, self.runs = max(self.on, other.on), max(self.runs, other.runs)
        if other.start < self.start:
            self.head = other.head
        if other.stop > self.stop:
            self.tail = other.tail
        self.start, self.stop = min(self.start, other.start), max(self.stop, other.stop)
        self.low_bin = min(self.low_bin, other.low_bin)
        self.high_bin = max(self.high_bin, other.high_bin)
        self.power = self.power + other.power
        self.noise = self.noise + other.noise
        self.rows += other.rows
        self.peak = max(self.peak, other.peak)
        self.top = max(self.top, other.top)
        self.steady = self.steady or other.steady
        if other.cut.points > self.cut.points:
            self.cut = other.cut
        self.longest = max(self.longest, other.longest)
        self.clipped = max(self.clipped, other.clipped)
        self.limits = (
            max(self.limits[0], other.limits[0]), min(self.limits[1], other.limits[1])
        )  # fmt: skip


def keep_apart(segments: list[Segment], most_bins: int) -> None:
    """Let neighbours in frequency that were on together end where the power between is least.

    Parameters
    ----------
    segments : list of Segment
    most_bins : int
        Farther apart, one does not reach the other.
    """
    lasting = [one for one in segments if not one.pulse]
    ordered = sorted(lasting, key=lambda one: one.low_bin)
    for number, low in enumerate(ordered):
        for high in ordered[number + 1 :]:
            if high.low_bin > low.high_bin + most_bins:
                break
            if high.low_bin <= low.high_bin:
                continue
            if min(low.stop, high.stop) > max(low.start, high.start):
                between = (low.power + high.power)[low.high_bin : high.low_bin + 1]
                valley = low.high_bin + int(between.argmin())
                low.limits = (low.limits[0], min(low.limits[1], max(valley, low.high_bin)))
                high.limits = (max(high.limits[0], min(valley, high.low_bin)), high.limits[1])


@dataclass(frozen=True, slots=True)
class Band:
    """The occupied band of a spectrum, in bins.

    Attributes
    ----------
    low, high : float
        Edges, counted from the lower edge of bin 0.
    signal : float
        Mean power above the floor, summed between the edges.
    """

    low: float
    high: float
    signal: float


def occupied_band(segment: Segment, line: npt.NDArray[np.bool_], bin_width_hz: float) -> Band:
    """99 % of the power over the floor, in whole bins.

    Counted is the stretch around the strongest bin that stays within `SPLATTER_DB` of it and above
    the uncertainty of the floor: what lies beyond are keying clicks, phase noise and the receiver's
    own products, which would widen a clean 10 kHz signal to 100 kHz.  Other stretches count where
    they are nearly as strong (the second tone of FSK).  The floor is subtracted (ITU-R SM.443-4,
    annex 1) and the edges are those of the bins that hold them.

    Parameters
    ----------
    segment : Segment
    line : bool, shape (nfft,)
        Bins of steady lines: what they hide of the emission is read off their neighbours.
    bin_width_hz : float
    """
    excess = (segment.power - segment.noise) / segment.rows
    hidden = line & (segment.power < 4.0 * segment.noise)
    if not hidden.all():
        seen = np.flatnonzero(~hidden)
        beside = np.log(np.maximum(excess[seen], 1e-30))
        excess[hidden] = np.exp(np.interp(np.flatnonzero(hidden), seen, beside))
    floor = segment.noise / segment.rows
    unsure = floor * min(1.0, 4.0 / np.sqrt(max(1.0, 3.0 * segment.rows)))
    reach = max(8, segment.width)
    first = max(0, segment.low_bin - reach, min(segment.limits[0], segment.low_bin))
    stop = min(segment.high_bin + reach, max(segment.limits[1], segment.high_bin)) + 1
    part = excess[first:stop]
    inside = part[segment.low_bin - first : segment.high_bin - first + 1]
    strongest = segment.low_bin - first + int(np.argmax(inside))
    top = float(part[strongest])
    # Far from what stood out, a bin must be surer of itself: one in many is high by chance.
    doubt = 2.5 * unsure[first : first + len(part)]
    doubt[segment.low_bin - first : segment.high_bin - first + 1] /= 2.5
    least = np.full(len(part), top * 10.0 ** (-SPLATTER_DB / 10.0))
    near = round(NEAR_HZ / bin_width_hz)
    least[max(0, strongest - near) : strongest + near + 1] = top * 10.0 ** (-NEAR_DB / 10.0)
    on = part > np.maximum(least, doubt)
    on[strongest] = True
    edges = np.flatnonzero(np.diff(np.concatenate([[False], on, [False]]).astype(np.int8)))
    runs: list[tuple[int, int]] = []
    for low, high in zip(edges[0::2].tolist(), edges[1::2].tolist(), strict=True):
        if runs and low - runs[-1][1] <= max(HOLE_BINS, segment.width // 64):
            runs[-1] = (runs[-1][0], high)
        else:
            runs.append((low, high))
    alike = [
        (low, high)
        for low, high in runs
        if low <= strongest < high
        or (
            segment.low_bin - first <= low <= segment.high_bin - first
            and part[low:high].max() > top * 10.0 ** (-TONE_DB / 10.0)
        )
    ]
    low, high = alike[0][0], alike[-1][1]
    if segment.pulse:
        # One short look is too rough to tell nulls from edges: all that stood out counts.
        low, high = segment.low_bin - first, segment.high_bin - first + 1
    counted = np.maximum(part[low:high], 0.0)
    total = float(counted.sum())
    if total <= 0.0:
        return Band(float(first + low), float(first + high), 0.0)
    cumulative = np.cumsum(counted) / total
    tail = (1.0 - OCCUPIED) / 2.0
    left = int(np.searchsorted(cumulative, tail, side="right"))
    right = int(np.searchsorted(cumulative, 1.0 - tail, side="left")) + 1
    return Band(float(first + low + left), float(first + low + max(right, left + 1)), total)
