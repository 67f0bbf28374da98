"""Tables of the central store: one schema that works on SQLite and PostgreSQL."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Engine,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    insert,
    inspect,
    select,
    update,
)

from dashboard.errors import StoreError

VERSION = 2

metadata = MetaData()

_ROW = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER counts by itself in SQLite

about = Table(
    "about",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
"""Schema version and other facts about this database."""

events = Table(
    "events",
    metadata,
    Column("id", _ROW, primary_key=True, autoincrement=True),
    Column("peer", String(64), nullable=False),
    Column("epoch", String(64), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("site", String(64), nullable=False),
    Column("sensor", String(64), nullable=False),
    Column("time_ns", BigInteger, nullable=False),
    Column("received_ns", BigInteger, nullable=False),
    Column("clock_offset_ns", BigInteger),
    Column("alarm", String(32)),
    Column("record", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    UniqueConstraint("peer", "epoch", "seq"),
    Index("events_by_alarm", "alarm", "id"),
)
"""Every record of every site exactly as it was signed there."""

standings = Table(
    "standings",
    metadata,
    Column("id", _ROW, primary_key=True, autoincrement=True),
    Column("peer", String(64), nullable=False),
    Column("epoch", String(64), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    UniqueConstraint("peer", "epoch"),
)
"""How far each outbox was received; ``id`` is the order in which they were first seen."""

alarms = Table(
    "alarms",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("site", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("suspicion", Integer, nullable=False),
    Column("center_freq_hz", Float(53), nullable=False),
    Column("first_seen_ns", BigInteger, nullable=False),
    Column("last_seen_ns", BigInteger, nullable=False),
    Column("changed_ns", BigInteger, nullable=False),
    Column("card", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("alarms_by_last_seen", "last_seen_ns", "id"),
    Index("alarms_by_openness", "is_open", "last_seen_ns"),
    Index("alarms_by_state", "state", "last_seen_ns"),
    Index("alarms_by_site", "site", "last_seen_ns"),
)
"""``card`` is the alarm's public JSON, ``body`` the whole of it."""

emitters = Table(
    "emitters",
    metadata,
    Column("sensor", String(64), primary_key=True),
    Column("emitter", String(64), primary_key=True),
    Column("alarm", String(32), nullable=False),
    Index("emitters_by_alarm", "alarm"),
)
"""Which alarm an emitter of a sensor belongs to, for ever."""

actions = Table(
    "actions",
    metadata,
    Column("id", _ROW, primary_key=True, autoincrement=True),
    Column("alarm", String(32), nullable=False),
    Column("time_ns", BigInteger, nullable=False),
    Column("author", String(64), nullable=False),
    Column("action", String(16), nullable=False),
    Column("reason", String(32), nullable=False),
    Column("note", Text, nullable=False),
    Column("owner", String(64), nullable=False),
    Column("state_before", String(16), nullable=False),
    Column("state_after", String(16), nullable=False),
    Index("actions_by_alarm", "alarm", "id"),
)
"""What people did about an alarm."""

notices = Table(
    "notices",
    metadata,
    Column("id", _ROW, primary_key=True, autoincrement=True),
    Column("site", String(64), nullable=False),
    Column("sensor", String(64), nullable=False),
    Column("level", String(16), nullable=False),
    Column("note_id", String(200), nullable=False),
    Column("note", Text, nullable=False),
    Column("start_ns", BigInteger, nullable=False),
    Column("stop_ns", BigInteger, nullable=False),
    UniqueConstraint("site", "sensor", "note_id", "start_ns"),
    Index("notices_by_start", "start_ns"),
)
"""Gaps, lost sensors, broken sequences; ``stop_ns`` is 0 while it lasts."""

sites = Table(
    "sites",
    metadata,
    Column("site", String(64), primary_key=True),
    Column("received_ns", BigInteger, nullable=False),
    Column("heartbeat", LargeBinary, nullable=False),
)
"""The last heartbeat of every site: one that is gone is shown as silent after a restart too."""

