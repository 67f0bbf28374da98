"""A bundle proves an alarm, leaves by the rules, and shows what was done to the store."""

from __future__ import annotations

import copy
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from dashboard import bundle_records, passwords
from dashboard.audit_log import AuditQuery, audit_entries
from dashboard.bundle import BundleQuery, Bundles, Signing
from dashboard.clips import DATA
from dashboard.inbox import Breach
from dashboard.store import Store
from dashboard.verify import verify
from sensors.keys import make_keys
from sensors.messages import RelayedEvent
from sensors.outbox import Outbox
from tests.dashboard import other_verifier
from tests.dashboard.casefile import (
    LI,
    NAMES,
    RENEWED_AT,
    School,
    entries_of,
    exam,
    signed_again,
    with_lines,
    zipped,
)
from tests.dashboard.conftest import SECOND, Clock, emitter_event
from tests.dashboard.test_pairs import WANG, WU, refused
from tests.dashboard.test_taking import Depot

Open = Callable[..., Store]


@pytest.fixture
def lone_store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path}/monitor.db", clock_ns=clock)
    yield store
    store.close()


@pytest.fixture
def school(tmp_path: Path, lone_store: Store, clock: Clock) -> School:
    school = School(tmp_path, lone_store, clock)
    exam(school)
    return school


def judged(content: bytes, folder: Path, key: str = "") -> tuple[set[str], set[str]]:
    """What is wrong, and what is remarked."""
    path = folder / "bundle.zip"
    path.write_bytes(content)
    found = verify(path, key).found
    wrong = {one.message_id for one in found if one.verdict == "fail"}
    return wrong, {one.message_id for one in found if one.verdict == "remark"}


def test_it_is_the_same_on_both_stores(open_store: Open, tmp_path: Path, clock: Clock) -> None:
    school = School(tmp_path, open_store(), clock)
    exam(school)
    assert judged(school.take(), tmp_path, school.own.key_id) == (set(), set())


def test_who_took_it_is_written_before_it_leaves(school: School, lone_store: Store) -> None:
    bundle = entries_of(school.take())
    last = audit_entries(lone_store.reader, AuditQuery(newest=True, limit=1))[0]
    assert (last.actor, last.act) == ("li", "bundle.taken")
    assert json.loads(last.detail)["recordings"].keys() == set(NAMES)
    assert json.loads(bundle["audit.jsonl"].splitlines()[-1])["hash"] == last.hash
    assert last.hash in bundle["checkpoint.txt"].decode()


def test_without_recordings_it_says_so(school: School, tmp_path: Path) -> None:
    content = school.take(recordings="no")
    assert not [name for name in entries_of(content) if name.startswith("recordings/")]
    assert judged(content, tmp_path)[1] == {"verify.compare_key", "verify.without_unwanted"}


def test_a_monitor_without_keys_has_one_for_bundles(
    tmp_path: Path, lone_store: Store, clock: Clock
) -> None:
    school = School(tmp_path, lone_store, clock, keyed=False)
    school.says(emitter_event())
    content = school.take()
    remarks = {"verify.greeted", "verify.not_anchored"}
    assert judged(content, tmp_path, school.own.key_id) == (set(), remarks)
    again = Bundles(lone_store, school.evidence, school.taking, school.bundles._signing)
    assert again._own_keys.key_id == school.own.key_id
    nobody = Signing("city", tmp_path / "centre" / "evidence", None, lambda _: ())
    strange = Bundles(lone_store, school.evidence, school.taking, nobody)
    (alarm,) = lone_store.desk.alarms
    assert refused(lambda: strange.make(alarm, BundleQuery(), LI)) == ("bundle.no_key", 409)


def behind_a_county(
    school: School, tmp_path: Path, clock: Clock, left_out: int = 0, *, noticed: bool = False
) -> School:
    """A city to which a county brings what the school says, or all of it but one record."""
    keys = make_keys()
    outbox = Outbox(tmp_path / "relay.db", keys)
    city = School(tmp_path / "city", Store(f"sqlite:///{tmp_path}/city.db", clock_ns=clock), clock)
    assert city.keyring is not None
    city.keyring.revoke("school-3", "wang")  # it comes through the county now
    city.keyring.allow("county", keys.curve_public, keys.verify_key, "wang", relay=True)
    city.peer, city.outbox = keys.key_id, outbox
    for number, stored in enumerate(school.outbox.after(0, 100), 1):
        if number == left_out:
            continue
        if noticed and number == left_out + 1:
            gap = (left_out, left_out, b"", clock(), "county")
            city.store.ingest([Breach(city.peer, "school-3", "e", "gap", *gap)])
        signer = school.first_key if number <= RENEWED_AT else school.keys
        if not city.keyring.pinned("county", "school-3", signer.verify_key):
            city.keyring.origins.pin("school-3", signer.key_id, "wang")
        key = signer.verify_key
        city.says(
            RelayedEvent("county", number, key, stored.signed.record, stored.signed.signature)
        )
    shutil.copytree(tmp_path / "centre", tmp_path / "city" / "centre", dirs_exist_ok=True)
    return city


