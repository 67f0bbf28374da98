"""A relay leaves out, repeats, delays and exchanges what its sites have signed: each is said."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from dashboard import schema
from dashboard.arrival import Arrival
from dashboard.followed import Followed
from dashboard.inbox import Breach, Incoming, Item, Layer
from dashboard.intake import Intake
from dashboard.store import Store
from sensors.keys import Keys, make_keys
from sensors.messages import (
    RECORD_VERSION,
    Event,
    Hello,
    Note,
    NoticeEvent,
    Record,
    RelayedEvent,
    Signed,
)
from sensors.outbox_record import NO_HASH
from sensors.wire import encode, pack, record_hash
from tests.dashboard.conftest import ListLayers, emitter_event

Open = Callable[..., Store]
NOW = 1_800_000_000_000_000_000


class Book:
    """An outbox: its records, one after the other."""

    def __init__(self, site: str, keys: Keys | None = None, epoch: bytes = b"b" * 16) -> None:
        self.site = site
        self.keys = keys or make_keys()
        self.epoch = epoch
        self.records: list[Signed] = []
        self.head = NO_HASH

    def sign(self, event: Event) -> Signed:
        place = (self.epoch, len(self.records) + 1, NOW, 0, bytes(16), None)
        body = pack(Record(RECORD_VERSION, *place, pack(event), self.head))
        self.head = record_hash(body)
        self.records.append(Signed(body, self.keys.sign(self.head)))
        return self.records[-1]

    def notices(self, count: int) -> list[Signed]:
        where = (self.site, f"{self.site}/hall")
        return [
            self.sign(NoticeEvent(*where, "info", Note(f"n{len(self.records) + 1}"), NOW))
            for _ in range(count)
        ]


class Relay:
    """A relay's outbox and its connection to the centre above."""

    def __init__(self, intake: Intake, name: str = "county-1", epoch: bytes = b"r" * 16) -> None:
        self.intake = intake
        self.book = Book(name, epoch=epoch)
        self.say(self.hello())

    def hello(self) -> Hello:
        book = self.book
        ends = (1, len(book.records), book.head, bytes(16))
        return Hello(1, 1, book.site, book.keys.verify_key, book.epoch, *ends)

    def say(self, *messages: msgspec.Struct) -> None:
        route = self.book.site.encode()
        self.intake.process([Arrival(route, b"", encode(message), NOW) for message in messages])

    def bring(self, book: Book, *records: Signed) -> None:
        self.say(*[self.wrap(book, record) for record in records])

    def wrap(self, book: Book, signed: Signed) -> Signed:
        event = RelayedEvent(
            self.book.site, 1, book.keys.verify_key, signed.record, signed.signature
        )
        return self.book.sign(event)


@pytest.fixture
def store(open_store: Open) -> Store:
    return open_store()


@pytest.fixture
def relay(store: Store) -> Relay:
    return Relay(Intake(store, "city"))


def told(store: Store) -> list[tuple[str, str, int, int]]:
    """What was said of sequences: site, name of the notice, first and last number."""
    table = schema.notices
    query = select(table).where(table.c.note_id.like("notice.relay%")).order_by(table.c.id)
    with store.reader.connect() as connection:
        rows = connection.execute(query).fetchall()
    args = [msgspec.json.decode(row.note)["args"] for row in rows]
    assert all(arg["relay"].startswith("county") for arg in args)
    names = [row.note_id.removeprefix("notice.relay_") for row in rows]
    return [
        (row.site, name, arg["first"], arg["last"])
        for row, name, arg in zip(rows, names, args, strict=True)
    ]


def notes(store: Store) -> list[str]:
    """The sites' own notices that are here, sorted."""
    query = select(schema.notices.c.note_id).where(schema.notices.c.note_id.like("n_"))
    with store.reader.connect() as connection:
        return sorted(connection.scalars(query))


def test_what_is_brought_whole_says_nothing(relay: Relay, store: Store) -> None:
    school = Book("school-3")
    relay.bring(school, *school.notices(3))
    relay.bring(school, *school.notices(2))
    assert (notes(store), told(store)) == (["n1", "n2", "n3", "n4", "n5"], [])


