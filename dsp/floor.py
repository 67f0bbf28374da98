"""The quiet level of every bin of a recording: what is always there, so that the rest stands out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage, special

from dsp.values import Real

QUANTILE = 0.2
"""Low enough for a bin that is busy three quarters of the time, high enough to be measurable."""

LINE_DB = 3.0
STEP_DB = 6.0
STEP_HZ = 20e3
"""An emission's edge rises by `STEP_DB` within this; a receiver's response does not."""

STOPBAND_DB = 50.0
"""Further under the rest of the band, nothing is received: a digital filter's stop band."""

Levels = npt.NDArray[np.float64]
Bins = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Floor:
    """What a quiet moment looks like.

    Attributes
    ----------
    level : float32, shape (nfft,)
        Mean power of each bin when nothing transmits: the smooth receiver floor, plus the
        receiver's own steady lines.
    line : bool, shape (nfft,)
        Bins held by a narrow steady line (DC spike, crystal spurs).
    dead : bool, shape (nfft,)
        Bins behind a digital filter, where nothing can be received.
    """

    level: Real
    line: Bins
    dead: Bins


def averages(num_frames: int) -> float:
    """Independent averages in the mean of neighbouring half-overlapped Hann frames.

    Neighbours correlate by 1/6 in amplitude, 1/36 in power (Welch 1967), so that
    K_eff = K / (1 + 2 (1 - 1/K) / 36).
    """
    return num_frames / (1.0 + 2.0 * (1.0 - 1.0 / num_frames) / 36.0)


def quiet_level(rows: Real, k_eff: float) -> tuple[Real, float]:
    """Mean power of the quiet moments of each bin, from a low quantile over time.

    The power of noise averaged ``k_eff`` times is Gamma(k_eff) / k_eff, so its quantile is divided
    by that distribution's; a transmission on for less than 1 - `QUANTILE` of the time leaves it
    alone.

    Parameters
    ----------
    rows : float32, shape (n_rows, nfft)
        Power per time row and bin.
    k_eff : float
        Independent averages in each row.

    Returns
    -------
    level : float32, shape (nfft,)
    sigma_db : float
        Standard deviation of ``level`` on noise, from the asymptotic variance of a quantile,
        p (1 - p) / (n f(x_p)**2).
    """
    n = len(rows)
    rank = int(QUANTILE * (n - 1))
    low = np.partition(rows, rank, axis=0)[rank]
    p = (rank + 0.6) / (n + 0.2)
    x = float(special.gammaincinv(k_eff, p))
    density = math.exp((k_eff - 1.0) * math.log(x) - x - math.lgamma(k_eff))
    sigma_db = 10.0 / math.log(10.0) * math.sqrt(p * (1.0 - p) / n) / density / x
    return np.asarray(low * (k_eff / x), dtype=np.float32), sigma_db


def receiver_floor(quiet: Real, sigma_db: float, bin_width_hz: float) -> Floor:
    """Tell the receiver's own floor and lines from transmissions that never pause.

    The receiver's floor bends slowly with frequency; a transmission has edges.  Narrow steady
    peaks are the receiver's lines; wide ones with edges are taken out of the floor, so that they
    stand out as emissions.

    Parameters
    ----------
    quiet : float32, shape (nfft,)
        From `quiet_level`, lowest frequency first, DC at ``nfft // 2``.
    sigma_db : float
    bin_width_hz : float
    """
    n = len(quiet)
    level_db = 10.0 * np.log10(np.maximum(quiet, 1e-25)).astype(np.float64)
    dead = level_db < float(np.percentile(level_db, 75)) - STOPBAND_DB
    # Without the bins next to DC, whose spike would raise the smooth floor around it.
    filled = _bridge(level_db, dead)
    smooth_db = ndimage.median_filter(filled, 13, mode="nearest")
    smooth_db = ndimage.uniform_filter1d(smooth_db, 5, mode="nearest")
    wide, floor_db = _steady_emissions(smooth_db, round(STEP_HZ / bin_width_hz))
    line = (level_db > smooth_db + max(LINE_DB, 4.5 * sigma_db)) & ~dead & ~wide
    line = ndimage.binary_dilation(line)
    line[n // 2 - 1 : n // 2 + 2] = True
    floor_db = np.where(line, np.maximum(level_db, floor_db), floor_db)
    return Floor(level=(10.0 ** (floor_db / 10.0)).astype(np.float32), line=line, dead=dead)


def _steady_emissions(level_db: Levels, reach: int) -> tuple[Bins, Levels]:
    """Find wide steady stretches between steep edges, and the floor that bridges beneath them.

    The spectrum is cut at its steep steps.  A piece that lies lower than its neighbours is floor,
    unless the other floor pieces say that it is only a valley in something wider.
    """
    n = len(level_db)
    reach = max(4, reach)
    none = np.zeros(n, dtype=bool)
    step = np.zeros(n)
    if n < 8 * reach:
        return none, level_db
    step[reach // 2 : n - (reach - reach // 2)] = level_db[reach:] - level_db[:-reach]
    marks = sorted([(i, 1) for i in _peaks(step)] + [(i, -1) for i in _peaks(-step)])
    if not marks:
        return none, level_db
    cuts = [0, *(i for i, _ in marks), n]
    signs = [0, *(s for _, s in marks), 0]
    pieces = list(zip(cuts[:-1], cuts[1:], strict=True))
    levels = [float(np.median(level_db[a:b])) for a, b in pieces]
    middles = [(a + b) / 2 for a, b in pieces]
    low = [k for k in range(len(pieces)) if signs[k] <= 0 and signs[k + 1] >= 0]
    while len(low) > 1:
        excess = [
            levels[k] - np.interp(middles[k], [middles[j] for j in low if j != k],
                                  [levels[j] for j in low if j != k])
            for k in low
        ]
        worst = int(np.argmax(excess))
        if excess[worst] <= STEP_DB:
            break
        del low[worst]
    beneath = np.interp(middles, [middles[k] for k in low], [levels[k] for k in low])
    wide = none.copy()
    for k, (a, b) in enumerate(pieces):
        if k not in low and levels[k] > beneath[k] + 0.6 * STEP_DB:
            wide[a:b] = True
    # The slope of an edge belongs to the transmission, not to the floor that bridges it.
    covered = ndimage.binary_dilation(wide, iterations=reach // 2)
    if not wide.any() or covered.all():
        return none, level_db
    return wide, np.minimum(_bridge(ndimage.median_filter(level_db, 31), covered), level_db)


def _peaks(step: Levels) -> list[int]:
    """Places of the largest step in each stretch that steps by more than `STEP_DB`."""
    labels, count = ndimage.label(step > STEP_DB)
    if not count:
        return []
    return [int(p[0]) for p in ndimage.maximum_position(step, labels, range(1, count + 1))]


def _bridge(level_db: Levels, covered: Bins) -> Levels:
    """Continue the level of the other bins straight over the covered ones."""
    if not covered.any() or covered.all():
        return level_db
    seen = np.flatnonzero(~covered)
    return np.where(covered, np.interp(np.arange(len(covered)), seen, level_db[seen]), level_db)
