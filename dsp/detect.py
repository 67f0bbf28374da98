"""One dwell against its reference: bins over the threshold to detections."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .measure import Measured, measure
from .noise import across_frequency, segments_of
from .rule import Rule, Thresholds, thresholds
from .runs import Bools, Run, join, runs_with, split, without_leakage
from .signals import Detection, Look
from .units import ratio_db
from .values import Dwell, Reference
from .window import window

HALF_DUTY = 0.5
"""Under this the mean look is so diluted that the burst look measures better."""

WIDE_HZ = 100e3
WIDE_SHARE = 0.8
"""A wide signal shows in this share of the bins of a stretch; half of the width it must have."""

SKIRT_SIGMAS = 2.0
"""A signal's half per cent points are looked for out to where its bins sink into the noise."""

MOST_SKIRT_BINS = 32
"""And no farther than this beyond the lower threshold."""

IMAGE_RATIO = 100.0
"""A mirror 20 dB stronger may be the origin: tuners suppress images by 25 to 60 dB."""

EDGE_BINS = 3
"""Between the occupied band and the kept edge; nearer, the rest of the signal may lie outside."""

CLIPPING = 1e-4
"""Share of clipped values from which on products of overload must be expected."""


def detect(
    dwell: Dwell,
    reference: Reference | None,
    rule: Rule,
    followed_hz: Sequence[tuple[float, float]] = (),
) -> list[Detection]:
    """Find every signal of a dwell that its reference does not explain.

    Bins over the upper threshold in either look are grown outwards to the lower one; pieces of one
    signal are joined; what is only the leakage of a stronger signal is dropped.

    Parameters
    ----------
    dwell : Dwell
    reference : Reference or None
        From `Baseline.at`; None compares across frequency (ordered statistics and FCME).
    rule : Rule
    followed_hz : sequence of (low_hz, high_hz)
        Bands of emitters on the air: there the lower threshold already counts (hysteresis).

    Returns
    -------
    list of Detection
        By frequency.

    Raises
    ------
    ValueError
        The reference belongs to another grid.
    """
    learnt = reference is not None
    reference = reference or across_frequency(dwell)
    if reference.grid != dwell.grid:
        raise ValueError(f"{reference.grid=} is not {dwell.grid=}")
    limits = thresholds(dwell, reference, rule)
    over = dwell.mean > limits.mean_off
    hot = (dwell.mean > limits.mean_on) | (dwell.peak > limits.burst_on)
    if learnt:  # a floor guessed across frequency is not sure enough for this
        hot |= wide_and_weak(over, dwell.grid.bin_width_hz)
    if not followed_hz and not hot.any():
        return []
    warm = hot | over | (dwell.peak > limits.burst_off)
    for low_hz, high_hz in followed_hz:
        band = dwell.grid.window(low_hz, high_hz)
        hot[band] |= warm[band]
    if not hot.any():
        return []
    runs = [part for run in runs_with(warm, hot) for part in split(run, dwell.peak, dwell.grid)]
    runs = [run for run in runs if hot[run[0] : run[1] + 1].any()]
    runs = join(runs, dwell, reference)
    runs = without_leakage(runs, dwell)
    return [_describe(index, runs, dwell, reference, limits) for index in range(len(runs))]


def wide_and_weak(over: Bools, bin_width_hz: float) -> Bools:
    """Stretches in which nearly all bins are over the lower threshold, though none need reach more.

    A video link or a noise jammer may lie only 4 dB over the floor.  One bin of noise passes the
    lower threshold now and then; four of five in a row of many do not.

    Parameters
    ----------
    over : bool, shape (n_bins,)
    bin_width_hz : float

    Returns
    -------
    bool, shape (n_bins,)
        Bins over the threshold in such stretches of `WIDE_HZ`.
    """
    width = round(WIDE_HZ / bin_width_hz)
    if np.count_nonzero(over) < WIDE_SHARE * width:
        return np.zeros_like(over)
    running = np.concatenate([[0], np.cumsum(over)])
    starts = np.flatnonzero(running[width:] - running[:-width] >= WIDE_SHARE * width)
    inside = np.zeros(over.shape[0] + 1, dtype=np.int64)
    np.add.at(inside, starts, 1)
    np.add.at(inside, starts + width, -1)
    return over & (np.cumsum(inside[:-1]) > 0)


