"""Sites and centres as processes of their own, of this version and of yesterday's.

``wire-1.zip`` holds the program's own modules as they were when the wire was version 1 (commit
1022797), as far as `site.py` and `centre.py` need them.  It is data: it is never changed, only
followed by the zip of the next version, and the one before goes.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from sensors.messages import NoticeEvent
from sensors.wire import read_event, read_record

HERE = Path(__file__).parent
YESTERDAY = HERE / "wire-1.zip"
TODAY = HERE.parents[2]
TOMORROW = HERE / "tomorrow"


class Process:
    """A peer that runs; ``lines`` are what it has printed, ``version`` is that of its wire."""

    def __init__(self, name: str, *arguments: str | Path, code: Path = TODAY) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-P", HERE / f"{name}.py", *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(code)},
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        first = until(lambda: [line for line in self.lines if line.startswith("wire ")])[0]
        del self.lines[: self.lines.index(first) + 1]
        self.version = int(first.removeprefix("wire "))

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.strip())

    def stop(self, how: int = signal.SIGTERM) -> list[str]:
        """End it and return what it printed."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(30)
        self._reader.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return self.lines


def stored(folder: Path) -> list[tuple[int, int]]:
    """Numbers that the centre of a folder has stored, in that order, with their arrival times."""
    with closing(sqlite3.connect(f"file:{folder}/monitor.db?mode=ro", uri=True)) as db:
        rows: list[Any] = db.execute(
            "SELECT record, received_ns FROM events ORDER BY id"
        ).fetchall()
    found = []
    for record, received_ns in rows:
        event = read_event(read_record(bytes(record)).payload)
        assert isinstance(event, NoticeEvent)
        if event.note.id.startswith("n") and event.note.id[1:].isdigit():
            found.append((int(event.note.id[1:]), received_ns))
    return found


def compare(folder: Path, *lives: list[str]) -> None:
    """Assert that the centre has what the site has confirmed: each once, in order, nothing else.

    A site that is killed between storing an event and saying so has one more, at the end of a life.
    """
    confirmed, arrived = ledger(*lives), [number for number, _ in stored(folder)]
    known = set(confirmed)
    assert [number for number in arrived if number in known] == confirmed
    assert len(set(arrived)) == len(arrived)
    assert len(arrived) - len(confirmed) <= len(lives) - 1


def longest_gap_s(arrivals: list[tuple[int, int]]) -> float:
    """Longest time without an event at the centre."""
    times = [received_ns for _, received_ns in arrivals]
    return max(b - a for a, b in pairwise(times)) / 1e9


def until(true: Callable[[], Any], within_s: float = 20.0) -> Any:
    """Wait for something to become true."""
    limit = time.monotonic() + within_s
    while not (value := true()):
        assert time.monotonic() < limit, "did not happen in time"
        time.sleep(0.02)
    return value


def ledger(*lines: list[str]) -> list[int]:
    """Numbers that a site has confirmed, over its lives."""
    return [int(line) for life in lines for line in life]


def known_centre(folder: Path) -> dict[str, Any]:
    """What a site has learnt of its centre."""
    known: dict[str, Any] = msgspec.json.decode((folder / "centre.json").read_bytes())
    return known


def wait_for_more(centre: Path, count: int) -> None:
    """Wait until so many more records than now are stored at the centre."""
    before = len(stored(centre))
    until(lambda: len(stored(centre)) >= before + count)
