"""What kind of transmission it is, from a short cut of its samples: a label with its reasons.

The features are few and physical: does the envelope stand still, does the frequency dwell on two
values, is it keyed.  A label is a hint for a person, never a decision; where the cut is too short
or too weak to tell, it says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import fft

from dsp.values import IQ

Kind = Literal["carrier", "ook", "am", "fsk", "fm", "pulse", "noise-like", "unknown"]

CUT_SAMPLES = 1 << 15
MIN_POINTS = 64
RAYLEIGH = 0.523
"""Deviation over mean of the envelope of Gaussian noise: sqrt(4 / pi - 1)."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Features of a cut.

    Attributes
    ----------
    envelope : float
        Deviation over mean of the magnitude: 0 steady, 0.52 noise or many carriers.
    dark : float
        Share of the time under a third of the usual magnitude: keyed faster than the edges show.
    modes : int
        Values on which the frequency dwells.
    wander : float
        Deviation of the momentary frequency over the bandwidth.
    points : int
        Independent points measured; 0 where nothing could be.
    """

    envelope: float = 0.0
    dark: float = 0.0
    modes: int = 0
    wander: float = 0.0
    points: int = 0


@dataclass(frozen=True, slots=True)
class Label:
    """What it looks like.

    Attributes
    ----------
    kind : Kind
    confidence : float
        0 to 1.
    """

    kind: Kind
    confidence: float


def shape(samples: IQ, low: float, high: float) -> Shape:
    """Measure the features of a band in a cut during which it is on.

    Parameters
    ----------
    samples : complex64, shape (n,)
    low, high : float
        Edges of the occupied band in cycles per sample.
    """
    samples = samples[:CUT_SAMPLES]
    narrow = _narrowed(samples, low, high)
    if len(narrow) < MIN_POINTS:
        return Shape()
    magnitude = np.abs(narrow)
    usual = float(np.percentile(magnitude, 75))
    if usual <= 0.0:
        return Shape()
    bright = magnitude > usual / 3.0
    strong = magnitude > usual / 2.0
    turn = np.angle(narrow[1:] * np.conj(narrow[:-1])) / (2.0 * np.pi)
    valid = strong[1:] & strong[:-1]
    points = int(valid.sum())
    if points < MIN_POINTS:
        return Shape(dark=float(1.0 - bright.mean()))
    lit = magnitude[bright]
    frequency = turn[valid]
    # The cut was resampled so that the band fills half of its rate.
    return Shape(
        envelope=float(lit.std() / lit.mean()),
        dark=float(1.0 - bright.mean()),
        modes=_modes(frequency),
        wander=float(frequency.std() * 2.0),
        points=points,
    )


def _narrowed(samples: IQ, low: float, high: float) -> npt.NDArray[np.complex64]:
    """Shift the band to 0 Hz and keep twice its width, by cutting its transform out."""
    n = len(samples)
    if n < 2 * MIN_POINTS:
        return samples[:0]
    spectrum = fft.fft(samples)
    middle = round((low + high) / 2 * n)
    half = max(MIN_POINTS, min(n // 2, round((high - low) * n)))
    index = np.arange(-half, half) + middle
    cut = fft.fftshift(spectrum[index % n])
    return np.asarray(fft.ifft(cut), dtype=np.complex64)


def _modes(frequency: npt.NDArray[np.float32]) -> int:
    """Count the values on which the momentary frequency dwells, with clear valleys between."""
    span = np.percentile(frequency, [2, 98])
    if span[1] - span[0] < 0.02:
        return 1
    counts, _ = np.histogram(frequency, bins=24, range=(float(span[0]), float(span[1])))
    smooth = np.convolve(np.pad(counts, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid")
    tall = 0.25 * smooth.max()
    modes, valley, last = 0, 0.0, 0.0
    for left, here, right in zip(
        np.r_[0.0, smooth[:-1]], smooth, np.r_[smooth[1:], 0.0], strict=True
    ):
        valley = min(valley, float(here))
        if here >= left and here > right and here >= tall:
            if modes == 0 or valley < 0.6 * min(last, float(here)):
                modes, last = modes + 1, float(here)
            else:
                last = max(last, float(here))
            valley = last
    return max(1, modes)


def classify(
    cut: Shape,
    *,
    bandwidth_hz: float,
    duration_s: float,
    duty: float,
    runs: int,
    snr_db: float,
    rbw_hz: float,
    pulse: bool = False,
) -> Label:
    """Choose the label that the features speak for.

    Parameters
    ----------
    cut : Shape
    bandwidth_hz, duration_s, duty, snr_db : float
        Of the emission.
    runs : int
        Times keyed on.
    rbw_hz : float
        Resolution with which the bandwidth was measured: nothing is narrower.
    pulse : bool
        Whether it was told apart as one of many short wide pulses.
    """
    sure = float(np.clip((snr_db - 6.0) / 14.0, 0.1, 1.0))
    if pulse or (bandwidth_hz >= 400e3 and duration_s < 1e-3):
        return Label("pulse", round(0.9 * sure, 2))
    if runs >= 4 and 0.1 < duty < 0.9 and cut.envelope < 0.45:
        return Label("ook", round(0.95 * sure, 2))
    if cut.points == 0:
        return Label("unknown", 0.0)
    sure *= min(1.0, cut.points / 400.0)
    if cut.dark > 0.15 and cut.envelope < 0.4:
        return Label("ook", round(0.8 * sure, 2))
    if bandwidth_hz >= 100e3 and abs(cut.envelope - RAYLEIGH) < 0.15 and cut.modes == 1:
        return Label("noise-like", round(0.8 * sure, 2))
    if cut.envelope < 0.3:
        if bandwidth_hz < 3.5 * rbw_hz and cut.wander < 0.12:
            return Label("carrier", round(0.8 * sure, 2))
        if cut.modes in (2, 4):
            return Label("fsk", round(0.9 * sure, 2))
        return Label("fm", round(0.6 * sure, 2))
    if cut.modes == 2:
        return Label("fsk", round(0.5 * sure, 2))
    if cut.wander < 0.12 and bandwidth_hz < 30e3:
        return Label("am", round(0.5 * sure, 2))
    return Label("unknown", round(0.3 * sure, 2))
