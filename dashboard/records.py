"""What the store writes, row by row, inside a transaction that somebody else opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from dashboard import schema
from dashboard.alarms import Alarm
from dashboard.audit import Entry, next_entry
from dashboard.cards import card
from dashboard.database import upsert
from dashboard.errors import Refused
from dashboard.inbox import Breach, Incoming, Standing
from dashboard.layer_table import keep_layers
from dashboard.notices import Notice
from dashboard.state import Site
from sensors.messages import EmitterEvent, RelayedEvent

# Built once: building a statement takes longer than executing it.
_LAST_ENTRY = select(schema.audit).order_by(schema.audit.c.seq.desc()).limit(1)
_NEW_ENTRY = insert(schema.audit)
_HOME = (
    select(schema.alarms.c.body)
    .join(schema.emitters, schema.emitters.c.alarm == schema.alarms.c.id)
    .where(
        schema.emitters.c.sensor == bindparam("sensor"),
        schema.emitters.c.emitter == bindparam("emitter"),
    )
)


def append(
    connection: Connection,
    *,
    time_ns: int,
    actor: str,
    act: str,
    subject: str,
    detail: Mapping[str, object],
) -> None:
    """Add a row to the audit chain, in the transaction of the act itself."""
    row = connection.execute(_LAST_ENTRY).first()
    entry = next_entry(
        None if row is None else Entry(**row._mapping),
        time_ns=time_ns,
        actor=actor,
        act=act,
        subject=subject,
        detail=detail,
    )
    connection.execute(_NEW_ENTRY, [msgspec.structs.asdict(entry)])


def save(connection: Connection, alarms: Sequence[Alarm]) -> None:
    """Write alarms as they are now."""
    upsert(connection, schema.alarms, [_alarm_row(alarm) for alarm in alarms])


def news_of(alarm: Alarm, before: Alarm | None) -> str | None:
    """What sightings did to an alarm's state, as an act of the audit log; None for nothing."""
    if before is None:
        return "alarm.explained" if alarm.known else "alarm.opened"
    if before.state == alarm.state:
        return None
    return "alarm.explained" if alarm.known else "alarm.reopened"


def about(alarm: Alarm) -> dict[str, object]:
    """What the audit log says about an alarm that opens; everything else is in the events."""
    found: dict[str, object] = {"site": alarm.site, "center_freq_hz": alarm.center_freq_hz}
    return {**found, "known": alarm.known} if alarm.known else found


def join(connection: Connection, gone: str, kept: str) -> None:
    """Move what belonged to an alarm that became part of another one."""
    for table in (schema.emitters, schema.events):
        connection.execute(update(table).where(table.c.alarm == gone).values(alarm=kept))
    connection.execute(delete(schema.alarms).where(schema.alarms.c.id == gone))


def advance(
    connection: Connection, batch: Sequence[Incoming | Breach]
) -> dict[str, tuple[int, str]]:
    """Move the standing of every peer to where the batch leaves it.

    After a gap the next record follows one that we never saw; the other breaches move nothing.
    """
    ends: dict[tuple[str, str], Standing] = {}
    for item in batch:
        if isinstance(item, Incoming):
            ends[item.peer, item.epoch] = Standing(item.seq, item.hash)
        elif item.kind == "gap" and not item.relay:
            ends[item.peer, item.epoch] = Standing(item.last_seq, item.hash)
    rows = [
        {"peer": peer, "epoch": epoch, "seq": end.seq, "hash": end.hash}
        for (peer, epoch), end in ends.items()
    ]
    upsert(connection, schema.standings, rows, keys=("peer", "epoch"))
    return {f"{peer}/{epoch}": (end.seq, end.hash.hex()) for (peer, epoch), end in ends.items()}


def decode(body: bytes) -> Alarm:
    """Read an alarm as it is kept."""
    return msgspec.msgpack.decode(body, type=Alarm)


