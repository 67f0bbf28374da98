"""The sites of a session: what they said last, and how their clocks stood when they reported."""

from __future__ import annotations

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, func, select

from dashboard import schema
from dashboard.phases import EVERY_SITE
from dashboard.report_span import Span, first_since
from sensors.messages import Heartbeat, Note, SensorHealth


class Clocks(Struct, frozen=True):
    """Clock of a site against the centre's, as measured with each record that came in the session.

    Attributes
    ----------
    records, unmeasured : int
        Records; those of them whose offset was not known.
    least_ns, most_ns : int or None
        Site minus centre.
    slowest_ns : int
        Longest time from a record's making to its arrival, as both clocks have it.
    """

    records: int = 0
    unmeasured: int = 0
    least_ns: int | None = None
    most_ns: int | None = None
    slowest_ns: int = 0


class SiteFacts(Struct, frozen=True):
    """A site.

    Attributes
    ----------
    said_ns : int
        When it last spoke, by the centre's clock; 0 for one that never did to this centre itself.
    sensors : list of SensorHealth
        As it said then.
    """

    site: str
    name: str
    said_ns: int
    started_ns: int
    version: str
    sensors: list[SensorHealth]
    link_notes: list[Note]
    clocks: Clocks = Clocks()


def sites_of(connection: Connection, site: str, span: Span) -> list[SiteFacts]:
    """Every site that the session is about, by name."""
    table = schema.sites
    wanted = select(table) if site == EVERY_SITE else select(table).where(table.c.site == site)
    clocks = _clocks(connection, span)
    facts = []
    for row in connection.execute(wanted.order_by(table.c.site)):
        said = msgspec.msgpack.decode(row.heartbeat, type=Heartbeat)
        facts.append(
            SiteFacts(
                site=row.site,
                name=said.site_name,
                said_ns=row.received_ns,
                started_ns=said.started_ns,
                version=said.version,
                sensors=sorted(said.sensors, key=lambda sensor: sensor.sensor),
                link_notes=said.link_notes,
                clocks=clocks.pop(row.site, Clocks()),
            )
        )
    strangers = clocks if site == EVERY_SITE else {site: clocks.get(site, Clocks())}
    known = {one.site for one in facts}
    others = sorted(strangers.keys() - known - {""})  # behind another centre, or never there
    return facts + [SiteFacts(name, "", 0, 0, "", [], [], strangers[name]) for name in others]


def _clocks(connection: Connection, span: Span) -> dict[str, Clocks]:
    table = schema.events
    first = first_since(connection, table.c.id, table.c.received_ns, span.begin_ns)
    offset = table.c.clock_offset_ns
    query = (
        select(
            table.c.site,
            func.count(),
            func.count() - func.count(offset),
            func.min(offset),
            func.max(offset),
            func.max(table.c.received_ns - table.c.time_ns),
        )
        .where(table.c.id >= first, table.c.received_ns < span.end_ns)
        .group_by(table.c.site)
    )
    last = first_since(connection, table.c.id, table.c.received_ns, span.end_ns)
    rows = connection.execute(query.where(table.c.id < last))
    return {site: Clocks(*numbers) for site, *numbers in rows}
