"""Tables of the central store: one schema that works on SQLite and PostgreSQL.

A change here needs a step in `dashboard.migration`, which leads old stores to it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

VERSION = 4

metadata = MetaData()

_ROW = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER counts by itself in SQLite


def _id(*, counted: bool = True) -> Column[int]:
    """Number of a row; not ``counted``: the program numbers the rows itself."""
    return Column("id", _ROW, primary_key=True, autoincrement=counted)


def _name(name: str, length: int = 64, **options: Any) -> Column[str]:
    """Short text."""
    return Column(name, String(length), nullable=False, **options)


def _names(*names: str) -> list[Column[str]]:
    return [_name(name) for name in names]


def _text(name: str) -> Column[str]:
    """Text of any length."""
    return Column(name, Text, nullable=False)


def _count(name: str) -> Column[int]:
    """Whole number, times in nanoseconds too."""
    return Column(name, BigInteger, nullable=False)


def _counts(*names: str) -> list[Column[int]]:
    return [_count(name) for name in names]


def _floats(*names: str) -> list[Column[float]]:
    return [Column(name, Float(53), nullable=False) for name in names]


def _bytes(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


def _life() -> list[Column[Any]]:
    """Who made a row and who ended it: nothing that people wrote is ever deleted."""
    return [_name("author"), _count("created_ns"), _count("ended_ns"), _name("ended_by")]


about = Table("about", metadata, _name("name", primary_key=True), _text("value"))
"""Schema version and other facts about this database."""

events = Table(
    "events",
    metadata,
    _id(),
    *_names("peer", "epoch"),
    _count("seq"),
    _name("kind", 16),
    *_names("site", "sensor"),
    *_counts("time_ns", "received_ns"),
    Column("clock_offset_ns", BigInteger),
    Column("alarm", String(32)),
    *map(_bytes, ("record", "signature", "hash")),
    UniqueConstraint("peer", "epoch", "seq"),
    Index("events_by_alarm", "alarm", "id"),
)
"""Every record of every site exactly as it was signed there."""

standings = Table(
    "standings",
    metadata,
    _id(),
    *_names("peer", "epoch"),
    _count("seq"),
    _bytes("hash"),
    UniqueConstraint("peer", "epoch"),
)
"""How far each outbox was received; ``id`` is the order in which they were first seen."""

layers = Table(
    "layers",
    metadata,
    _name("site", primary_key=True),
    _name("epoch", primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    *map(_bytes, ("hash", "previous")),
)
"""Every record inside a relay's: of the site that signed it, each once."""

alarms = Table(
    "alarms",
    metadata,
    _name("id", 32, primary_key=True),
    _name("site"),
    _name("state", 16),
    Column("is_open", Boolean, nullable=False),
    Column("suspicion", Integer, nullable=False),
    *_floats("center_freq_hz"),
    *_counts("first_seen_ns", "last_seen_ns", "changed_ns"),
    _text("card"),
    _bytes("body"),
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
    _name("sensor", primary_key=True),
    _name("emitter", primary_key=True),
    _name("alarm", 32),
    Index("emitters_by_alarm", "alarm"),
)
"""Which alarm an emitter of a sensor belongs to, for ever."""

actions = Table(
    "actions",
    metadata,
    _id(),
    _name("alarm", 32),
    _count("time_ns"),
    _name("author"),
    _name("action", 16),
    _name("reason", 32),
    _text("note"),
    _name("owner"),
    *(_name(name, 16) for name in ("state_before", "state_after")),
    Index("actions_by_alarm", "alarm", "id"),
)
"""What people did about an alarm."""

notices = Table(
    "notices",
    metadata,
    _id(),
    *_names("site", "sensor"),
    _name("level", 16),
    _name("note_id", 200),
    _text("note"),
    *_counts("start_ns", "stop_ns"),
    Index("notices_by_start", "start_ns"),
    Index("notices_by_name", "site", "sensor", "note_id", "start_ns"),
)
"""Gaps, lost sensors, broken sequences; ``stop_ns`` is 0 while it lasts."""

sites = Table(
    "sites", metadata, _name("site", primary_key=True), _count("received_ns"), _bytes("heartbeat")
)
"""The last heartbeat of every site: one that is gone is shown as silent after a restart too."""

known = Table(
    "known",
    metadata,
    _id(counted=False),
    *_floats("low_hz", "high_hz"),
    _name("name", 200),
    _name("reason", 200),
    _name("site"),
    *_counts("start_ns", "stop_ns"),
    *_life(),
)
"""Emitters that may be there."""

clips = Table(
    "clips",
    metadata,
    _name("site", primary_key=True),
    _name("name", 128, primary_key=True),
    *_names("sensor", "emitter"),
    *_counts("start_ns", "stop_ns"),
    _name("sha256"),
    *_counts("announced_ns", "arrived_ns", "dropped_ns"),
    Index("clips_by_emitter", "sensor", "emitter"),
)
"""Recordings that the sites announced."""

exams = Table(
    "exams",
    metadata,
    _id(counted=False),
    _name("name", 200),
    _name("site"),
    *_counts("start_ns", "stop_ns"),
    *_floats("drill_s", "armed_s", "closing_s"),
    *_life(),
)
"""The exam timetable."""

approvals = Table(
    "approvals",
    metadata,
    _id(),
    _name("act", 32),
    _name("subject"),
    _text("what"),
    *_names("hash", "wanted_by"),
    *_counts("wanted_ns", "until_ns"),
    _name("state", 16),
    _name("decided_by"),
    _count("decided_ns"),
    _text("note"),
    Index("approvals_by_state", "state", "id"),
    Index("approvals_by_subject", "act", "subject"),
)
"""What one person wants and a second one decides: `dashboard.pairs`."""

reviews = Table(
    "reviews",
    metadata,
    _id(),
    _name("site"),
    *_counts("start_ns", "stop_ns"),
    _text("findings"),
    _name("author"),
    _count("created_ns"),
    Index("reviews_by_stop", "stop_ns"),
)
"""Which recorded time somebody has looked through again: `dashboard.reviews`."""

deliveries = Table(
    "deliveries",
    metadata,
    _id(),
    _name("receiver", 32),
    _name("news", 16),
    _name("subject"),
    _count("raised_ns"),
    _text("title"),
    _text("body"),
    _name("state", 16),
    Column("tries", Integer, nullable=False),
    *_counts("made_ns", "next_ns", "done_ns"),
    _text("error"),
    UniqueConstraint("receiver", "news", "subject", "raised_ns"),
    Index("deliveries_by_state", "state", "next_ns"),
)
"""Messages to people who do not look at the page."""

accounts = Table(
    "accounts",
    metadata,
    _name("name", 32, primary_key=True),
    _name("role", 16),
    Column("disabled", Boolean, nullable=False),
    _name("password", 200),
    _count("changed_ns"),
)
"""People."""

sessions = Table(
    "sessions",
    metadata,
    _name("digest", primary_key=True),
    _name("name", 32),
    _name("role", 16),
    _count("until_ns"),
)
"""Who is signed in; a restart in the middle of an exam must not sign anybody out."""

tokens = Table(
    "tokens",
    metadata,
    _name("digest", primary_key=True),
    _name("name", 32, unique=True),
    _name("role", 16),
    _count("until_ns"),
)
"""API tokens of scripts."""

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    _count("time_ns"),
    *_names("actor", "act"),
    _name("subject", 200),
    _text("detail"),
    *_names("prev_hash", "hash"),
)
"""The hash chain of `dashboard.audit`."""
