"""Two levels with keys: whose events they are, what a relay cannot do, what is asked from above."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import sensors.protocol
from dashboard.asking import Asking
from dashboard.config import load_config
from dashboard.inbox import Incoming
from dashboard.keyring import Keyring
from dashboard.passing import ABOVE, Passing
from dashboard.receiver import Receiver
from dashboard.relaying import open_upstream
from dashboard.store import Store
from sensors.keys import Keys, key_id, make_keys, own_keys
from sensors.link import Link
from sensors.messages import Answer, EmitterEvent, Heartbeat, Note, NoticeEvent, SensorHealth
from sensors.outbox import Outbox
from sensors.renewal import Renewal, prepare

pytestmark = pytest.mark.system
SITE = "school-3"


@dataclass
class Levels:
    """A city above a county above a school."""

    folder: Path
    low_address: str
    high_address: str
    low_store: Store
    high_store: Store
    low_ring: Keyring
    high_ring: Keyring
    got: list[Incoming] = field(default_factory=list)
    refused: list[tuple[str, ...]] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    beats: list[Heartbeat] = field(default_factory=list)

    def notes(self) -> list[str]:
        return [i.event.note.id for i in self.got if isinstance(i.event, NoticeEvent)]

    def run(self, story: Callable[[Receiver, Receiver], Awaitable[None]]) -> None:
        file = self.folder / "county.toml"
        file.write_text(
            f'[monitor]\nid = "county-1"\nevents = "{self.low_address}"\nkeys = "low"\n'
            f'[upstream]\nevents = "{self.high_address}"\n'
            f"server_key = '{self.high_ring.keys.curve_public.decode()}'\n",
            encoding="utf-8",
        )

        async def both() -> None:
            async with (
                Receiver(
                    self.high_address,
                    self.high_store,
                    monitor="city",
                    keyring=self.high_ring,
                    on_event=self.got.append,
                    on_heartbeat=self.beats.append,
                    on_refused=lambda *why: self.refused.append(why),
                    evidence=self.folder / "high-evidence",
                    on_file=lambda _, path: self.files.append(path),
                ) as high,
                Receiver(
                    self.low_address,
                    self.low_store,
                    monitor="county-1",
                    keyring=self.low_ring,
                    evidence=self.folder / "var" / "evidence",
                ) as low,
            ):
                relay = open_upstream(load_config(file), self.low_ring, low, self.low_store.reader)
                loop = asyncio.get_running_loop()
                asking = Asking(self.low_store, low, loop, self.low_ring, dict)
                relay.passing = Passing(relay.link, self.folder / "var" / "evidence", asking)
                task = asyncio.create_task(relay.run(low.watch, low.unwatch))
                try:
                    await story(high, low)
                finally:
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)

        asyncio.run(asyncio.wait_for(both(), 90))

    def school(self, keys: Keys, name: str = "site", key_file: Path | None = None) -> Link:
        self.outbox = Outbox(self.folder / f"{name}.db", keys)
        renewal = Renewal(key_file, keys, self.outbox, SITE) if key_file is not None else None
        return Link(
            self.outbox,
            keys,
            SITE,
            (f"{SITE}/hall",),
            events=self.low_address,
            server_key=self.low_ring.keys.curve_public,
            renewal=renewal,
        )


@pytest.fixture
def levels(tmp_path: Path, address: str) -> Iterator[Levels]:
    host, _, port = address.rpartition(":")
    stores = (Store(f"sqlite:///{tmp_path}/low.db"), Store(f"sqlite:///{tmp_path}/high.db"))
    rings = (Keyring(tmp_path / "low"), Keyring(tmp_path / "high"))
    relay = rings[0].keys
    rings[1].allow("county-1", relay.curve_public, relay.verify_key, "test", relay=True)
    yield Levels(tmp_path, address, f"{host}:{int(port) + 4}", *stores, *rings)
    for thing in (*stores, *rings):
        thing.close()


def notice(text: str) -> NoticeEvent:
    return NoticeEvent(SITE, f"{SITE}/hall", "info", Note(text), time.time_ns())


def beat() -> Heartbeat:
    now = time.time_ns()
    return Heartbeat(SITE, "S", now, now, [SensorHealth(f"{SITE}/hall", "hall", "rtl:1", "go")])


async def until(true: Callable[[], Any], within_s: float = 25.0) -> None:
    limit = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < limit, "did not happen in time"
        await asyncio.sleep(0.02)


def test_a_sites_key_is_pinned_above_and_only_the_site_itself_can_change_it(
    levels: Levels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensors.protocol, "HELD_EVERY_S", 1.0)
    file = tmp_path / "keys.json"
    first = own_keys(file)
    levels.low_ring.allow(SITE, first.curve_public, first.verify_key, "test")

    async def story(high: Receiver, low: Receiver) -> None:
        with levels.school(first, key_file=file) as site:
            site.publish(notice("before"))
            await until(lambda: "before" in levels.notes())
            second = prepare(file)
            await until(lambda: site.counters().get("renewals"))
            site.publish(notice("after"))
            await until(lambda: "after" in levels.notes())
        levels.outbox.close()
        pinned = {origin.key for origin in levels.high_ring.origins.all()}
        assert pinned == {first.key_id, second.key_id}
        assert levels.notes() == ["before", "keys.renewed", "after"]

        # The county's monitor (or whoever sits in it) lets somebody else speak for the school.
        other = make_keys()
        levels.low_ring.revoke(SITE, "test")
        levels.low_ring.allow(SITE, other.curve_public, other.verify_key, "test")
        with levels.school(other, "other") as site:
            site.publish(notice("forged?"))
            site.publish(notice("and more"))
            await until(lambda: levels.refused)
            assert levels.refused[0][0] == "signature"
            assert levels.refused[0][2] == f"{SITE} {other.key_id}"
            assert levels.notes() == ["before", "keys.renewed", "after"]
            # A person has looked: it was a new computer.  Nothing that was held back is lost.
            desk = Keyring(tmp_path / "high")
            assert desk.origins.pin(SITE, other.key_id, "ann") is not None
            assert desk.origins.pin(SITE, "0" * 16, "ann") is None
            desk.close()
            await until(lambda: levels.notes()[-1] == "and more")
        levels.outbox.close()

    levels.run(story)
    assert levels.notes() == ["before", "keys.renewed", "after", "forged?", "and more"]
    acts = [(act, key) for _, _, act, _, key in levels.high_ring.acts()][1:]
    assert [act for act, _ in acts] == ["origin pinned", "origin pinned", "origin waiting", "pin"]


def test_what_a_site_shows_before_its_turn_is_shown_above_too(levels: Levels) -> None:
    keys = make_keys()
    levels.low_ring.allow(SITE, keys.curve_public, keys.verify_key, "test")
    where = (SITE, f"{SITE}/hall", "e1", "open", 169.5e6, 12e3, 20.0, 15.0, -60.0)

    async def story(high: Receiver, low: Receiver) -> None:
        with levels.school(keys) as site:
            site.sender.early.behind = 0
            site.publish(notice("before"))
            await until(lambda: "before" in levels.notes())
            # As if everything waited: the records stay behind, what they say does not.
            site.sender.flight.next = lambda: None  # type: ignore[method-assign]
            now = time.time_ns()
            site.publish(EmitterEvent(*where, now, now, 1))
            await until(lambda: high.intake.counts["early"])
            assert low.intake.counts["early"]
            (alarm,) = levels.high_store.desk.alarms.values()
            assert (alarm.site, alarm.center_freq_hz) == (SITE, 169.5e6)
            assert len(levels.got) == 1
            del site.sender.flight.next
            site.publish(EmitterEvent(*where, now, now + 1, 2))
            await until(lambda: len(levels.got) == 3)
        levels.outbox.close()

    levels.run(story)
    assert [item.event.site for item in levels.got] == [SITE] * 3
    (alarm,) = levels.high_store.desk.alarms.values()
    assert alarm.loudest.sightings == 2


def test_a_relay_cannot_speak_for_a_site_that_is_enrolled_here_too(levels: Levels) -> None:
    own, other = make_keys(), make_keys()
    levels.high_ring.allow(SITE, own.curve_public, own.verify_key, "test")
    levels.low_ring.allow(SITE, other.curve_public, other.verify_key, "test")

    async def story(high: Receiver, low: Receiver) -> None:
        with levels.school(other) as site:
            site.publish(notice("forged"))
            await until(lambda: levels.refused)
        levels.outbox.close()

    levels.run(story)
    assert levels.refused[0][2] == f"{SITE} {key_id(other.verify_key)}"
    assert levels.got == []


@contextmanager
def obeying(site: Link, recording: list[Path]) -> Iterator[list[str]]:
    """A site that carries out what it is asked."""
    stop, done = threading.Event(), list[str]()

    def work() -> None:
        while not stop.wait(0.01):
            if (command := site.orders.take()) is not None:
                done.append(command.name)
                assert "site" not in command.args
                for path in recording if command.name == "fetch" else ():
                    site.clips.offer(path)
                site.answer(Answer(command.number, True, Note("command.done")))

    thread = threading.Thread(target=work)
    thread.start()
    yield done
    stop.set()
    thread.join()


def test_the_upper_level_asks_for_recordings_and_they_come_through(
    levels: Levels, tmp_path: Path
) -> None:
    keys = make_keys()
    levels.low_ring.allow(SITE, keys.curve_public, keys.verify_key, "test")
    recording = [tmp_path / f"clip{end}" for end in (".sigmf-data", ".sigmf-meta", ".sha256")]
    for path in recording:
        path.write_bytes(path.name.encode() * 5000)

    async def story(high: Receiver, low: Receiver) -> None:
        with levels.school(keys) as site, obeying(site, recording) as done:
            site.heartbeat(beat())
            await until(lambda: any(one.site == SITE for one in levels.beats))
            answer = await high.command(SITE, "fetch", {"file": "clip.sigmf-data"})
            assert answer.accepted
            await until(lambda: len(levels.files) == 3)
            assert done == ["fetch"]
            for path in recording:
                arrived = tmp_path / "high-evidence" / SITE / path.name
                assert hashlib.sha256(arrived.read_bytes()).digest() == (
                    hashlib.sha256(path.read_bytes()).digest()
                )
                arrived.unlink()

            # What the county has is not asked of the school again.
            levels.files.clear()
            answer = await high.command(SITE, "fetch", {"file": "clip"})
            assert answer.note.id == "fetch.offered_here"
            await until(lambda: len(levels.files) == 3)
            answer = await high.command(SITE, "retask", {"sensor": f"{SITE}/hall"}, lease_s=3.0)
            assert answer.accepted
            assert done == ["fetch", "retask"]
            answer = await high.command(SITE, "fetch", {"file": "../../low.db"})
            assert done[-1] == "fetch"  # no file of ours: the site is asked, which knows none
            answer = await high.command("county-1", "drill", {"minutes": 1})
            assert (answer.accepted, answer.note.id) == (False, "command.unknown")
            loop = asyncio.get_running_loop()
            rows = Asking(levels.low_store, low, loop, None, dict).history(SITE)
            assert {row.actor for row in rows} == {ABOVE}
            acts = [(row.act, row.detail["order"]) for row in rows[::-1]]
            asked = ("fetch", "retask", "fetch")
            assert acts == [(act, o) for o in asked for act in ("site.order", "site.answer")]
        levels.outbox.close()

    levels.run(story)
