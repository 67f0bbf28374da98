"""Old stores become present ones: every row, both databases, and nothing half done."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, MetaData, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError

from dashboard import migration, schema, store_file
from dashboard.accounts import Accounts
from dashboard.audit import Entry, first_broken
from dashboard.errors import StoreError
from dashboard.known import KnownEmitters
from dashboard.store import Store
from tests.dashboard.conftest import START_NS, Clock, Site, emitter_event, new_database

STORES = Path(__file__).parent / "stores"
"""Stores as the programs of their time wrote them, dumped by sqlite3 and pg_dump."""
Open = Callable[..., Store]


def load(url: str, version: int) -> None:
    """Make the store that a rfproctor of this version left."""
    parsed = make_url(url)
    kind = parsed.get_backend_name()
    script = (STORES / f"v{version}.{kind}.sql").read_text(encoding="utf-8")
    if kind == "sqlite":
        path = Path(str(parsed.database))
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(script)
        return
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(url) as connection:
        connection.execute(script.replace("public.", ""))


def rows_of(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table but the version itself."""
    tables = MetaData()
    tables.reflect(engine)
    with engine.connect() as connection:
        found = {
            name: [
                tuple(bytes(v) if isinstance(v, memoryview) else v for v in row)
                for row in connection.execute(select(each).order_by(*each.primary_key))
            ]
            for name, each in tables.tables.items()
        }
    found["about"] = [row for row in found["about"] if row[0] != "schema"]
    return found


