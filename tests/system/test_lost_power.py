"""Recordings reach the centre whole and once, whoever is killed while they are on their way."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sensors.backlog import SUFFIXES, kept_of
from tests.bench.ports import free_ports
from tests.system.peers import until

pytestmark = pytest.mark.system
BASE = "20260607T090812.250Z_169.5000M_e1"
SITE = """\
[site]
id = "school-3"
data = "site"
[monitor]
events = "{events}"
insecure = true
[[dongle]]
source = "scene:hall?sensor=hall&exam_s=9999"
position = "hall"
[[band]]
name = "low"
start_hz = 168.5e6
stop_hz = 170.5e6
max_revisit_s = 0.5
"""
MONITOR = """\
[monitor]
id = "city"
events = "{events}"
http = "127.0.0.1:{port}"
store = "sqlite:///centre/monitor.db"
insecure = true
"""
FILES = {"sensor": "site", "monitor": "monitor"}


class Both:
    """A site and a centre, each the real program; `begin` starts one, `kill` is kill -9."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        events, port = f"tcp://127.0.0.1:{free_ports(8)}", free_ports(1)
        (folder / "site.toml").write_text(SITE.format(events=events))
        (folder / "monitor.toml").write_text(MONITOR.format(events=events, port=port))
        (folder / "centre").mkdir()
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def begin(self, name: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", "rfproctor", name, f"{FILES[name]}.toml"],
                cwd=self.folder,
                env={**os.environ, "NO_COLOR": "1", "RFPROCTOR_TOKEN": "t" * 20},
                stdout=subprocess.DEVNULL,
                stderr=log,
            )

    def end(self, name: str, how: signal.Signals) -> None:
        self.running[name].send_signal(how)
        self.running.pop(name).wait(30)

    @property
    def arrived(self) -> Path:
        return self.folder / "centre" / "evidence" / "school-3"

    def part(self) -> int:
        """Bytes of the samples that are here and not whole."""
        return sum(path.stat().st_size for path in self.arrived.glob("*.sigmf-data.*.part"))


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Both]:
    peers = Both(tmp_path)
    yield peers
    for name in list(peers.running):
        peers.end(name, signal.SIGKILL)


def recording(folder: Path, num_bytes: int) -> dict[str, str]:
    """A recording in the archive that nobody has been offered; hash of each of its files."""
    day = folder / "site" / "evidence" / "2026-06-07"
    day.mkdir(parents=True)
    (day / f"{BASE}{SUFFIXES[0]}").write_text(json.dumps({"global": {}}))
    (day / f"{BASE}{SUFFIXES[1]}").write_bytes(random.Random(3).randbytes(num_bytes))
    hashes = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(day.iterdir())
    }
    (day / f"{BASE}{SUFFIXES[2]}").write_text(
        "".join(f"{digest}  {name}\n" for name, digest in hashes.items())
    )
    return hashes


def test_a_recording_arrives_whole_and_once_over_kills_of_both_sides(both: Both) -> None:
    hashes = recording(both.folder, 48 << 20)
    both.begin("monitor")
    both.begin("sensor")
    until(lambda: both.part() > 1 << 20)
    both.end("sensor", signal.SIGKILL)
    had = both.part()
    assert 1 << 20 < had < 48 << 20
    both.begin("sensor")
    until(lambda: both.part() > had + (1 << 20))
    both.end("monitor", signal.SIGKILL)
    assert had < both.part() < 48 << 20
    both.begin("monitor")

    names = {BASE + suffix for suffix in SUFFIXES}
    until(lambda: names <= {path.name for path in both.arrived.glob("*")}, 60.0)
    for name, digest in hashes.items():
        assert hashlib.sha256((both.arrived / name).read_bytes()).hexdigest() == digest
    day = both.folder / "site" / "evidence" / "2026-06-07"
    until(lambda: kept_of(day) == names)
    assert not list(both.arrived.glob("*.part"))

    # What the centre has is not sent again, however often the site starts.
    before = {path.name: path.stat().st_mtime_ns for path in both.arrived.glob("*")}
    (both.arrived / f"{BASE}{SUFFIXES[0]}").rename(both.folder / "deleted-at-the-centre")
    both.end("sensor", signal.SIGKILL)
    both.begin("sensor")
    log = both.folder / "sensor.log"
    starts = log.read_bytes().count(b"sensor_started")
    until(lambda: log.read_bytes().count(b"sensor_started") > starts)
    after = {path.name: path.stat().st_mtime_ns for path in both.arrived.glob("*")}
    del before[f"{BASE}{SUFFIXES[0]}"]
    assert after == before
    assert (day / "kept.txt").read_text().count(BASE) == 3
