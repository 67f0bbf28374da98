"""What was done in a session: orders to sites, evidence, messages to people, other audited acts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, func, or_, select

from dashboard import schema
from dashboard.asking import ANSWER, NO_ANSWER, ORDER
from dashboard.audit import GENESIS, Entry, first_broken
from dashboard.clips import Announced
from dashboard.phases import EVERY_SITE
from dashboard.report_alarms import AT_A_TIME, actions_of
from dashboard.report_span import MOST, Span, first_since
from sensors.messages import Note

TAKEN = ("evidence.taken", "evidence.damaged", "content.heard")
"""What happened to recordings: counts after the session too, where it was about its alarms."""
TOLD = ("session.", "account.", "token.", "keys.", "known.", "store.", "pair.rules", "breach.")
"""Beginnings of other acts that a record names."""


class Order(Struct, frozen=True):
    """An order to a site and what became of it.

    Attributes
    ----------
    accepted : bool or None
        None: the site was not reached, or the answer is not on record.
    note : Note or None
        What the site said, or why it was not reached.
    """

    time_ns: int
    by: str
    site: str
    order: str
    args: dict[str, Any]
    answered_ns: int = 0
    accepted: bool | None = None
    note: Note | None = None


class AuditLine(Struct, frozen=True):
    """A row of the audit log."""

    seq: int
    time_ns: int
    actor: str
    act: str
    subject: str
    detail: dict[str, Any]


class Message(Struct, frozen=True):
    """A message to people, and who took notice of its alarm after it was sent.

    Attributes
    ----------
    answered_ns, answered_by : int, str
        First action of a person about the alarm after the message was made; 0 and empty for none.
    """

    receiver: str
    news: str
    subject: str
    title: str
    state: str
    tries: int
    made_ns: int
    done_ns: int
    error: str
    answered_ns: int = 0
    answered_by: str = ""


class Head(Struct, frozen=True):
    """End of the audit log when the record was made, and the session's own rows in it.

    Attributes
    ----------
    broken : int
        Number of the first row from the session on that does not follow; 0 when every one does.
    """

    seq: int
    hash: str
    time_ns: int
    first_seq: int
    last_seq: int
    broken: int


class Acts(Struct, frozen=True):
    """What was done; the ``..._left`` count what the lists leave out."""

    orders: list[Order]
    orders_left: int
    clips: list[Announced]
    clips_left: int
    clips_arrived: int
    takings: list[AuditLine]
    takings_left: int
    messages: list[Message]
    messages_left: int
    undelivered: int
    others: list[AuditLine]
    others_left: int
    head: Head


def acts_of(connection: Connection, site: str, span: Span, alarms: Sequence[str]) -> Acts:
    """Read the audit log from the session on, the recordings and the messages."""
    table = schema.audit
    first = first_since(connection, table.c.seq, table.c.time_ns, span.begin_ns)
    last = first_since(connection, table.c.seq, table.c.time_ns, span.end_ns)
    rows = _audited(connection, site, first, last, alarms)
    orders = _orders(row for row in rows if row.act in (ORDER, ANSWER, NO_ANSWER))
    takings = [row for row in rows if row.act in TAKEN]
    others = [row for row in rows if row.act.startswith(TOLD)]
    clips, count, arrived = _clips(connection, site, span)
    messages, left, undelivered = _messages(connection, site, span)
    return Acts(
        orders=orders[:MOST],
        orders_left=len(orders[MOST:]),
        clips=clips,
        clips_left=count - len(clips),
        clips_arrived=arrived,
        takings=takings[:MOST],
        takings_left=len(takings[MOST:]),
        messages=messages,
        messages_left=left,
        undelivered=undelivered,
        others=others[:MOST],
        others_left=len(others[MOST:]),
        head=_head(connection, first, last),
    )


def _audited(
    connection: Connection, site: str, first: int, last: int, alarms: Sequence[str]
) -> list[AuditLine]:
    table = schema.audit
    orders = table.c.act.in_((ORDER, ANSWER, NO_ANSWER)) & (table.c.seq < last)
    if site != EVERY_SITE:
        orders &= table.c.subject == site
    taken = table.c.act.in_(TAKEN) & ((table.c.seq < last) | table.c.subject.in_(alarms))
    others = or_(*(table.c.act.startswith(act) for act in TOLD)) & (table.c.seq < last)
    columns = [table.c[name] for name in AuditLine.__struct_fields__]
    wanted = select(*columns).where(table.c.seq >= first, or_(orders, taken, others))
    found = []
    for row in connection.execute(wanted.order_by(table.c.seq)):
        fields: dict[str, Any] = msgspec.json.decode(row.detail)
        fields.pop("text", None)  # of a configuration, which is in the audit log itself
        found.append(AuditLine(**{**row._mapping, "detail": fields}))
    return found


def _orders(rows: Iterable[AuditLine]) -> list[Order]:
    """Put each answer to the last order of that name to that site that had none."""
    orders: list[Order] = []
    waiting: dict[tuple[str, str, str], int] = {}
    for row in rows:
        key = (row.subject, row.actor, str(row.detail.get("order", "")))
        if row.act == ORDER:
            waiting[key] = len(orders)
            args = row.detail.get("args") or {
                name: row.detail[name] for name in ("version", "sha256") if name in row.detail
            }
            orders.append(Order(row.time_ns, row.actor, row.subject, key[2], args))
        elif (at := waiting.pop(key, None)) is not None:
            why = str(row.detail.get("why", ""))
            note = row.detail.get("note") or {"id": why, "args": row.detail.get("args", {})}
            orders[at] = msgspec.structs.replace(
                orders[at],
                answered_ns=row.time_ns,
                accepted=row.detail.get("accepted"),
                note=Note(str(note.get("id", "")), dict(note.get("args", {}))),
            )
    return orders


def _clips(connection: Connection, site: str, span: Span) -> tuple[list[Announced], int, int]:
    table = schema.clips
    ours = (table.c.stop_ns > span.begin_ns) & (table.c.start_ns < span.end_ns)
    if site != EVERY_SITE:
        ours &= table.c.site == site
    total, here = func.count(), func.count().filter(table.c.arrived_ns > 0)
    count, arrived = connection.execute(select(total, here).where(ours)).one()
    columns = [table.c[name] for name in Announced.__struct_fields__]
    query = select(*columns).where(ours).order_by(table.c.start_ns, table.c.name).limit(MOST)
    return [Announced(**row._mapping) for row in connection.execute(query)], count, arrived


def _messages(connection: Connection, site: str, span: Span) -> tuple[list[Message], int, int]:
    """Messages of the session, how many more there are, and how many did not arrive."""
    table = schema.deliveries
    first = first_since(connection, table.c.id, table.c.made_ns, span.begin_ns)
    last = first_since(connection, table.c.id, table.c.made_ns, span.end_ns)
    ours = (table.c.id >= first) & (table.c.id < last)
    if site != EVERY_SITE:  # about an alarm, or ``site/notice``
        alarms = select(schema.alarms.c.id).where(schema.alarms.c.site == site)
        about = table.c.subject.startswith(f"{site}/", autoescape=True)
        ours &= about | table.c.subject.in_(alarms)
    states: Counter[str] = Counter()
    for state, times in connection.execute(
        select(table.c.state, func.count()).where(ours).group_by(table.c.state)
    ):
        states[state] = times
    columns = [table.c[name] for name in Message.__struct_fields__ if name in table.c]
    query = select(*columns).where(ours).order_by(table.c.id).limit(MOST)
    found = [Message(**row._mapping) for row in connection.execute(query)]
    done = actions_of(connection, list({one.subject for one in found}))
    for at, one in enumerate(found):
        after = (act for act in done.get(one.subject, []) if act.time_ns >= one.made_ns)
        if (act := next(after, None)) is not None:
            found[at] = msgspec.structs.replace(
                one, answered_ns=act.time_ns, answered_by=act.author
            )
    total = states.total()
    return found, total - len(found), total - states["sent"]


def _head(connection: Connection, first: int, last: int) -> Head:
    table = schema.audit
    newest = (
        select(table.c.seq, table.c.hash, table.c.time_ns).order_by(table.c.seq.desc()).limit(1)
    )
    row = connection.execute(newest).first()
    seq, digest, time_ns = row if row is not None else (0, GENESIS, 0)
    rows = select(table).where(table.c.seq >= first - 1).order_by(table.c.seq)
    with connection.execute(rows.execution_options(yield_per=AT_A_TIME)) as stream:
        entries = (Entry(**row._mapping) for row in stream)
        before = next(entries, None) if first > 1 else None
        broken = first_broken(entries, before) or 0
    return Head(seq, digest, time_ns, first, min(last - 1, seq), broken)