def shape_of(engine: Engine) -> dict[str, Any]:
    """Columns, keys and indexes of every table."""
    inspector = inspect(engine)
    return {
        name: (
            [(c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(name)],
            inspector.get_pk_constraint(name)["constrained_columns"],
            sorted(u["column_names"] for u in inspector.get_unique_constraints(name)),
            sorted((i["name"], i["column_names"]) for i in inspector.get_indexes(name)),
        )
        for name in inspector.get_table_names()
    }


def raw(url: str) -> Engine:
    """Open a database without touching what is in it."""
    from dashboard.database import engines, parse_url

    return engines(parse_url(url))[0]


@pytest.mark.parametrize("version", range(1, schema.VERSION))
def test_an_old_store_becomes_the_present_one(
    version: int, store_url: str, open_store: Open, clock: Clock
) -> None:
    load(store_url, version)
    engine = raw(store_url)
    before = rows_of(engine)
    engine.dispose()
    assert len(before["events"]) >= 4 and len(before["audit"]) >= 11
    store = open_store()
    after = rows_of(store.reader)
    assert {name: after[name] for name in before} == before
    assert set(after) == set(schema.metadata.tables)
    with store.reader.connect() as connection:
        entries = connection.execute(select(schema.audit).order_by(schema.audit.c.seq))
        assert first_broken(Entry(**row._mapping) for row in entries) is None
        assert connection.scalar(select(schema.about.c.value)) == str(schema.VERSION)
    # And it goes on from there, numbers included.
    assert Accounts(store).by_password("li", "a long password") is not None
    assert [entry.name for entry in KnownEmitters(store).entries()] == ["DTMB"]
    clock.now_ns = START_NS + 60 * 10**9
    site = Site(seq=9)
    store.ingest([site.says(emitter_event(emitter="e9", center_freq_hz=3e8))])
    assert len(rows_of(store.reader)["alarms"]) == len(before["alarms"]) + 1


def test_what_relays_brought_before_is_known_as_if_it_came_now(
    store_url: str, open_store: Open
) -> None:
    """Of `v3`: a school behind a county, once with another county between."""
    load(store_url, 3)
    layers = open_store().layers
    (end,) = {layers.end("school-7", (b"s" * 16).hex())}
    assert end is not None and end.seq == 3
    assert [layers.find("school-7", (b"s" * 16).hex(), seq) is None for seq in range(5)] == [
        *(True, False, False, False, True)
    ]
    between = layers.find("county-2", (b"c" * 16).hex(), 1)
    assert between is not None and between.previous == bytes(32)
    assert layers.end("county-1", (b"x" * 16).hex()) is None
    assert layers.has_other("school-7", "") and not layers.has_other("county-1", "")


@pytest.mark.parametrize("version", range(1, schema.VERSION))
def test_the_steps_lead_to_the_schema_that_new_stores_have(
    version: int, store_url: str, open_store: Open, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    load(store_url, version)
    led = shape_of(open_store().reader)
    if store_url.startswith("sqlite"):
        fresh_url = f"sqlite:///{tmp_path}/fresh.db"
    else:
        fresh_url = new_database(request.getfixturevalue("postgresql"))
    fresh = Store(fresh_url)
    assert led == shape_of(fresh.reader)
    fresh.close()


def test_the_old_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "monitor.db"
    load(f"sqlite:///{path}", 2)
    before = rows_of(raw(f"sqlite:///{path}"))
    Store(f"sqlite:///{path}").close()
    (kept,) = (tmp_path / "backup").glob("*.db")
    assert kept.name.startswith("monitor-v2-")
    assert store_file.version_of(kept) == 2
    assert rows_of(raw(f"sqlite:///{kept}")) == before
    Store(f"sqlite:///{path}").close()
    assert list((tmp_path / "backup").glob("*.db")) == [kept]


def test_what_is_still_in_the_journal_is_led_along(tmp_path: Path) -> None:
    """A monitor that was killed leaves its newest commits beside the file."""
    path, live = tmp_path / "monitor.db", tmp_path / "live.db"
    load(f"sqlite:///{live}", 2)
    connection = sqlite3.connect(live)
    connection.execute("INSERT INTO about VALUES ('late', 'yes')")
    connection.commit()
    for suffix in ("", "-wal"):
        shutil.copy(f"{live}{suffix}", f"{path}{suffix}")
    connection.close()
    store = Store(f"sqlite:///{path}")
    assert ("late", "yes") in rows_of(store.reader)["about"]
    store.close()


def test_a_step_that_fails_leaves_the_store_as_it_was(
    store_url: str, open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(store_url, 2)
    engine = raw(store_url)
    before, shape = rows_of(engine), shape_of(engine)
    engine.dispose()
    steps = {**migration.STEPS, 3: [*migration.STEPS[3], (migration.BOTH, "DROP TABLE nothing")]}
    monkeypatch.setattr(migration, "STEPS", steps)
    with pytest.raises(StoreError):
        open_store()
    engine = raw(store_url)
    assert (rows_of(engine), shape_of(engine)) == (before, shape)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT value FROM about WHERE name='schema'")) == "2"
    engine.dispose()
    monkeypatch.undo()
    assert rows_of(open_store().reader)["events"] == before["events"]


def test_tables_half_made_are_made_anew(
    store_url: str, open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk gave up while the store was made for the first time."""

    def stop(_: object) -> None:
        raise OSError("planned")

    monkeypatch.setattr(migration, "insert", stop)
    with pytest.raises(OSError, match="planned"):
        open_store()
    monkeypatch.undo()
    assert rows_of(open_store().reader)["events"] == []


def test_a_copy_that_lost_a_row_does_not_take_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "monitor.db"
    load(f"sqlite:///{path}", 2)
    steps = {3: [*migration.STEPS[3], (("sqlite",), "DELETE FROM actions WHERE id = 1")]}
    monkeypatch.setattr(migration, "STEPS", {**migration.STEPS, **steps})
    with pytest.raises(StoreError) as caught:
        Store(f"sqlite:///{path}")
    assert caught.value.message_id == "monitor.store_not_led"
    assert "actions: 2 rows before, 1 after" in str(caught.value.fields["why"])
    assert store_file.version_of(path) == 2
    assert not (tmp_path / "monitor.db.new").exists()


def test_no_room_for_the_copy_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "monitor.db"
    load(f"sqlite:///{path}", 2)
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(StoreError) as caught:
        Store(f"sqlite:///{path}")
    assert caught.value.message_id == "monitor.store_no_room"
    assert store_file.version_of(path) == 2


def test_a_newer_store_is_not_even_opened_for_writing(tmp_path: Path) -> None:
    path = tmp_path / "monitor.db"
    load(f"sqlite:///{path}", 2)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE about SET value = '99' WHERE name = 'schema'")
        connection.commit()
        connection.execute("PRAGMA journal_mode=DELETE")
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"monitor\.store_newer"):
        Store(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_somebody_elses_database_is_left_alone(store_url: str, open_store: Open) -> None:
    if store_url.startswith("sqlite"):
        path = Path(str(make_url(store_url).database))
        path.parent.mkdir(parents=True)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE cats (name TEXT)")
    else:
        import psycopg

        with psycopg.connect(store_url) as connection:
            connection.execute("CREATE TABLE cats (name TEXT)")
    with pytest.raises(StoreError, match=r"monitor\.store_foreign"):
        open_store()


def test_notices_of_one_name_are_two_since_version_3(store_url: str, open_store: Open) -> None:
    """The constraint that made them one is really gone."""
    load(store_url, 2)
    engine = raw(store_url)
    row = "('s', '', 'info', 'x', '{}', 1, 1)"
    columns = "site, sensor, level, note_id, note, start_ns, stop_ns"
    twice = f"INSERT INTO notices ({columns}) VALUES {row}, {row}"
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(text(twice))
    engine.dispose()
    store = open_store()
    with store.writing() as connection:
        connection.execute(text(twice))
