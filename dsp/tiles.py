"""A stretch of samples as a small waterfall: mean and peak power of groups of frames."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dsp.floor import averages
from dsp.psd import BATCH_POINTS, num_frames, power_batches
from dsp.values import Raw, Real
from dsp.window import Window, window

BIN_HZ = 1000.0
"""Wanted bin width: a 12.5 kHz channel is a dozen bins, a frame lasts 1 ms."""

GROUP = 4
"""Frames in a tile: 2 ms at half overlap."""


@dataclass(frozen=True, slots=True, eq=False)
class Tiles:
    """Power of every bin in consecutive groups of half-overlapped frames.

    Attributes
    ----------
    mean : float32, shape (n_rows, nfft)
        Mean power of each group; lowest frequency first, a full-scale tone reads 1.0.
    peak : float32, shape (n_rows, nfft)
        Strongest frame of each group: a burst of one frame is not averaged away.
    group : int
        Frames in a row.
    """

    mean: Real
    peak: Real
    group: int

    @property
    def k_eff(self) -> float:
        """Independent averages in ``mean``."""
        return averages(self.group)


def frame_window(sample_rate_hz: float) -> Window:
    """Hann window whose bins are nearest to `BIN_HZ`, a power of two long."""
    order = round(math.log2(max(sample_rate_hz, 64 * BIN_HZ) / BIN_HZ))
    return window("hann", min(1 << order, BATCH_POINTS // GROUP))


def tiles(
    parts: Raw, win: Window, group: int = GROUP, *, scale: float = 1.0, offset: complex = 0j
) -> Tiles:
    """Reduce samples to tiles, a cache-sized batch at a time.

    Every sample is transformed twice (half overlap) and nothing of full resolution is kept.
    Frames that do not fill a row are left out: their mean is noisier than the threshold knows.

    Parameters
    ----------
    parts : ndarray, shape (2 * n,)
        Interleaved I and Q of any real type.  At least one window; less than a row gives one row
        of fewer frames.
    win : Window
    group : int
        Frames in a row.
    scale, offset : float, complex
        What full scale and what zero is in ``parts``.

    Raises
    ------
    ValueError
        Fewer samples than one window.
    """
    nfft = win.nfft
    hop = nfft // 2
    total = num_frames(len(parts) // 2, nfft, hop)
    group = min(group, max(1, total))
    rows = total // group
    mean = np.empty((rows, nfft), dtype=np.float32)
    peak = np.empty((rows, nfft), dtype=np.float32)
    batch = max(1, BATCH_POINTS // nfft // group) * group
    for first, squares in power_batches(parts, win, hop, batch, scale=scale, offset=offset):
        power = squares[:, 0::2] + squares[:, 1::2]
        full = len(power) // group
        row = first // group
        grouped = power[: full * group].reshape(full, group, nfft)
        _centre(grouped.sum(axis=1), mean[row : row + full])
        _centre(grouped.max(axis=1), peak[row : row + full])
        mean[row : row + full] *= np.float32(1.0 / group)
    return Tiles(mean, peak, group)


def _centre(rows: Real, out: Real) -> None:
    """Copy rows with DC moved to the middle."""
    half = rows.shape[1] // 2
    out[:, half:] = rows[:, :half]
    out[:, :half] = rows[:, half:]
