"""A copy of the store comes back as it was; a damaged one never takes a store's place."""

from __future__ import annotations

import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.engine import make_url

from dashboard import dump, schema, store_file
from dashboard.audit import Entry, first_broken
from dashboard.backup import Contents, back_up, check, restore
from dashboard.commands import keep
from dashboard.config import load_config
from dashboard.errors import StoreError
from dashboard.store import Store
from sensors.toml import BadConfig
from tests.dashboard.conftest import Clock, Site, emitter_event, new_database
from tests.dashboard.test_migration import load, raw, rows_of

Open = Callable[..., Store]


def log(store: Store) -> list[Entry]:
    with store.reader.connect() as connection:
        rows = connection.execute(select(schema.audit).order_by(schema.audit.c.seq))
        return [Entry(**row._mapping) for row in rows]


def filled(open_store: Open) -> Site:
    """Leave a store with one alarm behind, closed."""
    store, site = open_store(), Site()
    store.ingest([site.says(emitter_event())])
    store.close()
    return site


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A whole database of its own, because that is what is copied."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/db/monitor.db"
    return new_database(request.getfixturevalue("postgresql"))


@pytest.fixture
def copy(open_store: Open, store_url: str, tmp_path: Path) -> Path:
    filled(open_store)
    back_up(store_url, tmp_path / "copies" / "copy.db")
    return tmp_path / "copies" / "copy.db"


def test_there_and_back(open_store: Open, store_url: str, tmp_path: Path) -> None:
    site = filled(open_store)
    target = tmp_path / "copies" / "copy.db"
    found = back_up(store_url, target)
    store = open_store()
    head = log(store)[-1].hash
    assert found == Contents(schema.VERSION, 1, 1, len(log(store)), head)
    assert [each.name for each in target.parent.iterdir()] == ["copy.db"]
    before = rows_of(store.reader)
    store.ingest([site.says(emitter_event(emitter="late", center_freq_hz=3e8))])
    store.close()
    restored, kept = restore(store_url, target, tmp_path / "kept", "li")
    assert restored == found
    again = open_store()
    after = rows_of(again.reader)
    assert {**after, "audit": before["audit"]} == before
    last = log(again)[-1]
    assert (last.act, last.subject) == ("store.restored", "copy.db")
    assert last.actor.startswith("console/") and "sha256" in last.detail
    assert first_broken(log(again)) is None
    # The site's records that the copy did not have come once more, and go in.
    again.ingest(site.sent[1:])
    assert len(rows_of(again.reader)["events"]) == 2
    again.close()
    assert kept is not None
    restore(store_url, kept, tmp_path / "kept2", "li")
    assert len(rows_of(open_store().reader)["alarms"]) == 2


def test_where_the_store_is_gone(tmp_path: Path) -> None:
    """What its journal left behind must not get into the copy."""
    url = f"sqlite:///{tmp_path}/monitor.db"
    load(url, 2)
    back_up(url, tmp_path / "copy.db")
    before = rows_of(raw(url))
    (tmp_path / "monitor.db").rename(tmp_path / "gone.db")
    (tmp_path / "monitor.db-wal").write_bytes(b"of another life" * 1000)
    _, kept = restore(url, tmp_path / "copy.db", tmp_path / "kept", "li")
    assert kept is None
    assert rows_of(raw(url))["events"] == before["events"]


def test_not_while_a_monitor_uses_it(
    open_store: Open, store_url: str, copy: Path, tmp_path: Path
) -> None:
    store = open_store()
    server = make_url(store_url).get_backend_name() != "sqlite"
    running = "backup.server_running" if server else "backup.running"
    for call, message_id in (
        (lambda: back_up(store_url, tmp_path / "second.db"), running),
        (lambda: restore(store_url, copy, tmp_path, "li"), "restore.running"),
    ):
        with pytest.raises(StoreError) as caught:
            call()
        assert caught.value.message_id == message_id
    assert not (tmp_path / "second.db").exists()
    assert len(log(store)) == 2


def test_the_line_that_is_named_copies_a_server_while_a_monitor_uses_it(
    open_store: Open, store_url: str, tmp_path: Path
) -> None:
    """It named a call to the monitor, which refuses PostgreSQL."""
    if make_url(store_url).get_backend_name() == "sqlite":
        return
    filled(open_store)
    store = open_store()
    with pytest.raises(StoreError) as caught:
        back_up(store_url, tmp_path / "live.dump")
    line = shlex.split(str(caught.value.fields["line"]))
    subprocess.run(line, check=True, timeout=60)
    before = len(log(store))
    store.close()
    found, _ = restore(store_url, tmp_path / "live.dump", tmp_path / "kept", "li")
    assert found.entries == before


def test_a_copy_is_never_overwritten(store_url: str, copy: Path) -> None:
    before = copy.read_bytes()
    with pytest.raises(StoreError, match=r"backup\.exists"):
        back_up(store_url, copy)
    assert copy.read_bytes() == before


def test_a_store_with_a_broken_log_gives_no_copy(
    open_store: Open, store_url: str, tmp_path: Path
) -> None:
    filled(open_store)
    store = open_store()
    with store.writing() as connection:
        connection.execute(text("UPDATE audit SET actor = 'wu' WHERE seq = 1"))
    store.close()
    with pytest.raises(StoreError) as caught:
        back_up(store_url, tmp_path / "copy.db")
    assert (caught.value.message_id, caught.value.fields["entry"]) == ("backup.chain", 1)
    assert not (tmp_path / "copy.db").exists()


