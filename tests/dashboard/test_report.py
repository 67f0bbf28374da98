"""The record of a session: everything that the file needs, nothing smoothed over."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner
from sqlalchemy import insert, select

from dashboard import report_alarms, schema
from dashboard.access import Identity
from dashboard.actions import Wish
from dashboard.answers import Call, Monitor
from dashboard.api import ENDPOINTS
from dashboard.approvals import request_hash
from dashboard.audit import canonical
from dashboard.audit_log import AuditQuery, audit_entries
from dashboard.config import DeskSection, MonitorFile, MonitorSection
from dashboard.errors import Refused, StoreError
from dashboard.notices import Notice
from dashboard.phases import NewSession
from dashboard.pyramid import LEVELS, Tile
from dashboard.reading import store_at
from dashboard.recorder import Recorder
from dashboard.report import Report, report_of
from dashboard.report_answers import ReportQuery
from dashboard.report_sheet import sheet
from dashboard.report_span import first_since
from dashboard.reviews import NewReview, Reviews
from dashboard.state import Site as SiteState
from dashboard.store import Store
from dashboard.store_file import copy_whole
from dashboard.tiles import TileFiles
from dashboard.timetable import Timetable
from rfproctor import cli, main
from sensors.messages import BandWatch, Heartbeat, Note, SensorHealth
from tests.dashboard.conftest import SECOND, START_NS, Clock, Site, emitter_event
from tests.dashboard.test_migration import load

Open = Callable[..., Store]
HOUR_NS = 3600 * SECOND
MINUTE_NS = 60 * SECOND
BAND = BandWatch("tv3-low", 167e6, 175e6, 0.25, 0.99)
SIGNED = {"school-3/hall": "abc123"}


def config() -> MonitorFile:
    return MonitorFile(
        monitor=MonitorSection(id="city", http="127.0.0.1:0", events="tcp://127.0.0.1:8471"),
        desk=DeskSection(review_s=6 * 3600),
    )


def heartbeat() -> Heartbeat:
    hall = SensorHealth("school-3/hall", "hall", "rtl:1", "go", bands=[BAND], baseline="abc123")
    return Heartbeat("school-3", "第三中学", START_NS, START_NS, [hall], version="0.9")


def exam(store: Store, **changes: Any) -> int:
    """Papers open at START_NS for two hours; the drill began an hour before."""
    wish = NewSession("maths", START_NS, START_NS + 2 * HOUR_NS, site="school-3")
    return Timetable(store).add(msgspec.structs.replace(wish, **changes), "li").id


def agree(store: Store, act: str, subject: str, what: dict[str, object], at_ns: int) -> None:
    """A request that wang decided for li."""
    text = canonical(what)
    row = {
        **{"act": act, "subject": subject, "what": text, "wanted_by": "li", "wanted_ns": at_ns},
        **{"until_ns": at_ns + 900 * SECOND, "state": "approved", "decided_by": "wang"},
        **{"decided_ns": at_ns + SECOND, "note": "", "hash": ""},
    }
    row["hash"] = request_hash(act, subject, text, "li", at_ns)
    with store.writing() as connection:
        connection.execute(insert(schema.approvals).values(row))


def told(note: Note, start_ns: int, stop_ns: int = 0, level: Any = "warning") -> Notice:
    return Notice("school-3", "school-3/hall", level, note, start_ns, stop_ns)


def record(store: Store, folder: Path, number: int = 1) -> Report:
    return report_of(store.reader, TileFiles(folder), config(), number, store.now_ns())


@pytest.fixture
def held(open_store: Open, clock: Clock) -> Store:
    """An exam that was prepared, watched and not quite finished."""
    store = open_store()
    site = Site()
    clock.wait(-3600)
    number = exam(store)
    store.remember([SiteState(heartbeat(), clock.now_ns)])
    agree(store, "baseline", str(number), {"baselines": SIGNED, "note": ""}, clock.now_ns)
    agree(store, "shift", "wang", {"to": "wang", "num_open": 0, "note": "night"}, clock.now_ns)
    band = Note("drill.band", {"band": "tv3-low", "sent": 3, "heard": 3, "median_s": "0.4"})
    store.notice(told(band, clock.now_ns, clock.now_ns + MINUTE_NS, "info"))
    clock.wait(3600)
    site.now_ns = clock.now_ns
    site_late = replace(site.says(emitter_event()), clock_offset_ns=-3 * SECOND)
    store.ingest([site_late, site.says(emitter_event(emitter="e2", center_freq_hz=210e6))])
    clock.wait(90)
    first, _ = (one.id for one in record(store, Path()).alarms.lines)
    store.act(first, Wish("acknowledge"), "li")
    store.act(first, Wish("close", "found", "room 204 <b>"), "li")
    with store.writing() as connection:
        order = {"order": "record", "args": {"sensor": "school-3/hall"}, "lease_s": 30.0}
        store.note(connection, "li", "site.order", "school-3", order)
        note = {"id": "record.begun", "args": {"seconds": 4}}
        answer = {"order": "record", "number": 1, "accepted": True, "note": note}
        store.note(connection, "li", "site.answer", "school-3", answer)
        store.note(connection, "li", "evidence.taken", first, {"file": "a.sigmf-data"})
        row = {
            **{"receiver": "province", "news": "new", "subject": first, "title": "new alarm"},
            **{"raised_ns": START_NS, "body": "", "state": "sent", "tries": 1, "error": ""},
            **{"made_ns": START_NS + SECOND, "next_ns": 0, "done_ns": START_NS + 2 * SECOND},
        }
        elsewhere = {**row, "subject": "school-9/notice.silent"}
        connection.execute(insert(schema.deliveries), [row, elsewhere])
    clock.wait(7 * 3600)
    reviews = Reviews(store, lambda: [], lambda: ["school-3"], 6 * 3600)
    reviews.add(NewReview("school-3", START_NS, START_NS + HOUR_NS, "nothing"), "sun")
    return store


def test_it_names_who_was_answerable_and_what_was_done(held: Store, tmp_path: Path) -> None:
    found = record(held, tmp_path)
    (shift,), (signature,) = found.people.handovers, found.people.sign_offs
    assert (shift.wanted_by, shift.subject, shift.decided_by, shift.intact) == (
        *("li", "wang", "wang"),
        True,
    )
    assert (signature.wanted_by, signature.decided_by, found.people.signed()) == (
        *("li", "wang"),
        SIGNED,
    )
    assert [(one.name, one.acts) for one in found.people.worked] == [("li", 2)]
    closed, waiting = found.alarms.lines
    assert [one.action for one in closed.actions] == ["acknowledge", "close"]
    assert (waiting.actions, found.alarms.open, found.alarms.decided["close.found"]) == ((), 1, 1)
    assert found.alarms.taken_s == [90.0, 90.0]
    (order,) = found.acts.orders
    assert (order.order, order.accepted, order.note) == (
        *("record", True),
        Note("record.begun", {"seconds": 4}),
    )
    assert [one.act for one in found.acts.takings] == ["evidence.taken"]
    (message,) = found.acts.messages
    assert (message.answered_by, message.answered_ns - START_NS) == ("li", 90 * SECOND)
    assert [(one.passed, one.bands[0].heard) for one in found.looked.drills] == [(True, 3)]
    (site,) = found.sites
    assert (site.version, site.clocks.records, site.clocks.least_ns, site.clocks.most_ns) == (
        *("0.9", 2, -3 * SECOND),
        0,
    )


def test_it_says_what_it_lacks(held: Store, tmp_path: Path) -> None:
    found = record(held, tmp_path)
    assert [one.start_ns - START_NS for one in found.looked.missing] == [HOUR_NS]
    assert found.looked.late == [1]  # after seven hours of six
    assert found.lacks == ["no_history", "alarms_open", "reviews", "reviews_late"]


def test_its_head_is_the_last_row_of_the_audit_log(held: Store, tmp_path: Path) -> None:
    head = record(held, tmp_path).acts.head
    (last,) = audit_entries(held.reader, AuditQuery(newest=True, limit=1))
    assert (head.seq, head.hash) == (last.seq, last.hash)
    rows = audit_entries(held.reader, AuditQuery(since_ns=START_NS - HOUR_NS))
    assert head.first_seq == rows[0].seq


def test_a_row_of_the_audit_log_that_was_edited_is_named(held: Store, tmp_path: Path) -> None:
    assert record(held, tmp_path).acts.head.broken == 0
    with held.writing() as connection:
        taken = schema.audit.update().where(schema.audit.c.act == "evidence.taken")
        connection.execute(taken.values(actor="zhao"))
    found = record(held, tmp_path)
    (row,) = audit_entries(held.reader, AuditQuery(act="evidence.taken"))
    assert (found.acts.head.broken, "chain" in found.lacks) == (row.seq, True)


def test_a_request_that_was_edited_is_shown_as_such(held: Store, tmp_path: Path) -> None:
    with held.writing() as connection:
        shifts = schema.approvals.update().where(schema.approvals.c.act == "shift")
        connection.execute(shifts.values(wanted_by="zhao"))
    found = record(held, tmp_path)
    assert not found.people.handovers[0].intact
    assert "CHANGED AFTERWARDS" in sheet(found, "en")


def minutes(tmp_path: Path, *seen: int) -> Path:
    """Recorded minutes of the hall, counted from the arming half an hour before the papers."""
    files = TileFiles(tmp_path / "history")
    codes = np.full((LEVELS[0].rows, 8), 60, dtype=np.uint8)
    first_ns = START_NS - 30 * MINUTE_NS
    files.write(
        [Tile("school-3/hall", 0, first_ns + n * MINUTE_NS, 167e6, 1e6, codes) for n in seen]
    )
    files.close()
    return files.folder


def test_gaps_in_what_was_recorded_have_a_cause_or_none(held: Store, tmp_path: Path) -> None:
    lost = Note("source.dongle_lost", {"serial": "1", "reason": "gone"})
    at_ns = START_NS - 30 * MINUTE_NS
    held.notice(told(lost, at_ns + 5 * MINUTE_NS, at_ns + 6 * MINUTE_NS, "alarm"))
    folder = minutes(tmp_path, *range(5), *range(7, 20), *range(21, 180))
    watching = record(held, folder).watching
    assert watching.stop_ns - watching.start_ns == 180 * MINUTE_NS
    assert [((gap.start_ns - at_ns) // MINUTE_NS, gap.causes) for gap in watching.gaps] == [
        (5, [lost]),
        (20, []),
    ]
    (band,) = watching.bands
    assert band.seen == pytest.approx(177 / 180, abs=1e-4)
    assert (band.name, band.p_2s, band.last_ns) == ("tv3-low", 0.99, watching.stop_ns)


def test_a_band_that_was_never_recorded_is_a_gap_of_its_own(held: Store, tmp_path: Path) -> None:
    hall = heartbeat().sensors[0]
    other = BandWatch("uhf-409", 406e6, 412e6, 1.0, 0.5)
    said = msgspec.structs.replace(
        heartbeat(), sensors=[msgspec.structs.replace(hall, bands=[BAND, other])]
    )
    held.remember([SiteState(said, START_NS)])
    watching = record(held, minutes(tmp_path, *range(180))).watching
    assert [(gap.start_hz, gap.stop_ns - gap.start_ns) for gap in watching.gaps] == [
        (406e6, 180 * MINUTE_NS)
    ]
    assert [band.seen for band in watching.bands] == [1.0, 0.0]


def test_of_many_alarms_the_weightiest_are_listed_and_all_are_counted(
    open_store: Open, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_alarms, "MOST", 5)
    store, site = open_store(), Site()
    number = exam(store, site="*")
    events = [
        emitter_event(emitter=f"e{n}", center_freq_hz=160e6 + 1e6 * n, suspicion=n)
        for n in range(12)
    ]
    store.ingest([site.says(event) for event in events])
    with store.reader.connect() as connection:
        quiet = connection.scalar(select(schema.alarms.c.id).order_by(schema.alarms.c.suspicion))
    store.act(str(quiet), Wish("acknowledge"), "li")
    store.act(str(quiet), Wish("close", "found"), "li")
    clock.wait(60)
    alarms = record(store, tmp_path, number).alarms
    assert (alarms.total, len(alarms.lines), alarms.left_out) == (12, 5, 7)
    listed = sorted(line.suspicion for line in alarms.lines)
    assert quiet in [line.id for line in alarms.lines]
    assert min(listed[1:]) >= 8


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_sheet_needs_nothing_from_outside_and_obeys_nobody(
    held: Store, tmp_path: Path, lang: Any
) -> None:
    text = sheet(record(held, minutes(tmp_path, *range(170))), lang)
    assert "room 204 &lt;b&gt;" in text
    assert not re.search(r"""(src|href)\s*=|https?://|@import|<script|report\.[a-z]""", text)
    assert set(re.findall(r'url\("(\w+):', text)) <= {"data"}
    assert record(held, tmp_path).acts.head.hash in text


