"""The monitor as its users have it: the real command, a real site link, HTTP and WebSocket."""

from __future__ import annotations

import csv
import io
import json
import signal
import sqlite3
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from dashboard.frames import split
from sensors.keys import own_keys
from sensors.link import Link
from sensors.messages import (
    BandWatch,
    EmitterEvent,
    Heartbeat,
    Note,
    SensorHealth,
    SpectrumReference,
    SpectrumRow,
)
from sensors.outbox import Outbox
from tests.bench.ports import free_ports

pytestmark = pytest.mark.system

TOKEN = "a token for this test only"
SECOND = 1_000_000_000


@dataclass
class Running:
    process: subprocess.Popen[str]
    port: int
    folder: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def events(self) -> str:
        return f"tcp://127.0.0.1:{self.port + 1}"

    def http(self, **headers: str) -> httpx2.Client:
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        return httpx2.Client(base_url=self.url, headers=headers or bearer)

    def live(self) -> connect:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return connect(f"ws://127.0.0.1:{self.port}/api/v1/live", additional_headers=headers)


def start_monitor(folder: Path, port: int) -> subprocess.Popen[str]:
    config = folder / "monitor.toml"
    config.write_text(
        f'[monitor]\nid = "city"\nhttp = "127.0.0.1:{port}"\n'
        f'events = "tcp://127.0.0.1:{port + 1}"\ninsecure = true\n'
    )
    return start(config)