@pytest.mark.parametrize("noticed", [False, True])
def test_what_a_relay_has_left_out_is_missing_or_known(
    school: School, tmp_path: Path, clock: Clock, noticed: bool
) -> None:
    city = behind_a_county(school, tmp_path, clock, 6, noticed=noticed)
    failed, remarked = judged(city.take(), tmp_path, city.own.key_id)
    assert failed == (set() if noticed else {"verify.left_out"})
    assert ("verify.known_gap" in remarked) == noticed
    city.store.close()


def test_through_a_relay_each_level_has_signed(
    school: School, tmp_path: Path, clock: Clock
) -> None:
    """County to city: the city's bundle holds the county's records around the school's."""
    city = behind_a_county(school, tmp_path, clock)
    content = city.take()
    assert judged(content, tmp_path, city.own.key_id) == (set(), {"verify.not_anchored"})
    path = tmp_path / "bundle.zip"
    other_verifier.verify(path, city.own.verify_key)
    whole = entries_of(content)
    lines = [json.loads(line) for line in whole["keys.jsonl"].splitlines()]
    assert [line["how"] for line in lines] == ["enrolled", "enrolled", "pinned", "pinned"]

    def forget(lines: list[Any]) -> None:
        lines.pop()

    def other_key(lines: list[Any]) -> None:
        strange = make_keys()
        lines[-1].update(verify=strange.verify_key.hex(), key=strange.key_id)

    for change in (forget, other_key):
        changed = zipped(signed_again(with_lines(whole, "keys.jsonl", change), city.own).items())
        assert "verify.record_signature" in judged(changed, tmp_path)[0]
        with pytest.raises(other_verifier.Wrong):
            other_verifier.verify(path, city.own.verify_key)
    city.store.close()


TAMPERED = (
    ("UPDATE events SET signature = record WHERE seq = 4", "verify.bad_line"),
    ("UPDATE events SET record = substr(record, 1, 90) WHERE seq = 4", "verify.no_record"),
    ("UPDATE events SET record = (SELECT record FROM events WHERE seq = 3) WHERE seq = 4",
     "verify.misplaced"),
    ("DELETE FROM events WHERE seq = 6", "verify.left_out"),
    ("DELETE FROM events WHERE seq = 9", "verify.left_out"),
    ("DELETE FROM events WHERE seq = 10", "verify.other_end"),
    ("DELETE FROM events WHERE alarm IS NOT NULL", "verify.no_records"),
    ("UPDATE events SET alarm = (SELECT id FROM alarms) WHERE seq = 3", "verify.other_role"),
    ("UPDATE audit SET detail = '{}' WHERE act = 'alarm.acknowledge'", "verify.audit_row"),
    ("UPDATE audit SET actor = 'wu' WHERE act = 'alarm.acknowledge'", "verify.audit_row"),
    ("UPDATE audit SET time_ns = 5 WHERE act = 'alarm.opened'", "verify.audit_row"),
    ("DELETE FROM audit WHERE act = 'alarm.acknowledge'", "verify.audit_broken"),
    ("DELETE FROM audit WHERE seq = 1", "verify.audit_broken"),
    ("UPDATE audit SET hash = 'x' WHERE seq = 2", "verify.audit_broken"),
    ("DELETE FROM clips", "verify.gone"),
)  # fmt: skip


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    """A school whose store nobody changes."""
    folder, clock = tmp_path_factory.mktemp("kept"), Clock()
    school = School(folder, Store(f"sqlite:///{folder}/monitor.db", clock_ns=clock), clock)
    exam(school)
    yield school
    school.store.close()


@pytest.mark.parametrize("statement, reason", TAMPERED)
def test_whoever_edits_the_store_is_told_of(
    kept: School, tmp_path: Path, statement: str, reason: str
) -> None:
    with (
        closing(sqlite3.connect(f"{kept.folder}/monitor.db")) as before,
        closing(sqlite3.connect(f"{tmp_path}/monitor.db")) as after,
    ):
        before.backup(after)
        after.execute(statement)
        after.commit()
    store = Store(f"sqlite:///{tmp_path}/monitor.db", clock_ns=kept.clock)
    copied = copy.copy(kept)
    copied.keep_in(store)
    assert reason in judged(copied.take(), tmp_path)[0]
    store.close()


def test_times_that_contradict_are_remarks(tmp_path: Path, lone_store: Store, clock: Clock) -> None:
    school = School(tmp_path, lone_store, clock)
    hour_ns = 3600 * SECOND
    school.says(emitter_event(phase="update", last_seen_ns=clock() + hour_ns))
    with lone_store.writing() as connection:
        connection.execute(text("UPDATE events SET received_ns = received_ns - 7200000000000"))
    clock.now_ns -= hour_ns
    wrong, remarks = judged(school.take(), tmp_path, school.own.key_id)
    assert (wrong, remarks - {"verify.not_anchored"}) == (
        set(),
        {"verify.seen_later", "verify.before_written", "verify.audit_time", "verify.no_opening"},
    )


