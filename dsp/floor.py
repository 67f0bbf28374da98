"""The quiet level of every bin of a recording: what is always there, for the rest to stand out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import ndimage, special

from dsp.values import Real

QUANTILE = 0.08
"""Low enough for a bin that is busy nine tenths of the time, high enough to be measurable."""

LINE_DB = 3.0
STEP_DB = 6.0
STEP_HZ = 20e3
"""An emission's edge rises by `STEP_DB` within this; a receiver's response does not."""

TONE_BINS = 4
FLOOR_BEND_DB = 5.0
"""A piece of floor lies within this of the level between its neighbours."""

DC_SKIRT_HZ = 60e3
COMB_HZ = 60e3
"""Pilots of LTE are 45 kHz apart; wider than that, equal distances are chance."""

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
    usual : float32, shape (nfft,)
        The quiet level as measured, emissions that never pause included.
    noise : float32, shape (nfft,)
        The smooth receiver floor alone.
    steady : bool, shape (nfft,)
        Bins of wide emissions that never pause.
    line : bool, shape (nfft,)
        Bins held by a narrow steady line (DC spike, crystal spurs).
    dead : bool, shape (nfft,)
        Bins behind a digital filter, where nothing can be received.
    """

    level: Real
    usual: Real
    noise: Real
    steady: Bins
    line: Bins
    dead: Bins

    def beneath_all(self) -> Floor:
        """Take all that is always there for one emission; how far it stands out stays unknown."""
        tenth = self.noise * np.float32(0.1)
        nothing = np.zeros_like(self.line)
        return Floor(tenth, self.usual, tenth, ~self.dead, nothing, self.dead)


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
    # Bins as rows in memory: partitioning along contiguous values is several times as fast.
    low = np.partition(rows.T.copy(), rank, axis=1)[:, rank]
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
    wide, floor_db = _steady_emissions(smooth_db, bin_width_hz)
    line = (level_db > smooth_db + max(LINE_DB, 4.5 * sigma_db)) & ~dead & ~wide
    modulated = _modulated(line, level_db, smooth_db)
    wide |= modulated
    line &= ~modulated
    line = ndimage.binary_dilation(line)
    line[n // 2 - 1 : n // 2 + 2] = True
    lined_db = np.where(line, np.maximum(level_db, floor_db), floor_db)
    return Floor(_linear(lined_db), quiet, _linear(floor_db), wide, line, dead)


def _steady_emissions(level_db: Levels, bin_width_hz: float) -> tuple[Bins, Levels]:
    """Find wide steady stretches between steep edges, and the floor that bridges beneath them.

    The spectrum is cut at its steep steps.  Taken from the lowest piece upwards, a piece belongs to
    the floor when it lies near the level that the pieces accepted before it give for its place.
    """
    n = len(level_db)
    reach = max(4, round(STEP_HZ / bin_width_hz))
    wide = np.zeros(n, dtype=bool)
    step = np.zeros(n)
    if n < 8 * reach:
        return wide, level_db
    step[reach // 2 : n - (reach - reach // 2)] = level_db[reach:] - level_db[:-reach]
    cuts = sorted({0, *_peaks(step), *_peaks(-step), n})
    pieces = list(pairwise(cuts))
    levels = [float(np.median(level_db[a:b])) for a, b in pieces]
    middles = [(a + b) / 2 for a, b in pieces]
    floor: list[int] = []
    for k in sorted(range(len(pieces)), key=lambda k: levels[k]):
        beneath = [levels[j] for j in floor]
        if not floor or levels[k] - np.interp(middles[k], [middles[j] for j in floor], beneath) < (
            FLOOR_BEND_DB
        ):
            floor = sorted([*floor, k])
    raised = [k not in floor for k in range(len(pieces))]
    dc = n // 2
    for k, (a, b) in enumerate(pieces):
        # The receiver's own carrier has skirts that look like a steady emission at 0 Hz.
        if raised[k] and not (a <= dc < b and (b - a) * bin_width_hz < DC_SKIRT_HZ):
            wide[a:b] = True
    _fill_comb(wide, COMB_HZ / bin_width_hz)
    # The slope of an edge belongs to the transmission, not to the floor that bridges it.
    covered = ndimage.binary_dilation(wide, iterations=reach)
    if not wide.any() or covered.all():
        return np.zeros(n, dtype=bool), level_db
    beside = level_db.copy()
    beside[~covered] = ndimage.median_filter(level_db[~covered], 31, mode="nearest")
    return wide, np.where(covered, np.minimum(_bridge(beside, covered), level_db), level_db)


def _modulated(line: Bins, level_db: Levels, smooth_db: Levels) -> Bins:
    """Narrow steady peaks that are wider than a tone can look through the window.

    A Hann window's main lobe holds at most four bins within 20 dB of its top.
    """
    labels, count = ndimage.label(line)
    found = np.zeros(len(line), dtype=bool)
    dc = len(line) // 2
    for (run,) in ndimage.find_objects(labels, max_label=count):
        part = level_db[run]
        tall = (part > part.max() - 20.0) & (part > smooth_db[run] + STEP_DB)
        if tall.sum() > TONE_BINS and not run.start <= dc + 1 <= run.stop + 2:
            found[run] = True
    return found


def _fill_comb(wide: Bins, spacing: float) -> None:
    """Join three or more stretches at equal distances: the pilots of one OFDM emission."""
    labels, count = ndimage.label(wide)
    if count < 3:
        return
    runs = [run for (run,) in ndimage.find_objects(labels)]
    middles = np.array([(run.start + run.stop) / 2 for run in runs])
    apart = np.diff(middles)
    for k in range(count - 2):
        if apart[k] < spacing and abs(apart[k + 1] - apart[k]) < 0.25 * apart[k]:
            wide[runs[k].start : runs[k + 2].stop] = True


def _peaks(step: Levels) -> list[int]:
    """Places of the largest step in each stretch that steps by more than `STEP_DB`."""
    labels, count = ndimage.label(step > STEP_DB)
    runs = ndimage.find_objects(labels, max_label=count)
    return [run.start + int(np.argmax(step[run])) for (run,) in runs]


def _bridge(level_db: Levels, covered: Bins) -> Levels:
    """Continue the level of the other bins straight over the covered ones."""
    if not covered.any() or covered.all():
        return level_db
    seen = np.flatnonzero(~covered)
    return np.where(covered, np.interp(np.arange(len(covered)), seen, level_db[seen]), level_db)


def _linear(level_db: Levels) -> Real:
    return np.asarray(10.0 ** (level_db / 10.0), dtype=np.float32)
