from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from dashboard import schema
from dashboard.actions import Wish
from dashboard.alarms import Alarm
from dashboard.audit import Entry, first_broken
from dashboard.database import back_up
from dashboard.errors import Refused, StoreError
from dashboard.inbox import Breach, Standing
from dashboard.notices import Notice
from dashboard.queries import NoticeQuery, notices
from dashboard.store import Store, decode
from dashboard.tending import Patience, tend
from sensors.messages import Note, NoticeEvent
from tests.dashboard.conftest import SECOND, START_NS, Clock, Site, emitter_event

Open = Callable[..., Store]


def count(store: Store, table: str) -> int:
    with store.reader.connect() as connection:
        return int(connection.scalar(text(f"select count(*) from {table}")) or 0)


def chain(store: Store) -> list[Entry]:
    with store.reader.connect() as connection:
        rows = connection.execute(select(schema.audit).order_by(schema.audit.c.seq))
        return [Entry(**row._mapping) for row in rows]


def stored(store: Store) -> dict[str, Alarm]:
    with store.reader.connect() as connection:
        bodies = connection.scalars(select(schema.alarms.c.body))
        return {alarm.id: alarm for alarm in map(decode, bodies)}


def test_a_batch_becomes_event_alarm_and_audit_rows(open_store: Open) -> None:
    store, site = open_store(), Site()
    told: list[Alarm] = []
    store.on_alarms = told.extend
    store.ingest([site.says(emitter_event()), site.says(emitter_event(phase="update", snr_db=25))])
    assert count(store, "events") == 2
    assert [alarm.loudest.snr_db for alarm in stored(store).values()] == [25]
    assert [entry.act for entry in chain(store)] == ["alarm.opened"]
    assert told == list(stored(store).values())
    assert store.last(site.peer, site.epoch) == Standing(2, site.sent[-1].hash)
    assert store.epochs(site.peer) == [site.epoch]
    assert store.last(site.peer, "f" * 32) is None


def test_nothing_of_a_refused_batch_remains(open_store: Open) -> None:
    """A record that is already there is a bug upstream: neither disk nor memory may move."""
    store, site = open_store(), Site()
    first = site.says(emitter_event())
    store.ingest([first])
    before = dict(store.desk.alarms)
    other = site.says(emitter_event(emitter="e2", center_freq_hz=210.3e6))
    changed = site.says(emitter_event(phase="update", snr_db=44))
    with pytest.raises(IntegrityError):
        store.ingest([other, changed, first])
    assert store.desk.alarms == before
    assert [*store.desk.near(210.3e6, 12e3)] == []
    assert count(store, "events") == count(store, "alarms") == count(store, "emitters") == 1
    assert store.last(site.peer, site.epoch) == Standing(1, first.hash)
    store.ingest([other, changed])
    assert count(store, "alarms") == 2


def test_survives_being_closed(open_store: Open) -> None:
    store, site = open_store(), Site()
    store.ingest([site.says(emitter_event())])
    kept = stored(store)
    store.close()
    again = open_store()
    assert again.desk.alarms == kept
    again.ingest([site.says(emitter_event(phase="update", sightings=2))])
    assert len(stored(again)) == 1
    assert first_broken(chain(again)) is None


def test_an_event_finds_its_alarm_after_it_left_memory(open_store: Open, clock: Clock) -> None:
    store, site = open_store(), Site()
    store.ingest([site.says(emitter_event()), site.says(emitter_event(phase="close"))])
    clock.wait(2 * 3600)
    tend(store, Patience())
    assert store.desk.alarms == {}
    store.ingest([site.says(emitter_event(phase="close", on_s=2.5))])
    assert [alarm.sightings() for alarm in stored(store).values()] == [(1, 2.5)]
    assert [entry.act for entry in chain(store)].count("alarm.opened") == 1


def test_what_a_dead_sensor_never_closed_leaves_the_air(open_store: Open, clock: Clock) -> None:
    store, site = open_store(), Site()
    store.ingest([site.says(emitter_event())])
    clock.wait(300)
    tend(store, Patience())
    assert [alarm.on_air for alarm in stored(store).values()] == [True]
    clock.wait(400)
    tend(store, Patience())
    assert [alarm.on_air for alarm in stored(store).values()] == [False]