def test_an_edited_recording_does_not_leave(school: School, tmp_path: Path) -> None:
    file = tmp_path / "centre" / "evidence" / "school-3" / (NAMES[0] + DATA)
    file.write_bytes(b"\x80" * 7000)
    content = school.take()
    assert f"recordings/{NAMES[0]}{DATA}" not in entries_of(content)
    assert f"recordings/{NAMES[1]}{DATA}" in entries_of(content)
    assert "verify.without_damaged" in judged(content, tmp_path)[1]


def test_a_gap_that_was_told_is_none_that_was_made(
    school: School, lone_store: Store, tmp_path: Path
) -> None:
    with lone_store.writing() as connection:
        connection.execute(text("DELETE FROM events WHERE seq = 6"))
    epoch = school.outbox.epoch.hex()
    lost = Breach(school.peer, "school-3", epoch, "gap", 6, 6, b"\0" * 32, school.clock())
    lone_store.ingest([lost])
    with lone_store.writing() as connection:  # the standing went back with that record
        connection.execute(text("UPDATE standings SET seq = seq"))
    assert judged(school.take(), tmp_path)[0] == set()


def test_of_a_busy_site_only_the_alarms_own_records(
    school: School, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle_records, "MOST_BETWEEN", 5)
    content = school.take()
    wrong, remarks = judged(content, tmp_path)
    assert (wrong, remarks) == (set(), {"verify.compare_key"})
    found = verify(tmp_path / "bundle.zip").found
    assert "verify.records_sparse" in {one.message_id for one in found}
    roles = [json.loads(line)["role"] for line in entries_of(content)["records.jsonl"].splitlines()]
    assert roles.count("between") == 1, "the one that the checkpoint names"


def test_a_joined_alarms_rows_come_along(school: School, lone_store: Store) -> None:
    (alarm,) = lone_store.desk.alarms
    with lone_store.writing() as connection:
        lone_store.note(connection, "monitor", "alarm.opened", "older", {})
        lone_store.note(connection, "monitor", "alarm.joined", "older", {"to": alarm})
        lone_store.note(connection, "monitor", "alarm.opened", "another", {})
    rows = [json.loads(line) for line in entries_of(school.take())["audit.jsonl"].splitlines()]
    assert [row["act"] for row in rows if row["subject"] == "older"] == [
        "alarm.opened",
        "alarm.joined",
    ]
    assert not [row for row in rows if row["subject"] == "another"]


def test_what_is_refused(
    school: School, lone_store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def make(alarm: str = next(iter(lone_store.desk.alarms))) -> bool:
        with school.bundles.make(alarm, BundleQuery(), LI).file as file:
            return bool(file.read())

    assert refused(lambda: make("nonsense")) == ("alarm.unknown", 404)
    with school.bundles._busy:
        assert refused(make) == ("bundle.busy", 409)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 20))
        assert refused(make) == ("bundle.no_room", 409)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "TemporaryFile", full)
        assert refused(make) == ("bundle.disk", 409)
    assert make(), "afterwards it works again"


def test_recordings_leave_in_it_when_two_agree(
    open_store: Open, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "COST", 16)
    depot = Depot(open_store(), tmp_path / "evidence")
    clock.wait(60)
    signing = Signing("city", tmp_path / "evidence", None, lambda _: (bytes(32),))
    bundles = Bundles(depot.store, depot.evidence, depot.taking, signing)

    def take(who: Any = LI, recordings: Any = "yes") -> bytes:
        with bundles.make(depot.alarm, BundleQuery(recordings), who).file as file:
            return file.read()

    assert refused(take) == ("evidence.takes_two", 409)
    assert "evidence.taken" not in [act for _, act, _ in depot.log()]
    assert take(recordings="no")
    depot.decide(depot.ask(), WANG)
    rows = [json.loads(line) for line in entries_of(take())["audit.jsonl"].splitlines()]
    assert [row["act"] for row in rows if row["act"].startswith("pair.")] == [
        "pair.waiting",
        "pair.approved",
    ]
    assert refused(lambda: take(WU)) == ("evidence.takes_two", 409)


def test_what_is_announced_meanwhile_is_looked_for_again(
    school: School, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recording that is announced between two looks is in the bundle, or the bundle waits."""
    looked = bundle_records.find_records
    names = [f"20270115T08001{k}.000Z_169.5000M_school-3-hall-1" for k in range(9)]
    late = names[:1]

    def look(*arguments: Any) -> bundle_records.Found:
        found = looked(*arguments)
        if late:
            school.records(late.pop(0), b"\x80" * 2000)
        return found

    monkeypatch.setattr(bundle_records, "find_records", look)
    content = school.take()
    assert len([name for name in entries_of(content) if name.endswith(DATA)]) == 3
    assert judged(content, tmp_path, school.own.key_id)[0] == set()
    late += names[1:]
    assert refused(school.take) == ("bundle.busy", 409)
