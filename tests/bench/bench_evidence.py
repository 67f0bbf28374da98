"""A gigabyte of recordings in one bundle: made, verified, and one flipped bit named to its second.

The shipped store, archive, bundle and command, on the disk: a site that signs with the shipped
outbox announces recordings of noise; their bundle is taken as it is over HTTP.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from dashboard.bundle import BundleQuery
from dashboard.clips import DATA
from dashboard.store import Store
from dashboard.verify_zip import BundleFile
from sensors.benches import Metric, Skip
from tests.dashboard.casefile import LI, School
from tests.dashboard.conftest import Clock, emitter_event

ROOT = Path(__file__).resolve().parents[2]
SEED = 1
RATE_HZ = 2_400_000
SECONDS = 11
"""Of each recording: with 19 of them the samples are a gigabyte."""
SECOND_BYTES = 2 * RATE_HZ


def run(clips: int = 19, flips: int = 4) -> Iterator[Metric | Skip]:
    """Measure.

    Parameters
    ----------
    clips : int
        Recordings of 53 MB each.
    flips : int
        Bits that are flipped, one at a time.
    """
    rng = np.random.default_rng(SEED)
    with tempfile.TemporaryDirectory(prefix="rfproctor-bench-") as folder:
        bundle = Path(folder) / "bundle.zip"
        noise = (rng.bytes(SECONDS * SECOND_BYTES) for _ in range(clips))
        made_s = take(Path(folder), bundle, noise)
        size = bundle.stat().st_size
        yield Metric.of("bundle", size / 1e9, "GB", at_least=1.0)
        yield Metric.of("made in", made_s, "s")
        verified_s, status, found = verified(bundle)
        yield Metric.of("verified in", verified_s, "s", at_most=5.0)
        failed = sum(one["verdict"] == "fail" for one in found)
        yield Metric.of("untouched, checks that say no", failed + status, "checks", at_most=0)
        named = sum(flip_is_named(bundle, random.Random(SEED + k)) for k in range(flips))
        yield Metric.of("flipped bits named to their second", named, "bits", at_least=flips)


def take(folder: Path, bundle: Path, recordings: Iterable[bytes]) -> float:
    """Write the bundle of one alarm with these recordings; returns how long that took."""
    clock = Clock()
    store = Store(f"sqlite:///{folder}/monitor.db", clock_ns=clock)
    school = School(folder, store, clock)
    school.says(emitter_event())
    for number, samples in enumerate(recordings):
        name = f"20270115T0800{number:02d}.000Z_169.5000M_school-3-hall-1"
        school.records(name, samples, RATE_HZ)
    (alarm,) = store.desk.alarms
    began_s = time.perf_counter()
    with school.bundles.make(alarm, BundleQuery(), LI).file as file, bundle.open("wb") as out:
        made_s = time.perf_counter() - began_s
        while piece := file.read(1 << 20):
            out.write(piece)
    store.close()
    return made_s


def verified(bundle: Path) -> tuple[float, int, list[dict[str, Any]]]:
    """Seconds that the command took from its start, its exit code, and its checks."""
    began_s = time.perf_counter()
    command = [sys.executable, "-m", "rfproctor", "verify", str(bundle), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return time.perf_counter() - began_s, done.returncode, lines


def flip_is_named(bundle: Path, rng: random.Random) -> bool:
    """Flip one bit of one recording, verify, put it back; whether its second was named."""
    with BundleFile(bundle) as opened:
        begins = [place.offset for name, place in opened.places.items() if name.endswith(DATA)]
    at = rng.randrange(SECONDS * SECOND_BYTES)
    with bundle.open("r+b", buffering=0) as file:
        spot, bit = rng.choice(begins) + at, 1 << rng.randrange(8)
        file.seek(spot)
        (before,) = file.read(1)
        file.seek(spot)
        file.write(bytes([before ^ bit]))
        _, status, found = verified(bundle)
        file.seek(spot)
        file.write(bytes([before]))
    wrong = [one for one in found if one.get("id") == "verify.damaged_block"]
    return status == 1 and [one["block"] for one in wrong] == [at // SECOND_BYTES + 1]