def test_a_gap_moves_the_standing_and_is_noticed(open_store: Open) -> None:
    store, site = open_store(), Site()
    told: list[Notice] = []
    store.on_notices = told.extend
    item = site.says(emitter_event())
    gap = Breach(site.peer, "school-3", site.epoch, "gap", 2, 9, b"h" * 32, START_NS)
    fork = Breach(site.peer, "school-3", site.epoch, "fork", 1, 1, b"", START_NS)
    store.ingest([item, fork, gap])
    assert store.last(site.peer, site.epoch) == Standing(9, b"h" * 32)
    assert [(notice.level, notice.note.id) for notice in told] == [
        ("alarm", "notice.fork"),
        ("alarm", "notice.gap"),
    ]
    assert told[1].note.args["count"] == 8
    assert {entry.act for entry in chain(store)} >= {"breach.gap", "breach.fork"}


def test_a_notice_that_ends_is_the_same_notice(open_store: Open) -> None:
    store, site = open_store(), Site()
    lost = NoticeEvent("school-3", "school-3/hall", "warning", Note("notice.x"), START_NS)
    ended = NoticeEvent(
        "school-3", "school-3/hall", "warning", Note("notice.x"), START_NS, START_NS + SECOND
    )
    store.ingest([site.says(lost)])
    store.ingest([site.says(ended)])
    assert count(store, "notices") == 1
    with store.reader.connect() as connection:
        assert connection.scalar(select(schema.notices.c.stop_ns)) == START_NS + SECOND


def test_notices_of_one_moment_do_not_take_each_others_place(open_store: Open) -> None:
    """Two devices at once, two gaps in one batch, one end after the other: all of them stay."""
    store, site = open_store(), Site()

    def lost(band: str, seconds: int, stop_ns: int = 0) -> NoticeEvent:
        note = Note("notice.x", {"band": band, "seconds": seconds})
        return NoticeEvent("school-3", "school-3/hall", "warning", note, START_NS, stop_ns)

    def kept() -> list[tuple[object, ...]]:
        found = notices(store.reader, NoticeQuery())
        return sorted((n.note.args["band"], n.note.args["seconds"], n.stop_ns) for n in found)

    store.ingest([site.says(lost("uhf", 1)), site.says(lost("vhf", 1)), site.says(lost("uhf", 2))])
    assert kept() == [("uhf", 2, 0), ("vhf", 1, 0)]
    end_ns = START_NS + SECOND
    store.ingest([site.says(lost("uhf", 3, end_ns)), site.says(lost("uhf", 9, end_ns + SECOND))])
    assert kept() == [("uhf", 3, end_ns), ("uhf", 9, end_ns + SECOND), ("vhf", 1, 0)]
    gaps = [
        Breach(site.peer, "school-3", site.epoch, "gap", first, first, b"h" * 32, START_NS)
        for first in (7, 9)
    ]
    store.ingest(gaps)
    found = notices(store.reader, NoticeQuery())
    assert sorted(n.note.args["first"] for n in found if n.note.id == "notice.gap") == [7, 9]


def test_actions_are_kept_with_their_author_and_audited(open_store: Open) -> None:
    store, site = open_store(), Site()
    store.ingest([site.says(emitter_event())])
    (key,) = stored(store)
    store.act(key, Wish(action="acknowledge"), "li")
    store.act(key, Wish(action="dismiss", reason="licensed", note="taxi base"), "wang")
    with store.reader.connect() as connection:
        rows = connection.execute(select(schema.actions).order_by(schema.actions.c.id)).all()
    assert [(row.author, row.state_before, row.state_after) for row in rows] == [
        ("li", "new", "acknowledged"),
        ("wang", "acknowledged", "dismissed"),
    ]
    assert [(e.actor, e.act) for e in chain(store)[1:]] == [
        ("li", "alarm.acknowledge"),
        ("wang", "alarm.dismiss"),
    ]
    assert first_broken(chain(store)) is None
    with pytest.raises(Refused) as caught:
        store.act("nobody", Wish(action="note", note="x"), "li")
    assert caught.value.status == 404


