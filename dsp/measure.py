"""Centre, bandwidths, level and SNR of one signal from its bins, the noise taken out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from .units import ratio_db
from .values import Grid, Real, WindowName
from .window import Window, window

SHARE = 0.99
"""Occupied bandwidth holds this share of the power (ITU-R SM.328, SM.443)."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One signal's figures with their uncertainties (one standard deviation).

    Attributes
    ----------
    center_freq_hz, center_error_hz : float
        Middle of the occupied band.
    low_hz, high_hz : float
        Its edges: half a per cent of the power lies outside each.
    bandwidth_hz, bandwidth_error_hz : float
        99 % occupied bandwidth; one bin where it is too narrow to tell.
    bandwidth_26db_hz : float
        Between the outermost points 26 dB under the strongest bin; NaN where the noise is nearer.
    power : float
        In the occupied band, noise subtracted, linear.
    peak : float
        Strongest bin, noise included, linear.
    snr_db, snr_error_db : float
        Power over the noise in the occupied band.
    """

    center_freq_hz: float
    center_error_hz: float
    low_hz: float
    high_hz: float
    bandwidth_hz: float
    bandwidth_error_hz: float
    bandwidth_26db_hz: float
    power: float
    peak: float
    snr_db: float
    snr_error_db: float


def measure(
    power: Real,
    quiet: Real,
    grid: Grid,
    first: int,
    last: int,
    *,
    noise: Real,
    taps: Window,
    k_eff: float,
) -> Measured:
    """Measure the signal in bins ``first..last``.

    The noise is subtracted bin by bin before the half per cent points are looked for, and they are
    interpolated inside their bins.  What the window spread is taken out again: widths add like
    variances, and the window's own 99 % width is known.

    Parameters
    ----------
    power, quiet : float32, shape (n_bins,)
        The look and what it shows without the signal, linear.
    grid : Grid
    first, last : int
        Bins that may hold the signal, the skirts included.
    noise : float32, shape (n_bins,)
        Mean noise, for the SNR (``quiet`` of the burst look is the largest of several blocks).
    taps : Window
        That the bins were made with.
    k_eff : float
        Independent averages in each bin.

    Returns
    -------
    Measured

    References
    ----------
    ITU-R SM.443-4, annex 1 (beta per cent method) and SM.328-11.
    """
    band = power[first : last + 1].astype(np.float64)
    below = quiet[first : last + 1].astype(np.float64)
    signal = band - below
    strongest = int(band.argmax())
    total = float(signal.sum())
    width = grid.bin_width_hz
    if total <= 0:
        signal = np.zeros_like(signal)
        signal[strongest] = total = max(float(band[strongest] - below[strongest]), 1e-20)
    tail = (1 - SHARE) / 2
    low = _crossing(signal, tail * total)
    high = signal.size - _crossing(signal[::-1], tail * total)
    raw_bins = max(high - low, 1e-3)
    own, enbw_bins = own_width(taps.name), taps.enbw_bins
    bins = math.sqrt(max(raw_bins**2 - own**2, 1.0))
    middle = (low + high) / 2
    if raw_bins < own + 1:  # not resolved: the power's own middle is what a single line has
        place = np.arange(signal.size) + 0.5
        part = np.where(np.abs(place - middle) < raw_bins, signal, 0.0)
        middle = float(place @ part / part.sum())
    center = grid.start_hz + (first + middle - 0.5) * width

    inside = slice(max(0, math.floor(low)), max(math.floor(low) + 1, math.ceil(high)))
    # Power spread over the edge of the band by the window belongs to the signal.
    in_band = SHARE * total
    noise_band = float(noise[first : last + 1][inside].mean()) * bins / enbw_bins
    sigma = math.sqrt(float(band @ band) / k_eff)
    # The running sum's error where it crosses, from the noise and from the signal's own tail,
    # becomes an error of place through its slope there.
    ends = signal[[min(int(low), signal.size - 1), min(int(high), signal.size - 1)]]
    slope = max(float(ends.sum()) / 2, 0.1 * float(signal[inside].mean()), 1e-30)
    spread = math.sqrt((float(below @ below) / 2 + (tail * total) ** 2) / k_eff)
    edge_error = min(spread / slope, raw_bins / 2) * width
    return Measured(
        center_freq_hz=center,
        center_error_hz=edge_error / math.sqrt(2),
        low_hz=center - bins * width / 2,
        high_hz=center + bins * width / 2,
        bandwidth_hz=bins * width,
        bandwidth_error_hz=edge_error * math.sqrt(2),
        bandwidth_26db_hz=_width_below(signal, below / math.sqrt(k_eff), strongest, 26.0) * width,
        power=in_band / enbw_bins,
        peak=float(band[strongest]),
        snr_db=ratio_db(in_band / enbw_bins / noise_band),
        snr_error_db=4.343 * sigma / total,
    )


@lru_cache(maxsize=16)
def own_width(name: WindowName) -> float:
    """99 % width in bins at which a tone is seen through the window, over all places in its bin.

    Examples
    --------
    >>> round(own_width("hann"), 1)
    3.1
    """
    fine, nfft = 16, 256
    lobe = np.abs(np.fft.fft(window(name, nfft).taps.astype(np.float64), fine * nfft)) ** 2
    widths = []
    for offset in range(fine):
        seen = np.roll(lobe[offset::fine], nfft // 2)
        tail = (1 - SHARE) / 2 * float(seen.sum())
        widths.append(nfft - _crossing(seen, tail) - _crossing(seen[::-1], tail))
    return float(np.mean(widths))


def _crossing(signal: npt.NDArray[np.float64], level: float) -> float:
    """Place (in bins from the left edge) where the running sum passes ``level`` for good."""
    running = signal.cumsum()
    under = np.flatnonzero(running <= level)
    index = int(under[-1]) + 1 if under.size else 0
    if index >= signal.size:
        return float(signal.size)
    before = float(running[index - 1]) if index else 0.0
    step = float(running[index]) - before
    return index + (level - before) / step if step > 0 else float(index)


def _width_below(
    signal: npt.NDArray[np.float64],
    noise_sigma: npt.NDArray[np.float64],
    strongest: int,
    drop_db: float,
) -> float:
    """Bins between the outermost points ``drop_db`` under the strongest; NaN if in the noise."""
    level = signal[strongest] * 10 ** (-drop_db / 10)
    if level < 3 * float(noise_sigma.mean()):
        return math.nan
    over = np.flatnonzero(signal >= level)
    edges = []
    for index, step in ((int(over[0]), -1), (int(over[-1]), 1)):
        neighbour = index + step
        outside = signal[neighbour] if 0 <= neighbour < signal.size else 0.0
        inner, outer = math.log(signal[index]), math.log(max(outside, level * 1e-3))
        part = (inner - math.log(level)) / (inner - outer) if inner > outer else 0.5
        edges.append(index + step * part)
    return edges[1] - edges[0]
