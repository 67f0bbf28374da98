"""The outbox: gap-free, chained, signed, durable, bounded; damage is noticed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from sensors.clock import Clock
from sensors.keys import Keys, make_keys, signed_by
from sensors.messages import Note, NoticeEvent
from sensors.outbox import Outbox, OutboxFault, OutboxFull
from sensors.outbox_damage import damage_notice, open_outbox
from sensors.outbox_record import NO_HASH
from sensors.wire import read_event, read_record, record_hash


@pytest.fixture(scope="module")
def keys() -> Keys:
    return make_keys()


def notice(text: str = "x", **changes: Any) -> NoticeEvent:
    values: dict[str, Any] = {"site": "school-3", "sensor": "school-3/hall", "level": "info"}
    values |= {"note": Note(text), "start_ns": 1} | changes
    return NoticeEvent(**values)


class Times:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.wall = 1_800_000_000_000_000_000
        self.mono = 5

    def clock(self) -> Clock:
        return Clock(lambda: self.wall, lambda: self.mono)


def test_records_are_numbered_chained_and_signed(tmp_path: Path, keys: Keys) -> None:
    outbox = Outbox(tmp_path / "o.db", keys)
    assert [outbox.append(notice(f"n{i}")) for i in range(5)] == [1, 2, 3, 4, 5]
    before = NO_HASH
    for number, stored in enumerate(outbox.after(0, 10), 1):
        record = read_record(stored.signed.record)
        assert (record.seq, record.epoch, record.previous) == (number, outbox.epoch, before)
        assert read_event(record.payload) == notice(f"n{number - 1}")
        assert stored.hash == record_hash(stored.signed.record)
        assert signed_by(keys.verify_key, stored.hash, stored.signed.signature)
        before = stored.hash
    assert outbox.head == before
    outbox.close()


def test_everything_survives_closing(tmp_path: Path, keys: Keys) -> None:
    outbox = Outbox(tmp_path / "o.db", keys)
    for i in range(10):
        outbox.append(notice(str(i)))
    outbox.ack(4)
    state = (outbox.epoch, outbox.last, outbox.head, outbox.acked)
    outbox.close()
    again = Outbox(tmp_path / "o.db", keys)
    assert (again.epoch, again.last, again.head, again.acked) == state
    assert again.append(notice()) == 11
    assert (again.depth, again.first) == (7, 1)
    again.close()


def test_settings_that_make_it_durable(tmp_path: Path, keys: Keys) -> None:
    outbox = Outbox(tmp_path / "o.db", keys)
    assert outbox._db.pragma("journal_mode") == "wal"
    assert outbox._db.pragma("synchronous") == 2
    assert tuple(int(n) for n in apsw.sqlite_lib_version().split(".")) >= (3, 51, 3)
    outbox.close()


def test_a_second_owner_is_refused(tmp_path: Path, keys: Keys) -> None:
    outbox = Outbox(tmp_path / "o.db", keys)
    with pytest.raises(OutboxFault, match=r"outbox\.in_use"):
        Outbox(tmp_path / "o.db", keys)
    outbox.close()


def test_an_impossible_event_is_not_stored(tmp_path: Path, keys: Keys) -> None:
    outbox = Outbox(tmp_path / "o.db", keys)
    with pytest.raises(ValueError, match="start_ns"):
        outbox.append(notice(start_ns=-1))
    assert (outbox.last, outbox.append(notice())) == (0, 1)
    outbox.close()


def test_acknowledgements_have_a_range(tmp_path: Path, keys: Keys) -> None:
    outbox = Outbox(tmp_path / "o.db", keys)
    outbox.append(notice())
    for seq in (-1, 2):
        with pytest.raises(ValueError, match="outside"):
            outbox.ack(seq)
    outbox.ack(1)
    outbox.ack(0)  # a restored monitor wants it again
    assert outbox.depth == 1
    outbox.close()


def test_only_old_acknowledged_records_go(tmp_path: Path, keys: Keys) -> None:
    times = Times()
    outbox = Outbox(tmp_path / "o.db", keys, keep_s=100.0, clock=times.clock())
    for _ in range(10):
        outbox.append(notice())
    outbox.ack(6)
    assert outbox.first == 1
    times.wall += 200_000_000_000
    outbox.ack(6)
    assert (outbox.first, outbox.last) == (7, 10)
    assert outbox.hash_of(6) is None
    assert outbox.hash_of(10) == outbox.head
    assert outbox.oldest_unacked_s() == pytest.approx(200.0)
    outbox.close()


def test_the_space_for_acknowledged_records_is_bounded(tmp_path: Path, keys: Keys) -> None:
    times = Times()
    outbox = Outbox(tmp_path / "o.db", keys, keep_bytes=100_000, clock=times.clock())
    for _ in range(2000):
        outbox.append(notice("x" * 100))
    outbox.ack(1990)
    for _ in range(5):
        times.wall += 61_000_000_000
        outbox.ack(1990)
    held = outbox.last - outbox.first + 1
    assert 10 <= held < 500
    assert outbox.after(1990, 100)[0].seq == 1991
    outbox.close()


def test_full_is_said_and_what_is_stored_stays(tmp_path: Path, keys: Keys) -> None:
    outbox = Outbox(tmp_path / "o.db", keys, max_bytes=64 * 4096)
    with pytest.raises(OutboxFull):
        for _ in range(10_000):
            outbox.append(notice("x" * 150))
    last = outbox.last
    assert last > 100
    with pytest.raises(OutboxFull):
        outbox.append(notice("x" * 150))
    assert (outbox.last, len(outbox.after(0, 20_000))) == (last, last)
    outbox.close()
    again = Outbox(tmp_path / "o.db", keys, max_bytes=128 * 4096)
    assert again.append(notice()) == last + 1
    again.close()


def test_a_clock_that_was_set_does_not_change_order(tmp_path: Path, keys: Keys) -> None:
    times = Times()
    outbox = Outbox(tmp_path / "o.db", keys, clock=times.clock())
    for step_s in (0, -3600, 86_400, -(10**9) * 2):
        times.wall += step_s * 1_000_000_000
        times.mono += 1
        outbox.append(notice())
    records = [read_record(s.signed.record) for s in outbox.after(0, 10)]
    assert [r.seq for r in records] == [1, 2, 3, 4]
    assert [r.mono_ns for r in records] == [6, 7, 8, 9]
    assert all(r.time_ns >= 0 for r in records)
    outbox.close()


def test_damage_is_set_aside_and_a_new_epoch_begins(tmp_path: Path, keys: Keys) -> None:
    path = tmp_path / "o.db"
    outbox, damaged = open_outbox(path, keys)
    assert damaged is None
    epoch = outbox.epoch
    for _ in range(200):
        outbox.append(notice("x" * 100))
    outbox.close()
    body = bytearray(path.read_bytes())
    body[4096:8192] = bytes(4096)  # the page that says how far the centre is
    path.write_bytes(body)
    outbox, damaged = open_outbox(path, keys)
    assert damaged is not None
    assert damaged.path.exists()
    assert outbox.epoch != epoch
    assert (outbox.last, damaged.saved, damaged.lost) == (200, 200, -1)
    outbox.close()


def test_a_changed_record_is_damage(tmp_path: Path, keys: Keys) -> None:
    path = tmp_path / "o.db"
    outbox = Outbox(path, keys)
    for i in range(20):
        outbox.append(notice(f"number-{i}"))
    outbox.close()
    body = path.read_bytes()
    assert body.count(b"number-7") >= 1
    path.write_bytes(body.replace(b"number-7", b"number-8"))
    with pytest.raises(OutboxFault, match=r"outbox\.corrupt"):
        Outbox(path, keys)
    outbox, damaged = open_outbox(path, keys)
    assert damaged is not None
    assert (outbox.last, damaged.saved, damaged.lost) == (19, 19, 1)
    said = damage_notice("school-3", "school-3/hall", damaged)
    assert outbox.append(said) == 20
    assert said.note.args["lost"] == 1
    outbox.close()


def test_kill_after_confirmation_loses_nothing(tmp_path: Path, keys: Keys) -> None:
    program = """
