"""Decibels at the edge, linear powers inside."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

FLOOR_POWER = 1e-20
"""Smallest power that is put into a logarithm: -200 dBFS, far under any receiver's floor."""


def db(power: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Linear power ratio to decibels; zero and negative read -200 dB, NaN stays NaN.

    Examples
    --------
    >>> db([1.0, 0.5, 0.0]).round(2).tolist()
    [0.0, -3.01, -200.0]
    """
    return 10.0 * np.log10(np.maximum(np.asarray(power, dtype=np.float64), FLOOR_POWER))


def from_db(level_db: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Decibels to linear power ratio.

    Examples
    --------
    >>> float(from_db(-3.0103).round(4))
    0.5
    """
    return np.asarray(10.0 ** (np.asarray(level_db, dtype=np.float64) / 10.0))


def ratio_db(ratio: float) -> float:
    """One linear power ratio to decibels, as a plain float."""
    return 10.0 * math.log10(max(ratio, FLOOR_POWER))
