"""What modulates a simulated carrier: speech, music and data frames, as tables in time.

A programme for an angle modulation holds the *integral* of the frequency in turns per hertz of
deviation, so that the phase at any moment is one interpolation and never depends on what was
computed before.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from dsp.synth import Double, seeded

SPEECH_RATE_HZ = 48_000.0
MUSIC_RATE_HZ = 192_000.0
POCSAG_SYNC = 0x7CD215D8
"""ITU-R M.584: the word that follows the 576 reversals of a paging message."""


@dataclass(frozen=True, slots=True, eq=False)
class Programme:
    """A value (-1 to 1, or 0 to 1 for amplitudes) at equal steps of time, repeated for ever.

    Attributes
    ----------
    rate_hz : float
        Steps per second.
    values : float64, shape (n,)
    integral : float64, shape (n + 1,)
        Sum of the values before each step, in seconds.
    """

    rate_hz: float
    values: Double
    integral: Double

    @classmethod
    def of(cls, values: Double, rate_hz: float) -> Programme:
        """Programme of these values."""
        return cls(rate_hz, values, np.concatenate(([0.0], np.cumsum(values))) / rate_hz)

    def value(self, seconds: Double) -> Double:
        """Value at moments, straight lines between the steps."""
        at = seconds * self.rate_hz
        count = self.values.shape[0]
        first = int(np.floor(at[0]))
        knots = np.arange(first, int(np.floor(at[-1])) + 2)
        return np.asarray(np.interp(at, knots, self.values[knots % count]))

    def turns(self, seconds: Double) -> Double:
        """Turns per hertz of deviation since second 0; multiply by the deviation."""
        at = seconds * self.rate_hz
        count = self.values.shape[0]
        first = int(np.floor(at[0]))
        knots = np.arange(first, int(np.floor(at[-1])) + 2)
        rounds, place = np.divmod(knots, count)
        sums = self.integral[place] + rounds * self.integral[-1]
        return np.asarray(np.interp(at, knots, sums))


@cache
def speech() -> Programme:
    """Eight seconds of something that looks and sounds like a voice reading aloud.

    A buzz at a wandering pitch of about 120 Hz through three wandering formants, in syllables of
    about 4 Hz with pauses for breath, kept within 300-3000 Hz like a radio's microphone.
    """
    rng = seeded(1)
    rate = SPEECH_RATE_HZ
    count = int(8 * rate)
    seconds = np.arange(count) / rate
    pitch_hz = 120.0 + 25.0 * np.sin(2 * np.pi * 0.375 * seconds) * np.sin(
        2 * np.pi * 1.5 * seconds
    )
    phase = 2 * np.pi * np.cumsum(pitch_hz) / rate
    syllables = rng.integers(0, 4, 32)
    syllable = np.minimum((seconds * 4).astype(int), 31)
    formants_hz = np.array(
        [[700, 1200, 2500], [400, 2000, 2600], [500, 900, 2400], [350, 800, 2200]]
    )
    wave = np.zeros(count)
    for harmonic in range(3, 25):
        hz = harmonic * 120.0
        gain = (1.0 / (1.0 + ((hz - formants_hz) / 120.0) ** 2)).sum(axis=1)
        wave += (0.03 + gain)[syllables[syllable]] * np.sin(harmonic * phase)
    loud = rng.uniform(0.3, 1.0, 32) * (rng.uniform(size=32) > 0.15)
    wave *= loud[syllable] * np.sin(np.pi * (seconds * 4 % 1.0)) ** 0.5
    # As in a radio: the limiter makes all of it about equally loud, the filter behind it takes
    # away what the limiter splattered.
    wave = np.clip(wave / (1.2 * wave.std()), -1.0, 1.0)
    spectrum = np.fft.rfft(wave)
    bins_hz = np.fft.rfftfreq(count, 1 / rate)
    spectrum[(bins_hz < 300.0) | (bins_hz > 3000.0)] = 0.0
    wave = np.fft.irfft(spectrum, count)
    return Programme.of(wave / np.abs(wave).max(), rate)


@cache
def music() -> Programme:
    """Three seconds of broadcast: coloured noise up to 15 kHz and the 19 kHz stereo pilot."""
    rng = seeded(2)
    rate = MUSIC_RATE_HZ
    count = int(3 * rate)
    bins_hz = np.fft.rfftfreq(count, 1 / rate)
    spectrum = rng.standard_normal((2, bins_hz.shape[0]))
    colour = np.where((bins_hz > 30) & (bins_hz < 15e3), 1.0 / (300.0 + bins_hz), 0.0)
    wave = np.fft.irfft((spectrum[0] + 1j * spectrum[1]) * colour, count)
    wave = np.clip(wave / (3.0 * wave.std()), -1.0, 1.0) * 0.91
    wave -= wave.mean()  # clipping shifted it, and the carrier with it
    return Programme.of(wave + 0.09 * np.sin(2 * np.pi * 19e3 * np.arange(count) / rate), rate)


@cache
def sine(tone_hz: float) -> Programme:
    """A test tone."""
    return Programme.of(np.sin(2 * np.pi * np.arange(64) / 64), 64 * tone_hz)


def frame(seed: int, number: int, count: int) -> Double:
    """Bits of one data message as 0.0 and 1.0: a preamble of reversals, a sync word, a text.

    Parameters
    ----------
    seed, number : int
        Which transmitter and which of its messages: another text each time.
    count : int
        Bits; the preamble takes a quarter of them, at most 576 as in paging.
    """
    reversals = min(576, count // 4)
    sync = np.array([POCSAG_SYNC >> bit & 1 for bit in range(31, -1, -1)], dtype=np.float64)
    text = seeded(seed, number).integers(0, 2, max(0, count)).astype(np.float64)
    preamble = (np.arange(reversals) % 2 == 0).astype(np.float64)
    return np.concatenate((preamble, sync, text))[:count]


def fsk2(seed: int, number: int, count: int, baud: float) -> Programme:
    """A frame as two frequencies, +1 and -1."""
    return Programme.of(2.0 * frame(seed, number, count) - 1.0, baud)


def fsk4(seed: int, number: int, count: int, baud: float) -> Programme:
    """Random symbols -1, -1/3, 1/3, 1 with the soft transitions of DMR (raised cosine, 8 steps)."""
    levels = seeded(seed, number).integers(0, 4, count) / 1.5 - 1.0
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(8) + 0.5) / 8)
    values = levels[:, None] * (1 - ramp) + np.roll(levels, -1)[:, None] * ramp
    return Programme.of(values.ravel(), 8 * baud)


def ook(seed: int, number: int, count: int, baud: float) -> Programme:
    """A frame as carrier on and off, 16 steps a bit so that the edges take a sixteenth of it."""
    return Programme.of(np.repeat(frame(seed, number, count), 16), 16 * baud)