known = Table(
    "known",
    metadata,
    Column("id", _ROW, primary_key=True, autoincrement=False),
    Column("low_hz", Float(53), nullable=False),
    Column("high_hz", Float(53), nullable=False),
    Column("name", String(200), nullable=False),
    Column("reason", String(200), nullable=False),
    Column("site", String(64), nullable=False),
    Column("start_ns", BigInteger, nullable=False),
    Column("stop_ns", BigInteger, nullable=False),
    Column("author", String(64), nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("ended_ns", BigInteger, nullable=False),
    Column("ended_by", String(64), nullable=False),
)
"""Emitters that may be there."""

clips = Table(
    "clips",
    metadata,
    Column("site", String(64), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("sensor", String(64), nullable=False),
    Column("emitter", String(64), nullable=False),
    Column("start_ns", BigInteger, nullable=False),
    Column("stop_ns", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("announced_ns", BigInteger, nullable=False),
    Column("arrived_ns", BigInteger, nullable=False),
    Column("dropped_ns", BigInteger, nullable=False),
    Index("clips_by_emitter", "sensor", "emitter"),
)
"""Recordings that the sites announced."""

exams = Table(
    "exams",
    metadata,
    Column("id", _ROW, primary_key=True, autoincrement=False),
    Column("name", String(200), nullable=False),
    Column("site", String(64), nullable=False),
    Column("start_ns", BigInteger, nullable=False),
    Column("stop_ns", BigInteger, nullable=False),
    Column("drill_s", Float(53), nullable=False),
    Column("armed_s", Float(53), nullable=False),
    Column("closing_s", Float(53), nullable=False),
    Column("author", String(64), nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("ended_ns", BigInteger, nullable=False),
    Column("ended_by", String(64), nullable=False),
)
"""The exam timetable."""

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", _ROW, primary_key=True, autoincrement=True),
    Column("receiver", String(32), nullable=False),
    Column("news", String(16), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("raised_ns", BigInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("made_ns", BigInteger, nullable=False),
    Column("next_ns", BigInteger, nullable=False),
    Column("done_ns", BigInteger, nullable=False),
    Column("error", Text, nullable=False),
    UniqueConstraint("receiver", "news", "subject", "raised_ns"),
    Index("deliveries_by_state", "state", "next_ns"),
)
"""Messages to people who do not look at the page."""

accounts = Table(
    "accounts",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("password", String(200), nullable=False),
    Column("changed_ns", BigInteger, nullable=False),
)
"""People."""

sessions = Table(
    "sessions",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("name", String(32), nullable=False),
    Column("role", String(16), nullable=False),
    Column("until_ns", BigInteger, nullable=False),
)
"""Who is signed in; a restart in the middle of an exam must not sign anybody out."""

tokens = Table(
    "tokens",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("name", String(32), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("until_ns", BigInteger, nullable=False),
)
"""API tokens of scripts."""

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("time_ns", BigInteger, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("act", String(64), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("detail", Text, nullable=False),
    Column("prev_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)
"""The hash chain of `dashboard.audit`."""


def prepare(engine: Engine) -> None:
    """Create the tables of a new database; bring an old one up to date.

    Raises
    ------
    StoreError
        The database was written by a newer rfproctor: an older one would damage it.
    """
    with engine.begin() as connection:
        if not inspect(connection).has_table(about.name):
            metadata.create_all(connection)
            connection.execute(insert(about).values(name="schema", value=str(VERSION)))
            return
        found = int(connection.scalar(select(about.c.value).where(about.c.name == "schema")) or 0)
        if found > VERSION:
            raise StoreError(
                "monitor.store_newer",
                store=engine.url.render_as_string(),
                found=found,
                ours=VERSION,
            )
        if found < VERSION:
            # So far every version only added tables.
            metadata.create_all(connection)
            connection.execute(
                update(about).where(about.c.name == "schema").values(value=str(VERSION))
            )
