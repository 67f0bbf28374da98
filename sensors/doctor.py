"""GO or NO-GO: what a check says, and all checks of a computer and its receivers in one run.

The receivers are examined in processes of their own, all at the same time: that is the load of an
exam, and a driver that hangs or crashes is a finding, not the end.
"""

from __future__ import annotations

import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from sdr.source import UserError

Verdict = Literal["ok", "warn", "fail", "skip"]
DEADLINE_S = 55.0
"""The whole examination ends within a minute, whatever hangs."""


class Finding(Struct, frozen=True):
    """What one check found.

    Attributes
    ----------
    check : str
        ``doctor.name_<check>`` is what people call it.
    verdict : {"ok", "warn", "fail", "skip"}
        One ``fail`` makes NO-GO.
    message : str
        Message id of what was measured.
    fields : dict
        For the message and the remedy.
    remedy : str
        Message id of what to do; empty where nothing is to be done.
    source : str
        Which receiver; empty for the computer.
    measured : dict
        The same as plain numbers in base units, where a program wants them.
    """

    check: str
    verdict: Verdict
    message: str
    fields: dict[str, Any] = {}
    remedy: str = ""
    source: str = ""
    measured: dict[str, float] = {}


class Patient(Struct, frozen=True):
    """One receiver to examine.

    Attributes
    ----------
    source : str
    gain_db, ppm, sample_rate_hz : float
        What it will work with.
    centers_hz : tuple of float
        Where it must lock.
    """

    source: str
    gain_db: float = 40.2
    ppm: float = 0.0
    sample_rate_hz: float = 2.4e6
    centers_hz: tuple[float, ...] = ()


def of_error(check: str, error: UserError, source: str = "") -> Finding:
    """Make a finding of an error; its text says what to do already."""
    fields = {name: str(value) for name, value in error.fields.items()}
    return Finding(check, "fail", error.message_id, fields, source=source)


def examine(
    patients: Sequence[Patient], usual: Patient, data: Path | None = None
) -> Iterator[Finding]:
    """Check the computer, then all receivers together; findings come as they are made.

    Parameters
    ----------
    patients : sequence of Patient
        Empty: every dongle that is plugged in.
    usual : Patient
        How a dongle that is not named is examined.
    data : Path, optional
        Where the site will write; default the current folder.
    """
    from sensors.doctor_dongles import check_dongles
    from sensors.doctor_host import check_host

    start_s = time.monotonic()
    yield from check_host(data or Path())
    if not patients or any(patient.source.startswith("rtl:") for patient in patients):
        serials: list[str] = []
        yield from check_dongles(serials)
        if not patients:
            patients = [replace(usual, source=f"rtl:{serial}") for serial in serials]
        elif not serials:  # nothing to open, and said already
            patients = [one for one in patients if not one.source.startswith("rtl:")]
    yield from examine_sources(patients, DEADLINE_S - (time.monotonic() - start_s))


def examine_sources(patients: Sequence[Patient], patience_s: float) -> Iterator[Finding]:
    """Examine receivers side by side, each in its own process."""
    findings: queue.Queue[Finding | None] = queue.Queue()
    end_s = time.monotonic() + patience_s
    threads = [
        threading.Thread(target=_attend, args=(patient, end_s, findings), daemon=True)
        for patient in patients
    ]
    for thread in threads:
        thread.start()
    left = len(threads)
    while left:
        finding = findings.get()
        if finding is None:
            left -= 1
        else:
            yield finding


def _attend(patient: Patient, end_s: float, findings: queue.Queue[Finding | None]) -> None:
    """Run one receiver's process, pass its findings on, and end it when it hangs."""
    command = [sys.executable, "-P", "-m", "sensors.doctor_source"]
    with tempfile.TemporaryFile() as words:
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=words
        )
        watchdog = threading.Timer(max(end_s - time.monotonic(), 0.1), child.kill)
        watchdog.start()
        assert child.stdin is not None
        assert child.stdout is not None
        finished = False
        with child.stdin, child.stdout:
            child.stdin.write(msgspec.json.encode(patient) + b"\n")
            child.stdin.flush()
            for line in child.stdout:
                finding = msgspec.json.decode(line, type=Finding | None)
                finished = finding is None
                if finding is not None:
                    findings.put(finding)
        watchdog.cancel()
        child.wait()
        if not finished:
            hung = time.monotonic() >= end_s
            words.seek(0)
            reason = words.read()[-2000:].decode("utf-8", "replace").strip().splitlines()[-1:]
            findings.put(
                Finding(
                    "process",
                    "fail",
                    "doctor.process_hung" if hung else "doctor.process_died",
                    {"code": child.returncode, "reason": "".join(reason)},
                    "doctor.process_remedy",
                    patient.source,
                )
            )
    findings.put(None)


def is_go(findings: Sequence[Finding]) -> bool:
    """GO when nothing failed."""
    return all(finding.verdict != "fail" for finding in findings)
