"""Neighbouring bins to signals: runs, their cutting and joining, and a strong signal's leakage."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from .noise import segments_of
from .values import Dwell, Grid, Real, Reference, WindowName
from .window import window

Bools = npt.NDArray[np.bool_]

Run = tuple[int, int]
"""First and last bin, both inside."""

GAP_HZ = 25e3
"""Pieces of one signal are never farther apart than a channel."""

VALLEY = 10**-1.5
"""Two peaks with a valley 15 dB under the lower one between them are two signals ..."""

SPLIT_HZ = 15e3
"""... if they are farther apart than the two tones of a narrow FSK."""

LEAKAGE_MARGIN = 4.0
"""6 dB over what the window lets through still counts as its leakage."""

STEADY_DUTY = 0.9
"""A signal that is on all the time has no keying clicks."""


def runs_with(wide: Bools, core: Bools) -> list[Run]:
    """Runs of ``wide`` that hold at least one bin of ``core``."""
    if not wide.shape[0]:
        return []
    change = (np.flatnonzero(wide[1:] != wide[:-1]) + 1).tolist()
    edges = [0] * bool(wide[0]) + change + [wide.shape[0]] * bool(wide[-1])
    return [(a, b - 1) for a, b in zip(edges[0::2], edges[1::2], strict=True) if core[a:b].any()]


def split(run: Run, power: Real, grid: Grid) -> list[Run]:
    """Cut a run at every deep valley between two peaks that are far enough apart.

    Examples
    --------
    >>> two = np.array([1, 900, 3, 2, 1, 1, 2, 3, 700, 1], dtype=np.float32)
    >>> split((0, 9), two, Grid(100e6, 2500.0, 10))
    [(0, 3), (5, 9)]
    """
    first, last = run
    apart = math.ceil(SPLIT_HZ / grid.bin_width_hz)
    if last - first < apart:
        return [run]
    level = power[first : last + 1]
    left = np.maximum.accumulate(level)
    right = np.maximum.accumulate(level[::-1])[::-1]
    deep = level < VALLEY * np.minimum(left, right)
    parts: list[Run] = []
    start = 0
    for low, high in runs_with(deep, deep):
        valley = low + int(level[low : high + 1].argmin())
        if valley - start < 1:
            continue
        peak = start + int(level[start:valley].argmax())
        following = valley + int(level[valley:].argmax())
        if following - peak >= apart:
            parts.append((first + start, first + valley - 1))
            start = valley + 1
    return [*parts, (first + start, last)]


def occupied(run: Run, signal: Real) -> tuple[float, float]:
    """Bin edges between which 99 % of a run's power lies."""
    running = np.cumsum(np.maximum(signal[run[0] : run[1] + 1], 0.0), dtype=np.float64)
    low, high = np.searchsorted(running, np.array([0.005, 0.995]) * running[-1])
    return float(run[0] + low), float(run[0] + high + 1)


def join(runs: list[Run], dwell: Dwell, reference: Reference) -> list[Run]:
    """Join pieces of one signal: closer than half the wider one's occupied width, or one RBW."""
    if len(runs) < 2:
        return runs
    signal = dwell.peak - reference.floor
    width = dwell.grid.bin_width_hz
    rbw_bins = dwell.rbw_hz / width
    joined: list[Run] = []
    bands: list[tuple[float, float]] = []
    for run in runs:
        band = occupied(run, signal)
        while joined:
            low, high = bands[-1]
            half = max(high - low, band[1] - band[0]) / 2
            if band[0] - high > max(rbw_bins, min(half, GAP_HZ / width)):
                break
            run = (joined.pop()[0], run[1])
            bands.pop()
            band = occupied(run, signal)
        joined.append(run)
        bands.append(band)
    return joined


@lru_cache(maxsize=16)
def leakage(name: WindowName, nfft: int = 1024) -> Real:
    """Most power of a tone that is seen d bins from its strongest bin, relative to that bin.

    Returns
    -------
    envelope : float32, shape (nfft // 2,)
        Never rising; the worst case over where in its bin the tone lies.
    """
    fine = 16
    lobe = np.abs(np.fft.rfft(window(name, nfft).taps, fine * nfft)) ** 2
    scallop = lobe[fine // 2]
    worst = np.array([lobe[max(0, int((d - 0.5) * fine)) :].max() for d in range(nfft // 2)])
    return np.asarray(np.minimum(worst / scallop, 1.0), dtype=np.float32)


def without_leakage(runs: list[Run], dwell: Dwell) -> list[Run]:
    """Drop runs that are no stronger than what a stronger signal of the dwell leaks there.

    Two ways of leaking: the window's side lobes, and the clicks of a signal that is keyed inside
    the dwell: an edge inside a segment spreads as ``1 / (pi d)**2``, weighted with the share of the
    block's segments that hold an edge.
    """
    if len(runs) < 2:
        return runs
    lobes = leakage(dwell.window) * LEAKAGE_MARGIN
    segments = max(1, segments_of(dwell).block_segments[0])
    tops = [first + int(dwell.peak[first : last + 1].argmax()) for first, last in runs]
    kept = []
    for run, top in zip(runs, tops, strict=True):
        power = dwell.peak[top]
        explained = False
        for other in tops:
            if dwell.peak[other] <= power:
                continue
            distance = abs(other - top)
            share = lobes[min(distance, len(lobes) - 1)]
            if dwell.mean[other] < STEADY_DUTY * dwell.peak[other]:
                share = share + LEAKAGE_MARGIN * 2 / segments / (math.pi * distance) ** 2
            explained |= bool(power < share * dwell.peak[other])
        if not explained:
            kept.append(run)
    return kept
