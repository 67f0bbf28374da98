"""The slope of a receiver's own filter over the sampled band, from the noise that a survey saw.

Every hop is seen through the same filter.  What the hops have in common, whatever was on the air in
each, is the filter's; and it bends slowly.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import signal

from .units import db, from_db
from .values import Grid, Real

LEAST_HOPS = 4
"""Fewer could all have the same slope for another reason."""

SMOOTH = 0.06
"""Of the sampled band: over so much of it a filter's response is a parabola."""

OUTLIER_DB = 0.4
MIDDLE = 0.15
"""Of the sampled band on either side of the centre: there the response is 1."""

MOST_DB = (-12.0, 3.0)
"""A filter that falls by more is no edge but a fault, and the noise under it no measure."""

Levels = npt.NDArray[np.float64]


def band_response(hops: Sequence[tuple[float, Grid, Real]], nfft: int) -> Real | None:
    """Power response over the sampled band, 1 in the middle; None where there are too few hops.

    Parameters
    ----------
    hops : sequence of (center_freq_hz, Grid, level)
        Typical power of every kept bin, not yet flattened.
    nfft : int
        Bins over the whole sampled band, the tuned centre at ``nfft // 2``.

    Returns
    -------
    float32, shape (nfft,), or None
        Beyond the bins that any hop kept as at the nearest kept one.
    """
    if len(hops) < LEAST_HOPS:
        return None
    seen: Levels = np.full((len(hops), nfft), np.nan)
    for row, (center_hz, grid, level) in zip(seen, hops, strict=True):
        row[kept_bins(grid, center_hz, nfft)] = db(level)
    seen[:, nfft // 2 - 2 : nfft // 2 + 3] = np.nan  # the receiver's own carrier
    kept = np.flatnonzero((~np.isnan(seen)).sum(axis=0) >= LEAST_HOPS)
    if kept.size < nfft // 4:
        return None
    # Median polish: each hop's own level, then what they have in common.
    common: Levels = np.zeros(nfft)
    for _ in range(4):
        own = np.nanmedian(seen - common, axis=1)
        common[kept] = np.nanmedian(seen[:, kept] - own[:, None], axis=0)
    span = np.arange(kept[0], kept[-1] + 1)
    smooth = _smooth(np.interp(span, kept, common[kept]), round(SMOOTH * nfft))
    middle = np.abs(span - nfft // 2) <= MIDDLE * nfft
    if not middle.any():
        return None
    smooth = np.clip(smooth - np.median(smooth[middle]), *MOST_DB)
    whole = np.interp(np.arange(nfft), span, smooth)
    return np.asarray(from_db(whole), dtype=np.float32)


def kept_bins(grid: Grid, center_freq_hz: float, nfft: int) -> slice:
    """Where a hop's kept bins lie among those of the sampled band."""
    first = nfft // 2 + round((grid.start_hz - center_freq_hz) / grid.bin_width_hz)
    return slice(first, first + grid.n_bins)


def _smooth(level: Levels, bins: int) -> Levels:
    """Running parabolas, spurs and stations left out."""
    window = min(bins | 1, (level.shape[0] - 1) | 1)
    clean = level
    fit = level
    for _ in range(4):
        fit = np.asarray(signal.savgol_filter(clean, window, 2))
        clean = np.where(np.abs(level - fit) > OUTLIER_DB, fit, level)
    return fit
