"""Seeded signals of stated power: what tests, the simulated hall and the recordings are made of.

Levels are dBFS: a tone of -20 dBFS has the power 0.01 and reads -20 in a calibrated spectrum.
Everything is a function of the sample number, so that a signal made in pieces is the signal made
at once.  What modulates the carriers (speech, symbols) is in `dsp.programme`.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import scipy.fft

from dsp.values import IQ, Raw, Real

Double = npt.NDArray[np.float64]

FLAT_TO = 0.42
GONE_AT = 0.58
"""Band edge of a receiver in sample rates: flat to 0.42, -6 dB at 0.5, aliases up to 0.58."""


def amplitude(level_dbfs: float) -> float:
    """Amplitude of a tone of this level.

    Examples
    --------
    >>> round(amplitude(-20.0), 6)
    0.1
    """
    return float(10.0 ** (level_dbfs / 20.0))


def seeded(*key: int) -> np.random.Generator:
    """Random numbers that depend on nothing but these integers (of any sign and size)."""
    words = [abs(part) * 2 + (part < 0) for part in key]
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(words)))


def carrier(turns: Double) -> IQ:
    """``exp(2j pi turns)`` in single precision.

    Parameters
    ----------
    turns : float64, shape (n,)
        Phase in full turns, of any size.

    Notes
    -----
    Whole turns are taken off in double precision first, because a float32 cannot hold the phase
    of a long signal; numpy's float32 sine is then eight times faster than its complex exponential.
    """
    angle = ((turns - np.rint(turns)) * (2.0 * math.pi)).astype(np.float32)
    out = np.empty(turns.shape[0], dtype=np.complex64)
    np.cos(angle, out=out.real)
    np.sin(angle, out=out.imag)
    return out


def tone(num_samples: int, cycles_per_sample: float, level_dbfs: float, first: int = 0) -> IQ:
    """Steady carrier; ``first`` is the number of its first sample.

    Examples
    --------
    >>> round(float(np.mean(np.abs(tone(1000, 0.1, -20.0)) ** 2)), 6)
    0.01
    """
    turns = np.arange(first, first + num_samples, dtype=np.float64) * cycles_per_sample
    return carrier(turns) * np.float32(amplitude(level_dbfs))


def noise(rng: np.random.Generator, num_samples: int, power_dbfs: float) -> IQ:
    """White Gaussian noise of this total power."""
    values = rng.standard_normal(2 * num_samples, dtype=np.float32).view(np.complex64)
    values *= np.float32(amplitude(power_dbfs) / math.sqrt(2.0))
    return values


def shaped_noise(rng: np.random.Generator, bin_power: Double) -> IQ:
    """One block of Gaussian noise with a given power in every bin.

    Parameters
    ----------
    rng : Generator
    bin_power : float64, shape (n,)
        Linear power per bin in FFT order (0 first); the sum is the block's mean power.

    Returns
    -------
    samples : complex64, shape (n,)
        Made by one inverse FFT, so that a receiver's filter costs nothing.
    """
    spectrum = rng.standard_normal(2 * bin_power.shape[0], dtype=np.float32).view(np.complex64)
    spectrum *= np.sqrt(bin_power / 2.0).astype(np.float32)
    return np.asarray(scipy.fft.ifft(spectrum, norm="forward", overwrite_x=True))


def band_edge(cycles_per_sample: npt.ArrayLike) -> Double:
    """Amplitude response of a receiver at a distance from its centre, in sample rates.

    Flat in the middle, half at the edge of the band, zero at `GONE_AT`: what lies between 0.5 and
    0.58 comes back as an alias at the other end, as in a real dongle.

    Examples
    --------
    >>> band_edge([0.0, 0.4, 0.5, -0.5, 0.6]).round(3).tolist()
    [1.0, 1.0, 0.5, 0.5, 0.0]
    """
    distance = np.abs(np.asarray(cycles_per_sample, dtype=np.float64))
    slope = np.clip((distance - FLAT_TO) / (GONE_AT - FLAT_TO), 0.0, 1.0)
    return np.asarray(0.5 + 0.5 * np.cos(np.pi * slope))


def band_power(num_bins: int, low: float, high: float) -> Double:
    """Share of a flat band [low, high] (in sample rates) that arrives in every bin, aliases too.

    Returns
    -------
    share : float64, shape (num_bins,)
        In FFT order.  Multiplied by the power that the band has in one bin's width it is the
        ``bin_power`` of `shaped_noise`.
    """
    bins = scipy.fft.fftfreq(num_bins)
    share = np.zeros(num_bins)
    for alias in (-1.0, 0.0, 1.0):
        at = bins + alias
        share += ((at >= low) & (at <= high)) * band_edge(at) ** 2
    return share


def envelope(num_samples: int, on: float, off: float, rise: float) -> Real:
    """Keying of a burst, seen from sample 0 of a block: 0, straight up, 1, straight down, 0.

    Parameters
    ----------
    on, off : float
        Samples at which the amplitude starts to rise and is zero again; may lie outside.
    rise : float
        Samples from 0 to 1.

    Examples
    --------
    >>> envelope(6, 1.0, 5.0, 1.0).tolist()
    [0.0, 0.0, 1.0, 1.0, 1.0, 0.0]
    """
    at = np.arange(num_samples, dtype=np.float64)
    return np.clip(np.minimum(at - on, off - at) / rise, 0.0, 1.0).astype(np.float32)


def quantise_cu8(samples: IQ, offset_lsb: complex = 0j) -> Raw:
    """Complex samples to bytes as an 8-bit converter gives them; full scale is 1.0, clipped.

    Parameters
    ----------
    samples : complex64, shape (n,)
    offset_lsb : complex
        The converter's own DC, in steps.

    Returns
    -------
    raw : uint8, shape (2 * n,)
        The code v covers [v - 128, v - 127) steps, whose middle is what `dsp.iq` makes of it.
    """
    values = samples.view(np.float32) * np.float32(127.5)
    values[0::2] += np.float32(128.0 + offset_lsb.real)
    values[1::2] += np.float32(128.0 + offset_lsb.imag)
    np.clip(values, 0.0, 255.0, out=values)
    return values.astype(np.uint8)
