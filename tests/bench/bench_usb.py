"""Every fault of USB while a site sweeps, while it hunts, and during doctor: named, counted, over.

The real `rfproctor` over the real driver on emulated dongles, three at the same time.  A fault
begins and ends through the emulator's control file.  Of the two sites the ledger is judged, read
while they run; of `doctor` what it prints, how long it takes and its exit code.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from emulated import EmulatedSite, build, site_toml
from usb_cases import CASES, Case

from sensors.benches import Metric, Skip
from sensors.ledger_reader import LedgerReader
from sensors.ledger_schema import LedgerFault

HOLD_S = 3.0
BACK_S = 5.0
PATIENCE_S = 12.0
STORED_S = 1.5
"""The ledger is stored once a second."""

TOLD_S = 3.0
"""Until the end of a fault has come to the emulator and a loss is found."""

EDGE_S = 0.15
"""A retune and a dwell: so long a dongle is silent without any fault."""

EDGE_SAMPLES = 100
"""The size of one loss is known to about this."""

FREQ_HZ = 409.8e6
BURST_S, EVERY_S = 4.0, 7.0
STAYS_S = 0.2
"""Not retuned for so long, on the burst's hop: three visits of a sweep."""
NEAR_HZ = 1.1e6
BURSTS = 4
"""Waited for at most, until the dongle stays with one."""

SWEEP_SCENE = "tx id=a freq_hz=168.5M type=nfm power_dbm=-95\n"
HUNT_SCENE = (
    f"tx id=a freq_hz={FREQ_HZ} type=nfm power_dbm=-85"
    f" start_s=0 period_s={EVERY_S} on_s={BURST_S}\n"
)
HUNT_BAND = """
[[band]]
name = "uhf"
start_hz = 406e6
stop_hz = 413e6
max_revisit_s = 1.0
[[band]]
name = "elsewhere"
start_hz = 168e6
stop_hz = 169e6
max_revisit_s = 1.0
"""
DOCTOR_SCENE = "tx id=a freq_hz=98.8M type=wfm power_dbm=-82\n"
DOCTOR_S = 60.0


def run(only: str = "") -> Iterator[Metric | Skip]:
    """Go through all faults, or those whose name holds ``only``."""
    cases = [case for case in CASES if only in case.name]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        emurun = build(folder)
        if isinstance(emurun, Skip):
            yield emurun
            return
        works: list[Callable[[], Iterator[Metric]]] = [
            lambda: sweeping(folder / "sweep", emurun, cases),
            lambda: hunting(folder / "hunt", emurun, cases),
            lambda: examining(folder / "doctor", emurun, cases),
        ]
        found: queue.SimpleQueue[Metric | BaseException | None] = queue.SimpleQueue()
        threads = [threading.Thread(target=_collect, args=(one, found)) for one in works]
        for thread in threads:
            thread.start()
        left = len(works)
        while left:
            metric = found.get()
            if metric is None:
                left -= 1
            elif isinstance(metric, BaseException):
                raise metric
            else:
                yield metric


def _collect(
    work: Callable[[], Iterator[Metric]],
    found: queue.SimpleQueue[Metric | BaseException | None],
) -> None:
    try:
        for metric in work():
            found.put(metric)
    except BaseException as error:
        found.put(error)
    found.put(None)


def sweeping(folder: Path, emurun: Path, cases: list[Case]) -> Iterator[Metric]:
    """Faults of a dongle that goes from hop to hop."""
    folder.mkdir()
    text = site_toml(1, 0.04, ("uhf-403", "tv3-low"))
    with EmulatedSite(folder, emurun, text, SWEEP_SCENE) as site:
        wait_for_visit(site, 0, 30.0)
        for case in cases:
            time.sleep(2.0)
            yield from examine(site, case, f"{case.name}, sweep")
    yield from whole(folder, "sweep")


