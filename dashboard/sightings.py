"""When an emitter was on the air, time by time, and the beat of it.

A sensor's events say how often and how long it has heard an emitter so far; what was added since
the event before is one more time on the air.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import Struct
from sqlalchemy import Engine, select

from dashboard import schema
from dsp.rhythm import find_rhythm
from sensors.messages import EmitterEvent, RelayedEvent
from sensors.wire import Refused, read_event, read_record

MOST_EVENTS = 10_000
"""Of an alarm, the newest: an hour of three sensors that hear it without a pause."""
SECOND = 1_000_000_000


class Sighting(Struct, frozen=True):
    """One time on the air.

    Attributes
    ----------
    count : int
        How many times these are, where a sensor told of several at once: then only the last one's
        end is known, and ``start_ns`` is where it would begin if they followed on one another.
    """

    sensor: str
    start_ns: int
    stop_ns: int
    count: int = 1


class Beat(Struct, frozen=True):
    """It comes back regularly, as far as all sensors together have heard it.

    Attributes
    ----------
    period_s, spread_s : float
    next_ns : int
        When it is expected next.
    """

    period_s: float
    spread_s: float
    next_ns: int


class Sightings(Struct, frozen=True):
    """Every time on the air that is known of an alarm.

    Attributes
    ----------
    sightings : list of Sighting
        By their beginning.
    beat : Beat or None
        None where no beat explains the beginnings.
    since_ns : int
        Older ones are not listed; 0 when all are.
    """

    sightings: list[Sighting]
    beat: Beat | None
    since_ns: int


def sightings_of(reader: Engine, alarm_id: str, now_ns: int) -> Sightings:
    """Read an alarm's events."""
    table = schema.events
    newest = (
        select(table.c.record, table.c.time_ns)
        .where(table.c.alarm == alarm_id, table.c.kind == "emitter")
        .order_by(table.c.id.desc())
        .limit(MOST_EVENTS)
    )
    with reader.connect() as connection:
        rows = list(connection.execute(newest))[::-1]
    events = [event for row in rows if (event := _event(row.record)) is not None]
    found = times_on_air(events)
    since_ns = rows[0].time_ns if len(rows) == MOST_EVENTS else 0
    return Sightings(found, beat_of(found, now_ns), since_ns)


def times_on_air(events: Iterable[EmitterEvent]) -> list[Sighting]:
    """Take events of several sensors apart into times on the air.

    Parameters
    ----------
    events : iterable of EmitterEvent
        In the order in which they came.
    """
    found: list[Sighting] = []
    last: dict[tuple[str, str], tuple[EmitterEvent, float, int]] = {}
    for event in events:
        key = (event.sensor, event.emitter)
        before, on_before_s, place = last.get(key, (None, 0.0, -1))
        told = 0 if before is None else before.sightings
        if before is None or event.sightings > told:
            on_before_s = 0.0 if before is None else before.on_s
            place = len(found)
            found.append(Sighting(event.sensor, 0, 0, max(1, event.sightings - told)))
        start_ns = event.last_seen_ns - round((event.on_s - on_before_s) * SECOND)
        if before is None:
            # What was before the first event that we have is told as one.
            start_ns = max(start_ns, event.first_seen_ns)
        if event.last_seen_ns >= found[place].stop_ns:
            found[place] = msgspec.structs.replace(
                found[place], start_ns=start_ns, stop_ns=event.last_seen_ns
            )
        last[key] = (event, on_before_s, place)
    return sorted(found, key=lambda one: (one.start_ns, one.sensor))


def beat_of(sightings: Iterable[Sighting], now_ns: int) -> Beat | None:
    """Find the beat of all sensors together: what one comes late to another hears in time."""
    starts_ns: list[int] = []
    over_ns = 0
    for one in sorted(sightings, key=lambda one: one.start_ns):
        if one.start_ns > over_ns:
            starts_ns.append(one.start_ns)
        over_ns = max(over_ns, one.stop_ns)
    zero_ns = starts_ns[0] if starts_ns else 0
    rhythm = find_rhythm([(start_ns - zero_ns) / SECOND for start_ns in starts_ns])
    if rhythm is None:
        return None
    next_s = rhythm.next_s((now_ns - zero_ns) / SECOND)
    return Beat(rhythm.period_s, rhythm.spread_s, zero_ns + round(next_s * SECOND))


def _event(record: bytes) -> EmitterEvent | None:
    """The event in a record, unwrapped where a relay passed it on; it was checked when it came."""
    try:
        event = read_event(read_record(bytes(record)).payload)
        while isinstance(event, RelayedEvent):
            event = read_event(read_record(event.record).payload)
    except Refused:
        return None  # of a version that is not read any more
    return event if isinstance(event, EmitterEvent) else None
