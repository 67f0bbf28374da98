"""Reading the store: what pages and scripts ask for, on the read-only connections."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct
from sqlalchemy import Engine, select

from dashboard import schema
from dashboard.actions import Action
from dashboard.alarms import Part
from dashboard.notices import Notice
from dashboard.notify import Delivery
from dashboard.pyramid import Value
from dashboard.records import decode
from dashboard.state import Site
from sensors.messages import Freq, Heartbeat, Text, TimeNs

DAY_NS = 86_400_000_000_000
SNAPSHOT_ALARMS = 1000

AnySite = Annotated[str, Meta(max_length=64, pattern=r"^([A-Za-z0-9][A-Za-z0-9._/-]*)?$")]


class NoticeQuery(Struct, forbid_unknown_fields=True, frozen=True):
    """``GET /api/v1/notices``: the newest first.

    Attributes
    ----------
    site, level, note : str
        Empty for any; ``note`` is a message id such as ``drill.band``.
    since_ns, until_ns : int
        Begun at or after ``since_ns`` and before ``until_ns`` (0: up to now).
    limit : int
    """

    site: AnySite = ""
    level: Literal["", "info", "warning", "alarm"] = ""
    note: Text = ""
    since_ns: TimeNs = 0
    until_ns: TimeNs = 0
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 200


class DeliveryQuery(Struct, forbid_unknown_fields=True, frozen=True):
    """``GET /api/v1/deliveries``: the newest first."""

    limit: Annotated[int, Meta(ge=1, le=10_000)] = 200


class SpectrumQuery(Struct, forbid_unknown_fields=True, frozen=True):
    """``GET /api/v1/spectrum/{sensor}``: a window of the recorded waterfall and its size in pixels.

    Attributes
    ----------
    start_ns, stop_ns : int
        0 for the last ten minutes.
    start_hz, stop_hz : float
        0 for everything that the sensor listens to.
    width, height : int
    value : {"max", "mean"}
        Of the power under a pixel.
    """

    start_ns: TimeNs = 0
    stop_ns: TimeNs = 0
    start_hz: Freq = 0.0
    stop_hz: Freq = 0.0
    width: Annotated[int, Meta(ge=1, le=4096)] = 1200
    height: Annotated[int, Meta(ge=1, le=4096)] = 600
    value: Value = "max"


def alarm_card(reader: Engine, alarm_id: str) -> msgspec.Raw | None:
    """Public JSON of one alarm."""
    table = schema.alarms
    with reader.connect() as connection:
        found = connection.scalar(select(table.c.card).where(table.c.id == alarm_id))
    return None if found is None else msgspec.Raw(found.encode())


def parts_of(reader: Engine, alarm_id: str) -> tuple[Part, ...]:
    """What each sensor heard of an alarm."""
    table = schema.alarms
    with reader.connect() as connection:
        body = connection.scalar(select(table.c.body).where(table.c.id == alarm_id))
    return () if body is None else decode(body).parts


def current_cards(reader: Engine, now_ns: int) -> list[msgspec.Raw]:
    """What a page starts with: every open alarm, and those of the last day."""
    table = schema.alarms
    newest = select(table.c.card).order_by(table.c.last_seen_ns.desc())
    is_open = newest.where(table.c.is_open.is_(True)).limit(SNAPSHOT_ALARMS)
    over = newest.where(table.c.is_open.is_(False), table.c.last_seen_ns > now_ns - DAY_NS)
    with reader.connect() as connection:
        cards = list(connection.scalars(is_open))
        cards += connection.scalars(over.limit(SNAPSHOT_ALARMS - len(cards)))
    return [msgspec.Raw(card.encode()) for card in cards]


def actions_of(reader: Engine, alarm_id: str) -> list[Action]:
    """What people did about an alarm, in order."""
    table = schema.actions
    with reader.connect() as connection:
        rows = connection.execute(
            select(*(table.c[name] for name in Action.__struct_fields__))
            .where(table.c.alarm == alarm_id)
            .order_by(table.c.id)
        )
        return [Action(*row) for row in rows]


def notices(reader: Engine, query: NoticeQuery) -> list[Notice]:
    """What was noticed about sensors."""
    table = schema.notices
    wanted = select(table).where(table.c.start_ns >= query.since_ns)
    if query.until_ns:
        wanted = wanted.where(table.c.start_ns < query.until_ns)
    for column, value in (("site", query.site), ("level", query.level), ("note_id", query.note)):
        if value:
            wanted = wanted.where(table.c[column] == value)
    wanted = wanted.order_by(table.c.start_ns.desc(), table.c.id.desc()).limit(query.limit)
    with reader.connect() as connection:
        return [Notice.of_row(row) for row in connection.execute(wanted)]


def deliveries(reader: Engine, limit: int) -> list[Delivery]:
    """Messages to people who do not look at the page, the newest first."""
    table = schema.deliveries
    with reader.connect() as connection:
        rows = connection.execute(select(table).order_by(table.c.id.desc()).limit(limit))
        return [Delivery(**row._mapping) for row in rows]


def known_sites(reader: Engine) -> dict[str, Site]:
    """What every site said last; all of them are silent until they speak again."""
    table = schema.sites
    with reader.connect() as connection:
        return {
            row.site: Site(
                msgspec.msgpack.decode(row.heartbeat, type=Heartbeat),
                row.received_ns,
                silent_since_ns=row.received_ns,
            )
            for row in connection.execute(select(table))
        }
