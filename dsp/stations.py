"""Known steady stations: one that became weaker or vanished is news as well.

A station that is always there tells that the receiver hears.  If it alone goes, somebody switched
it off or covers it; if all go, the antenna did (`dsp.health`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .noise import local_floor
from .runs import GAP_HZ, runs_with
from .units import from_db, ratio_db
from .values import Dwell, Reference

STATION_DB = 10.0
"""Over the hop's floor even in its quietest dwells: a station, not traffic that may pause."""

WEAKER_DB = 6.0
VANISHED_DB = 3.0
"""Left over the floor, in its band, of a station that vanished."""

LASTING = 5
"""Dwells in a row before it is said: fading and a passing lorry are shorter."""

SMOOTH_K = 1000.0
"""Averages that a median over a survey is worth."""


@dataclass(frozen=True, slots=True)
class Station:
    """A steady emission of the survey.

    Attributes
    ----------
    low_hz, high_hz : float
    first, last : int
        Its bins.
    power, floor : float
        Typical power summed over its bins, and that of the floor in them; linear.
    """

    low_hz: float
    high_hz: float
    first: int
    last: int
    power: float
    floor: float


@dataclass(frozen=True, slots=True)
class StationChange:
    """A station that is not what it was in the survey, or is again.

    Attributes
    ----------
    kind : {"weaker", "vanished", "back"}
    station : Station
    change_db : float
        Against its typical power.
    since_ns : int
        First dwell of the change.
    """

    kind: Literal["weaker", "vanished", "back"]
    station: Station
    change_db: float
    since_ns: int


def stations_of(reference: Reference) -> list[Station]:
    """Steady emissions of one hop; a broadcast's carrier and side bands are one.

    Its middle may not be the receiver's own DC: mask that or subtract it.
    """
    grid = reference.grid
    floor = local_floor(reference.typical_mean, SMOOTH_K)
    strong = reference.steady > floor * np.float32(from_db(STATION_DB))
    strong &= ~reference.masked
    gap = int(GAP_HZ / grid.bin_width_hz)
    for first, last in runs_with(~strong, ~strong):
        if last - first < gap and first > 0 and last < grid.n_bins - 1:
            strong[first : last + 1] = True
    return [
        Station(
            low_hz=grid.start_hz + (first - 0.5) * grid.bin_width_hz,
            high_hz=grid.start_hz + (last + 0.5) * grid.bin_width_hz,
            first=first,
            last=last,
            power=float(reference.typical_mean[first : last + 1].sum()),
            floor=float(floor[first : last + 1].sum()),
        )
        for first, last in runs_with(strong, strong)
    ]


class StationWatch:
    """Watches the stations of one hop.

    Parameters
    ----------
    reference : Reference
    """

    def __init__(self, reference: Reference) -> None:
        self.stations = stations_of(reference)
        self._low = [0] * len(self.stations)
        self._since_ns = [0] * len(self.stations)
        self._said: list[str] = ["back"] * len(self.stations)

    def update(self, dwell: Dwell) -> list[StationChange]:
        """Take one dwell of the hop; returns what changed for good."""
        changes = []
        for index, station in enumerate(self.stations):
            power = float(dwell.mean[station.first : station.last + 1].sum())
            change_db = ratio_db(power / station.power)
            low = change_db < -WEAKER_DB
            if low != (self._said[index] != "back"):
                if self._low[index] == 0:
                    self._since_ns[index] = dwell.time_ns
                self._low[index] += 1
            else:
                self._low[index] = 0
            if self._low[index] >= LASTING:
                self._low[index] = 0
                kind: Literal["weaker", "vanished", "back"] = "back"
                if low:
                    over_db = ratio_db(power / station.floor)
                    kind = "vanished" if over_db < VANISHED_DB else "weaker"
                self._said[index] = kind
                changes.append(StationChange(kind, station, change_db, self._since_ns[index]))
        return changes
