"""The noise floor of one spectrum, without a baseline: excision and ordered statistics."""

from __future__ import annotations

import math

import numpy as np

from .threshold import Segments, burst_ratio, mean_ratio
from .units import ratio_db
from .values import Dwell, Real, Reference

BLOCK_BINS = 128
"""Bins under one ordered-statistic estimate; blocks overlap by half."""

QUANTILE = 0.25
"""Three quarters of a block may be occupied before its estimate rises."""

SLOPE_LIMIT = 10**0.3
"""Blocks may lie 3 dB over the hop's floor: more is a wideband signal, not a slope."""

LOCAL_SCANS = 50.0
"""Survey dwells that the quartile of 128 correlated bins is worth; checked in tests."""


def segments_of(dwell: Dwell) -> Segments:
    """How the dwell's segments were cut."""
    return Segments(dwell.window, dwell.overlap, dwell.num_segments, dwell.num_blocks)


def excised_floor(power: Real, k_eff: float, start: float = 0.1) -> float:
    """Noise level by forward consecutive mean excision (FCME).

    Bins sorted by power are taken as noise from the smallest on until the next one exceeds the
    mean of those before it by more than noise would.  Survives about 85 % occupied bins.

    Parameters
    ----------
    power : float32, shape (n,)
        NaN is left out.
    k_eff : float
        Independent averages in each bin.
    start : float
        Share of the bins taken as noise at first.

    Returns
    -------
    floor : float
        Linear; NaN without bins.

    References
    ----------
    H. Saarnisaari, P. Henttu, "Impulse detection and rejection methods for radio systems",
    MILCOM 2003.

    Examples
    --------
    >>> occupied = np.concatenate([np.ones(100), np.full(300, 100.0)]).astype(np.float32)
    >>> excised_floor(occupied, 100.0)
    1.0
    """
    ordered = np.sort(power[np.isfinite(power)]).astype(np.float64)
    if not ordered.size:
        return math.nan
    means = np.cumsum(ordered) / np.arange(1, ordered.size + 1)
    first = max(1, round(start * ordered.size))
    # Wilson-Hilferty: Gamma(k) / k is nearly the cube of a normal; 3.1 sigma is 1e-3 per bin.
    spread = 1 / (9 * k_eff)
    factor = (1 - spread + 3.1 * math.sqrt(spread)) ** 3
    # Until most of the noise is in, the mean of the smallest lies under the noise's own.
    factor *= 1 + 1 / math.sqrt(k_eff)
    over = np.flatnonzero(ordered[first:] > factor * means[first - 1 : -1])
    return float(means[first + over[0] - 1] if over.size else means[-1])


def local_floor(power: Real, k_eff: float) -> Real:
    """Floor of every bin: the lower quartile of its neighbourhood, unbiased, limited by FCME.

    Parameters
    ----------
    power : float32, shape (n,)
    k_eff : float

    Returns
    -------
    floor : float32, shape (n,)
        Follows a slope of the receiver's response; under a signal wider than 300 kHz it is drawn
        straight from one side to the other.
    """
    n = power.shape[0]
    spread = 1 / (9 * k_eff)
    bias = (1 - spread - 0.6745 * math.sqrt(spread)) ** 3
    limit = excised_floor(power, k_eff) * SLOPE_LIMIT
    if n < 2 * BLOCK_BINS:
        level = min(float(np.quantile(power, QUANTILE)) / bias, limit)
        return np.full(n, level, dtype=np.float32)
    starts = np.linspace(0, n - BLOCK_BINS, 2 * n // BLOCK_BINS - 1).astype(np.int64)
    blocks = power[starts[:, None] + np.arange(BLOCK_BINS)]
    rank = round(QUANTILE * (BLOCK_BINS - 1))
    levels = np.partition(blocks, rank, axis=1)[:, rank] / bias
    middles = starts + BLOCK_BINS / 2
    noise = levels <= limit  # a block wholly inside a wide signal says nothing about the floor
    if not noise.any():
        return np.full(n, limit, dtype=np.float32)
    return np.interp(np.arange(n), middles[noise], levels[noise]).astype(np.float32)


def across_frequency(dwell: Dwell) -> Reference:
    """What to compare a dwell with when nothing was learnt: the floor seen between its signals."""
    segments = segments_of(dwell)
    floor = local_floor(dwell.mean, segments.k_mean)
    nothing = np.zeros_like(floor)
    return Reference(
        grid=dwell.grid,
        floor=floor,
        typical_mean=floor,
        typical_peak=floor * np.float32(burst_ratio(segments, 0.49)),
        traffic_mean=nothing,
        traffic_peak=nothing,
        steady=floor,
        masked=np.zeros(floor.shape, dtype=np.bool_),
        scans=LOCAL_SCANS,
    )


def floor_rise_db(dwell: Dwell, reference: Reference) -> float:
    """How much the quiet part of a dwell lies over the learnt floor, decibels.

    The lower quartile over the bins: signals, even many, do not move it; a jammer, an overload or
    a noisy power supply that blinds the whole hop does, as does an antenna that fell off
    (negative).
    """
    ratio = dwell.mean / reference.typical_mean
    k = segments_of(dwell).k_mean
    noise_quartile = mean_ratio(segments_of(dwell), 0.25) if k > 1 else 1.0
    rank = float(np.quantile(ratio[~reference.masked], QUANTILE))
    return ratio_db(rank * noise_quartile)