def test_what_is_no_copy_takes_no_place(open_store: Open, store_url: str, tmp_path: Path) -> None:
    filled(open_store)
    wrong = tmp_path / "wrong.db"
    wrong.write_bytes(b"no copy of anything" * 500)
    with pytest.raises(StoreError):
        restore(store_url, wrong, tmp_path / "kept", "li")
    with pytest.raises(StoreError, match="file_missing"):
        restore(store_url, tmp_path / "none.db", tmp_path / "kept", "li")
    assert [entry.act for entry in log(open_store())] == ["alarm.opened", "checkpoint"]


def damage(path: Path, how: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        if how == "newer":
            connection.execute("UPDATE about SET value = '99' WHERE name = 'schema'")
        elif how == "log":
            connection.execute("DELETE FROM audit WHERE seq = 1")
        connection.commit()
    if how == "bytes":
        whole = bytearray(path.read_bytes())
        for at in range(4096, len(whole), 512):
            whole[at] ^= 0xFF
        path.write_bytes(bytes(whole))


@pytest.mark.parametrize(
    ("how", "message_id"),
    [
        ("newer", {"monitor.store_newer"}),
        ("log", {"backup.chain"}),
        ("bytes", {"backup.damaged", "monitor.store_unusable"}),
    ],
)
def test_a_damaged_copy_takes_no_place(tmp_path: Path, how: str, message_id: set[str]) -> None:
    url = f"sqlite:///{tmp_path}/monitor.db"
    load(url, 2)
    Store(url).close()
    back_up(url, tmp_path / "copy.db")
    damage(tmp_path / "copy.db", how)
    before = (tmp_path / "monitor.db").read_bytes()
    with pytest.raises(StoreError) as caught:
        restore(url, tmp_path / "copy.db", tmp_path / "kept", "li")
    assert caught.value.message_id in message_id
    assert (tmp_path / "monitor.db").read_bytes() == before


def test_a_copy_of_yesterdays_version_is_led_to_todays(tmp_path: Path, clock: Clock) -> None:
    url = f"sqlite:///{tmp_path}/monitor.db"
    load(url, 1)
    found = back_up(url, tmp_path / "copy.db")
    assert (found.version, found.events) == (1, 4)
    Store(url, clock_ns=clock).close()
    restore(url, tmp_path / "copy.db", tmp_path / "kept", "li")
    assert store_file.version_of(tmp_path / "monitor.db") == 1
    store = Store(url, clock_ns=clock)
    assert first_broken(log(store)) is None
    assert log(store)[-1].act == "store.restored"
    store.close()


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_a_dump_of_a_newer_version_is_refused(
    store_url: str, open_store: Open, tmp_path: Path
) -> None:
    url = store_url
    filled(open_store)
    store = open_store()
    with store.writing() as connection:
        connection.execute(text("UPDATE about SET value = '99' WHERE name = 'schema'"))
    store.close()
    dump.dump(make_url(url), tmp_path / "newer.dump")
    with pytest.raises(StoreError, match=r"monitor\.store_newer"):
        dump.load(make_url(url), tmp_path / "newer.dump")


def test_without_postgresqls_programs_the_line_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", "")
    url = make_url("postgresql+psycopg://monitor:secret@db.example/exam")
    with pytest.raises(StoreError) as caught:
        dump.dump(url, tmp_path / "x.dump")
    assert caught.value.message_id == "backup.no_program"
    line = str(caught.value.fields["line"])
    assert line.endswith("--dbname=postgresql://monitor@db.example/exam")
    assert "secret" not in line


def test_as_it_is_typed(tmp_path: Path) -> None:
    config = tmp_path / "monitor.toml"
    config.write_text('[monitor]\nid = "city"\ninsecure = true\n')

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "rfproctor", "--lang", "en", "monitor", str(config)]
        return subprocess.run(
            [*line, *arguments], capture_output=True, encoding="utf-8", timeout=60, check=False
        )

    load(f"sqlite:///{tmp_path}/var/monitor.db", 2)
    done = run("--backup", str(tmp_path / "copy.db"))
    assert done.returncode == 0, done.stderr
    assert "4 events" in done.stdout and check(tmp_path / "copy.db").head in done.stdout
    again = run("--backup", str(tmp_path / "copy.db"))
    assert (again.returncode, again.stderr.count("\n")) == (2, 1), again.stderr
    assert "choose another one" in again.stderr


def test_what_is_said(tmp_path: Path) -> None:
    path = tmp_path / "monitor.toml"
    path.write_text('[monitor]\nid = "city"\ninsecure = true\n')
    config, copy = load_config(path), tmp_path / "copy.db"
    with pytest.raises(StoreError, match=r"backup\.no_store"):
        keep(config, copy, None, "en")
    with pytest.raises(BadConfig, match=r"backup\.both"):
        keep(config, copy, copy, "en")
    load(f"sqlite:///{tmp_path}/var/monitor.db", 2)
    keep(config, copy, None, "en")
    first, second = keep(config, None, copy, "en").splitlines()
    assert "is in the store's place: 4 events" in first
    assert str(tmp_path / "var/backup/replaced-") in second
