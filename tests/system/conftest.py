"""What the tests with real sockets share."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboard.keyring import Keyring
from dashboard.store import Store
from sensors.keys import own_keys
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
def enrolled(tmp_path: Path) -> tuple[Path, Path, str]:
    """Folders of a centre and a site that knows it, and the centre's public key."""
    centre, site = tmp_path / "centre", tmp_path / "site"
    keys = own_keys(site / "keys.json")
    ring = Keyring(centre / "keys")
    ring.allow("school-3", keys.curve_public, keys.verify_key, "test")
    server_key = ring.keys.curve_public.decode()
    ring.close()
    return centre, site, server_key


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
