"""From samples to the alarm desk: the real daemon and the real monitor, each its own process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.bench.ports import free_ports

pytestmark = pytest.mark.system

TOKEN = "a token for these tests only"
RECORDINGS = Path(__file__).resolve().parents[2] / "recordings"
MONITOR = """
[monitor]
id = "city"
http = "127.0.0.1:{port}"
events = "tcp://127.0.0.1:{events}"
store = "sqlite:///monitor.db"
insecure = true
"""
SITE = """
[site]
id = "s1"
name = "School"
data = "site"
[monitor]
events = "tcp://127.0.0.1:{events}"
insecure = true
[[dongle]]
source = "{source}"
position = "hall"
"""
HALL_BANDS = """
[[band]]
name = "tv3-low"
[[band]]
name = "tv3-210"
start_hz = 208e6
stop_hz = 212e6
max_revisit_s = 1.0
[[band]]
name = "uhf-409"
start_hz = 406e6
stop_hz = 412e6
max_revisit_s = 1.0
"""


@contextmanager
def program(*command: str, before: tuple[str, ...] = ()) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "RFPROCTOR_TOKEN": TOKEN, "RFPROCTOR_LOG": "json"}
    process = subprocess.Popen(
        [*before, sys.executable, "-P", "-m", "rfproctor", *command], env=environment
    )
    try:
        yield process
        assert process.poll() in (None, 0)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)


@dataclass
class Centre:
    """A running monitor and a folder for its site."""

    folder: Path
    port: int

    def site(self, source: str, more: str = "") -> str:
        path = self.folder / "site.toml"
        path.write_text(SITE.format(source=source, events=self.port + 1) + more)
        return str(path)

    def get(self, path: str) -> Any:
        with httpx2.Client(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
            answer = client.get(f"http://127.0.0.1:{self.port}/api/v1/{path}")
        answer.raise_for_status()
        return answer.json()

    def alarms(self) -> list[dict[str, Any]]:
        found = self.get("alarms")
        return found["alarms"] if isinstance(found, dict) else found

    def wait(self, condition: Callable[[], bool], seconds: float) -> float:
        began = time.monotonic()
        while not condition():
            assert time.monotonic() - began < seconds, (self.alarms(), self.get("sites"))
            time.sleep(0.1)
        return time.monotonic() - began


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    port = free_ports(4)
    config = tmp_path / "monitor.toml"
    config.write_text(MONITOR.format(port=port, events=port + 1))
    with program("monitor", str(config)) as process:
        deadline = time.monotonic() + 30
        while True:
            try:
                httpx2.get(f"http://127.0.0.1:{port}/healthz")
                break
            except httpx2.TransportError:
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.05)
        yield Centre(tmp_path, port)


def near(alarms: list[dict[str, Any]], freq_hz: float, within_hz: float = 2000.0) -> bool:
    return any(abs(alarm["center_freq_hz"] - freq_hz) <= within_hz for alarm in alarms)


def test_recordings_become_alarms_at_their_frequencies_and_the_quiet_one_none(centre):
    names = ("voice_210.3M", "text_169.0M", "buttons_433.92M", "quiet_169.0M")
    sources = [f"file:{RECORDINGS / name}.sigmf-meta?loop=1" for name in names]
    site = centre.site("scene:quiet")
    options = [part for source in sources for part in ("--source", source)]
    with program("sensor", site, *options):
        wanted = (210.3e6, 169.0e6, 433.92e6)
        centre.wait(lambda: all(near(centre.alarms(), freq_hz) for freq_hz in wanted), 40)
    assert len(centre.alarms()) == len(wanted), centre.alarms()
    for alarm in centre.alarms():
        assert alarm["site"] == "s1"
        assert alarm["reasons"]


def test_a_survey_then_exactly_the_three_transmitters_of_the_hall(centre):
    source = f"scene:hall?sensor=hall&exam_s=14&epoch_ns={time.time_ns()}"
    with program("sensor", centre.site(source, HALL_BANDS), "--survey", "8"):
        centre.wait(lambda: near(centre.alarms(), 210.3e6), 40)
        centre.wait(lambda: near(centre.alarms(), 169.0e6), 30)
        centre.wait(lambda: near(centre.alarms(), 409.8e6), 30)
        [site] = centre.get("sites")
        assert site["heartbeat"]["site"] == "s1" if "heartbeat" in site else "s1" in str(site)
        assert len(centre.alarms()) == 3, centre.alarms()
    assert len(list((centre.folder / "site").glob("baseline-*.npz"))) == 1
    assert (centre.folder / "site" / "ledger.db").exists()


def test_a_killed_worker_is_back_and_the_gap_is_told(centre):
    site = centre.site("scene:quiet", HALL_BANDS)
    with program("sensor", site) as sensor:
        sensors = lambda: centre.get("sensors")  # noqa: E731
        centre.wait(lambda: any(one["dwells_per_s"] > 0 for one in sensors()), 60)
        time.sleep(2)
        worker = workers(sensor.pid)[0]  # a spare one may stand behind it already
        os.kill(worker, signal.SIGKILL)
        centre.wait(lambda: worker not in workers(sensor.pid), 15)
        centre.wait(lambda: "worker.died" in str(centre.get("notices")), 15)
        centre.wait(lambda: "notice.back" in str(centre.get("notices")), 15)


def workers(parent: int) -> list[int]:
    """Processes of dongles under a supervisor."""
    path = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(pid) for pid in path.read_text().split()]
