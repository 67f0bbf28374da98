"""`analyze` on a 1 GB cu8 file at 2.4 MS/s: times real time on one core, and peak memory.

The file (noise with a dozen bursts in every ten seconds) is made in a temporary folder; a process
of its own analyzes it, so that its peak memory is that of the command alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from sensors.benches import Metric, Skip

RATE = 2_400_000
PIECE_S = 10
BURSTS = 12


def _piece() -> bytes:
    """Ten seconds of 8-bit noise, two steps rms, with tones of 20 ms to 1 s."""
    rng = np.random.default_rng(7)
    count = RATE * PIECE_S
    values = rng.standard_normal((count, 2), dtype=np.float32) * 2.0 + 127.5
    for _ in range(BURSTS):
        length = round(rng.uniform(0.02, 1.0) * RATE)
        first = rng.integers(0, count - length)
        turns = rng.uniform(-0.38, 0.38) * np.arange(length)
        turns += np.cumsum(rng.standard_normal(length)) * 0.0016
        values[first : first + length, 0] += 30.0 * np.cos(2 * np.pi * turns)
        values[first : first + length, 1] += 30.0 * np.sin(2 * np.pi * turns)
    return np.clip(np.round(values), 0, 255).astype(np.uint8).tobytes()


def _write(path: Path, megabytes: int) -> None:
    """Repeat the ten seconds until the file is long enough."""
    piece = _piece()
    with path.open("wb") as file:
        written = 0
        while written < megabytes * 1_000_000:
            written += file.write(piece)


def run(megabytes: int = 1000) -> Iterator[Metric | Skip]:
    """Make the file, analyze it, read the clock of the process and its memory."""
    command = Path(sysconfig.get_path("scripts")) / "rfproctor"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long_169M_2400k.cu8"
        # In a process of its own: a child's peak memory starts at its parent's.
        maker = get_context("fork").Process(target=_write, args=(path, megabytes))
        maker.start()
        maker.join()
        seconds = path.stat().st_size / 2 / RATE
        begun = time.perf_counter()
        process = subprocess.Popen(
            [str(command), "analyze", "--json", str(path)],
            stdout=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        assert process.stdout is not None
        lines = process.stdout.read().splitlines()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - begun
    if process.returncode:
        yield Skip(f"analyze ended with {process.returncode}")
        return
    cpu = used.ru_utime + used.ru_stime
    yield Metric.of("times real time, per CPU second", seconds / cpu, "1", at_least=20)
    yield Metric.of("times real time, wall clock", seconds / wall, "1")
    yield Metric.of("peak memory", used.ru_maxrss / 1024, "MiB", at_most=400)
    expected = BURSTS * round(seconds / PIECE_S)
    yield Metric.of(
        "emissions", len(lines) - 1, "1", reference=expected, ratio=(len(lines) - 1) / expected
    )


if __name__ == "__main__":
    for metric in run():
        sys.stdout.write(f"{metric}\n")
