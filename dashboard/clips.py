"""Recordings that the sites have announced: which emitter, when, and the hash that they signed.

A site says in a signed record that it has kept a clip, with the hash of the clip's list of hashes.
The files come later and on another plane; whatever comes is measured against that record.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct
from sqlalchemy import Connection, Engine, select, update

from dashboard import schema
from dashboard.database import insert_once
from dashboard.inbox import Breach, Incoming
from sensors.messages import NoticeEvent

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,115}")
_HASH = re.compile(r"[0-9a-f]{64}")
META, DATA, LIST = ".sigmf-meta", ".sigmf-data", ".sha256"
SUFFIXES = (META, DATA, LIST)
"""The three files of a clip: what it is, the samples, and the hashes of both."""


class Announced(Struct, frozen=True):
    """A clip as its site announced it.

    Attributes
    ----------
    site, sensor, emitter : str
    name : str
        Of its files, without their endings.
    start_ns, stop_ns : int
        Of its samples.
    sha256 : str
        Of its list of hashes, in hex: one number that stands for the whole clip.
    announced_ns, arrived_ns, dropped_ns : int
        Monitor's clock: announced; whole here; deleted at the site to make room.  0 for not yet.
    """

    site: str
    name: str
    sensor: str
    emitter: str
    start_ns: int
    stop_ns: int
    sha256: str
    announced_ns: int
    arrived_ns: int = 0
    dropped_ns: int = 0


def keep_clips(connection: Connection, items: Iterable[Incoming | Breach]) -> None:
    """Note clips that were announced, and those that their site had to delete."""
    for item in items:
        if isinstance(item, Breach) or not isinstance(item.event, NoticeEvent):
            continue
        if item.event.note.id == "evidence.kept":
            _announce(connection, item.event, item.received_ns)
        elif item.event.note.id == "evidence.deleted":
            _drop(connection, item.event, item.received_ns)


def clips_of(reader: Engine, alarm_id: str) -> list[Announced]:
    """Clips of every emitter of an alarm, in order of time."""
    clips, homes = schema.clips, schema.emitters
    query = (
        select(*(clips.c[name] for name in Announced.__struct_fields__))
        .join(homes, (homes.c.sensor == clips.c.sensor) & (homes.c.emitter == clips.c.emitter))
        .where(homes.c.alarm == alarm_id)
        .order_by(clips.c.start_ns, clips.c.name)
    )
    with reader.connect() as connection:
        return [Announced(**row._mapping) for row in connection.execute(query)]


def find_clip(connection: Connection, site: str, name: str) -> Announced | None:
    """A clip by its name."""
    table = schema.clips
    row = connection.execute(
        select(table).where(table.c.site == site, table.c.name == name)
    ).first()
    return None if row is None else Announced(**row._mapping)


def mark_arrived(connection: Connection, clip: Announced, now_ns: int) -> None:
    """Note that a clip is whole here."""
    table = schema.clips
    where = (table.c.site == clip.site) & (table.c.name == clip.name)
    connection.execute(update(table).where(where).values(arrived_ns=now_ns))


def _announce(connection: Connection, event: NoticeEvent, now_ns: int) -> None:
    args = event.note.args
    name = str(args.get("file", "")).removesuffix(META)
    sha256 = str(args.get("sha256", ""))
    if not _NAME.fullmatch(name) or not _HASH.fullmatch(sha256):
        return  # it stays a notice
    clip = Announced(
        site=event.site,
        name=name,
        sensor=event.sensor,
        emitter=str(args.get("emitter", ""))[:64],
        start_ns=event.start_ns,
        stop_ns=event.stop_ns,
        sha256=sha256,
        announced_ns=now_ns,
    )
    row = {field: getattr(clip, field) for field in Announced.__struct_fields__}
    insert_once(connection, schema.clips, row)


def _drop(connection: Connection, event: NoticeEvent, now_ns: int) -> None:
    """Mark what a site deleted: it says how many, and the first; the oldest always go first.

    Names begin with the time, so their order is that of age.
    """
    table = schema.clips
    count, first = event.note.args.get("count", 0), str(event.note.args.get("first", ""))
    if not isinstance(count, int) or count < 1:
        return
    where = (table.c.site == event.site) & (table.c.name >= first) & (table.c.dropped_ns == 0)
    gone = select(table.c.name).where(where).order_by(table.c.name).limit(count)
    names = list(connection.scalars(gone))
    where = (table.c.site == event.site) & table.c.name.in_(names)
    connection.execute(update(table).where(where).values(dropped_ns=now_ns))
