"""An event before its turn: an alarm at once, and in the end everything as if it had never come."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import msgspec
import pytest
from sqlalchemy import select, text

from dashboard import schema
from dashboard.alarms import Alarm
from dashboard.inbox import Early, Incoming, Layer, Standing
from dashboard.intake import Intake
from dashboard.records import decode
from dashboard.store import Store
from sensors.keys import Keys
from sensors.messages import Ack, Ahead, EmitterEvent, Event, Note, NoticeEvent, RelayedEvent
from sensors.wire import pack
from tests.dashboard.conftest import SECOND, START_NS, Site, emitter_event
from tests.dashboard.test_intake import ListStore, only, relayed
from tests.dashboard.test_intake import Site as Wired

Open = Callable[..., Store]


def alarms(store: Store) -> list[Alarm]:
    with store.reader.connect() as connection:
        return [decode(body) for body in connection.scalars(select(schema.alarms.c.body))]


def count(store: Store, table: str) -> int:
    with store.reader.connect() as connection:
        return int(connection.scalar(text(f"select count(*) from {table}")) or 0)


def heard(minutes: int, **changes: object) -> EmitterEvent:
    """The emitter's state after so many minutes on the air."""
    last_ns = START_NS + minutes * 60 * SECOND
    values = {"phase": "update", "sightings": minutes, "last_seen_ns": last_ns}
    return emitter_event(**{**values, **changes})


def test_an_alarm_is_raised_at_once_and_its_record_waits_for_its_turn(open_store: Open) -> None:
    store, site = open_store(), Site()
    told: list[Alarm] = []
    store.on_alarms = told.extend
    waiting = [site.says(heard(minutes)) for minutes in range(1, 9)]
    other = site.says(heard(1, emitter="e2", center_freq_hz=210.3e6))
    now = site.says(heard(9))
    store.ingest([Early(now, b"")])
    (alarm,) = alarms(store)
    assert [told_of.id for told_of in told] == [alarm.id]
    assert (alarm.loudest.sightings, count(store, "events")) == (9, 0)
    assert store.last(site.peer, site.epoch) is None

    store.ingest(waiting[:4])  # what is over by now does not bring the alarm back to it
    store.ingest([*waiting[4:], other])
    assert sorted(a.loudest.sightings for a in alarms(store)) == [1, 9]
    store.ingest([now])
    assert sorted(a.loudest.sightings for a in alarms(store)) == [1, 9]
    store.ingest([site.says(heard(10, phase="close"))])
    (after,) = [a for a in alarms(store) if a.id == alarm.id]
    assert (after.loudest.sightings, after.on_air) == (10, False)
    with store.reader.connect() as connection:
        homes = connection.scalars(select(schema.events.c.alarm).order_by(schema.events.c.seq))
        assert [home == alarm.id for home in homes] == [True] * 8 + [False] + [True] * 2
    assert store.last(site.peer, site.epoch) == Standing(11, site.sent[-1].hash)


def test_what_was_shown_early_survives_a_restart_of_the_centre(open_store: Open) -> None:
    store, site = open_store(), Site()
    waiting, now = site.says(heard(1)), site.says(heard(2))
    store.ingest([Early(now, b"")])
    kept = alarms(store)
    store.close()
    store = open_store()
    assert alarms(store) == kept
    store.ingest([waiting, now])
    assert [(a.id, a.loudest.sightings) for a in alarms(store)] == [(kept[0].id, 2)]


def test_a_store_that_could_not_show_it_still_raises_the_alarm_in_its_turn(
    open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, site = open_store(), Site()
    waiting, now = site.says(heard(1)), site.says(heard(2))
    with monkeypatch.context() as broken:
        broken.setattr("dashboard.store.keep_homes", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            store.ingest([Early(now, b"")])
    assert alarms(store) == []
    store.ingest([waiting])
    store.ingest([now])
    assert [alarm.loudest.sightings for alarm in alarms(store)] == [2]


def ahead(site: Wired, event: Event) -> Ahead:
    """A site's next record, shown before its turn."""
    signed = site.record(payload=msgspec.msgpack.encode(event))
    return Ahead(signed.record, signed.signature)


@pytest.fixture
def store() -> ListStore:
    return ListStore()


@pytest.fixture
def wired(store: ListStore) -> Wired:
    site = Wired(Intake(store, "city"))  # type: ignore[arg-type]
    site.say(site.hello(high=2))
    return site


def test_it_is_neither_answered_nor_counted_as_stored(wired: Wired, store: ListStore) -> None:
    first = wired.record()
    outcome = wired.say(ahead(wired, emitter_event()))
    assert (outcome.replies, outcome.events) == ([], [])
    assert [type(item) for item in store.items] == [Early]
    ack = only(wired.say(first), Ack)
    assert (ack.seq, ack.resend) == (1, False)
    outcome = wired.say(wired.records[1])
    assert (only(outcome, Ack).seq, len(outcome.events)) == (2, 1)
    late = Ahead(wired.records[1].record, wired.records[1].signature)
    assert wired.say(late).replies == []  # it had its turn
    assert wired.intake.counts["early"] == 1


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda a, keys: Ahead(a.record, keys.sign(b"x" * 32)), "signature"),
        (lambda a, keys: Ahead(a.record[:-1] + b"\0", a.signature), "signature"),
        (lambda a, keys: Ahead(b"\x90", a.signature), "record"),
    ],
)
def test_what_is_not_the_sites_is_refused_by_name(
    wired: Wired, store: ListStore, spoil: Callable[[Ahead, Keys], Ahead], reason: str
) -> None:
    wired.record()
    outcome = wired.say(spoil(ahead(wired, emitter_event()), wired.keys))
    assert [refused[0] for refused in outcome.refused] == [reason]
    assert store.items == []