def start(config: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "rfproctor", "--lang", "en", "monitor", str(config)],
        env={"RFPROCTOR_TOKEN": TOKEN, "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def monitor(tmp_path: Path) -> Iterator[Running]:
    port = free_ports(4)
    process = start_monitor(tmp_path, port)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert f"http://127.0.0.1:{port}/login?token=" in line
    running = Running(process, port, tmp_path)
    yield running
    running.process.send_signal(signal.SIGTERM)
    _, errors = running.process.communicate(timeout=15)
    assert running.process.returncode == 0, errors
    assert "Traceback" not in errors, errors


@pytest.fixture
def link(monitor: Running, tmp_path: Path) -> Iterator[Link]:
    keys = own_keys(tmp_path / "site.keys")
    outbox = Outbox(tmp_path / "outbox.db", keys)
    with Link(
        outbox, keys, "school-3", ("school-3/hall", "school-3/fence"), events=monitor.events
    ) as link:
        yield link
    outbox.close()


def event(**changes: Any) -> EmitterEvent:
    now = time.time_ns()
    values: dict[str, Any] = {
        "site": "school-3",
        "sensor": "school-3/hall",
        "emitter": "1",
        "phase": "open",
        "center_freq_hz": 169.5e6,
        "bandwidth_hz": 12e3,
        "snr_db": 21.0,
        "excess_db": 19.0,
        "peak_dbfs": -50.0,
        "first_seen_ns": now - 2 * SECOND,
        "last_seen_ns": now,
        "sightings": 1,
        "on_s": 2.0,
        "suspicion": 55,
        "reasons": [Note(id="reason.new", weight=30)],
    }
    return EmitterEvent(**{**values, **changes})


def beat(state: str = "go") -> Heartbeat:
    band = BandWatch(name="tv3-low", start_hz=167e6, stop_hz=175e6, revisit_s=0.3, p_2s=0.9)
    sensors = [
        SensorHealth(
            sensor=f"school-3/{p}", position=p, source="scene:hall", state=state, bands=[band]
        )
        for p in ("hall", "fence")
    ]
    now = time.time_ns()
    return Heartbeat(
        site="school-3", site_name="三中", time_ns=now, started_ns=now - SECOND, sensors=sensors
    )


def texts(live: ClientConnection, wanted: str, within_s: float = 5.0) -> dict[str, Any]:
    """The next JSON message of a kind."""
    until = time.monotonic() + within_s
    while (left := until - time.monotonic()) > 0:
        message = live.recv(timeout=left)
        if isinstance(message, str) and (found := json.loads(message))["kind"] == wanted:
            return dict(found)
    raise AssertionError(f"no {wanted} within {within_s} s")


def frames(
    live: ClientConnection, wanted: str, within_s: float = 5.0
) -> tuple[dict[str, Any], bytes]:
    until = time.monotonic() + within_s
    while (left := until - time.monotonic()) > 0:
        message = live.recv(timeout=left)
        if isinstance(message, bytes):
            header, body = split(message)
            if header["kind"] == wanted:
                return header, body
    raise AssertionError(f"no {wanted} within {within_s} s")


def wait_for(condition: Callable[[], Any], within_s: float = 5.0) -> Any:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {within_s} s")


def test_an_event_becomes_one_alarm_everywhere(monitor: Running, link: Link) -> None:
    with monitor.http() as http, monitor.live() as live:
        snapshot = texts(live, "snapshot")
        assert snapshot["alarms"] == [] and snapshot["sites"] == []
        link.heartbeat(beat())
        site = texts(live, "site")["site"]
        assert (site["site"], site["site_name"], site["state"]) == ("school-3", "三中", "go")
        started = time.monotonic()
        link.publish(event())
        alarm = texts(live, "alarm")["alarm"]
        assert time.monotonic() - started < 1.0
        link.publish(event(sensor="school-3/fence", snr_db=12.0, center_freq_hz=169.5006e6))
        alarm = texts(live, "alarm")["alarm"]
        assert alarm["sensors"] == ["school-3/hall", "school-3/fence"]
        assert {n["id"] for n in alarm["reasons"]} >= {"reason.new", "reason.stronger_inside"}
        (listed,) = http.get("/api/v1/alarms").json()
        assert listed == alarm == http.get(f"/api/v1/alarms/{alarm['id']}").json()
        assert link.drained(3)
        assert http.get("/api/v1/sensors").json()[0]["position"] in ("hall", "fence")
        cover = http.get("/api/v1/coverage/school-3").json()["bands"]
        assert (cover[0]["p_2s"], len(cover[0]["sensors"])) == (0.9, 2)


def test_acting_on_an_alarm(monitor: Running, link: Link) -> None:
    with monitor.http() as http, monitor.live() as live:
        texts(live, "snapshot")
        link.publish(event())
        path = f"/api/v1/alarms/{texts(live, 'alarm')['alarm']['id']}"
        done = http.post(f"{path}/actions", json={"action": "acknowledge"})
        assert (done.status_code, done.json()["state"]) == (200, "acknowledged")
        assert texts(live, "alarm")["alarm"]["state"] == "acknowledged"
        again = http.post(f"{path}/actions", json={"action": "acknowledge"})
        assert (again.status_code, again.json()["error"]) == (409, "alarm.not_from")
        wrong = http.post(f"{path}/actions", json={"action": "dismis"})
        assert wrong.status_code == 422
        bare = http.post(f"{path}/actions", json={"action": "dismiss"})
        assert bare.json()["error"] == "alarm.reason_needed"
        http.post(f"{path}/actions", json={"action": "dismiss", "reason": "licensed"})
        assert [a["state_after"] for a in http.get(f"{path}/actions").json()] == [
            "acknowledged",
            "dismissed",
        ]
        acts = [row["act"] for row in http.get("/api/v1/audit").json()]
        assert acts == ["alarm.opened", "alarm.acknowledge", "alarm.dismiss"]
        assert http.get("/api/v1/alarms", params={"state": "new"}).json() == []


def test_files_to_take_away_and_known_emitters(monitor: Running, link: Link) -> None:
    with monitor.http() as http, monitor.live() as live:
        texts(live, "snapshot")
        station = {"low_hz": 209e6, "high_hz": 211e6, "name": "DTMB", "reason": "broadcast"}
        assert http.post("/api/v1/known", json=station).json()["author"] == "operator"
        link.publish(event())
        link.publish(event(emitter="tv", center_freq_hz=210e6, bandwidth_hz=500e3, label="=1+1"))
        first, second = texts(live, "alarm")["alarm"], texts(live, "alarm")["alarm"]
        assert {first["state"], second["state"]} == {"new", "dismissed"}
        file = http.get("/api/v1/export/alarms.csv")
        assert file.headers["content-type"].startswith("text/csv")
        assert "attachment" in file.headers["content-disposition"]
        rows = list(csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"))))
        assert sorted(float(row["center_freq_hz"]) for row in rows) == [169.5e6, 210e6]
        assert {row["label"] for row in rows} == {"", "'=1+1"}
        parts = http.get(f"/api/v1/alarms/{first['id']}/parts").json()
        assert [part["sensor"] for part in parts] == ["school-3/hall"]
        assert http.get("/api/v1/export/rtl_power/none").status_code == 404


def test_rows_go_to_those_who_watch(monitor: Running, link: Link) -> None:
    with monitor.live() as first, monitor.live() as second:
        window = {"sensor": "school-3/hall", "start_hz": 167e6, "stop_hz": 169e6, "bins": 100}
        first.send(json.dumps({"op": "watch", "id": "a", **window}))
        second.send(json.dumps({"op": "watch", "id": "mine", **window}))
        (watch,) = wait_for(lambda: link.watches)
        assert (watch.n_bins, watch.reference) == (100, True)
        reference = SpectrumReference(
            sensor=watch.sensor,
            start_hz=167e6,
            bin_width_hz=20e3,
            baseline=bytes([9] * 100),
            threshold=bytes([20] * 100),
            watch=watch.watch,
        )
        link.offer(watch, reference)
        for seq in range(40):  # more than one grant of credit
            row = SpectrumRow(
                sensor=watch.sensor,
                seq=seq,
                time_ns=time.time_ns(),
                duration_s=0.1,
                start_hz=167e6,
                bin_width_hz=20e3,
                levels=bytes([seq] * 100),
                watch=watch.watch,
            )
            link.offer(watch, row)
            for live, view in ((first, "a"), (second, "mine")):
                header, body = frames(live, "row")
                assert (header["id"], header["seq"], header["n_bins"]) == (view, seq, 100)
                assert body == row.levels
        with monitor.live() as third:
            third.send(json.dumps({"op": "watch", "id": "late", **window}))
            header, body = frames(third, "reference")
            assert body == reference.baseline + reference.threshold
        first.send(json.dumps({"op": "unwatch", "id": "a"}))
    wait_for(lambda: link.watches == ())


def test_a_wrong_request_is_answered_and_harms_nobody(monitor: Running) -> None:
    with monitor.live() as live:
        deep = '{"op":"watch","more":' + "[" * 5000
        for bad in ("{", '{"op":"dance"}', b"\xff\xfe", '{"op":"watch","id":"a"}', deep):
            live.send(bad)
            assert texts(live, "error")["why"]
        window = {"sensor": "s", "start_hz": 2, "stop_hz": 1, "bins": 1}
        live.send(json.dumps({"op": "watch", "id": "a", **window}))
        assert "above" in texts(live, "error")["why"]
        assert texts(live, "tick")["time_ns"] > 0


def test_a_store_that_takes_nothing_is_said(monitor: Running) -> None:
    """Another program holds it, as a full disk would."""
    with closing(sqlite3.connect(monitor.folder / "var" / "monitor.db", timeout=0)) as other:
        other.execute("BEGIN IMMEDIATE")
        with monitor.http() as http:
            station = {"low_hz": 1e6, "high_hz": 2e6, "name": "x", "reason": "y"}
            answer = http.post("/api/v1/known", json=station, timeout=30)
        other.rollback()
    assert (answer.status_code, answer.json()["error"]) == (503, "http.store_failed")
    assert "locked" in answer.json()["text"]


def test_a_body_that_is_no_json_is_refused(monitor: Running) -> None:
    with monitor.http() as http:
        nul = b'{"low_hz":1,"high_hz":2,"name":"x","reason":"a\\u0000b"}'
        for bad in (b"", b"{", b"\xff", b"[" * 60_000, b'{"low_hz":1e999}', b"9" * 5000, nul):
            kind = {"Content-Type": "application/json"}
            answer = http.post("/api/v1/known", content=bad, headers=kind)
            assert (answer.status_code, answer.json()["error"]) == (422, "http.bad_body"), bad[:9]
        assert http.get("/api/v1/alarms?text=a%00").status_code == 422
        assert http.get("/api/v1/alarms/a%00").status_code == 404


def test_silence_is_told_and_is_never_clear(monitor: Running, link: Link) -> None:
    with monitor.http() as http, monitor.live() as live:
        link.heartbeat(beat())
        texts(live, "site")
        silent = texts(live, "site", within_s=8)["site"]
        assert silent["state"] == "silent"
        assert {sensor["state"] for sensor in silent["sensors"]} == {"silent"}
        assert 4.5 < silent["age_s"] < 6
        assert texts(live, "notice")["notice"]["note"]["id"] == "notice.silent"
        cover = http.get("/api/v1/coverage/school-3").json()
        assert [band["p_2s"] for band in cover["bands"]] == [0.0]
        link.heartbeat(beat())
        assert texts(live, "site")["site"]["state"] == "go"
        assert texts(live, "notice")["notice"]["stop_ns"] > 0
        (notice,) = http.get("/api/v1/notices").json()
        assert notice["stop_ns"] > notice["start_ns"]


def test_killed_at_any_moment_it_goes_on_where_it_was(monitor: Running, link: Link) -> None:
    with monitor.http() as http:
        link.publish(event())
        wait_for(lambda: http.get("/api/v1/alarms").json())
        monitor.process.kill()
        monitor.process.communicate(timeout=10)
    link.publish(event(phase="update", sightings=2, on_s=4.0))
    link.publish(event(emitter="2", center_freq_hz=210.3e6))
    monitor.process = start_monitor(monitor.folder, monitor.port)
    assert monitor.process.stdout is not None
    monitor.process.stdout.readline()
    assert link.drained(20)
    with monitor.http() as http:
        alarms = http.get("/api/v1/alarms").json()
        assert sorted((a["center_freq_hz"], a["sightings"]) for a in alarms) == [
            (169.5e6, 2),
            (210.3e6, 1),
        ]
    assert monitor.process.poll() is None


def test_only_who_may_comes_in(monitor: Running) -> None:
    socket_url = f"ws://127.0.0.1:{monitor.port}/api/v1/live"
    with httpx2.Client(base_url=monitor.url) as nobody:
        assert nobody.get("/api/v1/alarms").status_code == 401
        assert nobody.get("/").status_code == 401
        assert nobody.get("/healthz").json() == {"status": "ok"}
        with pytest.raises(InvalidStatus) as refused:
            connect(socket_url)
        assert refused.value.response.status_code == 401
        assert nobody.get("/login", params={"token": "wrong"}).status_code == 401
        entered = nobody.get("/login", params={"token": TOKEN})
        assert (entered.status_code, entered.headers["location"]) == (303, "./")
        cookie = entered.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite" in cookie
        page = nobody.get("/")
        assert page.status_code == 200 and 'id="scope"' in page.text
        # With a cookie, what changes something must come from our own page.
        path = "/api/v1/alarms/x/actions"
        body = {"action": "acknowledge"}
        assert nobody.post(path, json=body).status_code == 403
        evil = nobody.post(path, json=body, headers={"Origin": "https://evil.example"})
        assert (evil.status_code, evil.json()["error"]) == (403, "http.bad_origin")
        assert nobody.post(path, json=body, headers={"Origin": monitor.url}).status_code == 404
        name, _, value = cookie.partition(";")[0].partition("=")
        headers = {"Cookie": f"{name}={value}"}
        with pytest.raises(InvalidStatus) as refused:
            connect(socket_url, additional_headers=headers, origin="https://evil.example")
        assert refused.value.response.status_code == 403
        with connect(socket_url, additional_headers=headers, origin=monitor.url) as live:
            assert texts(live, "snapshot")
            other = httpx2.get(f"{monitor.url}/api/v1/me", headers=headers)
            assert other.status_code == 200
            leaving = {**headers, "Origin": monitor.url}
            assert httpx2.delete(f"{monitor.url}/api/v1/session", headers=leaving).is_success
            with pytest.raises(ConnectionClosed) as gone:
                texts(live, "never")
            assert gone.value.rcvd is not None and gone.value.rcvd.code == 4401
        nobody.cookies.clear()
        nobody.get("/login", params={"token": TOKEN})
        rebound = nobody.get("/", headers={"Host": f"evil.example:{monitor.port}"})
        assert rebound.status_code == 421
        out = nobody.delete("/api/v1/session", headers={"Origin": monitor.url})
        assert out.status_code == 204
        nobody.cookies.clear()
        assert nobody.get("/api/v1/me", headers=headers).status_code == 401


def test_every_answer_forbids_what_we_did_not_serve(monitor: Running) -> None:
    with monitor.http() as http:
        paths = (
            "/",
            "/static/app.js",
            "/static/style.css",
            "/api/v1/sites",
            "/nothing",
            "/metrics",
        )
        for path in paths:
            headers = http.get(path).headers
            assert headers["content-security-policy"].startswith("default-src 'self';"), path
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"
        assert http.get("/static/app.js").headers["content-type"].startswith("text/javascript")
        assert http.get("/static/favicon.svg").headers["content-type"] == "image/svg+xml"
        words = http.get("/static/locale/zh.json").json()
        assert "reason.only_here" in words and "alarm.acknowledge" in words
        assert http.get("/static/../app.py").status_code == 404
        assert http.get("/static/%2e%2e/app.py").status_code == 404


def test_a_busy_port_is_one_clear_line(monitor: Running, tmp_path: Path) -> None:
    second = tmp_path / "second"
    second.mkdir()
    other = start_monitor(second, monitor.port)
    out, errors = other.communicate(timeout=20)
    assert other.returncode == 2
    assert errors.count("\n") == 1 and f"127.0.0.1:{monitor.port}" in errors
    assert out == ""


def test_away_from_loopback_https_and_accounts(tmp_path: Path) -> None:
    port = free_ports(5)
    config = tmp_path / "monitor.toml"
    config.write_text(
        f'[monitor]\nid = "city"\nkeys = "keys"\nhttp = "127.0.0.2:{port}"\n'
        f'events = "tcp://127.0.0.1:{port + 1}"\n'
    )
    url, password = f"https://127.0.0.2:{port}", "a long password"
    process = start(config)
    assert process.stdout is not None
    try:
        link = process.stdout.readline().split()[-1]
        assert link.startswith(f"{url}/login?token=")
        context = ssl.create_default_context(cafile=str(tmp_path / "keys/page.crt"))
        with httpx2.Client(base_url=url, verify=context, headers={"Origin": url}) as http:
            # The environment's token is for loopback only.
            assert (
                http.get("/api/v1/me", headers={"Authorization": f"Bearer {TOKEN}"}).status_code
                == 401
            )
            assert http.get(link).status_code == 303
            for name, role in (("li", "admin"), ("wang", "technician")):
                made = {"name": name, "role": role, "password": password}
                assert http.post("/api/v1/accounts", json=made).status_code == 200
            http.delete("/api/v1/session")
            assert http.get("/api/v1/me").status_code == 401
            form = {"name": "wang", "password": password}
            entered = http.post("/login", data=form)
            assert entered.status_code == 303 and "Secure" in entered.headers["set-cookie"]
            assert "max-age" in http.get("/").headers["strict-transport-security"]
            me = http.get("/api/v1/me").json()
            assert (me["name"], me["permissions"]) == ("wang", ["view"])
            forbidden = http.post("/api/v1/alarms/x/actions", json={"action": "acknowledge"})
            assert (forbidden.status_code, forbidden.json()["error"]) == (403, "http.forbidden")
            assert http.get("/api/v1/accounts").status_code == 403
            assert http.get("/api/v1/audit").status_code == 403
            cookie = "; ".join(f"{c.name}={c.value}" for c in http.cookies.jar)
            live_url = f"wss://127.0.0.2:{port}/api/v1/live"
            headers = {"Cookie": cookie}
            with connect(live_url, additional_headers=headers, ssl=context, origin=url) as live:
                assert texts(live, "snapshot")
        if sys.platform != "win32":
            assert (tmp_path / "keys/page.key").stat().st_mode & 0o077 == 0
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=15)
    assert process.returncode == 0, errors
    process = start(config)
    assert process.stdout is not None
    assert process.stdout.readline().split()[-1] == f"{url}/"  # accounts exist: no link any more
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=15)


def test_metrics_count(monitor: Running, link: Link) -> None:
    with monitor.http() as http, monitor.live():
        link.heartbeat(beat("degraded"))
        wait_for(lambda: http.get("/api/v1/sites").json())
        text = http.get("/metrics").text
        assert 'rfproctor_sensors{state="degraded"} 2.0' in text
        assert "rfproctor_browsers 1.0" in text
        assert 'rfproctor_link_peers{link="up"} 1.0' in text
        assert 'rfproctor_link_round_trip_seconds{site="school-3"}' in text
        assert 'rfproctor_outbox_oldest_seconds{site="school-3"} 0.0' in text
        assert "rfproctor_link_sites_to_move 0.0" in text
