"""The list of alarms: which ones, in which order, page by page, and how many there are."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct
from sqlalchemy import ColumnElement, Engine, Select, and_, func, or_, select

from dashboard import schema
from dashboard.actions import ALL_STATES
from dashboard.alarms import OPEN_STATES, AlarmState
from dashboard.queries import AnySite
from sensors.messages import TimeNs

_MHZ = re.compile(r"([0-9]{1,5}(?:\.([0-9]{0,6}))?)\s*(?:mhz)?", re.IGNORECASE)


class AlarmFilter(Struct, forbid_unknown_fields=True, frozen=True):
    """``GET /api/v1/alarms/counts``: which alarms.

    Attributes
    ----------
    state, site : str
        Empty for any; ``open`` for every state in which somebody still has to do something.
    since_ns, until_ns : int
        Last seen at or after ``since_ns``, first seen before ``until_ns`` (0: up to now).
    text : str
        A frequency in MHz, to as many digits as are given; or the beginning of the id or of the
        name of who had it in hand, a part of the site's id, or of what people wrote.
    """

    state: Literal["", "open", AlarmState] = ""
    site: AnySite = ""
    since_ns: TimeNs = 0
    until_ns: TimeNs = 0
    text: Annotated[str, Meta(max_length=64)] = ""


class AlarmQuery(AlarmFilter, forbid_unknown_fields=True, frozen=True):
    """``GET /api/v1/alarms``: one page of them.

    Attributes
    ----------
    sort : str
        The last seen, the latest begun, the most suspicious or the lowest frequency first.  Where
        a site's clock is doubtful the times at which it was heard of here count.
    offset, limit : int
    """

    sort: Literal["last_seen", "first_seen", "suspicion", "frequency"] = "last_seen"
    offset: Annotated[int, Meta(ge=0, le=2**62)] = 0
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 200


class AlarmCounts(Struct, frozen=True):
    """How many alarms a filter lets through, in all and by state."""

    total: int
    by_state: dict[str, int]


def alarm_cards(reader: Engine, query: AlarmQuery) -> list[msgspec.Raw]:
    """Public JSON of alarms, as the writer stored it."""
    table = schema.alarms
    order: dict[str, list[ColumnElement[Any]]] = {
        "last_seen": [table.c.last_seen_ns.desc(), table.c.id],
        "first_seen": [table.c.first_seen_ns.desc(), table.c.id],
        "suspicion": [table.c.suspicion.desc(), table.c.last_seen_ns.desc(), table.c.id],
        "frequency": [table.c.center_freq_hz, table.c.last_seen_ns.desc(), table.c.id],
    }
    # Only the page's own cards are read: they are long, and a sort would carry all of them along.
    page = _filtered(select(table.c.id), query).order_by(*order[query.sort])
    chosen = page.offset(query.offset).limit(query.limit).subquery()
    cards = select(table.c.card).where(table.c.id.in_(select(chosen.c.id)))
    with reader.connect() as connection:
        found = connection.scalars(cards.order_by(*order[query.sort]))
        return [msgspec.Raw(card.encode()) for card in found]


def alarm_counts(reader: Engine, query: AlarmFilter | None = None) -> AlarmCounts:
    """Count the alarms that a filter lets through; every state is there."""
    table = schema.alarms
    counts: dict[str, int] = dict.fromkeys(sorted(ALL_STATES), 0)
    query = query or AlarmFilter()
    # By state they are counted in any case, and that index has no other column to look up.
    plain = msgspec.structs.replace(query, state="")
    wanted = _filtered(select(table.c.state, func.count()), plain).group_by(table.c.state)
    with reader.connect() as connection:
        for state, count in connection.execute(wanted):
            if query.state in ("", state) or (query.state == "open" and state in OPEN_STATES):
                counts[state] = int(count)
    return AlarmCounts(sum(counts.values()), counts)


def _filtered(wanted: Select[Any], query: AlarmFilter) -> Select[Any]:
    table = schema.alarms
    if query.since_ns:
        wanted = wanted.where(table.c.last_seen_ns >= query.since_ns)
    if query.until_ns:
        wanted = wanted.where(table.c.first_seen_ns < query.until_ns)
    if query.state == "open":
        wanted = wanted.where(table.c.is_open.is_(True))
    elif query.state:
        wanted = wanted.where(table.c.state == query.state)
    if query.site:
        wanted = wanted.where(table.c.site == query.site)
    text = query.text.strip()
    if found := _MHZ.fullmatch(text):
        middle_hz = float(found[1]) * 1e6
        half_hz = 0.5e6 / 10 ** len(found[2] or "")
        wanted = wanted.where(
            table.c.center_freq_hz.between(middle_hz - half_hz, middle_hz + half_hz)
        )
    elif text:
        wanted = wanted.where(_says(text))
    return wanted


def _says(text: str) -> ColumnElement[bool]:
    """Whether a text is in what people look for: the alarm's id, its site, who wrote what about it.

    Each part is found in an index or in the table of actions, never by reading every alarm.
    """
    alarms, actions, others = schema.alarms, schema.actions, schema.alarms.alias()
    said = or_(
        actions.c.note.icontains(text, autoescape=True),
        actions.c.owner.istartswith(text, autoescape=True),
        actions.c.author.istartswith(text, autoescape=True),
    )
    named = select(others.c.site).where(others.c.site.icontains(text, autoescape=True)).distinct()
    start = text.lower()
    return or_(
        and_(alarms.c.id >= start, alarms.c.id < f"{start}\uffff"),
        alarms.c.site.in_(named),
        alarms.c.id.in_(select(actions.c.alarm).where(said)),
    )
