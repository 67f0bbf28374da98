"""What one sensor of a simulated site receives on one frequency, block by block."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from zlib import crc32

import numpy as np

from dsp import programme, synth
from dsp.programme import Programme
from dsp.synth import Double
from dsp.values import IQ, Raw, Real
from sdr.hall import Scene, Sensor, Transmitter

BLOCK = 16384
"""Samples that are made together; blocks are aligned to scene second 0."""

FULL_SCALE_DBM = 25.4
"""dBm at the antenna plus gain plus this is dBFS: an R820T with the VGA at 16.3 dB."""

ADC_NOISE_LSB = 0.3
DC_LSB = 0.2 - 0.1j
RISE_S = 2e-4
"""Keying of a burst takes this long; harder edges would splatter over the whole band."""

DMR_SLOT_S, DMR_FRAME_S = 0.0275, 0.06
"""ETSI TS 102 361-1: one of two 30 ms slots, with 2.5 ms of guard."""

INAUDIBLE_DB = -40.0
"""Relative to the noise in the whole band: what is weaker is left out."""


@cache
def _receiver_noise() -> Double:
    """Share of white noise in every bin; the same at every tuning."""
    return synth.band_power(BLOCK, -0.6, 0.6)


@dataclass(frozen=True, slots=True)
class Tuning:
    """What a receiver is set to.

    Attributes
    ----------
    center_freq_hz, sample_rate_hz, gain_db : float
    ppm : float
        Correction that the user asked for; the crystal's own error is the sensor's.
    """

    center_freq_hz: float
    sample_rate_hz: float
    gain_db: float
    ppm: float = 0.0


class Air:
    """The samples of one sensor at one tuning.

    Sample n was received at scene second ``n / sample_rate_hz``.  Modulation and bursts are
    functions of scene time, the same for every sensor; receiver noise is keyed by seed, sensor
    and block.
    """

    def __init__(self, scene: Scene, sensor: Sensor, tuning: Tuning, seed: int) -> None:
        self._tuning = tuning
        self._seed = seed
        self._sensor_key = crc32(sensor.name.encode())
        rate_hz = tuning.sample_rate_hz
        self._true_center_hz = tuning.center_freq_hz * (1.0 + (sensor.ppm - tuning.ppm) * 1e-6)
        gain_db = tuning.gain_db + FULL_SCALE_DBM
        thermal_dbm = -174.0 + sensor.noise_figure_db + 10.0 * math.log10(rate_hz)
        adc = 2.0 * (ADC_NOISE_LSB / 127.5) ** 2
        self.noise_power = 10.0 ** ((thermal_dbm + gain_db) / 10.0) + adc
        self._noise_bins = _receiver_noise() * (self.noise_power / BLOCK)
        # Only what can be heard on this frequency costs anything later.
        self._narrow: list[tuple[Transmitter, float, float]] = []
        self._wide: list[tuple[Transmitter, Double]] = []
        for transmitter in scene.transmitters:
            offset = (transmitter.freq_hz - self._true_center_hz) / rate_hz
            level_dbfs = scene.received_dbm(transmitter, sensor) + gain_db
            half = transmitter.width_hz / 2 / rate_hz
            if abs(offset) - half >= synth.GONE_AT:
                continue
            if level_dbfs < 10.0 * math.log10(self.noise_power) + INAUDIBLE_DB:
                continue
            if transmitter.kind == "wide":
                share = synth.band_power(BLOCK, offset - half, offset + half)
                density = 10.0 ** (level_dbfs / 10.0) / transmitter.bw_hz
                self._wide.append((transmitter, share * (density * rate_hz / BLOCK)))
            elif (edge := float(synth.band_edge(offset))) > 1e-4:
                self._narrow.append((transmitter, offset, edge * synth.amplitude(level_dbfs)))
        self._messages: dict[tuple[str, int], Programme] = {}
        self._last: tuple[int, Raw] | None = None

    def raw(self, first: int, num_samples: int) -> Raw:
        """Samples ``first`` to ``first + num_samples`` as cu8, however they are cut."""
        out = np.empty(2 * num_samples, dtype=np.uint8)
        done = 0
        while done < num_samples:
            number, skip = divmod(first + done, BLOCK)
            if self._last is None or self._last[0] != number:
                self._last = number, synth.quantise_cu8(self.block(number), DC_LSB)
            count = min(BLOCK - skip, num_samples - done)
            out[2 * done : 2 * (done + count)] = self._last[1][2 * skip : 2 * (skip + count)]
            done += count
        return out

    def block(self, number: int) -> IQ:
        """One aligned block before the converter."""
        out = synth.shaped_noise(
            synth.seeded(self._seed, self._sensor_key, number), self._noise_bins
        )
        self.add(out, number)
        return out

    def silent(self, number: int) -> bool:
        """Whether nobody transmits during an aligned block on this frequency."""
        rate_hz = self._tuning.sample_rate_hz
        start_s, stop_s = number * BLOCK / rate_hz, (number + 1) * BLOCK / rate_hz
        heard = [one[0] for one in self._wide] + [one[0] for one in self._narrow]
        return not any(True for one in heard for _ in one.bursts(start_s, stop_s))

    def add(self, out: IQ, number: int) -> None:
        """Add what is transmitted during an aligned block to its samples."""
        first = number * BLOCK
        rate_hz = self._tuning.sample_rate_hz
        start_s, stop_s = first / rate_hz, (first + BLOCK) / rate_hz
        for transmitter, bin_power in self._wide:
            for _, on_s, off_s in transmitter.bursts(start_s, stop_s):
                rng = synth.seeded(self._seed, transmitter.seed, number)
                heard = synth.shaped_noise(rng, bin_power)
                if on_s > start_s or off_s < stop_s:
                    heard *= self._keying(BLOCK, start_s, on_s, off_s)
                out += heard
        for transmitter, offset, amplitude in self._narrow:
            for burst, on_s, off_s in transmitter.bursts(start_s, stop_s):
                begin = max(0, math.floor((on_s - start_s) * rate_hz))
                end = (
                    min(BLOCK, math.ceil((off_s - start_s) * rate_hz)) if off_s < stop_s else BLOCK
                )
                if end > begin:
                    samples = first + np.arange(begin, end, dtype=np.float64)
                    heard = self._modulated(transmitter, burst, on_s, samples, offset)
                    if on_s > start_s or off_s < stop_s:
                        heard *= self._keying(end - begin, start_s + begin / rate_hz, on_s, off_s)
                    heard *= np.float32(amplitude)
                    out[begin:end] += heard

    def _keying(self, count: int, start_s: float, on_s: float, off_s: float) -> Real:
        """Envelope of a burst over samples that start at ``start_s``."""
        rate_hz = self._tuning.sample_rate_hz
        on, off = (on_s - start_s) * rate_hz, min((off_s - start_s) * rate_hz, 1e15)
        return synth.envelope(count, on, off, max(RISE_S * rate_hz, 1.0))

    def _modulated(
        self,
        transmitter: Transmitter,
        burst: int,
        on_s: float,
        samples: Double,
        offset: float,
    ) -> IQ:
        """Unit carrier of one burst with its modulation."""
        seconds = samples / self._tuning.sample_rate_hz
        turns = samples * offset
        kind = transmitter.kind
        if kind in ("nfm", "wfm", "am"):
            audio = programme.music() if kind == "wfm" else programme.speech()
            if transmitter.tone_hz:
                audio = programme.sine(transmitter.tone_hz)
            # Each speaker is somewhere else in the text.
            seconds = seconds + transmitter.seed * 1.37
            if kind == "am":
                depth = 1.0 + transmitter.depth * audio.value(seconds)
                return synth.carrier(turns) * depth.astype(np.float32)
            return synth.carrier(turns + transmitter.dev_hz * audio.turns(seconds))
        if kind == "cw":
            return synth.carrier(turns)
        message = self._message(transmitter, burst)
        seconds = seconds - on_s
        if kind == "ook":
            return synth.carrier(turns) * message.value(seconds).astype(np.float32)
        heard = synth.carrier(turns + transmitter.dev_hz * message.turns(seconds))
        if kind == "dmr":
            in_frame_s = seconds % DMR_FRAME_S
            slot = np.minimum(in_frame_s, DMR_SLOT_S - in_frame_s) / RISE_S
            heard *= np.clip(slot, 0.0, 1.0).astype(np.float32)
        return heard

    def _message(self, transmitter: Transmitter, burst: int) -> Programme:
        """The text of one burst, made once."""
        key = transmitter.name, burst
        if key not in self._messages:
            length_s = transmitter.on_s if transmitter.period_s > 0 else 10.0
            count = max(1, math.ceil(length_s * transmitter.baud))
            make = {"fsk2": programme.fsk2, "dmr": programme.fsk4, "ook": programme.ook}
            if len(self._messages) >= 16:
                self._messages.clear()
            self._messages[key] = make[transmitter.kind](
                transmitter.seed, burst, count, transmitter.baud
            )
        return self._messages[key]
