"""From the schema of an old store to the present one: forward only, step by step.

Each step is frozen, SQL and what code fills in: it leads from the schema as it was then to the next
one, whatever `dashboard.schema` has become since.  A SQLite store is led there on a copy, which
takes the store's place only when every row is there and the file is whole; the old file is kept.
PostgreSQL does the same in one transaction.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import structlog
from sqlalchemy import Connection, Engine, create_engine, insert, inspect, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from dashboard.errors import StoreError
from dashboard.migration_4 import fill_layers
from dashboard.schema import VERSION, about, metadata
from dashboard.store_file import (
    check_copy,
    check_version,
    copy_whole,
    stamp,
    take_place,
    version_of,
)

log: structlog.stdlib.BoundLogger = structlog.get_logger("monitor")

WORDS = {
    "sqlite": {"serial": "INTEGER NOT NULL PRIMARY KEY", "row": "INTEGER", "bytes": "BLOB"},
    "postgresql": {"serial": "BIGSERIAL NOT NULL PRIMARY KEY", "row": "BIGINT", "bytes": "BYTEA"},
}
"""What the two databases call the same thing."""

BOTH = ("sqlite", "postgresql")
Statement = tuple[tuple[str, ...], str]
"""For which databases, and the SQL."""


def _both(*statements: str) -> list[Statement]:
    return [(BOTH, statement) for statement in statements]


STEPS: dict[int, list[Statement]] = {
    2: _both(
        """CREATE TABLE clips (
            site VARCHAR(64) NOT NULL, name VARCHAR(128) NOT NULL, sensor VARCHAR(64) NOT NULL,
            emitter VARCHAR(64) NOT NULL, start_ns BIGINT NOT NULL, stop_ns BIGINT NOT NULL,
            sha256 VARCHAR(64) NOT NULL, announced_ns BIGINT NOT NULL,
            arrived_ns BIGINT NOT NULL, dropped_ns BIGINT NOT NULL, PRIMARY KEY (site, name))""",
        "CREATE INDEX clips_by_emitter ON clips (sensor, emitter)",
        """CREATE TABLE exams (
            id {row} NOT NULL PRIMARY KEY, name VARCHAR(200) NOT NULL, site VARCHAR(64) NOT NULL,
            start_ns BIGINT NOT NULL, stop_ns BIGINT NOT NULL, drill_s FLOAT(53) NOT NULL,
            armed_s FLOAT(53) NOT NULL, closing_s FLOAT(53) NOT NULL, author VARCHAR(64) NOT NULL,
            created_ns BIGINT NOT NULL, ended_ns BIGINT NOT NULL, ended_by VARCHAR(64) NOT NULL)""",
    ),
    3: [
        # Two notices that differ in their words alone are two: the constraint made them one.
        (
            ("postgresql",),
            "ALTER TABLE notices DROP CONSTRAINT notices_site_sensor_note_id_start_ns_key",
        ),
        (
            ("sqlite",),
            """CREATE TABLE notices_3 (
            id {serial}, site VARCHAR(64) NOT NULL, sensor VARCHAR(64) NOT NULL,
            level VARCHAR(16) NOT NULL, note_id VARCHAR(200) NOT NULL, note TEXT NOT NULL,
            start_ns BIGINT NOT NULL, stop_ns BIGINT NOT NULL)""",
        ),
        (
            ("sqlite",),
            """INSERT INTO notices_3 SELECT id, site, sensor, level, note_id, note,
            start_ns, stop_ns FROM notices""",
        ),
        (("sqlite",), "DROP TABLE notices"),
        (("sqlite",), "ALTER TABLE notices_3 RENAME TO notices"),
        (("sqlite",), "CREATE INDEX notices_by_start ON notices (start_ns)"),
        *_both(
            "CREATE INDEX notices_by_name ON notices (site, sensor, note_id, start_ns)",
            """CREATE TABLE approvals (
            id {serial}, act VARCHAR(32) NOT NULL, subject VARCHAR(64) NOT NULL,
            what TEXT NOT NULL, hash VARCHAR(64) NOT NULL, wanted_by VARCHAR(64) NOT NULL,
            wanted_ns BIGINT NOT NULL, until_ns BIGINT NOT NULL, state VARCHAR(16) NOT NULL,
            decided_by VARCHAR(64) NOT NULL, decided_ns BIGINT NOT NULL, note TEXT NOT NULL)""",
            "CREATE INDEX approvals_by_state ON approvals (state, id)",
            "CREATE INDEX approvals_by_subject ON approvals (act, subject)",
            """CREATE TABLE reviews (
            id {serial}, site VARCHAR(64) NOT NULL, start_ns BIGINT NOT NULL,
            stop_ns BIGINT NOT NULL, findings TEXT NOT NULL, author VARCHAR(64) NOT NULL,
            created_ns BIGINT NOT NULL)""",
            "CREATE INDEX reviews_by_stop ON reviews (stop_ns)",
            "CREATE INDEX alarms_by_suspicion ON alarms (suspicion, last_seen_ns)",
            "CREATE INDEX alarms_by_first_seen ON alarms (first_seen_ns)",
            "CREATE INDEX alarms_by_frequency ON alarms (center_freq_hz)",
        ),
    ],
    4: _both(
        """CREATE TABLE layers (
            site VARCHAR(64) NOT NULL, epoch VARCHAR(64) NOT NULL, seq BIGINT NOT NULL,
            hash {bytes} NOT NULL, previous {bytes} NOT NULL, PRIMARY KEY (site, epoch, seq))""",
    ),
}
"""SQL that leads to each version from the one before it."""
FILLS: dict[int, Callable[[Connection], None]] = {4: fill_layers}
"""What a version takes from old rows and SQL cannot read."""


def prepare(engine: Engine) -> None:
    """Make the tables of a new database; lead an old one to the present version.

    Raises
    ------
    StoreError
        Somebody else's database, or one of a newer rfproctor: an older one would damage it.
    """
    store = engine.url.render_as_string()
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            # Its driver begins with the first row that changes: tables half made would stay.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        inspector = inspect(connection)
        if inspector.has_table(about.name):
            found = int(
                connection.scalar(select(about.c.value).where(about.c.name == "schema")) or 0
            )
            check_version(store, found)
            _lead(connection, found)
        elif inspector.get_table_names():
            raise StoreError("monitor.store_foreign", store=store)
        else:
            metadata.create_all(connection)
            connection.execute(insert(about).values(name="schema", value=str(VERSION)))


def renew(path: Path) -> None:
    """Lead an old SQLite store to the present version on a copy, which then takes its place.

    Raises
    ------
    StoreError
        It cannot be read, is newer than we are, or the copy did not turn out well: then the store
        is as it was.
    """
    if not path.exists() or not path.stat().st_size:
        return
    found = version_of(path)
    if found is None or found == VERSION:
        return
    copy = path.with_name(path.name + ".new")
    room, size = shutil.disk_usage(path.parent).free, path.stat().st_size
    if room < 1.2 * size:
        raise StoreError("monitor.store_no_room", store=path, need_mb=round(1.2 * size / 1e6) + 1)
    kept = path.parent / "backup" / f"{path.stem}-v{found}-{stamp()}.db"
    log.info("store of an older version is led to ours", found=found, ours=VERSION)
    try:
        copy_whole(path, copy)
        engine = create_engine(f"sqlite:///{copy}", poolclass=NullPool)
        prepare(engine)
        check_copy(path, copy)
        kept.parent.mkdir(exist_ok=True)
        take_place(copy, path, kept)
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        copy.unlink(missing_ok=True)
        why = str(getattr(error, "orig", None) or error)
        raise StoreError("monitor.store_not_led", store=path, found=found, why=why) from None
    log.info("store is of our version", old=str(kept))


def _lead(connection: Connection, found: int) -> None:
    dialect = connection.dialect.name
    for version in range(found + 1, VERSION + 1):
        for dialects, statement in STEPS[version]:
            if dialect in dialects:
                connection.exec_driver_sql(statement.format(**WORDS[dialect]))
        if version in FILLS:
            FILLS[version](connection)
    if found < VERSION:
        mine = about.c.name == "schema"
        connection.execute(update(about).where(mine).values(value=str(VERSION)))