def test_what_is_left_out_is_an_alarm_and_counts_when_it_comes_late(
    relay: Relay, store: Store
) -> None:
    school = Book("school-3")
    one, two, three, four = school.notices(4)
    relay.bring(school, one, four)
    assert told(store) == [("school-3", "gap", 2, 3)]
    relay.bring(school, three)
    relay.bring(school, two)
    assert told(store)[1:] == [("school-3", "late", 3, 3)]  # said once until it goes on
    assert notes(store) == ["n1", "n2", "n3", "n4"]
    relay.bring(school, *school.notices(1))
    assert len(told(store)) == 2


def test_the_beginning_may_be_left_out_too(relay: Relay, store: Store) -> None:
    school = Book("school-3")
    relay.bring(school, *school.notices(3)[2:])
    assert told(store) == [("school-3", "gap", 1, 2)]


@pytest.mark.parametrize("at_once", [True, False])
def test_what_comes_twice_counts_once(relay: Relay, store: Store, at_once: bool) -> None:
    school = Book("school-3")
    event = emitter_event()
    signed = school.sign(event)
    if at_once:
        relay.bring(school, signed, signed, signed)
    else:
        for _ in range(3):
            relay.bring(school, signed)
    assert told(store) == [(event.site, "repeated", 1, 1)]
    (alarm,) = store.desk.alarms.values()
    assert sum(part.sightings for part in alarm.parts) == event.sightings
    with store.reader.connect() as connection:  # each is kept: it belongs to the relay's chain
        kinds = list(connection.scalars(select(schema.events.c.kind)))
    assert kinds == ["emitter", "repeated", "repeated"]


def test_another_record_of_the_same_number_is_an_alarm_and_is_shown(
    relay: Relay, store: Store
) -> None:
    school = Book("school-3")
    clone = Book("school-3", school.keys)
    one, two = school.notices(2)
    relay.bring(school, one, two)
    clone.sign(NoticeEvent("school-3", "school-3/hall", "info", Note("n8"), NOW))
    relay.bring(clone, *clone.records)
    assert told(store) == [("school-3", "fork", 1, 1)]
    clone.notices(1)
    following = clone.sign(NoticeEvent("school-3", "school-3/hall", "info", Note("n9"), NOW))
    relay.bring(clone, following)  # number 3, and follows the clone's number 2
    assert told(store)[1:] == [("school-3", "fork", 3, 3)]
    assert notes(store) == ["n1", "n2", "n8", "n9"]


def test_a_late_record_must_fit_between_the_others(relay: Relay, store: Store) -> None:
    school, clone = Book("school-3"), Book("school-3")
    clone.keys = school.keys
    one, _, three = school.notices(3)
    clone.sign(NoticeEvent("school-3", "school-3/hall", "info", Note("n8"), NOW))
    relay.bring(school, one, three)
    relay.bring(clone, *clone.notices(1))  # its number 2
    assert [name for _, name, *_ in told(store)] == ["gap", "late", "fork"]


def test_a_new_record_book_is_said(relay: Relay, store: Store) -> None:
    first, second = Book("school-3"), Book("school-3", epoch=b"2" * 16)
    second.keys = first.keys
    relay.bring(first, *first.notices(2))
    relay.bring(second, *second.notices(1))
    assert told(store) == [("school-3", "epoch", 1, 1)]


def test_it_is_remembered_over_a_restart_and_from_relay_to_relay(
    relay: Relay, store: Store
) -> None:
    school = Book("school-3")
    one, two, three, four = school.notices(4)
    relay.bring(school, one)
    other = Relay(Intake(store, "city"), "county-2", b"q" * 16)
    other.bring(school, two, four)
    other.bring(school, one, three)
    assert told(store) == [
        ("school-3", "gap", 3, 3),
        ("school-3", "repeated", 1, 1),
        ("school-3", "late", 3, 3),
    ]
    assert notes(store) == ["n1", "n2", "n3", "n4"]


def test_a_site_that_came_itself_before_goes_on_behind_a_relay(relay: Relay, store: Store) -> None:
    school = Book("school-3")
    one, two, three = school.notices(3)
    itself = Relay(relay.intake, "school-3")
    itself.book = school
    itself.say(itself.hello(), one, two)
    relay.bring(school, two, three)  # what its outbox still holds, and what is new
    assert told(store) == [("school-3", "repeated", 2, 2)]
    assert notes(store) == ["n1", "n2", "n3"]


