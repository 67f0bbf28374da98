"""Speed of u8 bytes to detections against the bare FFT of the same frames, one core.

Both run alternately in one process on one core, so that a busy machine slows both.  rtl_power is
measured on the emulated dongle where both are present.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

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
    times = {name: np.empty(rounds) for name in calls}
    for turn in range(rounds):
        for name, call in calls.items():
            times[name][turn] = seconds(call)
    bare = points / float(np.median(times["fft"])) / 1e6
    yield Metric.of("bare scipy.fft", bare, "Mpoints/s")
    for name, target in (("quiet", 0.5), ("busy", 0.5), ("no baseline", None)):
        yield Metric.of(
            f"bytes to detections, {name}",
            points / float(np.median(times[name])) / 1e6,
            "Mpoints/s",
            reference=bare,
            ratio=float(np.median(times["fft"] / times[name])),
            at_least=target,
            on="ratio",
        )
    # Alternating with the bare transform empties the caches; a sensor does nothing else in between.
    quiet_s = float(np.median([seconds(calls["quiet"]) for _ in range(rounds)]))
    yield Metric.of("real time at 2.4 MS/s, 50 % overlap", DWELL_S / quiet_s, "x", at_least=20.0)
    yield from against_rtl_power(num_samples / quiet_s / 1e6, points / quiet_s / 1e6)


def against_rtl_power(samples: float, transformed: float) -> Iterator[Metric]:
    """Compare with rtl_power on an emulated dongle, unpaced, its own CPU subtracted.

    rtl_power transforms each sample once, we twice; so while it stares at one band both counts are
    given, samples and points transformed.  In a sweep it also throws samples away.
    """
    source = Path(__file__).resolve().parents[3] / "shared" / "emudongle"
    if shutil.which("rtl_power") is None or not source.is_dir():
        return
    with tempfile.TemporaryDirectory() as folder:
        emulator = Path(folder) / "emudongle"
        shutil.copytree(source, emulator)
        subprocess.run(["make", "-s", "-C", emulator], check=True)
        noise_file = Path(folder) / "noise.cu8"
        quantise_cu8(noise(seeded(7), 1 << 22, -36.0)).tofile(noise_file)
        stare = rtl_power(emulator, noise_file, "168M:170M:2.35k")
        yield Metric.of(
            "samples per CPU second against rtl_power staring",
            samples,
            "MS/s",
            reference=stare,
            ratio=samples / stare,
        )
        yield Metric.of(
            "points transformed per CPU second, the same",
            transformed,
            "Mpoints/s",
            reference=stare,
            ratio=transformed / stare,
            at_least=3.5,
            on="ratio",
        )
        sweep = rtl_power(emulator, noise_file, "168M:176M:2.35k")
        yield Metric.of(
            "samples per CPU second against rtl_power sweeping",
            samples,
            "MS/s",
            reference=sweep,
            ratio=samples / sweep,
            at_least=3.5,
            on="ratio",
        )


def rtl_power(emulator: Path, noise_file: Path, band: str) -> float:
    """Million samples that rtl_power put into spectra per second of its own CPU time."""
    found = []
    for run_s in (2, 8):
        log, out = emulator / f"{run_s}.jsonl", emulator / f"{run_s}.csv"
        log.unlink(missing_ok=True)
        settings = ["EMU_SPEED=0", f"EMU_FILE={noise_file}", f"EMU_LOG={log}"]
        command = [str(emulator / "emurun"), *settings, "rtl_power", "-f", band]
        before = os.times()
        subprocess.run(
            [*command, "-i", "1", "-e", str(run_s), str(out)], check=True, capture_output=True
        )
        after = os.times()
        used = after.children_user - before.children_user
        used += after.children_system - before.children_system
        marks = [json.loads(line) for line in log.read_text().splitlines() if '"mark"' in line]
        emulator_s = marks[-1]["emu_cpu_s"] if marks else 0.0
        spectra = sum(int(line.split(",")[5]) for line in out.read_text().splitlines())
        found.append((spectra * NFFT, used - emulator_s))
    # The difference of a long and a short run leaves out what starting costs.
    return (found[1][0] - found[0][0]) / (found[1][1] - found[0][1]) / 1e6