import os, signal, sys
from pathlib import Path
from sensors.keys import make_keys
from sensors.messages import Note, NoticeEvent
from sensors.outbox import Outbox
outbox = Outbox(Path(sys.argv[1]), make_keys())
for i in range(25):
    outbox.append(NoticeEvent("s", "s/h", "info", Note(str(i)), 1))
os.kill(os.getpid(), signal.SIGKILL)
"""
    path = tmp_path / "o.db"
    done = subprocess.run([sys.executable, "-c", program, str(path)], timeout=60)
    assert done.returncode != 0
    outbox = Outbox(path, keys)
    events = [read_event(read_record(s.signed.record).payload) for s in outbox.after(0, 100)]
    assert [e.note.id for e in events if isinstance(e, NoticeEvent)] == [str(i) for i in range(25)]
    outbox.close()


def test_a_newer_format_is_not_touched(tmp_path: Path, keys: Keys) -> None:
    path = tmp_path / "o.db"
    Outbox(path, keys).close()
    db = apsw.Connection(str(path))
    db.execute("UPDATE outbox SET version = 99")
    db.close()
    with pytest.raises(OutboxFault, match=r"outbox\.version"):
        Outbox(path, keys)


def test_a_missing_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path, keys: Keys) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutboxFault, match=r"outbox\.failed"):
        Outbox(tmp_path / "file" / "o.db", keys)


def test_msgspec_keeps_payload_bytes(tmp_path: Path, keys: Keys) -> None:
    outbox = Outbox(tmp_path / "o.db", keys)
    outbox.append(notice("中文"))
    payload = read_record(outbox.after(0, 1)[0].signed.record).payload
    assert payload == msgspec.msgpack.encode(notice("中文"))
    outbox.close()
