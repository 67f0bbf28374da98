"""Seeded recordings that nobody tuned the finder on: many receivers, many kinds, known truth.

Every emission is stated by the SNR in its own band; the receiver's faults are put on afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dsp.iq import FULL_SCALE, OFFSET, SAMPLE_TYPES
from dsp.programme import Programme, fsk2, fsk4, music, speech
from dsp.synth import band_edge, carrier, seeded
from dsp.values import Raw, SampleFormat

Samples = npt.NDArray[np.complex64]


@dataclass(frozen=True, slots=True)
class Truth:
    """What a person would box: seconds, and hertz from the recording's centre."""

    start_s: float
    stop_s: float
    low_hz: float
    high_hz: float


@dataclass(slots=True)
class Air:
    """A recording in the making.

    Attributes
    ----------
    rate_hz, seconds : float
    seed : int
    noise_dbfs_per_hz : float
    """

    rate_hz: float
    seconds: float
    seed: int
    noise_dbfs_per_hz: float = -100.0
    truth: list[Truth] = field(default_factory=list)
    samples: Samples = field(init=False)
    rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        count = round(self.rate_hz * self.seconds)
        self.rng = seeded(self.seed)
        power = 10 ** (self.noise_dbfs_per_hz / 10) * self.rate_hz
        self.samples = self._gauss(count) * np.float32(np.sqrt(power / 2))

    def _gauss(self, count: int) -> Samples:
        return self.rng.standard_normal(2 * count, dtype=np.float32).view(np.complex64)

    def add(
        self,
        shape: npt.NDArray[np.complexfloating],
        start_s: float,
        offset_hz: float,
        width_hz: float,
        snr_db: float,
    ) -> None:
        """Put an emission of unit power while on somewhere; the SNR is that in ``width_hz``."""
        first = round(start_s * self.rate_hz)
        shape = shape[: max(0, len(self.samples) - first)]
        density = 10 ** (self.noise_dbfs_per_hz / 10)
        level = np.sqrt(10 ** (snr_db / 10) * density * width_hz)
        when = np.arange(first, first + len(shape), dtype=np.float64)
        moved = shape * carrier(when * (offset_hz / self.rate_hz))
        self.samples[first : first + len(shape)] += (moved * level).astype(np.complex64)
        on = np.flatnonzero(np.abs(shape) > 0.05)
        begin, end = (first + int(on[0])) / self.rate_hz, (first + int(on[-1]) + 1) / self.rate_hz
        low_hz, high_hz = self._occupied(shape)
        self.truth.append(Truth(begin, end, offset_hz + low_hz, offset_hz + high_hz))

    def _occupied(self, shape: npt.NDArray[np.complexfloating]) -> tuple[float, float]:
        """Edges of 99 % of its power where nothing else is, in bins as wide as a person looks."""
        nfft = 1 << round(np.log2(self.rate_hz / 1e3))
        padded = np.pad(shape, (0, max(0, nfft - len(shape))))
        frames = np.lib.stride_tricks.sliding_window_view(padded, nfft)[:: nfft // 2]
        power = np.mean(np.abs(np.fft.fft(frames * np.hanning(nfft), axis=1)) ** 2, axis=0)
        share = np.cumsum(np.fft.fftshift(power)) / power.sum()
        low, high = np.searchsorted(share, [0.005, 0.995])
        bin_hz = self.rate_hz / nfft
        return (low - nfft / 2 - 0.5) * bin_hz, (high - nfft / 2 + 0.5) * bin_hz

    def times(self, seconds: float) -> npt.NDArray[np.float64]:
        """Moments of so many seconds' samples."""
        return np.arange(round(seconds * self.rate_hz)) / self.rate_hz

    def modulated(self, programme: Programme, seconds: float, deviation_hz: float) -> Samples:
        """Frequency modulation."""
        return carrier(programme.turns(self.times(seconds)) * deviation_hz)

    def voice(self, seconds: float, deviation_hz: float = 2500.0) -> Samples:
        """FM voice."""
        return self.modulated(speech(), seconds, deviation_hz)

    def broadcast(self, seconds: float) -> Samples:
        """FM broadcast."""
        return self.modulated(music(), seconds, 50e3)

    def fsk(self, seconds: float, baud: float, deviation_hz: float) -> Samples:
        """A data message."""
        count = round(seconds * baud) + 1
        return self.modulated(fsk2(self.seed, 1, count, baud), seconds, deviation_hz)

    def dmr(self, seconds: float, slot: bool) -> Samples:
        """Four frequencies, alone in its channel or 30 ms in every 60."""
        count = round(seconds * 4800) + 8
        made = self.modulated(fsk4(self.seed, 2, count, 4800.0), seconds, 1944.0)
        on = (self.times(seconds) % 0.06 < 0.0275) if slot else np.ones(len(made))
        return np.asarray(made * on, dtype=np.complex64)

    def keyed(self, baud: float, bits: int, pause_s: float = 0.0, packets: int = 1) -> Samples:
        """On/off keyed packets with pauses between them."""
        step = round(self.rate_hz / baud)
        packet = np.repeat(self.rng.integers(0, 2, bits).astype(np.float64), step)
        packet[:step] = packet[-step:] = 1.0
        pause = np.zeros(round(pause_s * self.rate_hz))
        whole = np.concatenate([packet, *([pause, packet] * (packets - 1))])
        # A transmitter's own rise, 20 us.
        rise = max(1, round(20e-6 * self.rate_hz))
        return np.convolve(whole, np.ones(rise) / rise, mode="same").astype(np.complex64)

    def lora(self, seconds: float, width_hz: float, spread: int) -> Samples:
        """Chirps that start at random places of the band."""
        chip_s = 1 / width_hz
        symbol_s = 2**spread * chip_s
        at = self.times(seconds)
        number = (at / symbol_s).astype(int)
        starts = self.rng.integers(0, 2**spread, number[-1] + 1) / 2**spread
        starts[:8] = 0.0  # preamble
        place = (at / symbol_s - number + starts[number]) % 1.0
        return carrier(np.cumsum((place - 0.5) * width_hz) / self.rate_hz)

    def block(self, seconds: float, width_hz: float) -> Samples:
        """Noise-like, as OFDM is."""
        count = round(seconds * self.rate_hz)
        spectrum = np.fft.fft(self._gauss(count))
        spectrum[np.abs(np.fft.fftfreq(count, 1 / self.rate_hz)) > width_hz / 2] = 0
        made = np.fft.ifft(spectrum)
        return np.asarray(made / np.sqrt(np.mean(np.abs(made) ** 2)), dtype=np.complex64)

    def tone(self, seconds: float, drift_hz: float = 0.0) -> Samples:
        """A carrier that ends ``drift_hz`` higher than it began."""
        at = self.times(seconds)
        return carrier(drift_hz / seconds * at**2 / 2)

    def reply(self) -> Samples:
        """112 bits of ADS-B at half a microsecond, as far as the rate shows them."""
        bits = self.rng.integers(0, 2, 112)
        half = np.concatenate([[1, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]] + [
            [1, 0] if b else [0, 1] for b in bits
        ])  # fmt: skip
        return np.asarray(half[(self.times(120e-6 - 1e-9) / 0.5e-6).astype(int)], np.complex64)


@dataclass(frozen=True, slots=True)
class Receiver:
    """What a cheap receiver does to the air.

    Attributes
    ----------
    sample_format : SampleFormat
    noise_steps : float
        RMS of its noise in steps of its converter: sets the level of all.
    dc_steps : complex
    image_db : float
        I/Q imbalance.
    rolled : bool
        With the analogue filter's roll-off at the band's edges.
    lines_db : tuple of (share of the rate, dB over the noise in a kilohertz)
        Steady lines of its own.
    """

    sample_format: SampleFormat = "cu8"
    noise_steps: float = 1.5
    dc_steps: complex = 0.6 + 0.3j
    image_db: float = -38.0
    rolled: bool = True
    lines_db: tuple[tuple[float, float], ...] = ((-0.31, 12.0), (0.173, 9.0))

    def receive(self, air: Air) -> Raw:
        """Samples as the receiver writes them, clipped at full scale."""
        samples = air.samples.astype(np.complex128)
        count = len(samples)
        density = 10 ** (air.noise_dbfs_per_hz / 10)
        for place, level_db in self.lines_db:
            power = 10 ** (level_db / 10) * density * 1e3
            samples += carrier(np.arange(count, dtype=np.float64) * place) * np.sqrt(power)
        if self.rolled:
            spectrum = np.fft.fft(samples) * band_edge(np.fft.fftfreq(count))
            samples = np.fft.ifft(spectrum)
        samples += np.conj(samples) * 10 ** (self.image_db / 20)
        full = FULL_SCALE[self.sample_format]
        steps = self.noise_steps / np.sqrt(density * air.rate_hz / 2)
        values = samples.astype(np.complex64).view(np.float32) * np.float32(steps)
        values[0::2] += self.dc_steps.real
        values[1::2] += self.dc_steps.imag
        if self.sample_format == "cf32":
            return (values / np.float32(full * 100)).astype(np.float32)
        kind = np.iinfo(SAMPLE_TYPES[self.sample_format])
        codes = np.rint(values + OFFSET[self.sample_format])
        return np.clip(codes, kind.min, kind.max).astype(SAMPLE_TYPES[self.sample_format])
