"""The plan that monitor.toml chooses is the one that the page gets."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from sensors.bandplan import band_plan
from tests.bench.ports import free_ports
from tests.system.test_monitor import Running, start

pytestmark = pytest.mark.system


def test_the_page_gets_the_plan_of_the_region(tmp_path: Path) -> None:
    port = free_ports(4)
    (tmp_path / "monitor.toml").write_text(
        f'[monitor]\nid = "city"\nhttp = "127.0.0.1:{port}"\n'
        f'events = "tcp://127.0.0.1:{port + 1}"\ninsecure = true\nband_plan = "itu2"\n'
    )
    running = Running(start(tmp_path / "monitor.toml"), port, tmp_path)
    try:
        assert running.process.stdout is not None
        assert f":{port}/" in running.process.stdout.readline()
        with running.http() as http:
            shown = http.get("/static/bands.json").json()
    finally:
        running.process.send_signal(signal.SIGTERM)
        running.process.communicate(timeout=15)
    plan = band_plan("itu2")
    assert (shown["plan"], shown["zh"]) == ("itu2", plan.zh)
    assert len(shown["rows"]) == len(plan.services)
    for row, one in zip(shown["rows"], plan.services, strict=True):
        assert row["start_mhz"] * 1e6 == pytest.approx(one.start_hz)
        assert (row["kind"], row["en"], row["source"]) == (one.kind, one.en, one.source)