def test_first_row_since_a_time_where_numbers_are_missing(open_store: Open) -> None:
    store, table = open_store(), schema.reviews
    rows: list[dict[str, Any]] = [
        {"id": n, "site": "a", "start_ns": 0, "stop_ns": 0, "created_ns": 10 * n}
        | {"findings": "", "author": ""}
        for n in (3, 4, 9, 20)
    ]
    with store.writing() as connection:
        assert first_since(connection, table.c.id, table.c.created_ns, 5) == 0
        connection.execute(insert(table), rows)
        for since_ns in (0, 30, 31, 41, 90, 200, 201):
            first = first_since(connection, table.c.id, table.c.created_ns, since_ns)
            found = [row["id"] for row in rows if row["id"] >= first]
            assert found == [row["id"] for row in rows if row["created_ns"] >= since_ns]


def test_over_http_it_is_for_who_may_read_the_audit_log_and_leaves_a_row(
    held: Store, tmp_path: Path
) -> None:
    (at,) = (one for one in ENDPOINTS if one.path == "/sessions/{id:int}/report")
    assert at.permission == "audit"

    class Desk:
        store, recorder, file = held, Recorder(TileFiles(tmp_path), 10), config()
        clock_ns = held._clock_ns

    def ask(number: str) -> Any:
        who = Identity("qian", "auditor")
        return at.run(Call(cast(Monitor, Desk), who, {"id": number}, ReportQuery("en")))

    assert "Record of radio monitoring" in ask("1").text
    (row,) = audit_entries(held.reader, AuditQuery(act="session.reported"))
    assert (row.actor, row.subject) == ("qian", "1")
    with pytest.raises(Refused) as refused:
        ask("77")
    assert refused.value.status == 404


