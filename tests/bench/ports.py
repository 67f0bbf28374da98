"""Free TCP ports for monitors that tests and benches start."""

from __future__ import annotations

import random
import socket

LOWEST, HIGHEST = 20_000, 32_000
"""Below what the system gives away by itself, so that nothing takes one meanwhile."""

_SYSTEM = random.SystemRandom()


def free_ports(count: int) -> int:
    """First of ``count`` neighbouring ports that are free now; runs side by side get other ones."""
    while True:
        first = _SYSTEM.randrange(LOWEST, HIGHEST)
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
