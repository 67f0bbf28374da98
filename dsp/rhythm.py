"""When will it come again: the repeat period of bursts from the times at which they were seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEAST_SIGHTINGS = 4
LEAST_PERIOD_S = 1.0
"""Faster repetition is keying inside one transmission."""

MOST_MISSED = 8
"""Bursts that may lie unseen between two sightings."""

SPREAD = 0.15
"""A rhythm holds its beat to within this share of the period."""

CHANCE = 1e-3
"""Probability that random times look so regular."""

MEMORY = 24
"""Latest sightings that count: an operator may change the rhythm."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """A burst that comes back.

    Attributes
    ----------
    period_s : float
    phase_s : float
        A beat, on the clock of the sightings.
    spread_s : float
        Largest distance of a sighting from its beat.
    sightings : int
    """

    period_s: float
    phase_s: float
    spread_s: float
    sightings: int

    def next_s(self, after_s: float) -> float:
        """First beat after a time.

        Examples
        --------
        >>> Rhythm(60.0, 10.0, 0.1, 5).next_s(100.0)
        130.0
        """
        beats = math.floor((after_s - self.phase_s) / self.period_s) + 1
        return self.phase_s + beats * self.period_s


def find_rhythm(starts_s: Sequence[float]) -> Rhythm | None:
    """Find the longest period that explains when bursts were seen to start.

    Bursts may have been missed between sightings, and a sighting may be late by as much as the
    receiver was elsewhere while the burst began.  Candidate periods are the intervals and their
    whole fractions; each is fitted by least squares and judged by how probable its largest
    residual ``r`` were for random times, ``candidates * (2 r / period) ** (n - 2)``.

    Parameters
    ----------
    starts_s : sequence of float
        Ascending.

    Returns
    -------
    Rhythm or None
        None with too few sightings or no period.

    Examples
    --------
    >>> find_rhythm([0.0, 60.1, 120.0, 240.05, 300.0]).period_s.__round__()
    60
    """
    starts = np.asarray(starts_s[-MEMORY:], dtype=np.float64)
    if starts.shape[0] < LEAST_SIGHTINGS:
        return None
    since = starts - starts[0]
    fractions = np.diff(starts)[:, np.newaxis] / np.arange(1, MOST_MISSED + 1)
    periods = np.unique(np.round(fractions[fractions >= LEAST_PERIOD_S], 3))[::-1]
    for period_s in periods:
        beats = np.round(since / period_s)
        if beats[-1] < starts.shape[0] - 1:
            continue
        slope, offset = np.polyfit(beats, since, 1)
        if slope < LEAST_PERIOD_S or (np.diff(beats) < 1).any():
            continue
        off = since - (offset + slope * beats)
        # Exact times do not prove more than the clock of sightings can.
        spread = max(float(np.abs(off).max()), 1e-3)
        chance = periods.shape[0] * (2 * spread / slope) ** (starts.shape[0] - 2)
        if spread <= SPREAD * slope and chance <= CHANCE:
            return Rhythm(float(slope), float(starts[0] + offset), spread, starts.shape[0])
    return None
