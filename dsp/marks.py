"""Cells of a waterfall with more power than noise may have, seen by any of several looks."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from scipy import ndimage, special

from dsp.floor import Floor, averages
from dsp.tiles import Tiles
from dsp.values import IQ, Real

P_FA = 1e-10
"""Chance that one cell of pure noise is marked: at 2.4 MS/s about one in an hour."""

GUARD_DB = 6.0
"""No look marks a cell under this, whatever theory allows: real floors ripple."""

LONG_LOOKS = (4, 16)
"""Rows in the slower looks: 8 ms and 32 ms bring up what is weak and stays."""

WIDE_BINS = 16
WIDE_STRETCHES = 5
WIDE_MOST = 16.0
"""The wide look averages 16 bins, clipped, and wants 4 of 5 neighbours: a noise-like block spreads
its power thinly, and a few strong bins are the other looks' business."""

SHADOW_DB = 42.0
"""Cells this far under the strongest of their moment are that signal's own splatter."""

BREATH = 8.0
CREST_PARTS = 32
CAST_RATIO = 30.0
LINE_MARGIN = 4.0
"""A steady line is never quite steady."""

Mask = npt.NDArray[np.bool_]


@cache
def noise_threshold(k_eff: float, p_fa: float = P_FA) -> float:
    """Ratio to its mean that noise averaged ``k_eff`` times exceeds with chance ``p_fa``."""
    return float(special.gammainccinv(k_eff, p_fa) / k_eff)


def row_gain(mean: Real, level: Real, k_eff: float) -> Real:
    """How much the whole receiver breathes from row to row, relative to the floor.

    Hum and gain steps lift all bins alike.  The lower quartile over the bins is that common part;
    rises over 9 dB are not taken for breathing but left to stand out.

    Returns
    -------
    gain : float32, shape (n_rows,)
    """
    step = max(1, mean.shape[1] // 256)
    ratio = mean[:, ::step] / level[::step]
    rank = ratio.shape[1] // 4
    quartile = np.partition(ratio, rank, axis=1)[:, rank]
    quartile /= np.float32(special.gammaincinv(k_eff, 0.25) / k_eff)
    return np.where(quartile > BREATH, 1.0, np.clip(quartile, 0.25, BREATH)).astype(np.float32)


def crest(samples: IQ, row_samples: int, num_rows: int) -> Real:
    """Strongest over median power of the short stretches in each row.

    Noise, however loud, stays under 3; pulses of a tenth of a millisecond do not.

    Returns
    -------
    ratio : float32, shape (num_rows,)
    """
    short = max(16, row_samples // CREST_PARTS)
    parts = row_samples // short
    ratio = np.ones(num_rows, dtype=np.float32)
    whole = min(num_rows, len(samples) // row_samples)
    rows = samples[: whole * row_samples].reshape(whole, row_samples)[:, : parts * short]
    power = (rows.real**2 + rows.imag**2).reshape(whole, parts, short).mean(axis=2)
    ratio[:whole] = power.max(axis=1) / np.maximum(np.median(power, axis=1), 1e-20)
    return ratio


def mark(tile: Tiles, floor: Floor, gain: Real, pulsed: Mask) -> Mask:
    """Cells with more power than noise may have, seen by any of the looks.

    Parameters
    ----------
    tile : Tiles
    floor : Floor
    gain : float32, shape (n_rows,)
        From `row_gain`.
    pulsed : bool, shape (n_rows,)
        Rows in which pulses fill the band: one thing, whatever nulls their spectrum has.

    Returns
    -------
    marked : bool, shape (n_rows, nfft)
    """
    guard = 10.0 ** (GUARD_DB / 10.0)
    level = floor.level.copy()
    level[floor.line] *= LINE_MARGIN
    level[floor.dead] = np.inf
    gain = gain[:, None]
    single = noise_threshold(1.0, P_FA / tile.group)
    mean, peak = tile.mean / gain, tile.peak / gain
    marked = peak > level * np.float32(single)
    marked |= mean > level * np.float32(max(noise_threshold(tile.k_eff), guard))
    quick = np.where(marked, level, mean)
    for rows in LONG_LOOKS:
        if len(mean) >= 2 * rows:
            marked |= _long_look(quick, level, rows, tile.group)
    marked |= _wide_look(mean, level)
    marked |= _wide_look(peak, level * np.float32(_mean_of_largest(tile.group)))
    marked[pulsed] |= ~floor.dead
    if marked.any():
        marked &= tile.peak > _shadow(tile.peak, floor.usual)
    return np.asarray(marked)


def _shadow(peak: Real, usual: Real) -> Real:
    """Level under which a moment's cells are the splatter of its strongest burst.

    Only what comes and goes casts a shadow: the skirts of a steady emission are part of the floor.
    """
    cast = np.where(peak > usual * np.float32(CAST_RATIO), peak, np.float32(0.0))
    top = ndimage.maximum_filter1d(cast.max(axis=1), 3)[:, None]
    return np.asarray(top * np.float32(10.0 ** (-SHADOW_DB / 10.0)))


def _long_look(mean: Real, level: Real, rows: int, group: int) -> Mask:
    """Average several rows; mark those of their rows that carry the power.

    ``mean`` without what the quick looks saw: a strong burst must not mark 32 ms around it.
    """
    guard = 10.0 ** (GUARD_DB / 10.0)
    threshold = max(noise_threshold(averages(rows * group), P_FA), guard)
    marked = np.zeros(mean.shape, dtype=bool)
    for shift in (0, rows // 2):
        whole = (len(mean) - shift) // rows
        part = mean[shift : shift + whole * rows].reshape(whole, rows, -1)
        hit = part.mean(axis=1) > level * np.float32(threshold)
        if hit.any():
            target = marked[shift : shift + whole * rows].reshape(whole, rows, -1)
            target |= hit[:, None, :] & (part > level * np.float32(2.0))
    return marked


def _wide_look(power: Real, level: Real) -> Mask:
    """Average neighbouring bins; mark all bins of wide stretches that stand out.

    Averaged over 16 bins noise stays within 2 dB of its level, so that the guard decides alone.
    """
    bins = power.shape[1] // WIDE_BINS * WIDE_BINS
    ratio = np.minimum(power[:, :bins] / level[:bins], np.float32(WIDE_MOST))
    # As small products of matrices, which are quicker than sums over so short an axis.
    wide = ratio.reshape(len(power), -1, WIDE_BINS) @ np.full(WIDE_BINS, 1 / WIDE_BINS, np.float32)
    hit = wide > 10.0 ** (GUARD_DB / 10.0)
    marked = np.zeros(power.shape, dtype=bool)
    if hit.any():
        hit &= ndimage.uniform_filter1d(hit.astype(np.float32), WIDE_STRETCHES, axis=1) > 0.7
        marked[:, :bins] = np.repeat(hit, WIDE_BINS, axis=1)
    return marked


def _mean_of_largest(count: int) -> float:
    """Mean of the largest of ``count`` powers of noise: the harmonic number."""
    return sum(1.0 / k for k in range(1, count + 1))
