"""A survey's counts to what a dwell is compared with: floor, typical level, known traffic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from .counts import HopCounts
from .skirts import skirts
from .threshold import Segments, burst_ratio, mean_ratio, worth
from .values import Grid, Real, Reference

STEADY_QUANTILE = 0.02
"""A steady carrier exceeds this level always; one that is keyed falls under it now and then."""

TRAFFIC_QUANTILE = 0.999
"""The traffic level of a bin: exceeded in one of a thousand dwells of the survey."""

REFUSED_QUANTILE = 0.05
"""Where an emitter was refused, the floor is what its bins showed in its pauses."""

NOISE_P = 1e-8
"""A bin whose strongest look noise would reach with less than this carries traffic."""

CONTAMINATED = 10**0.05
"""A mean 0.5 dB over the median is not the floor's: the bin carried traffic during the survey."""


def reference_of(
    counts: HopCounts,
    segments: Segments,
    masks_hz: Sequence[tuple[float, float]] = (),
    refused_hz: Sequence[tuple[float, float]] = (),
) -> Reference:
    """Floor, typical and traffic levels of one hop's bins.

    Parameters
    ----------
    counts : HopCounts
    segments : Segments
        How the survey's dwells were cut.
    masks_hz, refused_hz : sequence of (low_hz, high_hz)
        Bins that never alarm; bins whose traffic is not excused.
    """
    mean = (counts.sum_mean / counts.segments).astype(np.float32)
    typical_mean = counts.hist_mean.quantile(0.5)
    typical_peak = counts.hist_peak.quantile(0.5)
    refused = _inside(counts.grid, refused_hz)
    if refused.any():  # it may have been on the air for most of the survey
        quiet = counts.hist_mean.quantile(REFUSED_QUANTILE)
        lift = np.float32(burst_ratio(segments, 0.49))
        typical_mean = np.where(refused, quiet, typical_mean)
        typical_peak = np.where(refused, quiet * lift, typical_peak)
    floor = np.where(mean > CONTAMINATED * typical_mean, typical_mean, mean)
    width_hz = counts.grid.bin_width_hz
    traffic = []
    for hist, strongest, typical, ratio, k_eff in (
        (
            counts.hist_mean,
            counts.max_mean,
            typical_mean,
            mean_ratio(segments, NOISE_P, worth(counts.scans)),
            segments.k_mean,
        ),
        (
            counts.hist_peak,
            counts.max_peak,
            typical_peak,
            burst_ratio(segments, NOISE_P, worth(counts.scans)),
            segments.k_burst,
        ),
    ):
        level = np.minimum(hist.quantile(TRAFFIC_QUANTILE), strongest)
        level = np.where(strongest > ratio * floor, level, np.float32(0))
        level = np.maximum(level, skirts(strongest, typical, width_hz, k_eff))
        traffic.append(np.where(refused, np.float32(0), level))
    return Reference(
        grid=counts.grid,
        floor=floor.astype(np.float32),
        typical_mean=typical_mean,
        typical_peak=typical_peak,
        traffic_mean=traffic[0].astype(np.float32),
        traffic_peak=traffic[1].astype(np.float32),
        steady=counts.hist_mean.quantile(STEADY_QUANTILE),
        masked=_inside(counts.grid, masks_hz),
        scans=float(counts.scans),
    )


def flattened(reference: Reference, response: Real) -> Reference:
    """Divide all levels by the receiver's response in these bins, shape (n_bins,)."""
    return replace(
        reference,
        floor=reference.floor / response,
        typical_mean=reference.typical_mean / response,
        typical_peak=reference.typical_peak / response,
        traffic_mean=reference.traffic_mean / response,
        traffic_peak=reference.traffic_peak / response,
        steady=reference.steady / response,
    )


def _inside(grid: Grid, bands_hz: Sequence[tuple[float, float]]) -> npt.NDArray[np.bool_]:
    """Bins whose width touches one of the bands."""
    inside = np.zeros(grid.n_bins, dtype=np.bool_)
    half = grid.bin_width_hz / 2
    for low, high in bands_hz:
        inside[grid.window(low - half, high + half)] = True
    return inside