@pytest.mark.parametrize("payload", [b"\xc1", pack(Note("n"))])
def test_what_it_holds_up_is_held_up_in_its_turn_and_not_before(
    wired: Wired, store: ListStore, payload: bytes
) -> None:
    first, strange = wired.record(), wired.record(payload=payload)
    outcome = wired.say(Ahead(strange.record, strange.signature))
    assert [refused[0] for refused in outcome.refused] == ["payload"]
    assert only(wired.say(first), Ack).seq == 1


def test_another_sites_name_and_notices_are_not_shown(wired: Wired, store: ListStore) -> None:
    wired.record()
    outcome = wired.say(ahead(wired, emitter_event(site="school-4")))
    assert [refused[0] for refused in outcome.refused] == ["site"]
    note = NoticeEvent("school-3", "school-3/hall", "alarm", Note("n"), START_NS)
    assert wired.say(ahead(wired, note)).refused == []
    assert store.items == []


def test_what_a_relay_brings_is_opened_as_in_its_turn(wired: Wired, store: ListStore) -> None:
    below = Wired(wired.intake)
    inner = below.record(payload=msgspec.msgpack.encode(emitter_event(site="school-9")))
    wired.record()
    outer = wired.record(payload=relayed(wired, below.keys.verify_key, inner))
    wired.say(Ahead(outer.record, outer.signature))
    (item,) = store.items
    assert isinstance(item, Early) and item.incoming.event.site == "school-9"
    assert not isinstance(item.incoming.event, RelayedEvent)


def shown_below(wired: Wired, **changes: object) -> tuple[Wired, Ahead]:
    """A site behind a relay, and the record that it shows before its turn."""
    below = Wired(wired.intake, epoch=b"b" * 16)
    below.record(site="school-9")
    event = emitter_event(**{"site": "school-9", "sensor": "school-9/hall", **changes})
    signed = below.record(payload=msgspec.msgpack.encode(event))
    return below, Ahead(signed.record, signed.signature, below.keys.verify_key)


def test_a_relay_shows_what_a_site_below_shows_until_its_turn_came(
    wired: Wired, store: ListStore
) -> None:
    below, shown = shown_below(wired)
    outcome = wired.say(shown)
    (item,) = outcome.early
    assert (item.incoming.place, item.verify_key) == (
        ((b"b" * 16).hex(), 2),
        below.keys.verify_key,
    )
    assert outcome.events == outcome.refused == []
    # In its turn it comes inside the relay's own record; after that it is no news.
    for signed in below.records:
        wired.say(wired.record(payload=relayed(wired, below.keys.verify_key, signed)))
    assert (wired.say(shown).early, store.breaches) == ([], [])


@pytest.mark.parametrize(
    ("relay", "spoil", "reason"),
    [
        (False, lambda a: a, "signature"),
        (True, lambda a: Ahead(a.record, a.signature, b"k" * 32), "signature"),
        (True, lambda a: Ahead(a.record[:-1] + b"\0", a.signature, a.verify_key), "signature"),
        (True, lambda a: Ahead(a.record, a.signature, b"k"), "signature"),
    ],
)
def test_nobody_but_a_relay_shows_what_others_have_signed(
    wired: Wired, store: ListStore, relay: bool, spoil: Callable[[Ahead], Ahead], reason: str
) -> None:
    (chain,) = wired.intake.chains.values()
    chain.relay = relay
    outcome = wired.say(spoil(shown_below(wired)[1]))
    assert [refused[0] for refused in outcome.refused] == [reason]
    assert store.items == [] and not chain.held


def test_a_late_record_does_not_bring_an_alarm_back_from_what_was_shown_below(
    open_store: Open,
) -> None:
    """Its place is the site's own, not that of whoever brought it."""
    store, site = open_store(), Site()
    waiting, now = site.says(heard(1)), site.says(heard(2))

    def brought(item: Incoming, seq: int) -> Incoming:
        own = Layer("school-3", item.epoch, item.seq, item.hash, bytes(32))
        return dataclasses.replace(item, peer="f" * 16, epoch="ff", seq=seq, layers=(own,))

    store.ingest([Early(brought(now, 0), b"")])
    for seq, item in enumerate((waiting, now), 7):
        store.ingest([brought(item, seq)])
        assert [alarm.loudest.sightings for alarm in alarms(store)] == [2]
