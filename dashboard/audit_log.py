"""Reading the audit log: rows by who, what and about what; and whether its chain still holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta, Struct
from sqlalchemy import Engine, select

from dashboard import schema
from dashboard.audit import GENESIS, Entry, first_broken
from sensors.messages import TimeNs

AT_A_TIME = 5000
"""Rows in memory while the chain is checked."""

Word = Annotated[str, Meta(max_length=200)]


class AuditQuery(Struct, forbid_unknown_fields=True, frozen=True):
    """``GET /api/v1/audit``: rows of the chain.

    Attributes
    ----------
    after, before : int
        Only rows with a number between these two; ``before`` 0 for no limit.
    actor, subject : str
        Exactly these; empty for any.
    act : str
        Beginning of the act: ``alarm.`` for everything done to alarms.
    since_ns, until_ns : int
        Only what was done from then and before then; ``until_ns`` 0 for no limit.
    newest : bool
        The latest first; otherwise in the order of the chain.
    limit : int
    """

    after: Annotated[int, Meta(ge=0, le=2**62)] = 0
    before: Annotated[int, Meta(ge=0, le=2**62)] = 0
    actor: Word = ""
    act: Word = ""
    subject: Word = ""
    since_ns: TimeNs = 0
    until_ns: TimeNs = 0
    newest: bool = False
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 200


class AuditCheck(Struct, frozen=True):
    """Whether the chain holds.

    Attributes
    ----------
    entries : int
        That were read.
    first_broken : int
        Number of the first row that does not follow; 0 when every one does.
    head : str
        Hash of the last row that follows: printed on paper it proves all rows up to it.
    """

    entries: int
    first_broken: int
    head: str


def audit_entries(reader: Engine, query: AuditQuery) -> list[Entry]:
    """Rows of the audit chain."""
    table = schema.audit
    wanted = select(table).where(table.c.seq > query.after)
    if query.before:
        wanted = wanted.where(table.c.seq < query.before)
    if query.since_ns:
        wanted = wanted.where(table.c.time_ns >= query.since_ns)
    if query.until_ns:
        wanted = wanted.where(table.c.time_ns < query.until_ns)
    if query.actor:
        wanted = wanted.where(table.c.actor == query.actor)
    if query.act:
        wanted = wanted.where(table.c.act.startswith(query.act, autoescape=True))
    if query.subject:
        wanted = wanted.where(table.c.subject == query.subject)
    wanted = wanted.order_by(table.c.seq.desc() if query.newest else table.c.seq)
    with reader.connect() as connection:
        return [Entry(**row._mapping) for row in connection.execute(wanted.limit(query.limit))]


def check_chain(reader: Engine) -> AuditCheck:
    """Follow the whole chain from its first row."""
    last: Entry | None = None
    count = 0
    for entries in _portions(reader):
        if broken := first_broken(entries, last):
            follows = [entry for entry in entries if entry.seq < broken]
            last = follows[-1] if follows else last
            return AuditCheck(count + len(follows), broken, GENESIS if last is None else last.hash)
        last, count = entries[-1], count + len(entries)
    return AuditCheck(count, 0, GENESIS if last is None else last.hash)


def _portions(reader: Engine) -> Iterator[list[Entry]]:
    after = 0
    while entries := audit_entries(reader, AuditQuery(after=after, limit=AT_A_TIME)):
        yield entries
        after = entries[-1].seq
