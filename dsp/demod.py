"""From samples to speech: one channel cut out, FM or AM undone, silence where nobody transmits.

What it makes is content.  Whoever calls it decides first whether the listener may hear it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import signal

from dsp.synth import carrier
from dsp.values import IQ, Real

Modulation = Literal["fm", "am"]

AUDIO_HZ = 16_000
LEAST_CHANNEL_HZ = 10e3
"""A transmitter in a pause between words looks narrower than its channel."""

MARGIN = 1.25
"""Channel over the measured width of 99 % of the power."""

SPEECH_HZ = (300.0, 3400.0)
"""Of a telephone; subtones (67-254 Hz) and the offset of the crystals lie below."""

WIDE_HZ = 100e3
DEEMPHASIS_S = {"narrow": 1 / (2 * math.pi * 300), "wide": 50e-6}
"""Two-way radios raise the whole speech band by 6 dB per octave, broadcasters from 3.2 kHz on."""

GATE_S = 0.01
GATE_DB = 6.0
"""Quiet and loud times closer than this cannot be told apart: then nothing is silenced."""


def channel_hz(bandwidth_hz: float) -> float:
    """Width of the channel in which an emission of this width is heard.

    Examples
    --------
    >>> channel_hz(11e3), channel_hz(200.0)
    (13750.0, 10000.0)
    """
    return max(LEAST_CHANNEL_HZ, MARGIN * bandwidth_hz)


def cut_channel(
    blocks: Iterable[IQ], sample_rate_hz: float, offset_hz: float, width_hz: float
) -> tuple[IQ, float]:
    """Move a channel to 0 Hz, take the rest away, and lower the rate to 2.5 widths or more.

    Parameters
    ----------
    blocks : iterable of complex64, shape (n,)
        Consecutive samples in pieces of any length: a long recording need not be in memory.
    sample_rate_hz : float
    offset_hz : float
        Of the channel's middle from the receiver's.
    width_hz : float

    Returns
    -------
    samples : complex64
        The first one belongs to the first sample that came in.
    rate_hz : float
        Of ``samples``.

    Raises
    ------
    ValueError
        The channel is not inside what the receiver took in.
    """
    if abs(offset_hz) + width_hz / 2 > sample_rate_hz / 2:
        raise ValueError(f"{offset_hz=} {width_hz=} outside {sample_rate_hz=}")
    factor = max(1, math.floor(sample_rate_hz / max(2.5 * width_hz, 2 * AUDIO_HZ)))
    rate_hz = sample_rate_hz / factor
    # What would fold onto the channel is a whole output rate away: a gentle slope will do.
    coarse = _low_pass(sample_rate_hz, width_hz / 2, rate_hz - width_hz / 2)
    tail = np.zeros(coarse.shape[0] // 2, dtype=np.complex64)
    turns_per_sample, position = -offset_hz / sample_rate_hz, 0
    rotor = np.zeros(0, dtype=np.complex64)
    pieces = []
    for block in blocks:
        if block.shape[0] > rotor.shape[0]:
            rotor = carrier(np.arange(block.shape[0], dtype=np.float64) * turns_per_sample)
        begin = np.complex64(np.exp(2j * math.pi * math.fmod(turns_per_sample * position, 1.0)))
        position += block.shape[0]
        tail = np.concatenate([tail, block * (rotor[: block.shape[0]] * begin)])
        count = max(0, (tail.shape[0] - coarse.shape[0]) // factor + 1)
        pieces.append(_decimate(tail, coarse, factor, count))
        tail = tail[count * factor :]
    tail = np.concatenate([tail, np.zeros(coarse.shape[0] // 2, dtype=np.complex64)])
    rest = max(0, (tail.shape[0] - coarse.shape[0]) // factor + 1)
    narrow = np.concatenate([*pieces, _decimate(tail, coarse, factor, rest)])
    fine = _low_pass(rate_hz, width_hz / 2, min(0.7 * width_hz, rate_hz / 2))
    return np.asarray(signal.oaconvolve(narrow, fine, mode="same"), dtype=np.complex64), rate_hz


def demodulate(samples: IQ, rate_hz: float, width_hz: float, modulation: Modulation) -> Real:
    """Undo the modulation of one channel.

    Parameters
    ----------
    samples : complex64, shape (n,)
        From `cut_channel`.
    rate_hz, width_hz : float
    modulation : {"fm", "am"}

    Returns
    -------
    audio : float32
        At `AUDIO_HZ`, within -1..1: for FM a deviation of half the width reads 1, before the
        emphasis of the transmitter is undone; for AM a modulation depth of 100 %.  Zero where
        nobody transmits.

    References
    ----------
    ETSI EN 300 086 (angle modulation with 6 dB per octave), ITU-R BS.450 (50 us).
    """
    if samples.shape[0] < 2:
        return np.zeros(0, dtype=np.float32)
    wide = width_hz >= WIDE_HZ
    if modulation == "fm":
        turns = np.angle(samples[1:] * np.conj(samples[:-1])) / (2 * np.pi)
        heard = np.append(turns[:1], turns) * (rate_hz / (width_hz / 2))
        heard = _emphasis_undone(heard, rate_hz, DEEMPHASIS_S["wide" if wide else "narrow"])
    else:
        envelope = np.abs(samples).astype(np.float64)
        carrier = signal.sosfiltfilt(_sos("low", 20.0, rate_hz, order=1), envelope)
        heard = envelope / np.maximum(carrier, 1e-9) - 1.0
    ratio = Fraction(AUDIO_HZ / rate_hz).limit_denominator(1000)
    heard *= carrier_present(samples, rate_hz)
    audio = signal.resample_poly(heard, ratio.numerator, ratio.denominator)
    audio = signal.sosfilt(_sos("high", 50.0 if wide else SPEECH_HZ[0], AUDIO_HZ), audio)
    if not wide:
        audio = signal.sosfilt(_sos("low", SPEECH_HZ[1], AUDIO_HZ), audio)
    return np.clip(audio, -1.0, 1.0).astype(np.float32)


def carrier_present(samples: IQ, rate_hz: float) -> npt.NDArray[np.bool_]:
    """When somebody transmits: power above the middle, in dB, of the quiet and the loud times.

    A discriminator without a carrier is full-scale noise, louder than any speech.

    Returns
    -------
    present : bool, shape (n,)
        All True where quiet and loud cannot be told apart: a carrier that never pauses.
    """
    step = max(1, round(GATE_S * rate_hz))
    power = np.abs(samples) ** 2
    count = -(-power.shape[0] // step)
    padded = np.pad(power, (0, count * step - power.shape[0]), mode="edge")
    means = padded.reshape(count, step).mean(axis=1)
    quiet, loud = np.percentile(means, 2), means.max()
    if loud <= quiet * 10 ** (GATE_DB / 10):
        return np.ones(power.shape[0], dtype=np.bool_)
    return np.repeat(means > math.sqrt(max(quiet, 1e-20) * loud), step)[: power.shape[0]]


def _low_pass(rate_hz: float, pass_hz: float, stop_hz: float) -> Real:
    """Linear-phase filter of odd length, 60 dB down from ``stop_hz`` on."""
    count, beta = signal.kaiserord(60.0, (stop_hz - pass_hz) / (rate_hz / 2))
    taps = signal.firwin(count | 1, (pass_hz + stop_hz) / 2, window=("kaiser", beta), fs=rate_hz)
    return np.asarray(taps, dtype=np.float32)


def _decimate(samples: IQ, taps: Real, factor: int, count: int) -> IQ:
    """Outputs whose taps are all inside ``samples``: the first over ``samples[:len(taps)]``."""
    if count == 0:
        return np.zeros(0, dtype=np.complex64)
    used = samples[: (count - 1) * factor + taps.shape[0]]
    skip = taps.shape[0] - 1
    # upfirdn also runs into the block; its outputs before the taps are full are those to skip.
    lead = -skip % factor
    made = signal.upfirdn(taps, np.pad(used, (lead, 0)), 1, factor)
    first = (skip + lead) // factor
    return np.asarray(made[first : first + count], dtype=np.complex64)


def _emphasis_undone(
    audio: npt.NDArray[np.float64], rate_hz: float, time_s: float
) -> npt.NDArray[np.float64]:
    """First-order low pass; 1 at the bottom of the speech band for two-way radio."""
    pole = math.exp(-1 / (rate_hz * time_s))
    return np.asarray(signal.lfilter([1 - pole], [1, -pole], audio))


def _sos(
    kind: Literal["low", "high"], edge_hz: float, rate_hz: float, order: int = 4
) -> npt.NDArray[np.float64]:
    return np.asarray(signal.butter(order, edge_hz, kind, fs=rate_hz, output="sos"))
