"""Where the relay goes on when it starts: each event goes up once, whatever became of the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from dashboard import schema, upstream
from dashboard.inbox import Breach, Incoming
from dashboard.notices import Notice
from dashboard.store import Store
from dashboard.upstream import Upstream
from dashboard.upstream_watch import UpstreamWatch, still_told
from sensors.keys import make_keys
from sensors.messages import Event, Note, NoticeEvent, RelayedEvent
from sensors.outbox import OutboxFault
from sensors.renewal import announcement
from sensors.wire import read_event, read_record, record_hash
from tests.dashboard.conftest import START_NS, Clock, Site, emitter_event

Open = Callable[..., Store]
KEYS, SIGNER = make_keys(), make_keys()
SIGNER_KEY = SIGNER.verify_key


def event(site: Site) -> Incoming:
    """The next event of a site, with a signature that holds."""
    item = site.says(emitter_event(emitter=f"{site.peer}-{site.seq}"))
    digest = record_hash(item.record)
    return replace(item, signature=SIGNER.sign(digest), hash=digest)


@contextmanager
def relay(folder: Path, store: Store) -> Iterator[Upstream]:
    """The relay as it is when it starts."""
    events = "tcp://127.0.0.1:9"
    one = Upstream(folder, KEYS, "county", events, None, store.reader, lambda _: (SIGNER_KEY,))
    yield one
    one.link.close()
    one.outbox.close()


def sent(one: Upstream) -> list[bytes]:
    """Let it work; the records that it has sent up in all."""
    while one._relay():
        pass
    records = one.outbox.after(0, 10_000)
    events = [read_event(read_record(stored.signed.record).payload) for stored in records]
    return [event.record for event in events if isinstance(event, RelayedEvent)]


def renew(one: Upstream) -> None:
    """Announce other keys: the newest record is no event of a site then."""
    one.outbox.append(announcement("county", KEYS, make_keys(), **one._where()))


@pytest.mark.parametrize("renewed", [False, True])
def test_it_goes_on_where_it_was(tmp_path: Path, open_store: Open, renewed: bool) -> None:
    store, site = open_store(), Site()
    items = [event(site), event(site)]
    store.ingest(items)
    with relay(tmp_path, store) as one:
        assert sent(one) == [item.record for item in items]
        if renewed:
            renew(one)
    with relay(tmp_path, store) as one:
        assert len(sent(one)) == 2
        items.append(event(site))
        store.ingest(items[2:])
        assert sent(one) == [item.record for item in items]


@pytest.mark.parametrize("renewed", [False, True])
@pytest.mark.parametrize("kept", [0, 1, 3])
def test_an_older_store_loses_and_doubles_nothing_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int, renewed: bool
) -> None:
    """What comes again comes in another order, among what is new."""
    monkeypatch.setattr(upstream, "BATCH", 2)
    one, other = Site(), Site(peer="ff112233aabbccdd")
    before = [event(one), event(one), event(one), event(other), event(other), event(other)]
    store = Store(f"sqlite:///{tmp_path}/first.db", clock_ns=Clock())
    store.ingest(before)
    with relay(tmp_path, store) as county:
        assert sent(county) == [item.record for item in before]
        if renewed:
            renew(county)
    store.close()
    older = Store(f"sqlite:///{tmp_path}/older.db", clock_ns=Clock())
    older.ingest(before[:kept])
    fresh = [event(other), event(one)]
    with relay(tmp_path, older) as county:
        older.ingest([*before[3:], fresh[0]])
        assert sent(county) == [item.record for item in [*before, fresh[0]]]
        older.ingest([*before[kept:3], fresh[1]])
        assert sent(county) == [item.record for item in before + fresh]
    older.close()


def noticed(one: Upstream) -> list[tuple[str, str, str, int]]:
    """What this centre says of itself above: where, how bad, what, since when."""
    while one._relay():
        pass
    events = [
        read_event(read_record(stored.signed.record).payload)
        for stored in one.outbox.after(0, 10_000)
    ]
    return [
        (event.sensor, event.level, event.note.id, event.stop_ns)
        for event in events
        if isinstance(event, NoticeEvent) and event.site == "county"
    ]


def test_what_a_centre_notices_itself_is_heard_above_once(tmp_path: Path, open_store: Open) -> None:
    store, site = open_store(), Site()
    gap = Breach(site.peer, "school-3", site.epoch, "gap", 2, 9, b"h" * 32, START_NS)
    failed = Note("notice.store_failed", {"why": "disk full"})
    with relay(tmp_path, store) as one:
        store.ingest([gap])
        store.notice(Notice("", "", "alarm", failed, START_NS))
        store.notice(Notice("", "", "warning", Note("notice.silent"), START_NS))
        expected = [("school-3", "alarm", "notice.gap", START_NS)]
        expected.append(("county", "alarm", "notice.store_failed", 0))
        assert noticed(one) == expected
    with relay(tmp_path, store) as one:
        assert noticed(one) == expected
        store.notice(Notice("", "", "alarm", failed, START_NS, START_NS + 5))
        expected.append(("county", "alarm", "notice.store_failed", START_NS + 5))
        assert noticed(one) == expected
    store.close()
    older = Store(f"sqlite:///{tmp_path}/older.db", clock_ns=Clock())
    with relay(tmp_path, older) as one:  # its audit log is shorter than what was told
        assert noticed(one) == expected
        older.ingest([gap])
        assert noticed(one) == [*expected, expected[0]]
    older.close()


def test_a_disk_that_is_full_for_a_while_loses_nothing_above(
    tmp_path: Path, open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, site = open_store(), Site()
    items = [event(site), event(site), event(site)]
    store.ingest(items)
    with relay(tmp_path, store) as one:
        append, left = one.outbox.append, [1]

        def full(event: Event) -> int:
            if not left:
                raise OutboxFault("outbox.full", path="x")
            left.pop()
            return append(event)

        with monkeypatch.context() as broken:
            broken.setattr(one.outbox, "append", full)
            assert one._try_to_relay() == 0
            assert [note.id for note in one.link.notes()] == ["outbox.full"]
        assert sent(one) == [item.record for item in items]


def test_people_here_hear_that_nothing_arrives_above() -> None:
    told: list[Notice] = []
    now = [START_NS]
    watch = UpstreamWatch(told.append, lambda: now[0])
    silent = Note("notice.upstream", {"seconds": 12})

    def after(seconds: float, *notes: Note) -> list[tuple[str, int, int]]:
        now[0] += round(seconds * 1e9)
        told.clear()
        watch.step(notes)
        return [(one.note.id, one.start_ns - START_NS, one.stop_ns - START_NS) for one in told]

    second = 10**9
    assert after(0, silent) == after(20, silent) == after(5) == []  # a short one is nobody's
    assert after(5, silent) == after(29, silent) == []
    assert after(1, silent) == [("notice.upstream", 30 * second, -START_NS)]
    assert after(99, silent) == []
    worse = Note("outbox.full")
    assert after(1, worse, silent) == [
        ("notice.upstream", 30 * second, 160 * second),
        ("outbox.full", 30 * second, -START_NS),
    ]
    assert after(1) == [("outbox.full", 30 * second, 161 * second)]
    assert after(1) == []


def test_what_could_not_be_told_is_told_at_the_next_look() -> None:
    tries: list[Notice] = []
    now = [START_NS]

    def tell(notice: Notice) -> None:
        tries.append(notice)
        if len(tries) == 1:
            raise OSError("disk")

    watch = UpstreamWatch(tell, lambda: now[0])
    watch.step([Note("outbox.full")])
    now[0] += 40 * 10**9
    with pytest.raises(OSError, match="disk"):
        watch.step([Note("outbox.full")])
    watch.step([Note("outbox.full")])
    watch.step([Note("outbox.full")])
    assert len(tries) == 2


def test_what_lasted_when_the_program_ended_is_over_when_it_is(open_store: Open) -> None:
    store, now = open_store(), [START_NS]
    silent = Note("notice.upstream", {"seconds": 12})
    watch = UpstreamWatch(store.notice, lambda: now[0])
    for _ in range(2):
        watch.step([silent])
        now[0] += 40 * 10**9
    told = still_told(store.reader)
    assert told == Notice("", "", "alarm", silent, START_NS)
    UpstreamWatch(store.notice, lambda: now[0], told).step([])
    assert still_told(store.reader) is None
    with store.reader.connect() as connection:
        rows = connection.execute(select(schema.notices)).fetchall()
    assert [(row.start_ns, row.stop_ns) for row in rows] == [(START_NS, now[0])]


def test_what_no_level_would_take_holds_nothing_else_up(tmp_path: Path, open_store: Open) -> None:
    store = open_store()
    with relay(tmp_path, store) as one:
        store.notice(Notice("", "", "alarm", Note("notice.store_failed"), -5))  # no such time
        assert noticed(one) == []
        store.notice(Notice("", "", "alarm", Note("notice.store_failed"), START_NS))
        assert noticed(one) == [("county", "alarm", "notice.store_failed", 0)]


def test_a_database_that_restarts_does_not_end_the_relay(
    tmp_path: Path, open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, site = open_store(), Site()
    store.ingest([event(site)])
    monkeypatch.setattr(upstream, "RETRY_S", 0.01)
    monkeypatch.setattr(upstream, "BEAT_S", 0.0)
    told: list[str] = []

    class Told(UpstreamWatch):
        def step(self, notes: Sequence[Note]) -> None:
            told.extend(note.id for note in notes)

    with relay(tmp_path, store) as one:
        one.watch = Told(lambda notice: None, lambda: START_NS)
        moved, left = one._relay, [1, 2]

        def restarts() -> int:
            if left:
                left.pop()
                raise OSError("the connection was closed")
            return moved()

        monkeypatch.setattr(one, "_relay", restarts)

        async def story() -> None:
            task = asyncio.create_task(one.run(lambda watch: 1, lambda number: None))
            while not one.outbox.last:
                await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        asyncio.run(asyncio.wait_for(story(), 20))
    assert "notice.upstream_failed" in told
