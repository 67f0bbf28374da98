"""Legal traffic keeps hours: what a bin showed at each hour of the day, over several days.

A meter that reports at six in the morning does not excuse a transmission at ten.  Per hour only the
strongest look of each bin is kept, and on how many days the hour was heard: enough to say that
nothing ever was there at this time.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

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
    """Strongest looks of one hop at each hour of the day; only hours that were heard take memory.

    Parameters
    ----------
    n_bins : int

    Attributes
    ----------
    days, last_day : int64, shape (24,)
        Days on which the hour was heard; the latest of them (days since 1970).
    """

    __slots__ = ("_heard", "_n_bins", "days", "last_day")

    def __init__(self, n_bins: int) -> None:
        self._n_bins = n_bins
        self._heard: dict[int, Real] = {}
        self.days: Times = np.zeros(HOURS, dtype=np.int64)
        self.last_day: Times = np.full(HOURS, -1, dtype=np.int64)

    @property
    def mean(self) -> Real:
        """Mean looks, shape (24, n_bins); 0 where nothing was heard."""
        return self._whole(0)

    @property
    def peak(self) -> Real:
        """Burst looks, the same."""
        return self._whole(1)

    def learn(self, dwell: Dwell) -> None:
        """Add one dwell."""
        hour, day = hour_of(dwell.time_ns), dwell.time_ns // (HOUR_NS * HOURS)
        if self.last_day[hour] != day:
            self.last_day[hour] = day
            self.days[hour] += 1
        self._raise(hour, np.stack([dwell.mean, dwell.peak]))

    def add(self, other: HourMaxima) -> None:
        """Add another survey; a day that both end with counts once."""
        for hour, looks in other._heard.items():
            self._raise(hour, looks)
        same = (self.last_day == other.last_day) & (self.last_day >= 0)
        self.days += other.days - same
        np.maximum(self.last_day, other.last_day, out=self.last_day)

    def restore(self, name: str, array: npt.NDArray[Any]) -> None:
        """Set one of ``mean``, ``peak``, ``days``, ``last_day``."""
        if name in ("days", "last_day"):
            setattr(self, name, array)
            return
        look = ("mean", "peak").index(name)
        for hour in np.flatnonzero(array.any(axis=1)).tolist():
            looks = self._heard.setdefault(hour, np.zeros((2, self._n_bins), dtype=np.float32))
            looks[look] = array[hour]

    def copy(self) -> HourMaxima:
        """Writable copy."""
        twin = HourMaxima(self._n_bins)
        twin._heard = {hour: looks.copy() for hour, looks in self._heard.items()}
        twin.days, twin.last_day = self.days.copy(), self.last_day.copy()
        return twin

    def freeze(self) -> None:
        """Make it read-only."""
        self.days.setflags(write=False)
        self.last_day.setflags(write=False)
        for looks in self._heard.values():
            looks.setflags(write=False)

    def around(self, hour: int) -> tuple[Real, Real] | None:
        """Strongest mean and burst look at this hour and its neighbours; None if seldom heard."""
        hours = [(hour - 1) % HOURS, hour, (hour + 1) % HOURS]
        if self.days[hours].min() < DAYS:
            return None
        strongest = np.max([self._heard[one] for one in hours if one in self._heard], axis=0)
        return strongest[0], strongest[1]

    def _raise(self, hour: int, looks: Real) -> None:
        known = self._heard.get(hour)
        if known is None:
            self._heard[hour] = looks.copy()
        else:
            np.maximum(known, looks, out=known)

    def _whole(self, look: int) -> Real:
        whole = np.zeros((HOURS, self._n_bins), dtype=np.float32)
        for hour, looks in self._heard.items():
            whole[hour] = looks[look]
        return whole


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
