"""What a baseline says of every bin of a recording, and whether that explains an emission."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dsp.baseline import Baseline
from dsp.segment import Band, Segment
from dsp.values import Real

MARGIN_DB = 6.0
"""Over what the survey knew: the `on_db` of a site."""


def known_level(baseline: Baseline, freqs_hz: npt.NDArray[np.float64]) -> Real:
    """Most that the survey usually saw around each frequency, in any hop that covers it.

    The levels are a full-scale tone's, and the survey's bins are wider than those of a recording:
    for anything wider than a bin that is on the side of taking it for known.

    Parameters
    ----------
    baseline : Baseline
    freqs_hz : ndarray, shape (n,)

    Returns
    -------
    level : float32, shape (n,)
        Linear; 0 where the survey never looked, infinite in the receiver's own spurs.
    """
    level = np.zeros(len(freqs_hz), dtype=np.float32)
    for hop in range(len(baseline.counts)):
        reference = baseline.at(hop)
        grid = reference.grid
        known = np.maximum(reference.traffic_peak, reference.typical_peak)
        known = np.where(reference.masked, np.float32(np.inf), known)
        # A line between two bins shows in both.
        padded = np.pad(known, 1)
        known = np.maximum(known, np.maximum(padded[:-2], padded[2:]))
        index = np.round((freqs_hz - grid.start_hz) / grid.bin_width_hz).astype(int)
        inside = (index >= 0) & (index < grid.n_bins)
        level[inside] = np.maximum(level[inside], known[index[inside]])
    return level


def is_new(segment: Segment, band: Band, duty: float, known: Real) -> bool:
    """Whether most of its power lies where it is more than `MARGIN_DB` over what was known.

    Parameters
    ----------
    segment : Segment
    band : Band
        Its occupied band.
    duty : float
        Share of its time that it was on.
    known : float32, shape (nfft,)
        From `known_level`, for the bins of the segment.
    """
    inside = slice(int(band.low), max(int(band.low) + 1, round(band.high)))
    excess = (segment.power[inside] - segment.noise[inside]) / segment.rows
    excess = np.maximum(excess, 0.0) / max(duty, 0.05)
    over = excess > known[inside] * 10.0 ** (MARGIN_DB / 10.0)
    return bool(excess[over].sum() > 0.5 * excess.sum())
