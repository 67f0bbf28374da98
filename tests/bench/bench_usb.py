"""Every fault of USB while a site sweeps: named, in the ledger, watching again 5 s after its end.

The real `rfproctor sensor` over the real driver on an emulated dongle.  A fault begins and ends
through the emulator's control file; the ledger, read while the site runs, is what is judged.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sensors.benches import Metric, Skip
from sensors.ledger_reader import LedgerReader
from sensors.ledger_schema import LedgerFault

HOLD_S = 4.0
BACK_S = 5.0
PATIENCE_S = 12.0
SETTLED_S = 2.0

SITE = """
[site]
id = "bench"
data = "data"
[[dongle]]
source = "rtl:00000001"
name = "a"
gain_db = 29.7
[[band]]
name = "uhf-403"
[[band]]
name = "tv3-low"
"""
SCENE = "tx id=a freq_hz=409.8M type=nfm power_dbm=-95\n"


@dataclass(frozen=True, slots=True)
class Case:
    """One fault: what the emulator is told, and what the ledger may call it.

    Attributes
    ----------
    name, text : str
    causes : tuple of str
        Message ids, one of which must be the gap's; empty where watching must go on.
    """

    name: str
    text: str
    causes: tuple[str, ...] = ()


LOST = ("source.dongle_lost", "source.dongle_silent", "source.no_dongle", "source.no_such_dongle")
REFUSED = ("source.control_failed", "source.tuner_silent", "source.not_locked")
CASES = (
    Case("unplug", "unplug", LOST),
    Case("stall", "stall", ("source.dongle_silent",)),
    Case("transfer-errors", "error prob=0.05", (*LOST, *REFUSED)),
    Case("control-time-outs", "ctrl prob=1", (*LOST, *REFUSED)),
    Case("busy", "error prob=1\nbusy", (*LOST, *REFUSED, "source.dongle_busy")),
    Case("denied", "error prob=1\naccess", (*LOST, *REFUSED, "source.dongle_access")),
    Case("kernel-driver", "error prob=1\nkdriver", (*LOST, *REFUSED, "source.dongle_busy")),
    Case("short", "short prob=0.3"),
    Case("drops", "drop every_s=0.5 bytes=5000"),
    Case("unlocked", "nolock lo_hz=400M hi_hz=480M"),
)


def run(rounds: int = 1) -> Iterator[Metric | Skip]:
    """Go through all faults ``rounds`` times."""
    source = Path(__file__).resolve().parents[3] / "shared" / "emudongle"
    if not source.is_dir() or shutil.which("make") is None:
        yield Skip("no emulated dongle in ../shared/emudongle, or no make")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(source, folder / "emu", copy_function=shutil.copyfile)
        (folder / "emu" / "emurun").chmod(0o755)
        built = subprocess.run(
            ["make", "-s", "-C", str(folder / "emu")], capture_output=True, check=False
        )
        if built.returncode != 0:
            yield Skip("the emulated dongle cannot be built (libusb-1.0-0-dev, gcc)")
            return
        site = Site(folder)
        try:
            site.wait_for_visit(0, 30.0)
            for number in range(rounds):
                for case in CASES:
                    suffix = f" {number + 1}" if rounds > 1 else ""
                    yield from examine(site, case, suffix)
        finally:
            site.stop()
        yield from whole(site)


class Site:
    """A running site under the emulator.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._faults = folder / "faults.txt"
        self.fault("")
        (folder / "site.toml").write_text(SITE)
        (folder / "hall.scene").write_text(SCENE)
        self.started_ns = time.time_ns()
        with (folder / "err.txt").open("wb") as errors:
            self._process = subprocess.Popen(
                [
                    str(folder / "emu" / "emurun"),
                    f"EMU_SCENE={folder / 'hall.scene'}",
                    f"EMU_FAULT={self._faults}",
                    f"EMU_LOG={folder / 'truth.jsonl'}",
                    f"EMU_EPOCH={time.time()}",
                    *(sys.executable, "-m", "rfproctor", "sensor", str(folder / "site.toml")),
                ],
                stderr=errors,
                env=os.environ | {"RFPROCTOR_LOG": "json"},
                start_new_session=True,
            )

    def fault(self, text: str) -> None:
        """Begin this fault, or end all with an empty text."""
        part = self._faults.with_suffix(".part")
        part.write_text(text + "\n" if text else "")
        part.replace(self._faults)

    def reader(self) -> LedgerReader:
        """Open the ledger as it is now."""
        return LedgerReader(self.folder / "data" / "ledger.db")

    def dropped(self, start_ns: int, stop_ns: int) -> int:
        """Samples that the emulator left out in a time, by its own log."""
        lost = 0
        for line in (self.folder / "truth.jsonl").read_text().splitlines():
            if '"ev":"drop"' in line:
                event = json.loads(line)
                if start_ns <= event["t_wall"] * 1e9 < stop_ns:
                    lost += event["samples"]
        return lost

    def wait_for_visit(self, after_ns: int, patience_s: float) -> float:
        """Seconds from a time to the first visit that began after it; infinite when none came."""
        end_s = time.monotonic() + patience_s
        while time.monotonic() < end_s:
            time.sleep(0.2)
            try:
                with self.reader() as reader:
                    first_ns = reader.first_after(after_ns)
            except LedgerFault:
                continue
            if first_ns is not None:
                return (first_ns - after_ns) / 1e9
        return float("inf")

    def stop(self) -> None:
        """Ask it to end, then make sure of it."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def examine(site: Site, case: Case, suffix: str) -> Iterator[Metric]:
    """Let one fault happen and judge what the ledger says of it."""
    time.sleep(SETTLED_S)
    start_ns = time.time_ns()
    site.fault(case.text)
    time.sleep(HOLD_S)
    site.fault("")
    end_ns = time.time_ns()
    back_s = site.wait_for_visit(end_ns + 200_000_000, PATIENCE_S) + 0.2
    name = case.name + suffix
    yield Metric.of(f"{name}: back after its end", back_s, "s", at_most=BACK_S)
    time.sleep(1.5)  # the ledger is stored once a second
    with site.reader() as reader:
        gaps = reader.gaps(start_ns, end_ns)
        (sensor,) = reader.sensors(start_ns, end_ns + 1_000_000_000)
    if case.name == "drops":
        truth = site.dropped(start_ns, end_ns)
        ratio = sensor.dropped / truth if truth else float("nan")
        yield Metric(f"{name}: lost in the ledger", sensor.dropped, "samples", truth, ratio)
    if case.causes:
        named = sum(gap.cause in case.causes for gap in gaps)
        yield Metric.of(f"{name}: gaps with its name", named, "gaps", at_least=1)
        unnamed = [gap for gap in gaps if gap.cause not in case.causes]
        yield Metric.of(f"{name}: gaps with another name", len(unnamed), "gaps", at_most=0)
    else:
        yield Metric.of(f"{name}: gaps", len(gaps), "gaps", at_most=0)


def whole(site: Site) -> Iterator[Metric]:
    """Every second without a sample must be in a gap row, and gaps must not say too much."""
    with site.reader() as reader:
        span = reader.span_ns()
        assert span is not None
        (sensor,) = reader.sensors(*span)
        gaps = reader.gaps(*span)
    told_s = sum(gap.duration_s for gap in gaps)
    yield Metric("seconds without a sample", sensor.silent_seconds, "s")
    yield Metric("seconds in gap rows", told_s, "s")
    yield Metric.of(
        "silent seconds that no gap row tells",
        max(0.0, sensor.silent_seconds - told_s),
        "s",
        at_most=0.0,
    )
