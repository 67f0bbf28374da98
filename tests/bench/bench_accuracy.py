"""Errors of centre, bandwidth and SNR for FM voice and 2FSK at 15 dB, 8-bit samples, one dwell.

Truth is taken from the clean samples of the same dwell: half a per cent of the power of their
whole-length spectrum on either side, and the noise in that bandwidth.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dsp.baseline import Learner
from dsp.detect import detect
from dsp.dwell import look
from dsp.identity import Identity
from dsp.plan import Band, make_plan
from dsp.programme import Programme, fsk2, speech
from dsp.refine import refine
from dsp.rule import Rule
from dsp.synth import carrier, noise, quantise_cu8, seeded
from dsp.units import from_db, ratio_db
from dsp.values import IQBlock
from sensors.benches import Metric, Skip

SAMPLE_RATE_HZ = 2.4e6
NUM_SAMPLES = 96_000
NOISE_DBFS = -36.0
SNR_DB = 15.0
STEP_POWER = 2 / 12 / 127.5**2
"""Quantisation noise of I and Q, full scale 1."""


def true_band(samples: np.ndarray) -> tuple[float, float]:
    """Centre and 99 % bandwidth of clean samples, hertz."""
    power = np.abs(np.fft.fftshift(np.fft.fft(samples * np.hanning(len(samples))))) ** 2
    share = np.cumsum(power) / power.sum()
    step = SAMPLE_RATE_HZ / len(samples)
    low, high = (np.searchsorted(share, s) * step - SAMPLE_RATE_HZ / 2 for s in (0.005, 0.995))
    return (low + high) / 2, high - low


def fm(programme: Programme, deviation_hz: float, offset_hz: float, start_s: float) -> np.ndarray:
    """One dwell of a frequency-modulated carrier."""
    seconds = start_s + np.arange(NUM_SAMPLES) / SAMPLE_RATE_HZ
    return carrier(programme.turns(seconds) * deviation_hz + offset_hz * seconds)


def run(trials: int = 200) -> Iterator[Metric | Skip]:
    """Measure the errors of each kind of signal at random offsets and moments."""
    plan = make_plan([Band("bench", 168e6, 170e6, 1.0)])
    hop = plan.hops[0]

    def block(samples: np.ndarray) -> IQBlock:
        return IQBlock(quantise_cu8(samples), "cu8", hop.center_freq_hz, SAMPLE_RATE_HZ, 1, 0)

    identity = Identity("bench", "none", None, SAMPLE_RATE_HZ, 1024, "hann", plan.digest)
    learner = Learner(identity, plan)
    for number in range(60):
        learner.learn(look(block(noise(seeded(1, number), NUM_SAMPLES, NOISE_DBFS)), hop))
    reference = learner.freeze().at(0)
    density = (float(from_db(NOISE_DBFS)) + STEP_POWER) / SAMPLE_RATE_HZ
    bin_hz = hop.grid.bin_width_hz
    rng = seeded(2)
    kinds = {
        "FM voice, 2.5 kHz deviation": (speech(), 2500.0),
        "2FSK 1200 baud, 2 kHz deviation": (fsk2(3, 0, 4000, 1200.0), 2000.0),
        "2FSK 2400 baud, 2.4 kHz deviation": (fsk2(4, 0, 8000, 2400.0), 2400.0),
        "2FSK 1200 baud, 4.5 kHz deviation": (fsk2(5, 0, 4000, 1200.0), 4500.0),
    }
    for name, (programme, deviation_hz) in kinds.items():
        errors = []
        extra = 0
        for trial in range(trials):
            offset_hz = rng.uniform(-0.98e6, 0.98e6)
            start_s = 0.05 + rng.uniform(0, 3.0)
            clean = fm(programme, deviation_hz, 0.0, start_s)
            center_hz, bandwidth_hz = true_band(clean)
            if bandwidth_hz < 3e3:
                continue  # a pause of the voice: an unmodulated carrier has no bandwidth
            power = density * bandwidth_hz * float(from_db(SNR_DB))
            signal = fm(programme, deviation_hz, offset_hz, start_s) * np.float32(np.sqrt(power))
            dwell_block = block(noise(seeded(6, trial), NUM_SAMPLES, NOISE_DBFS) + signal)
            found = detect(look(dwell_block, hop), reference, Rule())
            extra += len(found) != 1
            if not found:
                continue
            best = max(found, key=lambda d: d.power_dbfs)
            (best,) = refine(dwell_block, hop, [best], reference)
            errors.append(
                (
                    abs(best.center_freq_hz - hop.center_freq_hz - offset_hz - center_hz) / bin_hz,
                    abs(best.bandwidth_hz / bandwidth_hz - 1) * 100,
                    abs(best.snr_db - SNR_DB),
                    abs(best.power_dbfs - ratio_db(power)),
                )
            )
        median = np.median(errors, axis=0)
        worst = np.quantile(errors, 0.9, axis=0)
        yield Metric.of(f"{name}: not exactly one detection", extra, "dwells", at_most=0)
        yield Metric.of(f"{name}: centre error, median", median[0], "bins", at_most=0.25)
        yield Metric.of(f"{name}: centre error, 90 %", worst[0], "bins", at_most=0.25)
        yield Metric.of(f"{name}: bandwidth error, median", median[1], "%", at_most=10.0)
        yield Metric.of(f"{name}: bandwidth error, 90 %", worst[1], "%")
        yield Metric.of(f"{name}: SNR error, median", median[2], "dB", at_most=1.0)
        yield Metric.of(f"{name}: SNR error, 90 %", worst[2], "dB")
