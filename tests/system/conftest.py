"""What the tests with real sockets share."""

from __future__ import annotations

import random
import socket

import pytest


@pytest.fixture
def address() -> str:
    """Events address of a centre on loopback; the ports of its other planes are free too."""
    while True:
        port = random.randrange(20_000, 32_000)
        try:
            for offset in range(4):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port + offset))
        except OSError:
            continue
        return f"tcp://127.0.0.1:{port}"
