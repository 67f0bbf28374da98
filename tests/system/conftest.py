"""What the tests with real sockets share."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboard.store import Store
from tests.bench.ports import free_ports
from tests.system.peers import Process


@pytest.fixture
def address() -> str:
    """Events address of a centre on loopback; its ports, and those of a next key, are free."""
    return f"tcp://127.0.0.1:{free_ports(8)}"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store of a centre."""
    centre = Store(f"sqlite:///{tmp_path}/monitor.db")
    yield centre
    centre.close()


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
