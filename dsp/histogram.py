"""Many histograms at once: one per bin, 0.5 dB steps, mergeable by adding."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .units import db
from .values import Real

Counts = npt.NDArray[np.uint32]

FLOOR_DB = -130.0
STEP_DB = 0.5
LEVELS = 260
"""Levels cover -130 to 0 dBFS; what lies outside is counted in the first or last."""


def levels_of(power: Real) -> npt.NDArray[np.int64]:
    """Level index of each bin's power."""
    index = np.floor((db(power) - FLOOR_DB) / STEP_DB)
    return np.clip(index, 0, LEVELS - 1).astype(np.int64)


def count(counts: Counts, power: Real) -> None:
    """Add one look to the histograms, in place.

    Parameters
    ----------
    counts : uint32, shape (n_bins, LEVELS)
    power : float32, shape (n_bins,)
    """
    counts[np.arange(power.shape[0]), levels_of(power)] += 1


def quantile(counts: Counts, share: float) -> Real:
    """Power below which ``share`` of each bin's looks lie, interpolated inside a level (in dB).

    Returns
    -------
    power : float32, shape (n_bins,)
        Zero where nothing was counted.
    """
    below = np.cumsum(counts, axis=1, dtype=np.int64)
    total = below[:, -1]
    wanted = share * total
    level = np.minimum((below < wanted[:, None]).sum(axis=1), LEVELS - 1)
    rows = np.arange(counts.shape[0])
    inside = counts[rows, level]
    before = below[rows, level] - inside
    part = np.divide(wanted - before, inside, out=np.ones_like(wanted), where=inside > 0)
    level_db = FLOOR_DB + STEP_DB * (level + np.clip(part, 0.0, 1.0))
    return np.where(total > 0, 10 ** (level_db / 10), 0.0).astype(np.float32)
