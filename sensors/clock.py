"""The clocks of a machine: wall time, and monotonic time with the boot in which it counts."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Clock:
    """Where the outbox takes its times from; a test passes its own.

    Attributes
    ----------
    wall_ns, mono_ns : callable
    """

    wall_ns: Callable[[], int] = time.time_ns
    mono_ns: Callable[[], int] = time.monotonic_ns


def boot_id() -> bytes:
    """Identify this boot of the machine: ``mono_ns`` can be compared within it."""
    try:
        text = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
        return bytes.fromhex(text.strip().replace("-", ""))
    except (OSError, ValueError):
        return os.urandom(16)  # elsewhere: this process
