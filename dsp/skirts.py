"""The skirts of a wide station: how far its own modulation may reach on a loud day.

A broadcast's spectrum follows its programme.  The loudest moment of a short survey is not the
loudest of the exam, nor is its quietest, when all the power gathers in the carrier.  What lies
inside a known wide station and is not stronger than all of it, or beside it and well under it, is
therefore taken for the station's own.
"""

from __future__ import annotations

import numpy as np

from .noise import excised_floor
from .runs import runs_with
from .units import from_db
from .values import Real

STATION_DB = 10.0
"""Over the hop's quiet floor: these bins are a station's."""

WIDE_HZ = 50e3
GAP_HZ = 25e3

HANN_ENBW = 1.5
"""Bins that a carrier's power is spread over; the sum of bins counts it so many times."""

EDGE_DB = 15.0
"""Under the station's level at its edge ..."""

REACH_DB = 30.0
"""... and at half its width away, where the skirt ends (FM: power beyond falls faster)."""


def skirts(known: Real, typical: Real, bin_width_hz: float, k_eff: float) -> Real:
    """Levels that wide stations may reach in their own bins and beside them.

    Parameters
    ----------
    known, typical : float32, shape (n_bins,)
        Most that a survey saw in each bin; what it usually saw.
    bin_width_hz : float
    k_eff : float
        Of ``known``: for the floor.

    Returns
    -------
    float32, shape (n_bins,)
        0 away from wide stations.
    """
    allowed = np.zeros_like(known)
    over = known > excised_floor(known, k_eff) * from_db(STATION_DB)
    gap = int(GAP_HZ / bin_width_hz)
    station = over.copy()
    for first, last in runs_with(~over, ~over):
        if last - first < gap and first > 0 and last < known.shape[0] - 1:
            station[first : last + 1] = True
    for first, last in runs_with(station, station):
        width = last - first + 1
        reach = width // 2
        if width * bin_width_hz < WIDE_HZ or reach == 0:
            continue
        level = float(np.quantile(known[first : last + 1], 0.9))
        fall_db = EDGE_DB + (REACH_DB - EDGE_DB) * np.arange(reach) / reach
        slope = (level * from_db(-fall_db)).astype(np.float32)
        left = allowed[max(first - reach, 0) : first]
        np.maximum(left, slope[: left.shape[0]][::-1], out=left)
        right = allowed[last + 1 : last + 1 + reach]
        np.maximum(right, slope[: right.shape[0]], out=right)
        inside = allowed[first : last + 1]
        np.maximum(inside, typical[first : last + 1].sum() / HANN_ENBW, out=inside)
    return allowed
