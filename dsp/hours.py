"""Legal traffic keeps hours: what a bin showed at each hour of the day, over several days.

A meter that reports at six in the morning does not excuse a transmission at ten.  Per hour only the
strongest look of each bin is kept, and on how many days the hour was heard: enough to say that
nothing ever was there at this time.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from .runs import GAP_HZ
from .values import Dwell, Real, Reference

HOURS = 24
HOUR_NS = 3_600 * 10**9
DAYS = 3
"""Days on which an hour must have been heard before its silence counts."""

Times = npt.NDArray[np.int64]


def hour_of(time_ns: int) -> int:
    """Hour of the day (UTC; only its repetition matters).

    Examples
    --------
    >>> hour_of(25 * HOUR_NS)
    1
    """
    return time_ns // HOUR_NS % HOURS


class HourMaxima:
    """Strongest looks of one hop at each hour of the day.

    Attributes
    ----------
    mean, peak : float32, shape (24, n_bins)
    days, last_day : int64, shape (24,)
        Days on which the hour was heard; the latest of them (days since 1970).
    """

    __slots__ = ("days", "last_day", "mean", "peak")

    def __init__(self, n_bins: int) -> None:
        self.mean: Real = np.zeros((HOURS, n_bins), dtype=np.float32)
        self.peak: Real = np.zeros((HOURS, n_bins), dtype=np.float32)
        self.days: Times = np.zeros(HOURS, dtype=np.int64)
        self.last_day: Times = np.full(HOURS, -1, dtype=np.int64)

    def learn(self, dwell: Dwell) -> None:
        """Add one dwell."""
        hour, day = hour_of(dwell.time_ns), dwell.time_ns // (HOUR_NS * HOURS)
        np.maximum(self.mean[hour], dwell.mean, out=self.mean[hour])
        np.maximum(self.peak[hour], dwell.peak, out=self.peak[hour])
        if self.last_day[hour] != day:
            self.last_day[hour] = day
            self.days[hour] += 1

    def add(self, other: HourMaxima) -> None:
        """Add another survey; a day that both end with counts once."""
        np.maximum(self.mean, other.mean, out=self.mean)
        np.maximum(self.peak, other.peak, out=self.peak)
        same = (self.last_day == other.last_day) & (self.last_day >= 0)
        self.days += other.days - same
        np.maximum(self.last_day, other.last_day, out=self.last_day)

    def around(self, hour: int) -> tuple[Real, Real] | None:
        """Strongest mean and burst look at this hour and its neighbours; None if seldom heard."""
        hours = [(hour - 1) % HOURS, hour, (hour + 1) % HOURS]
        if self.days[hours].min() < DAYS:
            return None
        return self.mean[hours].max(axis=0), self.peak[hours].max(axis=0)


def at_this_hour(
    reference: Reference, maxima: HourMaxima, hour: int, noise_mean: float, noise_burst: float
) -> Reference:
    """Take back the excuse of traffic where this hour was always silent.

    Parameters
    ----------
    reference : Reference
        Of the whole day.
    maxima : HourMaxima
    hour : int
    noise_mean, noise_burst : float
        Ratios over the floor that noise alone hardly reaches.

    Returns
    -------
    Reference
        The same one where too few days were heard.  A bin is silent when nothing within a channel
        of it was ever over the noise.
    """
    known = maxima.around(hour)
    if known is None:
        return reference
    busy = (known[0] > noise_mean * reference.floor) | (known[1] > noise_burst * reference.floor)
    reach = int(GAP_HZ / reference.grid.bin_width_hz)
    silent = np.convolve(busy, np.ones(2 * reach + 1), mode="same") < 0.5
    nothing = np.float32(0)
    return replace(
        reference,
        traffic_mean=np.where(silent, nothing, reference.traffic_mean),
        traffic_peak=np.where(silent, nothing, reference.traffic_peak),
    )
