"""Every promise of the wire in one run: its benches, those that wait beside each other.

What measures seconds runs alone, what only waits for lines and processes runs at the same time, and
what only computes comes last.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from sensors.benches import Metric, Skip

PROGRAM = Path(__file__).parents[2] / "rfproctor.py"
STAGES = (
    ("load",),
    ("outbox", "network", "upload"),
    ("schedules",),
    ("power", "forge", "levels"),
    ("fuzz",),
)


class Part(threading.Thread):
    """A bench in a process of its own."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        self.lines: list[dict[str, object]] = []
        self.code = 0
        self.seconds = 0.0

    def run(self) -> None:
        began = time.monotonic()
        command = [sys.executable, "-P", str(PROGRAM), "bench", self.name, "--json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        self.seconds = time.monotonic() - began
        self.code = done.returncode
        self.lines = [json.loads(line) for line in done.stdout.splitlines()]


def run() -> Iterator[Metric | Skip]:
    """All stages; every metric of every bench, under the bench's name."""
    began = time.monotonic()
    for names in STAGES:
        parts = [Part(name) for name in names]
        for part in parts:
            part.start()
        for part in parts:
            part.join()
            yield from results(part)
    yield Metric.of("all of it", time.monotonic() - began, "s", at_most=600.0)


def results(part: Part) -> Iterator[Metric | Skip]:
    """What a bench has said, and how long it took."""
    for line in part.lines:
        if line["kind"] == "skip":
            yield Skip(f"{part.name}: {line['why']}")
            continue
        fields = {key: line[key] for key in ("value", "unit", "reference", "ratio")}
        name, target = f"{part.name}: {line['metric']}", line["target"] or ""
        yield Metric(name, **fields, target=target, passed=line["pass"])  # type: ignore[arg-type]
    broken = part.code not in (0, 1, 3) or not part.lines
    yield Metric.of(f"{part.name}: ended in error", float(broken), "", at_most=0)
    yield Metric.of(f"{part.name}: took", part.seconds, "s", at_most=180.0)
