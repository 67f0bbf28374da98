"""Events and stores for the centre's tests."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dashboard import passwords
from dashboard.inbox import Incoming, Layer, Standing
from dashboard.store import Store
from sensors.messages import EmitterEvent, Event, Note

START_NS = 1_800_000_000_000_000_000
SECOND = 1_000_000_000


def emitter_event(**changes: Any) -> EmitterEvent:
    """One sighting of 2 s at 169.5 MHz, START_NS the first sample."""
    values: dict[str, Any] = {
        "site": "school-3",
        "sensor": "school-3/hall",
        "emitter": "e1",
        "phase": "open",
        "center_freq_hz": 169.5e6,
        "bandwidth_hz": 12e3,
        "snr_db": 20.0,
        "excess_db": 18.0,
        "peak_dbfs": -50.0,
        "first_seen_ns": START_NS,
        "last_seen_ns": START_NS + 2 * SECOND,
        "sightings": 1,
        "on_s": 2.0,
        "suspicion": 40,
        "reasons": [Note(id="reason.new", weight=40)],
    }
    return EmitterEvent(**{**values, **changes})


@dataclass
class Site:
    """Numbers the records of one peer as its outbox would."""

    peer: str = "00112233aabbccdd"
    epoch: str = "e" * 32
    seq: int = 0
    now_ns: int = START_NS
    sent: list[Incoming] = field(default_factory=list)

    def says(self, event: Event) -> Incoming:
        """Put an event into the next record."""
        self.seq += 1
        record = f"{self.peer}/{self.epoch}/{self.seq}".encode()
        item = Incoming(
            peer=self.peer,
            epoch=self.epoch,
            seq=self.seq,
            event=event,
            time_ns=self.now_ns,
            received_ns=self.now_ns,
            clock_offset_ns=0,
            record=record,
            signature=b"s" * 64,
            hash=hashlib.sha256(record).digest(),
        )
        self.sent.append(item)
        return item


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now_ns = START_NS

    def __call__(self) -> int:
        return self.now_ns

    def wait(self, seconds: float) -> None:
        self.now_ns += round(seconds * SECOND)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash as the program does, with less work: some tests hire four people each time."""
    monkeypatch.setattr(passwords, "COST", 16)


def _postgres_programs() -> Path | None:
    """Folder of PostgreSQL's programs; Debian keeps them off the PATH."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """URL of a PostgreSQL server of our own, without the database's name."""
    psycopg = pytest.importorskip(
        "psycopg", reason="PostgreSQL tests need psycopg (pip install psycopg)"
    )
    programs = _postgres_programs()
    if programs is None:
        pytest.skip("no PostgreSQL (Debian: apt install postgresql)")
    # It refuses to run as root; the user that Debian's package made may.
    user = "postgres" if hasattr(os, "geteuid") and os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="rfproctor-pg-"))
    if user:
        shutil.chown(folder, user)
    data = str(folder / "data")
    subprocess.run(
        [str(programs / "initdb"), "-D", data, "-U", "monitor", "--auth=trust", "-N"],
        **{"cwd": folder, "user": user, "check": True, "capture_output": True, "timeout": 60},
    )
    quick = ("fsync=off", "autovacuum=off", "listen_addresses=")
    settings = [word for setting in quick for word in ("-c", setting)]
    server = subprocess.Popen(
        [str(programs / "postgres"), "-D", data, "-k", str(folder), *settings],
        **{"cwd": folder, "user": user, "stderr": subprocess.DEVNULL},
    )
    url = f"postgresql://monitor@/{{name}}?host={folder}"
    deadline_s = time.monotonic() + 20
    while time.monotonic() < deadline_s:
        try:
            psycopg.connect(url.format(name="postgres")).close()
            break
        except psycopg.OperationalError:
            time.sleep(0.05)
    yield url
    server.send_signal(signal.SIGQUIT)  # "immediate shutdown": nobody wants what is in it
    server.wait(20)
    shutil.rmtree(folder, ignore_errors=True)


def new_database(server: str) -> str:
    """URL of a new database on a PostgreSQL server."""
    import psycopg

    name = f"t{secrets.token_hex(8)}"
    with psycopg.connect(server.format(name="postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server.format(name=name)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new store of either kind: the same tests on both.

    In PostgreSQL a schema of its own: a database would be a copy of seven megabytes.
    """
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/db/monitor.db"
    server: str = request.getfixturevalue("postgresql")
    import psycopg

    name = f"t{secrets.token_hex(8)}"
    with psycopg.connect(server.format(name="postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    return f"{server.format(name='postgres')}&options=-csearch_path%3D{name}"


@pytest.fixture
def open_store(store_url: str, clock: Clock) -> Iterator[Callable[..., Store]]:
    """Open stores on one database; whatever is still open is closed at the end."""
    opened: list[Store] = []

    def open_it(**options: Any) -> Store:
        store = Store(store_url, clock_ns=clock, **options)
        opened.append(store)
        return store

    yield open_it
    for store in opened:
        store.close()


class ListLayers:
    """Layers that were stored, in memory."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str, int], Layer] = {}
        self.layers = self

    def end(self, site: str, epoch: str) -> Standing | None:
        seqs = [seq for a, b, seq in self.kept if (a, b) == (site, epoch)]
        return Standing(max(seqs), self.kept[site, epoch, max(seqs)].hash) if seqs else None

    def brought(self, site: str, epoch: str) -> int:
        return max((seq for a, b, seq in self.kept if (a, b) == (site, epoch)), default=0)

    def has_other(self, site: str, epoch: str) -> bool:
        return any(a == site and b != epoch for a, b, _ in self.kept)

    def find(self, site: str, epoch: str, seq: int) -> Layer | None:
        return self.kept.get((site, epoch, seq))