def test_an_edited_audit_row_is_found(open_store: Open) -> None:
    store, site = open_store(), Site()
    store.ingest([site.says(emitter_event())])
    (key,) = stored(store)
    store.act(key, Wish(action="acknowledge"), "li")
    store.act(key, Wish(action="note", note="van sent"), "li")
    with store.writing() as connection:
        connection.execute(text("update audit set actor='wu' where seq=2"))
    assert first_broken(chain(store)) == 2


def test_the_heads_of_the_sites_chains_are_checkpointed(open_store: Open, clock: Clock) -> None:
    store, site = open_store(), Site()
    store.ingest([site.says(emitter_event())])
    clock.wait(11)
    item = site.says(emitter_event(phase="update"))
    store.ingest([item])
    store.settle()
    points = [entry for entry in chain(store) if entry.act == "checkpoint"]
    assert len(points) == 1
    assert item.hash.hex() in points[0].detail


def test_two_monitors_do_not_share_a_store(open_store: Open) -> None:
    store = open_store()
    with pytest.raises(StoreError, match=r"monitor\.store_in_use"):
        open_store()
    store.close()
    open_store()


def test_a_newer_database_is_left_alone(open_store: Open, tmp_path: Path) -> None:
    store = open_store()
    with store.writing() as connection:
        connection.execute(schema.about.update().values(value=str(schema.VERSION + 1)))
    store.close()
    with pytest.raises(StoreError, match=r"monitor\.store_newer"):
        open_store()


@pytest.mark.parametrize(
    ("url", "message_id"),
    [
        ("nonsense", "monitor.store_url"),
        ("mysql://x/y", "monitor.store_url"),
        ("sqlite://", "monitor.store_url"),
        ("sqlite:////proc/none/monitor.db", "monitor.store_unusable"),
    ],
)
def test_a_store_that_cannot_be(url: str, message_id: str) -> None:
    with pytest.raises(StoreError) as caught:
        Store(url)
    assert caught.value.message_id == message_id


def test_not_a_database(tmp_path: Path) -> None:
    path = tmp_path / "monitor.db"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError) as caught:
        Store(f"sqlite:///{path}")
    assert caught.value.message_id == "monitor.store_unusable"


def test_sqlite_commits_are_durable_and_readers_cannot_write(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/monitor.db")
    with store.writing() as connection:
        assert connection.scalar(text("pragma synchronous")) == 2
        assert connection.scalar(text("pragma journal_mode")) == "wal"
    with store.reader.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(schema.events)) == 0
        with pytest.raises(OperationalError, match="readonly"):
            connection.execute(text("delete from events"))
    store.close()


def test_a_copy_is_a_whole_store(tmp_path: Path, clock: Clock) -> None:
    store, site = Store(f"sqlite:///{tmp_path}/monitor.db", clock_ns=clock), Site()
    store.ingest([site.says(emitter_event())])
    copy = back_up(store.reader, clock())
    store.ingest([site.says(emitter_event(emitter="late", center_freq_hz=3e8))])
    store.close()
    restored = Store(f"sqlite:///{copy}", clock_ns=clock)
    assert len(stored(restored)) == 1
    assert restored.last(site.peer, site.epoch) == Standing(1, site.sent[0].hash)
    assert first_broken(chain(restored)) is None
    restored.close()


def test_a_copy_that_cannot_be_written_is_said(tmp_path: Path, clock: Clock) -> None:
    store = Store(f"sqlite:///{tmp_path}/monitor.db", clock_ns=clock)
    (tmp_path / "backup").write_text("a file where the folder should be")
    with pytest.raises(Refused, match=r"backup\.failed"):
        back_up(store.reader, clock())
    store.close()


def test_a_disk_that_takes_nothing_is_not_called_another_monitor(tmp_path: Path) -> None:
    (tmp_path / "monitor.db-owner").write_text("not a database" * 500, encoding="utf-8")
    with pytest.raises(StoreError) as caught:
        Store(f"sqlite:///{tmp_path}/monitor.db")
    assert caught.value.message_id == "monitor.store_unusable"
