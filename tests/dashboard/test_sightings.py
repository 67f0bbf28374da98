from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from dashboard.sightings import Sighting, beat_of, sightings_of, times_on_air
from dashboard.store import Store
from sensors.messages import EmitterEvent, Event, Record, RelayedEvent
from sensors.wire import pack
from tests.dashboard.conftest import SECOND, START_NS, Site, emitter_event

Open = Callable[..., Store]
HALL, FENCE = "school-3/hall", "school-3/fence"


def told(last_s: float, sightings: int, on_s: float, **changes: object) -> EmitterEvent:
    """An event whose emitter was last heard `last_s` after the first sample."""
    last_ns = START_NS + round(last_s * SECOND)
    return emitter_event(last_seen_ns=last_ns, sightings=sightings, on_s=on_s, **changes)


def spans(found: Iterable[Sighting]) -> list[tuple[str, float, float, int]]:
    return [
        (
            one.sensor.partition("/")[2],
            *(round((ns - START_NS) / 1e9, 2) for ns in times),
            one.count,
        )
        for one in found
        for times in [(one.start_ns, one.stop_ns)]
    ]


def test_each_event_adds_what_was_on_the_air_since_the_one_before() -> None:
    events = [
        told(0.04, 1, 0.04),
        told(2.0, 1, 2.0, phase="update"),
        told(2.5, 1, 2.5, phase="close"),
        told(12.04, 2, 2.54),
        told(15.0, 2, 5.5, phase="close"),
    ]
    assert spans(times_on_air(events)) == [("hall", 0.0, 2.5, 1), ("hall", 12.0, 15.0, 1)]


def test_sensors_and_emitters_are_told_apart() -> None:
    events = [
        told(2.0, 1, 2.0),
        told(3.0, 1, 1.0, sensor=FENCE, first_seen_ns=START_NS + 2 * SECOND),
        told(30.0, 1, 1.0, emitter="e2", first_seen_ns=START_NS + 29 * SECOND),
    ]
    expected = [("hall", 0.0, 2.0, 1), ("fence", 2.0, 3.0, 1), ("hall", 29.0, 30.0, 1)]
    assert spans(times_on_air(events)) == expected


def test_several_at_once_are_counted() -> None:
    events = [told(1.0, 1, 1.0, phase="close"), told(60.0, 4, 2.5, phase="close")]
    assert spans(times_on_air(events)) == [("hall", 0.0, 1.0, 1), ("hall", 58.5, 60.0, 3)]


def test_a_repeated_event_changes_nothing() -> None:
    events = [told(2.0, 1, 2.0), told(2.0, 1, 2.0), told(1.0, 1, 1.0)]
    assert spans(times_on_air(events)) == [("hall", 0.0, 2.0, 1)]


def test_the_beat_is_that_of_all_sensors_together() -> None:
    """One sensor hears every second message late, the other misses every third."""
    heard = []
    for k in range(9):
        begin_ns = START_NS + 12 * k * SECOND
        late_ns = begin_ns + (k % 2) * SECOND
        heard.append(Sighting(HALL, late_ns, begin_ns + 3 * SECOND))
        if k % 3:
            heard.append(Sighting(FENCE, begin_ns, begin_ns + 3 * SECOND))
    beat = beat_of(heard, START_NS + 100 * SECOND)
    assert beat is not None
    assert beat.period_s == pytest.approx(12, abs=0.1)
    assert (beat.next_ns - START_NS) / 1e9 == pytest.approx(108, abs=1)


def test_without_a_beat_nothing_is_foretold() -> None:
    assert beat_of([], START_NS) is None
    begins_ns = [START_NS + round(s * SECOND) for s in (0, 7.13, 31.57, 40.91, 83.3)]
    odd = [Sighting(HALL, begin_ns, begin_ns + SECOND) for begin_ns in begins_ns]
    assert beat_of(odd, START_NS) is None


def signed(event: Event, number: int) -> bytes:
    """The bytes of a record as an outbox makes them."""
    record = Record(1, bytes(16), number, START_NS, 0, bytes(16), 0, pack(event), bytes(32))
    return pack(record)


def test_read_from_the_store_relayed_ones_too(open_store: Open) -> None:
    store, site = open_store(), Site()
    events = [told(2.0, 1, 2.0), told(12.0, 2, 4.0)]
    for number, event in enumerate(events, 1):
        item = site.says(event)
        record = signed(event, number)
        if number == 2:
            relayed = RelayedEvent("city", 1, bytes(32), record, bytes(64))
            record = signed(relayed, number)
        store.ingest([replace(item, record=record)])
    (alarm,) = store.desk.alarms
    found = sightings_of(store.reader, alarm, START_NS)
    assert spans(found.sightings) == [("hall", 0.0, 2.0, 1), ("hall", 10.0, 12.0, 1)]
    assert (found.beat, found.since_ns) == (None, 0)
    assert sightings_of(store.reader, "nobody", START_NS).sightings == []
