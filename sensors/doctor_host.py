"""Checks of the computer: clock, disk, speed, heat and supply."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dsp.dwell import look
from dsp.plan import Hop
from dsp.values import Grid, IQBlock
from sensors.doctor import Finding

LITTLE_DISK = 1 << 30
COMFORTABLE_DISK = 20 << 30
"""Evidence of a day with many alarms; a six-hour ledger of four dongles is 45 MB."""

SLOW_SYNC_S = 0.1
CLOCK_OFF_S = 0.05

ENOUGH_SPEED = 4.0
TOO_SLOW = 1.5
"""Times real time at which one core computes dwells; detection and transport want their share."""

HOT_C, TOO_HOT_C = 70.0, 80.0
"""A Raspberry Pi slows down at 80 degrees."""

UNDERVOLTAGE_NOW, THROTTLED_NOW = 0x1, 0x4
UNDERVOLTAGE_ONCE, THROTTLED_ONCE = 0x10000, 0x40000


def check_host(data: Path) -> Iterator[Finding]:
    """Run all checks of the computer."""
    yield check_clock()
    yield check_disk(data)
    yield check_speed()
    yield from check_heat(Path("/sys/class/thermal"))
    yield from check_supply()


def check_clock() -> Finding:
    """Ask chrony, else systemd, whether the clock is kept by a time server."""
    tracking = _ask("chronyc", "-n", "tracking")
    if tracking is not None:
        return judge_chrony(tracking)
    shown = _ask("timedatectl", "show", "-p", "NTPSynchronized")
    if shown is not None and "=" in shown:
        good = shown.strip().endswith("=yes")
        message = "doctor.clock_synchronised" if good else "doctor.clock_free"
        remedy = "" if good else "doctor.clock_remedy"
        return Finding("clock", "ok" if good else "warn", message, {}, remedy)
    return Finding("clock", "warn", "doctor.clock_unknown", {}, "doctor.clock_remedy")


def judge_chrony(tracking: str) -> Finding:
    """Judge the answer of ``chronyc tracking``."""
    off = re.search(r"System time\s*:\s*([0-9.]+) seconds", tracking)
    spread = re.search(r"Root dispersion\s*:\s*([0-9.]+)", tracking)
    if "Not synchronised" in tracking or off is None:
        return Finding("clock", "warn", "doctor.clock_free", {}, "doctor.clock_remedy")
    error_s = float(off[1]) + (float(spread[1]) if spread else 0.0)
    fields = {"error_ms": f"{1000 * error_s:.3f}"}
    if error_s > CLOCK_OFF_S:
        return Finding("clock", "warn", "doctor.clock_chrony", fields, "doctor.clock_remedy")
    return Finding("clock", "ok", "doctor.clock_chrony", fields)


def check_disk(data: Path) -> Finding:
    """Free space where the site will write, and how long one durable write takes."""
    folder = data.absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    probe = folder / f".rfproctor-doctor-{os.getpid()}"
    start_s = time.monotonic()
    try:
        with probe.open("wb") as file:
            for _ in range(3):
                file.write(bytes(4096))
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        fields = {"folder": str(folder), "reason": error.strerror or str(error)}
        return Finding("disk", "fail", "doctor.disk_refuses", fields, "doctor.disk_remedy")
    finally:
        probe.unlink(missing_ok=True)
    sync_s = (time.monotonic() - start_s) / 3
    fields = {
        "folder": str(folder),
        "free_gb": f"{free / 1e9:.1f}",
        "sync_ms": f"{1000 * sync_s:.1f}",
    }
    if free < LITTLE_DISK:
        return Finding("disk", "fail", "doctor.disk", fields, "doctor.disk_full_remedy")
    if free < COMFORTABLE_DISK:
        return Finding("disk", "warn", "doctor.disk", fields, "doctor.disk_full_remedy")
    if sync_s > SLOW_SYNC_S:
        return Finding("disk", "warn", "doctor.disk", fields, "doctor.disk_slow_remedy")
    return Finding("disk", "ok", "doctor.disk", fields)


def check_speed() -> Finding:
    """Compute dwells of noise as a worker does and compare with the time they last."""
    rate_hz, nfft = 2.4e6, 1024
    noise = np.random.default_rng(1).integers(120, 136, 2 * 96_000, dtype=np.uint8)
    block = IQBlock(noise, "cu8", 100e6, rate_hz, 0, 0)
    width_hz = rate_hz / nfft
    hop = Hop(0, 100e6, Grid(100e6 - 433 * width_hz, width_hz, 867), 0)
    look(block, hop)  # the first pays for tables
    spent: list[float] = []
    end_s = time.monotonic() + 0.5
    while time.monotonic() < end_s:
        start_s = time.process_time()
        look(block, hop)
        spent.append(time.process_time() - start_s)
    speed = block.duration_s / float(np.median(spent))
    fields = {"speed": f"{speed:.0f}", "cores": os.cpu_count() or 1}
    if speed < TOO_SLOW:
        return Finding("speed", "fail", "doctor.speed", fields, "doctor.speed_remedy")
    if speed < ENOUGH_SPEED:
        return Finding("speed", "warn", "doctor.speed", fields, "doctor.speed_remedy")
    return Finding("speed", "ok", "doctor.speed", fields)


def check_heat(zones: Path) -> Iterator[Finding]:
    """Hottest sensor that the kernel knows."""
    heats = []
    for path in zones.glob("thermal_zone*/temp"):
        try:
            heats.append(int(path.read_text()) / 1000)
        except (OSError, ValueError):
            continue
    if not heats:
        return
    heat = max(heats)
    fields = {"heat": f"{heat:.0f}"}
    if heat >= TOO_HOT_C:
        yield Finding("heat", "fail", "doctor.heat", fields, "doctor.heat_remedy")
    elif heat >= HOT_C:
        yield Finding("heat", "warn", "doctor.heat", fields, "doctor.heat_remedy")
    else:
        yield Finding("heat", "ok", "doctor.heat", fields)


def check_supply() -> Iterator[Finding]:
    """Ask a Raspberry Pi whether its supply was ever too weak."""
    answer = _ask("vcgencmd", "get_throttled")
    if answer is not None and (found := re.search(r"0x([0-9a-fA-F]+)", answer)):
        yield judge_throttled(int(found[1], 16))


def judge_throttled(bits: int) -> Finding:
    """Judge the answer of ``vcgencmd get_throttled``."""
    fields = {"bits": f"0x{bits:x}"}
    if bits & (UNDERVOLTAGE_NOW | THROTTLED_NOW):
        return Finding("supply", "fail", "doctor.supply_now", fields, "doctor.supply_remedy")
    if bits & (UNDERVOLTAGE_ONCE | THROTTLED_ONCE):
        return Finding("supply", "warn", "doctor.supply_once", fields, "doctor.supply_remedy")
    return Finding("supply", "ok", "doctor.supply_ok", fields)


def _ask(*command: str) -> str | None:
    """Output of a program; None where it is not there or has no answer."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=3, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
