"""Faults of USB: what the emulator is told, and by which words they must be known."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """One fault: what the emulator is told, and how it may be called.

    Attributes
    ----------
    name, text : str
    causes : tuple of str
        Message ids, one of which must be the gap's; empty where watching must go on.
    doctor : str
        What the emulator is told under doctor, in the middle of its run.
    messages : tuple of str
        Of these one must be what doctor finds.
    """

    name: str
    text: str
    causes: tuple[str, ...]
    doctor: str
    messages: tuple[str, ...]


LOST = ("source.dongle_lost", "source.dongle_silent", "source.no_dongle", "source.no_such_dongle")
REFUSED = ("source.control_failed", "source.tuner_silent", "source.not_locked")
LATER = "ref=stream after_s=4"
CASES = (
    Case(
        "unlocked",
        "nolock lo_hz=400M hi_hz=480M",
        (),
        "nolock lo_hz=400M hi_hz=480M",
        ("doctor.lock_refused",),
    ),
    Case("short", "short prob=0.3", (), "short prob=0.3", ("doctor.flow_short",)),
    Case(
        "drops",
        "drop every_s=0.5 bytes=5000",
        (),
        "drop every_s=0.5 bytes=5000",
        ("doctor.flow_lost",),
    ),
    Case("unplug", "unplug", LOST, f"unplug {LATER}", LOST),
    Case("stall", "stall", ("source.dongle_silent",), f"stall {LATER}", ("source.dongle_silent",)),
    Case(
        "transfer-errors",
        "error prob=0.05",
        (*LOST, *REFUSED),
        f"error prob=0.05 {LATER}",
        ("source.dongle_lost", "source.dongle_silent", "doctor.flow_lost"),
    ),
    Case(
        "control-time-outs",
        "ctrl prob=1",
        (*LOST, *REFUSED),
        f"ctrl prob=1 {LATER}",
        ("source.control_failed", "source.dongle_lost"),
    ),
    Case(
        "busy",
        "error prob=1\nbusy",
        (*LOST, *REFUSED, "source.dongle_busy"),
        "busy",
        ("source.dongle_busy",),
    ),
    Case(
        "denied",
        "error prob=1\naccess",
        (*LOST, *REFUSED, "source.dongle_access"),
        "access",
        ("source.dongle_access", "doctor.access"),
    ),
    Case(
        "kernel-driver",
        "error prob=1\nkdriver",
        (*LOST, *REFUSED, "source.dongle_busy"),
        "kdriver",
        ("source.dongle_busy",),
    ),
)
