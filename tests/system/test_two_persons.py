"""Two people at two browsers and the running monitor: one asks, the other one signs."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from sensors.link import Link
from tests.bench.ports import free_ports
from tests.system.test_monitor import (  # noqa: F401
    Running,
    event,
    link,
    start,
    texts,
)

pytestmark = pytest.mark.system


@pytest.fixture
def monitor(tmp_path: Path) -> Iterator[Running]:
    port = free_ports(4)
    config = tmp_path / "monitor.toml"
    config.write_text(
        f'[monitor]\nid = "city"\nhttp = "127.0.0.1:{port}"\n'
        f'events = "tcp://127.0.0.1:{port + 1}"\ninsecure = true\n'
        '[pairs]\nacts = ["dismissal", "shift", "baseline", "account", "export"]\n'
    )
    process = start(config)
    assert process.stdout is not None
    process.stdout.readline()
    yield Running(process, port, tmp_path)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=15)
    assert process.returncode == 0 and "Traceback" not in errors, errors


@contextmanager
def sign_in(monitor: Running, name: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=monitor.url, headers={"Origin": monitor.url}) as browser:
        form = {"name": name, "password": f"{name}s long password"}
        assert browser.post("/login", data=form).status_code == 303
        yield browser


def test_a_strong_alarm_takes_two_browsers(monitor: Running, link: Link) -> None:  # noqa: F811
    with monitor.http() as master, monitor.live() as live:
        for name in ("li", "wang"):
            account = {"name": name, "role": "officer", "password": f"{name}s long password"}
            assert master.post("/api/v1/accounts", json=account).status_code == 200
        link.publish(event(suspicion=80))
        alarm = texts(live, "alarm")["alarm"]["id"]
        path, wish = f"/api/v1/alarms/{alarm}/actions", {"action": "dismiss", "reason": "false"}
        refused = master.post(path, json=wish)
        assert (refused.status_code, refused.json()["error"]) == (409, "pair.needs_account")
        with sign_in(monitor, "li") as li, sign_in(monitor, "wang") as wang:
            asked = li.post(path, json=wish)
            assert (asked.status_code, asked.json()["state"]) == (202, "waiting")
            assert texts(live, "approval")["approval"] == asked.json()
            assert wang.get("/api/v1/approvals", params={"state": "waiting"}).json() == [
                asked.json()
            ]
            decide = f"/api/v1/approvals/{asked.json()['id']}"
            answer = {"decision": "approve", "hash": asked.json()["hash"]}
            own = li.post(decide, json={**answer, "password": "lis long password"})
            assert (own.status_code, own.json()["error"]) == (403, "pair.own")
            assert wang.post(decide, json=answer).json()["error"] == "http.bad_password"
            done = wang.post(decide, json={**answer, "password": "wangs long password"})
            assert (done.status_code, done.json()["decided_by"]) == (200, "wang")
            assert wang.get(f"/api/v1/alarms/{alarm}").json()["state"] == "dismissed"
            shift = li.post("/api/v1/handovers", json={"to": "wang"})
            assert (shift.status_code, shift.json()["what"]["num_open"]) == (202, 0)
        acts = [(row["actor"], row["act"]) for row in master.get("/api/v1/audit").json()]
        assert [one for one in acts if one[1].startswith(("alarm", "pair"))] == [
            ("monitor", "pair.rules"),
            ("monitor", "alarm.opened"),
            ("li", "pair.waiting"),
            ("wang", "pair.approved"),
            ("li", "alarm.dismiss"),
            ("li", "pair.waiting"),
        ]


def test_an_account_that_gives_rights_takes_two_browsers(monitor: Running) -> None:
    with monitor.http() as master:
        for name in ("li", "wang"):
            account = {"name": name, "role": "admin", "password": f"{name}s long password"}
            assert master.post("/api/v1/accounts", json=account).status_code == 200
        third = {"name": "zhao", "role": "radio", "password": "zhaos long password"}
        alone = master.post("/api/v1/accounts", json=third)
        assert (alone.status_code, alone.json()["error"]) == (409, "pair.needs_account")
    with sign_in(monitor, "li") as li, sign_in(monitor, "li") as again:
        assert "account" in li.get("/api/v1/me").json()["two"]
        asked = li.post("/api/v1/accounts", json=third)
        assert (asked.status_code, asked.json()["state"]) == (202, "waiting")
        assert "zhaos long password" not in again.get("/api/v1/approvals").text
        decide = f"/api/v1/approvals/{asked.json()['id']}"
        answer = {"decision": "approve", "hash": asked.json()["hash"]}
        own = again.post(decide, json={**answer, "password": "lis long password"})
        assert (own.status_code, own.json()["error"]) == (403, "pair.own")
        token = li.post("/api/v1/tokens", json={"name": "script", "role": "admin"}).json()["token"]
        with monitor.http(Authorization=f"Bearer {token}") as script:
            tried = script.post(decide, json={**answer, "password": "lis long password"})
            assert (tried.status_code, tried.json()["error"]) == (403, "pair.needs_account")
        with sign_in(monitor, "wang") as wang:
            done = wang.post(decide, json={**answer, "password": "wangs long password"})
            assert (done.status_code, done.json()["state"]) == (200, "approved")
            replayed = wang.post(decide, json={**answer, "password": "wangs long password"})
            assert replayed.json()["error"] == "pair.over"
    with sign_in(monitor, "zhao") as zhao:
        assert zhao.get("/api/v1/me").json()["role"] == "radio"
