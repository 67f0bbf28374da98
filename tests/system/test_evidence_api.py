"""A recording's way to the centre and out again, and the exam on the page: real link, real HTTP."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashboard.clips import DATA, LIST, META
from dashboard.verify import verify
from sensors.link import Link
from sensors.messages import NoticeEvent
from tests.dashboard.test_evidence import NAME, SAMPLES, clip_files, kept
from tests.system.test_monitor import Running, beat, event, link, monitor  # noqa: F401

pytestmark = pytest.mark.system


def until(answer: Callable[[], Any], seconds: float = 15.0) -> Any:
    """Ask until the answer is one."""
    deadline_s = time.monotonic() + seconds
    while time.monotonic() < deadline_s:
        if found := answer():
            return found
        time.sleep(0.05)
    raise AssertionError("it never came")


def test_from_the_site_to_a_file_in_hand(
    monitor: Running,  # noqa: F811
    link: Link,  # noqa: F811
    tmp_path: Path,
) -> None:
    announced: NoticeEvent = kept(emitter="1")
    link.publish(event())
    link.publish(announced)
    with monitor.http() as http:
        alarm = until(lambda: http.get("/api/v1/alarms").json())[0]["id"]
        address = f"/api/v1/alarms/{alarm}/evidence"
        (clip,) = until(lambda: http.get(address).json())
        assert (clip["name"], clip["state"], clip["share"]) == (NAME, "announced", 0.0)
        early = http.get(f"{address}/{NAME}{DATA}")
        assert (early.status_code, early.json()["error"]) == (409, "evidence.announced")

        (tmp_path / "clips").mkdir()
        for name, content in clip_files().items():
            (tmp_path / "clips" / name).write_bytes(content)
        for suffix in (META, DATA, LIST):
            link.clips.offer(tmp_path / "clips" / f"{NAME}{suffix}")
        (clip,) = until(lambda: [c for c in http.get(address).json() if c["state"] == "complete"])
        assert clip["center_freq_hz"] == 170e6 and clip["bytes"] == len(SAMPLES)
        assert clip["sha256"] == announced.note.args["sha256"]
        got = http.get(f"{address}/{NAME}{DATA}")
        assert got.content == SAMPLES
        assert got.headers["content-disposition"] == f'attachment; filename="{NAME}{DATA}"'
        digest = base64.b64encode(hashlib.sha256(SAMPLES).digest()).decode()
        assert got.headers["repr-digest"] == f"sha-256=:{digest}:"
        head = http.head(f"{address}/{NAME}{DATA}")
        assert (head.status_code, head.content) == (200, b"")
        assert http.get(f"{address}/monitor.db").status_code == 404
        taken = http.get(f"/api/v1/alarms/{alarm}/bundle")
        assert taken.headers["content-disposition"].endswith(f'"rfproctor-{alarm}.zip"')
        bundle = tmp_path / "bundle.zip"
        bundle.write_bytes(taken.content)
        assert verify(bundle).failed == 0
        bundle.write_bytes(taken.content.replace(SAMPLES, SAMPLES[:-1] + b"\x00"))
        assert verify(bundle).failed > 0
        assert http.get("/api/v1/alarms/none/evidence").status_code == 404

        (here,) = monitor.folder.glob(f"var/evidence/*/{NAME}{DATA}")
        here.write_bytes(SAMPLES[:-1] + b"\x00")
        damaged = http.get(f"{address}/{NAME}{DATA}")
        assert (damaged.status_code, damaged.json()["error"]) == (409, "evidence.damaged")
        log = [e["act"] for e in http.get("/api/v1/audit?limit=1000").json()]
        mine = [act for act in log if act.startswith("evidence.")]
        assert mine == ["evidence.arrived", *["evidence.taken"] * 5, "evidence.damaged"]


def test_the_exam_is_on_the_page(monitor: Running, link: Link) -> None:  # noqa: F811
    now_ns = time.time_ns()
    exam = {"name": "数学", "start_ns": now_ns - 10**9, "stop_ns": now_ns + 3600 * 10**9}
    with monitor.http() as http:
        made = http.post("/api/v1/sessions", json=exam)
        assert made.status_code == 200 and made.json()["now"]["phase"] == "open"
        assert http.post("/api/v1/sessions", json=exam).json()["error"] == "session.overlaps"
        assert http.post("/api/v1/sessions", json={"name": "x"}).status_code == 422
        link.heartbeat(beat())
        shown = until(lambda: http.get("/api/v1/sites").json())[0]["session"]
        assert (shown["name"], shown["phase"]) == ("数学", "open")
        assert 3500 < shown["remaining_s"] <= 3600
        with monitor.live() as live:
            (site,) = json.loads(live.recv())["sites"]
        assert site["session"]["phase"] == "open"
        assert http.delete("/api/v1/sessions/1").json()["ended_by"] == "operator"
        assert http.delete("/api/v1/sessions/one").status_code == 404
        assert http.get("/api/v1/sites").json()[0]["session"] is None
        (listed,) = http.get("/api/v1/sessions").json()
        assert listed["ended_ns"] >= now_ns
