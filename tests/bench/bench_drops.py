"""Samples that vanish on USB while a site sweeps a busy computer: the ledger against the log.

The real `rfproctor sensor` over the real driver on an emulated dongle, beside processes that take
all they can get.  First nothing is dropped on purpose, then pieces of three sizes.  What overflows
because the host was too slow is in the emulator's log like what it was told to drop.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from emulated import EmulatedSite, build, site_toml

from sensors.benches import Metric, Skip
from sensors.ledger_reader import LedgerReader

BANDS = ("uhf-403", "tv3-low")
SCENE = "tx id=a freq_hz=409.8M type=nfm power_dbm=-95\n"
CASES = ((2048, 0.5), (2048, 5.0), (8192, 0.5), (8192, 2.0), (65536, 0.5), (65536, 5.0))
"""Bytes, and every so many seconds."""
EDGE_SAMPLES = 100
"""The edge of the arrivals, and so the size of one loss, is known to about this."""
TOLD_S = 3.0
"""Until a loss is found and stored."""


def run(quiet_s: float = 150.0, seconds: float = 20.0, load: int = 2) -> Iterator[Metric | Skip]:
    """Sweep so long without and with each fault, beside ``load`` busy processes."""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as busy:
        folder = Path(name)
        emurun = build(folder)
        if isinstance(emurun, Skip):
            yield emurun
            return
        for _ in range(load):
            process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            busy.callback(process.wait)
            busy.callback(process.kill)
        with EmulatedSite(folder, emurun, site_toml(1, 0.02, BANDS), SCENE) as site:
            site.wait_for("sensor_started")
            time.sleep(5.0)
            counted, lost, _ = _watch(site, "", quiet_s)
            yield Metric.of(
                "nothing dropped: counted too many",
                max(0, counted - lost),
                "samples",
                reference=lost,
                at_most=0.02 * lost,
            )
            for size, every_s in CASES:
                counted, lost, times = _watch(site, f"drop every_s={every_s} bytes={size}", seconds)
                error = max(0.02, EDGE_SAMPLES * times**0.5 / lost) if lost else 0.0
                yield Metric.of(
                    f"{size} bytes every {every_s:g} s: counted of {times} losses",
                    counted,
                    "samples",
                    reference=lost,
                    ratio=counted / lost if lost else 0.0,
                    at_least=1 - error,
                    at_most=1 + error,
                    on="ratio",
                )
        yield Metric.of("workers that ended", len(site.log("worker_ended")), "", at_most=0)
        yield Metric.of("lines of the log that are no JSON", _torn(folder), "", at_most=0)


def _watch(site: EmulatedSite, fault: str, seconds: float) -> tuple[int, int, int]:
    """Samples lost by the ledger and by the emulator, and how many times, while a fault lasts."""
    start_ns = time.time_ns()
    site.fault(fault)
    time.sleep(seconds)
    site.fault("")
    time.sleep(TOLD_S)
    stop_ns = time.time_ns()
    time.sleep(1.5)  # the ledger is stored once a second
    with LedgerReader(site.folder / "data" / "ledger.db") as ledger:
        counted = sum(sensor.dropped for sensor in ledger.sensors(start_ns, stop_ns))
    losses = [
        event["samples"]
        for event in site.truth()
        if event["ev"] == "drop" and start_ns <= event["t_wall"] * 1e9 < stop_ns
    ]
    return counted, sum(losses), len(losses)


def _torn(folder: Path) -> int:
    """Lines that the dongle's library, which prints as it likes, has left in the site's log."""
    lines = (folder / "log.jsonl").read_text().splitlines()
    return sum(not (line.startswith("{") and line.endswith("}")) for line in lines)
