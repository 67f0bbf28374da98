"""Events and stores for the centre's tests."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dashboard.inbox import Incoming
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
def open_store(tmp_path: Path, clock: Clock) -> Iterator[Callable[..., Store]]:
    """Open stores on one file; whatever is still open is closed at the end."""
    opened: list[Store] = []

    def open_it(**options: Any) -> Store:
        store = Store(f"sqlite:///{tmp_path}/db/monitor.db", clock_ns=clock, **options)
        opened.append(store)
        return store

    yield open_it
    for store in opened:
        store.close()
