"""5 ms bursts at 15 dB in their own bandwidth, anywhere in a 40 ms dwell and in the kept band.

Found: a detection that holds the burst's centre, against a survey of 100 dwells at the shipped rule
(6 dB guard).  Edges: of the band's envelope in the same samples.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dsp.baseline import Learner
from dsp.detect import detect
from dsp.dwell import look
from dsp.edges import envelope, on_runs
from dsp.identity import Identity
from dsp.iq import to_complex
from dsp.plan import Band, make_plan
from dsp.programme import fsk2
from dsp.rule import Rule
from dsp.synth import carrier, noise, quantise_cu8, seeded
from dsp.units import from_db
from dsp.values import IQBlock
from sensors.benches import Metric, Skip

SAMPLE_RATE_HZ = 2.4e6
NUM_SAMPLES = 96_000
NOISE_DBFS = -36.0
SNR_DB = 15.0
BURST_S = 5e-3


def run(trials: int = 400) -> Iterator[Metric | Skip]:
    """Try each kind of burst at random places."""
    plan = make_plan([Band("bench", 168e6, 170e6, 1.0)])
    hop = plan.hops[0]

    def block(samples: np.ndarray) -> IQBlock:
        return IQBlock(quantise_cu8(samples), "cu8", hop.center_freq_hz, SAMPLE_RATE_HZ, 1, 0)

    identity = Identity("bench", "none", None, SAMPLE_RATE_HZ, 1024, "hann", plan.digest)
    learner = Learner(identity, plan)
    for number in range(100):
        learner.learn(look(block(noise(seeded(1, number), NUM_SAMPLES, NOISE_DBFS)), hop))
    reference = learner.freeze().at(0)
    density = (float(from_db(NOISE_DBFS)) + 2 / 12 / 127.5**2) / SAMPLE_RATE_HZ
    kinds = {
        "4.8 kbaud FSK, 9 kHz wide": (4800.0, 2400.0, 9e3),
        "50 kbaud FSK, 90 kHz wide": (50e3, 25e3, 90e3),
    }
    seconds = np.arange(NUM_SAMPLES) / SAMPLE_RATE_HZ
    for name, (baud, deviation_hz, width_hz) in kinds.items():
        rng = seeded(3)
        found = extra = 0
        errors = []
        reach = min(hop.center_freq_hz - hop.grid.low_hz, hop.grid.high_hz - hop.center_freq_hz)
        for trial in range(trials):
            offset_hz = rng.uniform(-1, 1) * (reach - width_hz / 2)
            start_s = rng.uniform(0, NUM_SAMPLES / SAMPLE_RATE_HZ - BURST_S)
            on = (seconds >= start_s) & (seconds < start_s + BURST_S)
            programme = fsk2(4, trial, 20_000, baud)
            wave = carrier(programme.turns(seconds + 0.1) * deviation_hz + offset_hz * seconds)
            power = density * width_hz * float(from_db(SNR_DB))
            samples = noise(seeded(5, trial), NUM_SAMPLES, NOISE_DBFS)
            samples += wave * on * np.float32(np.sqrt(power))
            burst = block(samples)
            seen = detect(look(burst, hop), reference, Rule())
            hz = hop.center_freq_hz + offset_hz
            hits = [d for d in seen if abs(d.center_freq_hz - hz) < max(width_hz, 10e3) / 2]
            found += bool(hits)
            extra += len(seen) - bool(hits)
            if not hits:
                continue
            low, high = ((hz - hop.center_freq_hz + s * width_hz / 2) for s in (-1, 1))
            shape = envelope(
                to_complex(burst.raw, "cu8"), low / SAMPLE_RATE_HZ, high / SAMPLE_RATE_HZ, 1024
            )
            runs, _ = on_runs(shape, density * (high - low))
            edges = (runs[0].start, runs[-1].stop) if runs else (0, NUM_SAMPLES)
            truth = (start_s, start_s + BURST_S)
            errors.append(
                max(abs(e / SAMPLE_RATE_HZ - t) for e, t in zip(edges, truth, strict=True)) * 1e3
            )
        share = 100 * found / trials
        yield Metric.of(f"{name}: found", share, "%", at_least=95.0)
        yield Metric.of(f"{name}: further detections", extra, "detections")
        yield Metric.of(
            f"{name}: edge error, 95 %", float(np.quantile(errors, 0.95)), "ms", at_most=5.0
        )