@pytest.fixture
def monitor_file(clock: Clock, tmp_path: Path) -> Path:
    """A monitor's file whose store has one exam; a monitor has it open."""
    file = tmp_path / "monitor.toml"
    file.write_text(
        '[monitor]\nid = "city"\nhttp = "127.0.0.1:0"\nevents = "tcp://127.0.0.1:8471"\n'
        'store = "sqlite:///monitor.db"\ninsecure = true\n'
    )
    store = Store(f"sqlite:///{tmp_path}/monitor.db", clock_ns=clock)
    exam(store)
    return file


def run(*arguments: object) -> Any:
    line = ["--lang", "en", "report", *map(str, arguments)]
    return CliRunner().invoke(cli, line, catch_exceptions=False)


def test_the_command_reads_while_the_monitor_runs(monitor_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "one.html"
    done = run(1, "--config", monitor_file, "--out", out)
    assert (done.exit_code, "Record of radio monitoring" in out.read_text("utf-8")) == (0, True)
    done = run("maths", "--config", monitor_file, "--json")
    assert msgspec.json.decode(done.stdout)["session"]["name"] == "maths"
    assert len(done.stdout.splitlines()) == 1


def test_the_command_reads_a_copy(monitor_file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy" / "copy.db"
    copy.parent.mkdir()
    copy_whole(tmp_path / "monitor.db", copy)
    (tmp_path / "monitor.db").unlink()
    copy.chmod(0o400)
    done = run(1, "--config", monitor_file, "--store", copy, "--json")
    assert msgspec.json.decode(done.stdout)["acts"]["head"]["seq"] == 1


def test_a_store_of_an_older_version_is_refused_and_not_touched(store_url: str) -> None:
    load(store_url, 2)
    with pytest.raises(StoreError) as caught:
        store_at(store_url)
    assert caught.value.message_id == "report.store_older"
    assert caught.value.fields["found"] == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["7"], "no session 7. There are: 1 (maths, 2027-01-15)"),
        (["1", "--out", "{file}"], "there is a file of this name"),
        (["1", "--store", "{file}"], "{file}"),
        (["1", "--store", "gone.db"], "gone.db"),
        (["1", "--out", "no/such/folder/x.html"], "cannot write"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    monitor_file: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    line = [one.format(file=monitor_file) for one in arguments]
    with pytest.raises(SystemExit) as ended:
        main(["--lang", "en", "report", *line, "--config", str(monitor_file)])
    error = capsys.readouterr().err
    assert (ended.value.code, error.count("\n")) == (2, 1)
    assert words.format(file=monitor_file) in error