def hunting(folder: Path, emurun: Path, cases: list[Case]) -> Iterator[Metric]:
    """Faults of a dongle that stays with a burst."""
    folder.mkdir()
    text = site_toml(1, 0.04, (), "").replace("[scan]", "[scan]\nhunt_share = 0.5") + HUNT_BAND
    with EmulatedSite(folder, emurun, text, HUNT_SCENE) as site:
        wait_for_visit(site, 0, 30.0)
        for case in cases:
            time.sleep(1.0)
            stayed_s = wait_for_stay(site)
            yield Metric.of(
                f"{case.name}, hunt: with the burst before", stayed_s, "s", at_least=STAYS_S
            )
            yield from examine(site, case, f"{case.name}, hunt")
    yield from whole(folder, "hunt")


def wait_for_stay(site: EmulatedSite) -> float:
    """Seconds for which the dongle has not left the burst's hop, by the emulator's log; 0: never.

    It begins in the middle of a burst, so that the burst is not over when the fault begins.
    """
    end_s = time.monotonic() + BURSTS * EVERY_S
    while time.monotonic() < end_s:
        time.sleep(0.02)
        tuned = _last_tune(site)
        stayed_s = time.time() - tuned["t_wall"] if tuned else 0.0
        in_burst_s = (time.time() - site.epoch_s) % EVERY_S
        near = tuned is not None and abs(tuned["centre_hz"] - FREQ_HZ) < NEAR_HZ
        if near and STAYS_S <= stayed_s < in_burst_s < BURST_S - 1.0:
            return stayed_s
    return 0.0


def _last_tune(site: EmulatedSite) -> dict[str, float] | None:
    """The newest retune in the emulator's log."""
    path = site.folder / "truth.jsonl"
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - 4096))
        lines = log.read().decode().splitlines()
    for line in reversed(lines):
        if '"ev":"tune"' in line and line.endswith("}") and line.startswith("{"):
            found: dict[str, float] = json.loads(line)
            return found
    return None


def examine(site: EmulatedSite, case: Case, name: str) -> Iterator[Metric]:
    """Let one fault happen and judge what the ledger says of it."""
    start_ns = time.time_ns()
    site.fault(case.text)
    time.sleep(HOLD_S)
    site.fault("")
    end_ns = time.time_ns()
    back_s = wait_for_visit(site, end_ns + 200_000_000, PATIENCE_S) + 0.2
    yield Metric.of(f"{name}: back after its end", back_s, "s", at_most=BACK_S)
    time.sleep(STORED_S)
    with reader(site) as ledger:
        gaps = ledger.gaps(start_ns, end_ns)
    if case.name == "drops":
        yield losses_counted(site, start_ns, name)
    if not case.causes:
        yield Metric.of(f"{name}: gaps", len(gaps), "gaps", at_most=0)
        return
    named = sum(gap.cause in case.causes for gap in gaps)
    yield Metric.of(f"{name}: gaps with its name", named, "gaps", at_least=1)
    yield Metric.of(f"{name}: gaps with another", len(gaps) - named, "gaps", at_most=0)
    told_s = sum(gap.duration_s for gap in gaps)
    silent_s = _silence_s(site, start_ns / 1e9, end_ns / 1e9)
    yield Metric.of(
        f"{name}: silence that the gap rows do not tell",
        abs(silent_s - told_s),
        "s",
        reference=silent_s,
        at_most=EDGE_S,
    )


def losses_counted(site: EmulatedSite, start_ns: int, name: str) -> Metric:
    """Samples that the ledger has lost since a time, against what the emulator left out."""
    time.sleep(TOLD_S)
    stop_ns = time.time_ns()
    time.sleep(STORED_S)
    with reader(site) as ledger:
        (sensor,) = ledger.sensors(start_ns, stop_ns)
    losses = [
        event["samples"]
        for event in site.truth()
        if event["ev"] == "drop" and start_ns <= event["t_wall"] * 1e9 < stop_ns
    ]
    lost = sum(losses)
    error = max(0.02, EDGE_SAMPLES * len(losses) ** 0.5 / max(lost, 1))
    return Metric.of(
        f"{name}: counted of {len(losses)} losses",
        sensor.dropped,
        "samples",
        reference=lost,
        ratio=sensor.dropped / max(lost, 1),
        at_least=1 - error,
        at_most=1 + error,
        on="ratio",
    )


