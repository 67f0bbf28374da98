"""What the tests with real sockets share."""

from __future__ import annotations

import random
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.system.peers import Process


@pytest.fixture
def address() -> str:
    """Events address of a centre on loopback; its ports, and those of a next key, are free."""
    while True:
        port = random.randrange(20_000, 32_000)
        try:
            for offset in range(8):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port + offset))
        except OSError:
            continue
        return f"tcp://127.0.0.1:{port}"


@pytest.fixture
def start() -> Iterator[Callable[..., Process]]:
    """Start peers as processes, see `tests.system.peers`; those that still run are killed."""
    peers: list[Process] = []

    def begin(*arguments: Any, **more: Any) -> Process:
        peers.append(Process(*arguments, **more))
        return peers[-1]

    yield begin
    for peer in peers:
        peer.stop(signal.SIGKILL)
