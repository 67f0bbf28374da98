"""Orders over HTTP: to the site and back, each on record before it goes and after its answer."""

from __future__ import annotations

import threading
import time

import click.testing
import pytest

from dashboard.order_command import order
from sensors.link import Link
from sensors.messages import Answer, Command, Note
from tests.system.test_monitor import TOKEN, Running, beat, link, monitor, wait_for  # noqa: F401

pytestmark = pytest.mark.system
WINDOW = {"sensor": "school-3/hall", "start_hz": 168e6, "stop_hz": 169e6}


def answering(site: Link, got: list[Command], times: int) -> threading.Thread:
    """A site that accepts so many commands."""

    def work() -> None:
        until = time.monotonic() + 20
        while len(got) < times and time.monotonic() < until:
            if (command := site.orders.take()) is not None:
                got.append(command)
                site.answer(Answer(command.number, True, Note("command.done")))
            time.sleep(0.01)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def order_by_hand(*arguments: str) -> str:
    done = click.testing.CliRunner().invoke(
        order, list(arguments), obj="en", catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    return done.output


def test_every_order_is_on_record_before_and_after(
    monitor: Running,  # noqa: F811
    link: Link,  # noqa: F811
) -> None:
    with monitor.http() as http:
        refused = http.post("/api/v1/orders/retask/school-3", json=WINDOW)
        assert (refused.status_code, refused.json()["error"]) == (409, "command.unreachable")
        link.heartbeat(beat())
        wait_for(lambda: [s for s in http.get("/api/v1/sites").json() if s["site"] == "school-3"])
        got: list[Command] = []
        thread = answering(link, got, 4)
        answer = http.post("/api/v1/orders/retask/school-3", json={**WINDOW, "seconds": 5})
        assert answer.status_code == 200, answer.text
        assert answer.json() == {
            "site": "school-3",
            "order": "retask",
            "accepted": True,
            "note": {"id": "command.done", "args": {}, "weight": 0},
        }
        record = {"sensor": "school-3/hall", "freq_hz": 169e6, "start_ns": 1, "stop_ns": 2}
        for order, body in (
            ("record", record),
            ("fetch", {"file": "clip.sigmf-data"}),
            ("drill", {"minutes": 2}),
        ):
            assert http.post(f"/api/v1/orders/{order}/school-3", json=body).status_code == 200
        thread.join()
        assert [c.name for c in got] == ["retask", "record", "fetch", "drill"]
        assert (got[0].lease_s, got[0].args) == (5.0, WINDOW)
        for wrong in ({**WINDOW, "seconds": 31}, {**WINDOW, "seconds": 0}, {"sensor": "x"}):
            assert http.post("/api/v1/orders/retask/school-3", json=wrong).status_code == 422
        signed = http.post("/api/v1/orders/configure/school-3", json={"text": "[site]"})
        assert (signed.status_code, signed.json()["error"]) == (409, "config.push_needs_keys")

        thread = answering(link, got, 6)
        place = ["--url", monitor.url, "--token", TOKEN]
        told = order_by_hand(*place, "retask", "school-3", "school-3/hall", "168M", "169M")
        assert told == "done\n"
        window = ("school-3", "school-3/hall", "168M", "169M", "--cost")
        assert order_by_hand(*place, "retask", *window) == "done\n"
        assert [command.name for command in got[-2:]] == ["retask", "cost"]
        thread.join()
        listed = order_by_hand(*place, "list", "school-3").splitlines()
        assert "cost: done" in listed[0] and "retask: done" in listed[2]
        assert len(listed) == 14
        rows = http.get("/api/v1/orders/of/school-3").json()[4:][::-1]
        acts = [(row["act"].removeprefix("site."), row["detail"]["order"]) for row in rows]
        pairs = [
            [("order", name), ("answer", name)] for name in ("retask", "record", "fetch", "drill")
        ]
        assert acts[0] == ("order", "retask")
        assert acts[1] == ("no_answer", "retask")
        assert acts[2:] == [act for pair in pairs for act in pair]
        times = [row["time_ns"] for row in rows]
        assert times == sorted(times)
        assert rows[2]["detail"]["args"] == WINDOW
        assert http.get("/api/v1/audit/check").json()["first_broken"] == 0
