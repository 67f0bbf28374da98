"""Tables of the central store: one schema that works on SQLite and PostgreSQL.

A change here needs a step in `dashboard.migration`, which leads old stores to it.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

from dashboard.columns import count, counts, floats, life, name, names, raw, row_id, text

VERSION = 4

metadata = MetaData()

about = Table("about", metadata, name("name", primary_key=True), text("value"))
"""Schema version and other facts about this database."""

events = Table(
    "events",
    metadata,
    row_id(),
    *names("peer", "epoch"),
    count("seq"),
    name("kind", 16),
    *names("site", "sensor"),
    *counts("time_ns", "received_ns"),
    Column("clock_offset_ns", BigInteger),
    Column("alarm", String(32)),
    *map(raw, ("record", "signature", "hash")),
    UniqueConstraint("peer", "epoch", "seq"),
    Index("events_by_alarm", "alarm", "id"),
)
"""Every record of every site exactly as it was signed there."""

standings = Table(
    "standings",
    metadata,
    row_id(),
    *names("peer", "epoch"),
    count("seq"),
    raw("hash"),
    UniqueConstraint("peer", "epoch"),
)
"""How far each outbox was received; ``id`` is the order in which they were first seen."""

layers = Table(
    "layers",
    metadata,
    name("site", primary_key=True),
    name("epoch", primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    *map(raw, ("hash", "previous")),
)
"""Every record inside a relay's: of the site that signed it, each once."""

alarms = Table(
    "alarms",
    metadata,
    name("id", 32, primary_key=True),
    name("site"),
    name("state", 16),
    Column("is_open", Boolean, nullable=False),
    Column("suspicion", Integer, nullable=False),
    *floats("center_freq_hz"),
    *counts("first_seen_ns", "last_seen_ns", "changed_ns"),
    text("card"),
    raw("body"),
    Index("alarms_by_last_seen", "last_seen_ns", "id"),
    Index("alarms_by_openness", "is_open", "last_seen_ns"),
    Index("alarms_by_state", "state", "last_seen_ns"),
    Index("alarms_by_site", "site", "last_seen_ns"),
    Index("alarms_by_suspicion", "suspicion", "last_seen_ns"),
    Index("alarms_by_first_seen", "first_seen_ns"),
    Index("alarms_by_frequency", "center_freq_hz"),
)
"""``card`` is the alarm's public JSON, ``body`` the whole of it."""

emitters = Table(
    "emitters",
    metadata,
    name("sensor", primary_key=True),
    name("emitter", primary_key=True),
    name("alarm", 32),
    Index("emitters_by_alarm", "alarm"),
)
"""Which alarm an emitter of a sensor belongs to, for ever."""

actions = Table(
    "actions",
    metadata,
    row_id(),
    name("alarm", 32),
    count("time_ns"),
    name("author"),
    name("action", 16),
    name("reason", 32),
    text("note"),
    name("owner"),
    *(name(one, 16) for one in ("state_before", "state_after")),
    Index("actions_by_alarm", "alarm", "id"),
)
"""What people did about an alarm."""

notices = Table(
    "notices",
    metadata,
    row_id(),
    *names("site", "sensor"),
    name("level", 16),
    name("note_id", 200),
    text("note"),
    *counts("start_ns", "stop_ns"),
    Index("notices_by_start", "start_ns"),
    Index("notices_by_name", "site", "sensor", "note_id", "start_ns"),
)
"""Gaps, lost sensors, broken sequences; ``stop_ns`` is 0 while it lasts."""

sites = Table(
    "sites", metadata, name("site", primary_key=True), count("received_ns"), raw("heartbeat")
)
"""The last heartbeat of every site: one that is gone is shown as silent after a restart too."""

known = Table(
    "known",
    metadata,
    row_id(counted=False),
    *floats("low_hz", "high_hz"),
    name("name", 200),
    name("reason", 200),
    name("site"),
    *counts("start_ns", "stop_ns"),
    *life(),
)
"""Emitters that may be there."""

clips = Table(
    "clips",
    metadata,
    name("site", primary_key=True),
    name("name", 128, primary_key=True),
    *names("sensor", "emitter"),
    *counts("start_ns", "stop_ns"),
    name("sha256"),
    *counts("announced_ns", "arrived_ns", "dropped_ns"),
    Index("clips_by_emitter", "sensor", "emitter"),
)
"""Recordings that the sites announced."""

exams = Table(
    "exams",
    metadata,
    row_id(counted=False),
    name("name", 200),
    name("site"),
    *counts("start_ns", "stop_ns"),
    *floats("drill_s", "armed_s", "closing_s"),
    *life(),
)
"""The exam timetable."""

approvals = Table(
    "approvals",
    metadata,
    row_id(),
    name("act", 32),
    name("subject"),
    text("what"),
    *names("hash", "wanted_by"),
    *counts("wanted_ns", "until_ns"),
    name("state", 16),
    name("decided_by"),
    count("decided_ns"),
    text("note"),
    Index("approvals_by_state", "state", "id"),
    Index("approvals_by_subject", "act", "subject"),
)
"""What one person wants and a second one decides: `dashboard.pairs`."""

reviews = Table(
    "reviews",
    metadata,
    row_id(),
    name("site"),
    *counts("start_ns", "stop_ns"),
    text("findings"),
    name("author"),
    count("created_ns"),
    Index("reviews_by_stop", "stop_ns"),
)
"""Which recorded time somebody has looked through again: `dashboard.reviews`."""

deliveries = Table(
    "deliveries",
    metadata,
    row_id(),
    name("receiver", 32),
    name("news", 16),
    name("subject"),
    count("raised_ns"),
    text("title"),
    text("body"),
    name("state", 16),
    Column("tries", Integer, nullable=False),
    *counts("made_ns", "next_ns", "done_ns"),
    text("error"),
    UniqueConstraint("receiver", "news", "subject", "raised_ns"),
    Index("deliveries_by_state", "state", "next_ns"),
)
"""Messages to people who do not look at the page."""

accounts = Table(
    "accounts",
    metadata,
    name("name", 32, primary_key=True),
    name("role", 16),
    Column("disabled", Boolean, nullable=False),
    name("password", 200),
    count("changed_ns"),
)
"""People."""

sessions = Table(
    "sessions",
    metadata,
    name("digest", primary_key=True),
    name("name", 32),
    name("role", 16),
    count("until_ns"),
)
"""Who is signed in; a restart in the middle of an exam must not sign anybody out."""

tokens = Table(
    "tokens",
    metadata,
    name("digest", primary_key=True),
    name("name", 32, unique=True),
    name("role", 16),
    count("until_ns"),
)
"""API tokens of scripts."""

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    count("time_ns"),
    *names("actor", "act"),
    name("subject", 200),
    text("detail"),
    *names("prev_hash", "hash"),
)
"""The hash chain of `dashboard.audit`."""