def _silence_s(site: EmulatedSite, start_s: float, stop_s: float) -> float:
    """Longest time without a visit that overlaps a time."""
    visits = site.visits()
    stops = np.maximum.accumulate(visits[:-1, 1])
    silent = visits[1:, 0] - stops
    there = (visits[1:, 0] > start_s) & (stops < stop_s)
    return float(silent[there].max(initial=0.0))


def whole(folder: Path, name: str) -> Iterator[Metric]:
    """Every second without a sample must be in a gap row."""
    with LedgerReader(folder / "data" / "ledger.db") as ledger:
        span = ledger.span_ns()
        assert span is not None
        (sensor,) = ledger.sensors(*span)
        gaps = ledger.gaps(*span)
    told_s = sum(gap.duration_s for gap in gaps)
    yield Metric.of(
        f"{name}: whole seconds without a sample that no gap row tells",
        max(0.0, sensor.silent_seconds - told_s),
        "s",
        reference=sensor.silent_seconds,
        at_most=0.0,
    )


def examining(folder: Path, emurun: Path, cases: list[Case]) -> Iterator[Metric]:
    """Faults in the middle of doctor's examination, and none at the end."""
    folder.mkdir()
    for case in (*cases, Case("none", "", (), "", ())):
        started_s = time.monotonic()
        code, found, overflowed = doctor(folder, emurun, case.doctor)
        # On a busy computer samples get lost besides, and doctor is right to say so.
        messages = (*case.messages, *(("doctor.flow_lost",) if overflowed else ()))
        took_s = time.monotonic() - started_s
        name = f"{case.name}, doctor"
        yield Metric.of(f"{name}: ended after", took_s, "s", at_most=DOCTOR_S)
        faults = [message for verdict, message in found if verdict == "fail"]
        said = [message for verdict, message in found if verdict in {"warn", "fail"}]
        if case.messages:
            named = sum(message in messages for message in said)
            yield Metric.of(f"{name}: findings with its name", named, "", at_least=1)
        others = sum(message not in messages for message in faults)
        yield Metric.of(f"{name}: other faults found", others, "", at_most=0)
        wanted = 1 if faults else 0
        yield Metric.of(f"{name}: exit code as it should be", code == wanted, "", at_least=1)


def doctor(folder: Path, emurun: Path, fault: str) -> tuple[int, list[tuple[str, str]], bool]:
    """One examination.

    Returns
    -------
    code : int
        Its exit code.
    found : list of (verdict, message)
        About the dongle.
    overflowed : bool
        Samples got lost because the computer was too slow, or on purpose.
    """
    scene, log = folder / "doctor.scene", folder / "doctor.jsonl"
    scene.write_text(DOCTOR_SCENE)
    log.unlink(missing_ok=True)
    done = subprocess.run(
        [
            *(str(emurun), f"EMU_SCENE={scene}", f"EMU_FAULTS={fault}", f"EMU_LOG={log}"),
            *(sys.executable, "-m", "rfproctor", "doctor", "--json"),
        ],
        capture_output=True,
        text=True,
        timeout=2 * DOCTOR_S,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    host = {"clock", "disk", "speed", "heat", "supply"}
    found = [
        (one["verdict"], one["message"])
        for one in lines
        if one["kind"] == "check" and one["check"] not in host
    ]
    return done.returncode, found, log.is_file() and '"ev":"drop"' in log.read_text()


def reader(site: EmulatedSite) -> LedgerReader:
    """Open the ledger as it is now."""
    return LedgerReader(site.folder / "data" / "ledger.db")


def wait_for_visit(site: EmulatedSite, after_ns: int, patience_s: float) -> float:
    """Seconds from a time to the first visit that began after it; infinite when none came."""
    end_s = time.monotonic() + patience_s
    while time.monotonic() < end_s:
        time.sleep(0.2)
        try:
            with reader(site) as ledger:
                first_ns = ledger.first_after(after_ns)
        except LedgerFault:
            continue
        if first_ns is not None:
            return (first_ns - after_ns) / 1e9
    return float("inf")