@pytest.mark.parametrize("first", [1, 3])
def test_a_site_that_came_through_a_relay_before_goes_on_itself(
    relay: Relay, store: Store, first: int
) -> None:
    """What it still holds fills what the relay has left out; the rest counts once."""
    school = Book("school-3")
    records = school.notices(5)
    relay.bring(school, *records[:3], records[4])
    itself = Relay(relay.intake, "school-3")
    itself.book = school
    itself.say(msgspec.structs.replace(itself.hello(), first_seq=first))
    itself.say(*school.records[first - 1 :], *school.notices(1))
    assert told(store) == [("school-3", "gap", 4, 4)]
    with store.reader.connect() as connection:
        notices = list(connection.scalars(select(schema.notices.c.note_id)))
        kinds = connection.execute(
            select(schema.events.c.seq)
            .where(schema.events.c.kind != "repeated")
            .where(schema.events.c.site == "school-3", schema.events.c.epoch == school.epoch.hex())
        ).scalars()
        assert list(kinds) == [4, 6]
    assert sorted(notices) == ["n1", "n2", "n3", "n4", "n5", "n6", "notice.relay_gap"]


def test_three_levels_are_followed_each(relay: Relay, store: Store) -> None:
    county, school = Relay(Intake(store, "nowhere"), "county-2", b"q" * 16), Book("school-3")
    wrapped = [county.wrap(school, signed) for signed in school.notices(3)]
    relay.bring(county.book, wrapped[0], wrapped[2])
    assert told(store) == [("county-2", "gap", 2, 2), ("school-3", "gap", 2, 2)]


def test_a_batch_that_was_not_stored_is_as_if_it_never_came(
    relay: Relay, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    school = Book("school-3")
    one, two, three = school.notices(3)
    relay.bring(school, one)

    def full(batch: Sequence[Item]) -> None:
        raise OSError("full")

    with monkeypatch.context() as broken:
        broken.setattr(store, "ingest", full)
        with pytest.raises(Exception, match="full"):
            relay.bring(school, two, three)
    relay.say(relay.hello(), *relay.book.records[1:])
    assert (notes(store), told(store)) == (["n1", "n2", "n3"], [])


def layer(site: str, seq: int) -> Layer:
    return Layer(site, "aa", seq, f"{site}{seq}".encode(), f"{site}{seq - 1}".encode())


@settings(max_examples=200, deadline=None)
@given(
    brought=st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 12)), max_size=40),
    seed=st.integers(0, 2**32),
)
def test_whatever_the_order_each_record_counts_once_and_what_is_missing_was_said(
    brought: list[tuple[str, int]], seed: int
) -> None:
    rng, table = random.Random(seed), ListLayers()
    followed = Followed(table)  # type: ignore[arg-type]
    counted: list[tuple[str, int]] = []
    gaps: dict[str, set[int]] = {"a": set(), "b": set()}
    batch: list[Layer] = []
    for site, seq in brought:
        one = layer(site, seq)
        event = NoticeEvent(site, site, "info", Note("x"), NOW)
        item = Incoming("p", "r", 1, event, 0, 0, None, b"", b"", b"", (one,))
        *found, placed = followed.place(item, "county-1")
        assert isinstance(placed, Incoming)
        for breach in found:
            assert isinstance(breach, Breach)
            assert breach.kind in ("gap", "late", "repeated"), "nothing here is forged"
            if breach.kind == "gap":
                gaps[site] |= set(range(breach.first_seq, breach.last_seq + 1))
        batch.append(one)
        if not placed.repeated:
            counted.append((site, seq))
        if rng.random() < 0.3:  # the batch ends; now and then it cannot be stored
            if rng.random() < 0.2:
                gone = [(one.site, one.seq) for one in batch]
                counted = [it for it in counted if it not in gone or it in stored(table)]
            else:
                for one in batch:
                    table.kept.setdefault((one.site, one.epoch, one.seq), one)
            followed.settle(stored=all((b.site, b.epoch, b.seq) in table.kept for b in batch))
            batch = []
    for one in batch:
        table.kept.setdefault((one.site, one.epoch, one.seq), one)
    followed.settle(stored=True)
    assert sorted(counted) == sorted(stored(table))
    for site in "ab":
        have = {seq for name, seq in stored(table) if name == site}
        missing = set(range(1, max(have, default=0) + 1)) - have
        assert missing <= gaps[site]


def stored(table: ListLayers) -> set[tuple[str, int]]:
    return {(site, seq) for site, _, seq in table.kept}
