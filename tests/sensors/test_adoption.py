"""Configurations from the centre: what is checked before, and what takes them back after."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sdr.source import UserError
from sensors.adoption import Adoption, config_hash
from sensors.config import load_site
from sensors.keys import Keys, make_keys
from sensors.link import Link
from sensors.messages import Answer, Configure, Heartbeat, Note, NoticeEvent, SensorHealth, State
from sensors.orders import configuration_digest
from sensors.outbox import Outbox
from sensors.pin import Door
from sensors.wire import read_event, read_record

KEY = b"k" * 40
OLD = """[site]
id = "s"
data = "data"
[monitor]
events = "tcp://127.0.0.1:9"
server_key = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
[[dongle]]
source = "rtl:1"
position = "hall"
[[band]]
name = "tv3-low"
"""
NEW = OLD.replace('source = "rtl:1"', 'source = "rtl:1"\ngain_db = 20.7')
SENSOR = "s/hall"


class Bench:
    """A site at rest: its file, its link, and a centre whose key it has pinned."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "site.toml"
        self.file.write_text(OLD, encoding="utf-8")
        self.centre = make_keys()
        keys = make_keys()
        self.outbox = Outbox(folder / "o.db", keys)
        self.link = Link(self.outbox, keys, "s", (SENSOR,), events="tcp://h:9", server_key=KEY)
        self.link.pin.welcomed(Door("tcp://h:9", KEY), self.centre.verify_key)
        self.number = 0
        self.state: State = "go"
        self.restart()

    def restart(self) -> None:
        self.adoption = Adoption(load_site(self.file), prove_s=0.6, healthy_s=0.2)

    def send(
        self, text: str = NEW, version: int = 1, site: str = "s", signer: Keys | None = None
    ) -> bool:
        self.number += 1
        digest = configuration_digest(site, version, text.encode())
        signature = (signer or self.centre).sign(digest)
        order = Configure(self.number, version, text.encode(), signature, 100)
        self.link.orders.arrived(order, 0)
        return self.wanted()

    def wanted(self) -> bool:
        return self.adoption.wanted(self.link, self.beat)

    def beat(self) -> Heartbeat:
        health = SensorHealth(SENSOR, "hall", "rtl:1", self.state, last_dwell_ns=1)
        return Heartbeat("s", "S", 1, 1, [health])

    def wait(self, within_s: float = 3.0) -> bool:
        """Until the trial is over; whether the station has to begin again."""
        limit = time.monotonic() + within_s
        while not (wanted := self.wanted()) and self.outbox.last == 0:
            assert time.monotonic() < limit
            time.sleep(0.02)
        return wanted

    def answer(self) -> Answer:
        answer = self.link.orders.ready()
        assert answer is not None
        return answer

    def notes(self) -> list[Note]:
        records = [read_record(one.signed.record) for one in self.outbox.after(0, 100)]
        events = [read_event(record.payload) for record in records]
        return [event.note for event in events if isinstance(event, NoticeEvent)]

    def kept(self) -> dict[str, object]:
        kept: dict[str, object] = json.loads(
            (self.file.parent / "data" / "configuration.json").read_text(encoding="utf-8")
        )
        return kept


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    one = Bench(tmp_path)
    yield one
    one.link.close()
    one.outbox.close()


def test_one_that_works_is_kept(bench: Bench) -> None:
    assert bench.send()
    assert (bench.answer().accepted, bench.adoption.site.file.dongle[0].gain_db) == (True, 20.7)
    assert bench.file.read_text(encoding="utf-8") == NEW
    assert not bench.wait()
    assert bench.kept() == {"version": 1, "state": "proven"}
    assert [note.id for note in bench.notes()] == ["config.adopted"]
    assert bench.notes()[0].args == {"version": 1, "config": config_hash(bench.adoption.site)}
    bench.restart()
    assert bench.file.read_text(encoding="utf-8") == NEW


@pytest.mark.parametrize("end", ["ill", "fault", "killed"])
def test_one_that_does_not_work_is_taken_back(bench: Bench, end: str) -> None:
    assert bench.send()
    if end == "ill":
        bench.state = "silent"
        assert bench.wait()
    elif end == "fault":
        assert bench.adoption.failed(UserError("device.not_found", serial="1", why="unplugged"))
    else:
        bench.restart()
    assert bench.file.read_text(encoding="utf-8") == OLD
    assert bench.adoption.site.file.dongle[0].gain_db == 40.2
    assert bench.kept() == {"version": 1, "state": "taken_back"}
    bench.wanted()
    why = {"ill": "config.why_ill", "fault": "device.not_found", "killed": "config.why_ended"}[end]
    assert [note.id for note in bench.notes()] == ["config.taken_back", why]
    assert not bench.adoption.failed(UserError("device.not_found", serial="1"))


def test_a_dongle_that_was_broken_before_is_no_reason(bench: Bench) -> None:
    bench.state = "silent"
    assert bench.send()
    assert not bench.wait()
    assert [note.id for note in bench.notes()] == ["config.adopted"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"signer": make_keys()}, "config.unsigned"),
        ({"site": "t"}, "config.unsigned"),
        ({"text": "[site"}, "config.syntax"),
        ({"text": OLD + "x = 1\n"}, "config.unknown_key"),
        ({"text": OLD.replace('"s"', '"t"', 1)}, "config.another_site"),
        ({"text": OLD.replace("tcp://127", "tcp://10")}, "config.another_site"),
        ({"text": OLD.replace('"data"', '"elsewhere"')}, "config.another_site"),
    ],
)
def test_what_is_refused_changes_nothing(
    bench: Bench, changes: dict[str, object], why: str
) -> None:
    assert not bench.send(**changes)  # type: ignore[arg-type]
    answer = bench.answer()
    assert (answer.accepted, answer.note.id) == (False, why)
    assert bench.file.read_text(encoding="utf-8") == OLD
    assert not (bench.file.parent / "data" / "configuration.json").exists()
    assert [path.name for path in bench.file.parent.glob("*sent")] == []


def test_no_version_twice_and_none_that_is_older(bench: Bench) -> None:
    assert bench.send(version=5)
    bench.answer()
    assert not bench.send(version=6)
    assert bench.answer().note.id == "config.busy"
    bench.wait()
    for version in (4, 5):
        assert not bench.send(OLD, version=version)
        assert bench.answer().note.id == "config.older"
    assert bench.send(OLD, version=6)


def test_without_a_pinned_key_nothing_is_believed(bench: Bench, tmp_path: Path) -> None:
    stranger = Link(bench.outbox, make_keys(), "s", (SENSOR,), events="tcp://h:9", server_key=KEY)
    bench.link.close()
    bench.link = stranger
    assert not bench.send()
    assert bench.answer().note.id == "config.unsigned"