def _describe(
    index: int, runs: list[Run], dwell: Dwell, reference: Reference, limits: Thresholds
) -> Detection:
    """Measure one run in the look that shows it best."""
    first, last = runs[index]
    bins = slice(first, last + 1)
    wide = (last - first) * dwell.grid.bin_width_hz > WIDE_SHARE * WIDE_HZ
    wide = wide and (dwell.mean > limits.mean_off)[bins].mean() >= WIDE_SHARE
    seen: Look = "mean"
    if not wide and not (dwell.mean > limits.mean_on)[bins].any():
        seen = "burst"
    steady = float((dwell.mean - reference.floor)[bins].sum())
    strongest = float((dwell.peak - reference.floor)[bins].sum())
    duty = min(1.0, max(0.0, steady / strongest)) if strongest > 0 else 1.0
    segments = segments_of(dwell)
    if seen == "mean" and duty >= HALF_DUTY:
        power, typical, k_eff = dwell.mean, reference.typical_mean, segments.k_mean
        limit = limits.mean_on
    else:
        power, typical, k_eff = dwell.peak, reference.typical_peak, segments.k_burst
        limit = limits.burst_on
    before = (runs[index - 1][1] + first + 1) // 2 if index else 0
    after = (runs[index + 1][0] + last - 1) // 2 if index + 1 < len(runs) else len(power) - 1
    skirt = power > typical * np.float32(1 + SKIRT_SIGMAS / math.sqrt(k_eff))
    low, high = first, last
    while low > max(before, first - MOST_SKIRT_BINS) and skirt[low - 1]:
        low -= 1
    while high < min(after, last + MOST_SKIRT_BINS) and skirt[high + 1]:
        high += 1
    figures = measure(
        power,
        typical,
        dwell.grid,
        low,
        high,
        noise=reference.typical_mean,
        taps=window(dwell.window, 1024),
        k_eff=k_eff,
    )
    top = first + int(power[bins].argmax())
    grid = dwell.grid
    return Detection(
        center_freq_hz=figures.center_freq_hz,
        bandwidth_hz=figures.bandwidth_hz,
        low_hz=grid.start_hz + (first - 0.5) * grid.bin_width_hz,
        high_hz=grid.start_hz + (last + 0.5) * grid.bin_width_hz,
        snr_db=figures.snr_db,
        excess_db=ratio_db(float(power[top] / typical[top])),
        peak_dbfs=ratio_db(float(power[top])),
        power_dbfs=ratio_db(figures.power),
        threshold_dbfs=ratio_db(float(limit[top])),
        time_ns=dwell.time_ns,
        duration_s=dwell.duration_s,
        look=seen,
        duty=duty,
        hop=dwell.hop,
        doubts=_doubts(figures, (first, last), dwell),
    )


def _doubts(figures: Measured, run: Run, dwell: Dwell) -> tuple[str, ...]:
    """Why the run may not be a signal on this frequency."""
    grid = dwell.grid
    doubts = []
    offset_hz = figures.center_freq_hz - dwell.center_freq_hz
    if abs(offset_hz) < 1.5 * grid.bin_width_hz and figures.bandwidth_hz < 2 * grid.bin_width_hz:
        doubts.append("center")
    # Where only the skirts reach the edge of the hop the signal itself was seen whole.
    low_room_hz = figures.low_hz - grid.low_hz
    high_room_hz = grid.high_hz - figures.high_hz
    if (run[0] == 0 and low_room_hz < EDGE_BINS * grid.bin_width_hz) or (
        run[1] == grid.n_bins - 1 and high_room_hz < EDGE_BINS * grid.bin_width_hz
    ):
        doubts.append("edge")
    if dwell.clipped_fraction > CLIPPING:
        doubts.append("overload")
    if math.isfinite(offset_hz):
        mirror = grid.index(dwell.center_freq_hz - offset_hz)
        around = dwell.peak[max(0, mirror - 1) : max(0, mirror + 2)]
        if abs(offset_hz) > 2 * grid.bin_width_hz and around.size:
            doubts += ["image"] if around.max() > IMAGE_RATIO * figures.peak else []
    return tuple(doubts)
