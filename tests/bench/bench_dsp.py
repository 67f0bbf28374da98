"""Speed of u8 bytes to detections against the bare FFT of the same frames, one core.

Both run alternately in one process on one core, so that a busy machine slows both.  rtl_power and
rtl_power_fftw are measured on the emulated dongle where they are installed.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np
from scipy import fft

from dsp.baseline import Learner
from dsp.detect import detect
from dsp.dwell import Resolution, look
from dsp.identity import Identity
from dsp.iq import to_complex
from dsp.plan import Band, make_plan
from dsp.rule import Rule
from dsp.synth import noise, quantise_cu8, seeded, tone
from dsp.values import IQBlock
from sensors.benches import Metric, Skip

SAMPLE_RATE_HZ = 2.4e6
DWELL_S = 0.04
NFFT = 1024


def seconds(call: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    start = time.process_time_ns()
    call()
    return (time.process_time_ns() - start) / 1e9


def run(rounds: int = 400) -> Iterator[Metric | Skip]:
    """Alternate between both and compare the medians."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    plan = make_plan([Band("bench", 168e6, 170e6, 1.0)])
    hop = plan.hops[0]
    num_samples = round(SAMPLE_RATE_HZ * DWELL_S)
    blocks = []
    for number in range(32):
        samples = noise(seeded(number), num_samples, -36.0)
        blocks.append(
            IQBlock(quantise_cu8(samples), "cu8", hop.center_freq_hz, SAMPLE_RATE_HZ, 1 + number, 0)
        )
    resolution = Resolution(NFFT)
    learner = Learner(
        Identity("bench", "none", None, SAMPLE_RATE_HZ, NFFT, "hann", plan.digest), plan
    )
    for block in blocks:
        learner.learn(look(block, hop, resolution))
    reference = learner.freeze().at(0)
    rule = Rule()
    signal = noise(seeded(99), num_samples, -36.0) + tone(num_samples, 0.1, -45.0)
    busy = IQBlock(quantise_cu8(signal), "cu8", hop.center_freq_hz, SAMPLE_RATE_HZ, 1, 0)
    assert len(detect(look(busy, hop, resolution), reference, rule)) == 1

    samples = to_complex(blocks[0].raw, "cu8")
    frames = np.lib.stride_tricks.sliding_window_view(samples, NFFT)[:: NFFT // 2].copy()
    points = frames.size

    calls: dict[str, Callable[[], object]] = {
        "fft": lambda: fft.fft(frames, axis=1, workers=1),
        "quiet": lambda: detect(look(blocks[0], hop, resolution), reference, rule),
        "busy": lambda: detect(look(busy, hop, resolution), reference, rule),
        "no baseline": lambda: detect(look(blocks[0], hop, resolution), None, rule),
    }
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            times[name].append(seconds(call))
    median = {name: statistics.median(values) for name, values in times.items()}
    bare = points / median["fft"] / 1e6
    yield Metric.of("bare scipy.fft", bare, "Mpoints/s")
    for name, target in (("quiet", 0.5), ("busy", None), ("no baseline", None)):
        speed = points / median[name] / 1e6
        yield Metric.of(
            f"bytes to detections, {name}",
            speed,
            "Mpoints/s",
            reference=bare,
            ratio=speed / bare,
            at_least=target,
            on="ratio",
        )
    real_time = DWELL_S / median["quiet"]
    yield Metric.of("real time at 2.4 MS/s, 50 % overlap", real_time, "x", at_least=20.0)
