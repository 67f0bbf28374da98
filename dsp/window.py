"""Windows with their two calibration figures: coherent gain 1 and the noise bandwidth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import get_args

import numpy as np

from .values import Real, WindowName

COSINES: dict[WindowName, tuple[float, ...]] = {
    "rectangular": (1.0,),
    "hann": (0.5, 0.5),
    "hamming": (0.54, 0.46),
    "blackman_harris": (0.35875, 0.48829, 0.14128, 0.01168),
    "flat_top": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
}
"""Coefficients of the cosine sums; F. J. Harris, Proc. IEEE 66(1), 1978, and Matlab's flat top."""


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A periodic window scaled to coherent gain 1.

    Attributes
    ----------
    name : str
    taps : float32, shape (nfft,)
        Sum 1, so that ``abs(fft(taps * x))**2`` of a full-scale tone at a bin centre reads 1.
    enbw_bins : float
        Equivalent noise bandwidth: ``nfft * sum(w**2) / sum(w)**2``.
    reach_bins : int
        Half width of the main lobe: a tone at a bin centre is zero this many bins away.
    lobe : tuple of (int, float)
        Bins in which a constant 1 shows, and its amplitude there.
    """

    name: WindowName
    taps: Real
    enbw_bins: float
    reach_bins: int
    lobe: tuple[tuple[int, float], ...]

    @property
    def nfft(self) -> int:
        """Length of the window."""
        return int(self.taps.shape[0])


@lru_cache(maxsize=64)
def window(name: WindowName, nfft: int) -> Window:
    """Make a window; equal arguments give the same object, its taps are read-only.

    Raises
    ------
    ValueError
        Unknown name, or fewer than 8 points.

    Examples
    --------
    >>> hann = window("hann", 1024)
    >>> round(hann.enbw_bins, 3), hann.reach_bins, round(float(hann.taps.sum()), 6)
    (1.5, 2, 1.0)
    """
    if name not in COSINES:
        raise ValueError(f"{name=} is not one of {', '.join(get_args(WindowName))}")
    if nfft < 8:
        raise ValueError(f"{nfft=} is less than 8")
    phase = 2 * np.pi * np.arange(nfft) / nfft
    shape = sum(
        (-1) ** k * coefficient * np.cos(k * phase) for k, coefficient in enumerate(COSINES[name])
    )
    taps = np.asarray(shape, dtype=np.float64)
    enbw_bins = float(nfft * np.sum(taps**2) / np.sum(taps) ** 2)
    scaled = (taps / taps.sum()).astype(np.float32)
    scaled.setflags(write=False)
    reach = len(COSINES[name])
    spectrum = np.fft.fft(taps / taps.sum()).real
    lobe = tuple((k, float(spectrum[k])) for k in range(1 - reach, reach))
    return Window(name, scaled, enbw_bins, reach, lobe)
