"""CPU and memory of a site for each dongle at 2.4 MS/s: sweep, hunts, evidence, everything on.

The emulated dongle renders its samples in a thread of the worker; that thread's time is subtracted.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from emulated import EmulatedSite, build, calibrate, site_toml

from sensors.benches import Metric, Skip

BANDS = ("tv3-low", "tv3-high", "data-230", "vhf-pmr", "uhf-403", "srd-433", "uhf-440")
WARM_S = 10.0
TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def run(seconds: float = 60.0, dongles: int = 1, dwell_ms: float = 20.0) -> Iterator[Metric | Skip]:
    """Watch the exam scene for so long."""
    if not Path("/proc/self/task").is_dir():
        yield Skip("needs Linux's /proc")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        emurun = build(folder)
        if isinstance(emurun, Skip):
            yield emurun
            return
        calibrate(emurun, folder / "data", [f"{n + 1:08d}" for n in range(dongles)])
        scene = (emurun.parent / "scenes" / "exam.scene").read_text()
        text = site_toml(dongles, dwell_ms / 1e3, BANDS)
        with EmulatedSite(folder, emurun, text, scene, dongles) as site:
            site.wait_for("sensor_started", dongles)
            time.sleep(WARM_S)
            children = Path(f"/proc/{site.process.pid}/task/{site.process.pid}/children")
            # Behind them stands a spare one, which costs nothing but memory.
            workers = [int(pid) for pid in children.read_text().split()][:dongles]
            pids = [site.process.pid, *workers]
            before, start_s = [cpu_s(pid) for pid in pids], time.monotonic()
            peak_mb = [0.0] * len(pids)
            while time.monotonic() - start_s < seconds:
                time.sleep(0.5)
                peak_mb = [max(a, memory_mb(pid)) for a, pid in zip(peak_mb, pids, strict=True)]
            passed_s = time.monotonic() - start_s
            used = [100 * (cpu_s(pid) - a) / passed_s for a, pid in zip(before, pids, strict=True)]
            visits = site.visits()
            clips = len(site.log("clip_kept"))
            ended = site.log("worker_ended")
    share = (visits[:, 1] - visits[:, 0]).sum() / (visits[-1, 1] - visits[0, 0]) / dongles
    if ended:
        yield Skip(f"a worker ended meanwhile: {ended[0]}; the machine is too busy to measure")
        return
    yield Metric("share of the time on the air", float(share), "")
    yield Metric("clips kept meanwhile", clips, "")
    for number, (percent, mb) in enumerate(zip(used[1:], peak_mb[1:], strict=True), start=1):
        yield Metric.of(f"dongle {number}: CPU", percent, "% of a core", at_most=15.0)
        yield Metric.of(f"dongle {number}: memory", mb, "MB", at_most=250.0)
    yield Metric("supervisor: CPU", used[0], "% of a core")
    yield Metric("supervisor: memory", peak_mb[0], "MB")


def cpu_s(pid: int) -> float:
    """CPU time of all threads of a process but the emulator's."""
    total = 0.0
    for task in Path("/proc").glob(f"{pid}/task/*"):
        try:
            if (task / "comm").read_text().strip() == "emudongle":
                continue
            fields = (task / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # a thread that ended
        total += (int(fields[11]) + int(fields[12])) / TICKS
    return total


def memory_mb(pid: int) -> float:
    """Resident memory."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