def fetch(connection: Connection, alarm_id: str) -> Alarm:
    """Read an alarm that has left memory.

    Raises
    ------
    Refused
        No such alarm (404).
    """
    table = schema.alarms
    body = connection.scalar(select(table.c.body).where(table.c.id == alarm_id))
    if body is None:
        raise Refused("alarm.unknown", 404, alarm=alarm_id)
    return decode(body)


def home_of_emitter(connection: Connection, sensor: str, emitter: str) -> Alarm | None:
    """The alarm that an emitter belongs to, which may have left memory long ago."""
    body = connection.scalar(_HOME, {"sensor": sensor, "emitter": emitter})
    return None if body is None else decode(body)


def keep_events(connection: Connection, events: Sequence[tuple[Incoming, Alarm | None]]) -> None:
    """Write records as they were signed."""
    if events:
        rows = [_event_row(item, alarm) for item, alarm in events]
        connection.execute(insert(schema.events), rows)
        keep_layers(connection, [item for item, _ in events])


def keep_homes(connection: Connection, events: Sequence[tuple[Incoming, Alarm | None]]) -> None:
    """Write which alarm each emitter belongs to."""
    homes = {
        (item.event.sensor, item.event.emitter): alarm.id
        for item, alarm in events
        if isinstance(item.event, EmitterEvent) and alarm is not None
    }
    homes_rows = [
        {"sensor": sensor, "emitter": emitter, "alarm": alarm_id}
        for (sensor, emitter), alarm_id in homes.items()
    ]
    upsert(connection, schema.emitters, homes_rows)


def keep_notices(connection: Connection, notices: Sequence[Notice]) -> None:
    """Write notices; one that is further on takes the place of itself, and of no other."""
    table = schema.notices
    for notice in notices:
        same_name = (
            (table.c.site == notice.site)
            & (table.c.sensor == notice.sensor)
            & (table.c.note_id == notice.note.id)
            & (table.c.start_ns == notice.start_ns)
        )
        for row in connection.execute(select(table).where(same_name)):
            before = Notice.of_row(row)
            if before == notice or (not before.stop_ns and before.key == notice.key):
                change = update(table).where(table.c.id == row.id)
                connection.execute(change.values(notice.row()))
                break
        else:
            connection.execute(insert(table).values(notice.row()))


def _event_row(item: Incoming, alarm: Alarm | None) -> dict[str, object]:
    """One record as it was signed, with what is needed to find it."""
    assert not isinstance(item.event, RelayedEvent), "the receiver unwraps what a relay sends"
    return {
        "peer": item.peer,
        "epoch": item.epoch,
        "seq": item.seq,
        "kind": "repeated" if item.repeated else "emitter" if alarm is not None else "notice",
        "site": item.event.site,
        "sensor": item.event.sensor,
        "time_ns": item.time_ns,
        "received_ns": item.received_ns,
        "clock_offset_ns": item.clock_offset_ns,
        "alarm": None if alarm is None else alarm.id,
        "record": item.record,
        "signature": item.signature,
        "hash": item.hash,
    }


def _alarm_row(alarm: Alarm) -> dict[str, object]:
    first_ns, last_ns = alarm.listed_ns
    return {
        "id": alarm.id,
        "site": alarm.site,
        "state": alarm.state,
        "is_open": alarm.is_open,
        "suspicion": alarm.suspicion,
        "center_freq_hz": alarm.center_freq_hz,
        "first_seen_ns": first_ns,
        "last_seen_ns": last_ns,
        "changed_ns": alarm.changed_ns,
        "card": msgspec.json.encode(card(alarm)).decode(),
        "body": msgspec.msgpack.encode(alarm),
    }


def site_row(site: Site) -> dict[str, object]:
    """What a site said last."""
    return {
        "site": site.heartbeat.site,
        "received_ns": site.received_ns,
        "heartbeat": msgspec.msgpack.encode(site.heartbeat),
    }
