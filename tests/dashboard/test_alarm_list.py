from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from dashboard.actions import ALL_STATES, Wish
from dashboard.alarm_list import AlarmFilter, AlarmQuery, alarm_cards, alarm_counts
from dashboard.store import Store
from tests.dashboard.conftest import SECOND, START_NS, Clock, Site, emitter_event

Open = Callable[..., Store]


@pytest.fixture
def store(open_store: Open) -> Store:
    """Six alarms: at 169.0 ... 169.5 MHz, heard one after the other, suspicion 60, 50 ... 10."""
    store, site = open_store(), Site()
    for k in range(6):
        event = emitter_event(
            emitter=f"e{k}",
            site=f"school-{k % 2}",
            sensor=f"school-{k % 2}/hall",
            center_freq_hz=169e6 + k * 100e3,
            first_seen_ns=START_NS + k * SECOND,
            last_seen_ns=START_NS + (k + 2) * SECOND,
            suspicion=60 - 10 * k,
        )
        store.ingest([site.says(event)])
    return store


def listed(store: Store, **query: object) -> list[float]:
    """Tenths of a MHz over 169 MHz, in the order of the list."""
    wish = msgspec.convert(query, AlarmQuery)
    cards = [msgspec.json.decode(raw) for raw in alarm_cards(store.reader, wish)]
    counted = msgspec.convert(
        {name: value for name, value in query.items() if name in AlarmFilter.__struct_fields__},
        AlarmFilter,
    )
    assert alarm_counts(store.reader, counted).total >= len(cards)
    return [round((card["center_freq_hz"] - 169e6) / 1e5) for card in cards]


def name_of(store: Store, k: int) -> str:
    return next(
        a.id for a in store.desk.alarms.values() if abs(a.center_freq_hz - 169e6 - k * 1e5) < 1
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, [5, 4, 3, 2, 1, 0]),
        ({"sort": "first_seen"}, [5, 4, 3, 2, 1, 0]),
        ({"sort": "suspicion"}, [0, 1, 2, 3, 4, 5]),
        ({"sort": "frequency"}, [0, 1, 2, 3, 4, 5]),
        ({"site": "school-1"}, [5, 3, 1]),
        ({"since_ns": START_NS + 6 * SECOND}, [5, 4]),
        ({"until_ns": START_NS + 2 * SECOND}, [1, 0]),
        ({"limit": 2, "offset": 3}, [2, 1]),
        ({"limit": 2, "offset": 5}, [0]),
        ({"offset": 6}, []),
        ({"text": "169.2"}, [2]),
        ({"text": "169.2 MHz"}, [2]),
        ({"text": "169"}, [5, 4, 3, 2, 1, 0]),
        ({"text": "170"}, [5]),
        ({"text": "169.2004"}, []),
        ({"text": "SCHOOL-1"}, [5, 3, 1]),
        ({"text": "%"}, []),
        ({"text": "snr_db"}, []),
    ],
)
def test_filters_orders_and_pages(
    store: Store, query: dict[str, object], expected: list[int]
) -> None:
    assert listed(store, **query) == expected


def test_states_owners_and_notes(store: Store) -> None:
    store.act(name_of(store, 1), Wish(action="acknowledge"), "wang")
    note = "guards' handheld 100%"
    store.act(name_of(store, 2), Wish(action="dismiss", reason="own_equipment", note=note), "wang")
    assert listed(store, state="open") == [5, 4, 3, 1, 0]
    assert listed(store, state="dismissed") == [2]
    assert listed(store, state="acknowledged") == [1]
    assert listed(store, text="wan") == [2, 1]
    assert listed(store, text="HANDHELD 100%") == [2]
    assert listed(store, text=name_of(store, 4)[:9].upper()) == [4]
    counts = alarm_counts(store.reader)
    assert counts.total == 6
    there = {"new": 4, "acknowledged": 1, "dismissed": 1}
    assert counts.by_state == {**dict.fromkeys(ALL_STATES, 0), **there}


def test_pages_have_everything_once(store: Store) -> None:
    pages = [listed(store, sort="suspicion", limit=1, offset=k) for k in range(6)]
    assert pages == [[k] for k in range(6)]


@pytest.mark.parametrize("year", [1970, 2262])
def test_an_absurd_time_puts_no_alarm_on_top_for_ever_nor_out_of_sight(
    open_store: Open, clock: Clock, year: int
) -> None:
    """Whoever sends the year 2262 once would otherwise stand on top of the list until then."""
    store, site = open_store(), Site()
    absurd_ns = (year - 1970) * 31_556_926 * SECOND + SECOND
    for k, time_ns in ((0, START_NS), (1, absurd_ns), (2, START_NS + 150 * SECOND)):
        seen = {"first_seen_ns": time_ns, "last_seen_ns": time_ns + 2 * SECOND}
        clock.wait(60)
        event = emitter_event(emitter=f"e{k}", center_freq_hz=169e6 + k * 1e5, **seen)
        store.ingest([site.says(event)])
    assert listed(store) == listed(store, sort="first_seen") == [2, 1, 0]
    assert listed(store, since_ns=START_NS, until_ns=START_NS + 160 * SECOND) == [2, 1, 0]
    cards = [msgspec.json.decode(raw) for raw in alarm_cards(store.reader, AlarmQuery())]
    assert [card["clock_doubtful"] for card in cards] == [False, True, False]
    assert cards[1]["first_seen_ns"] == absurd_ns  # what the site said stays what it said
