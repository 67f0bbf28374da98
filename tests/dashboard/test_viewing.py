"""Watches of the monitor: numbers, credit that follows what was received, moved connections."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from unittest.mock import Mock

import pytest

from dashboard.arrival import Arrival
from dashboard.keyring import Keyring
from dashboard.live_plane import LivePlane
from dashboard.viewing import CREDIT, RENEW_S, Viewing
from sensors.keys import make_keys
from sensors.messages import Announce, SpectrumRow, Watch
from sensors.rows import Rows
from sensors.wire import encode

SENSOR = "school-3/hall"


def viewing() -> tuple[Viewing, int]:
    view = Viewing()
    view.announced(Announce("school-3", [SENSOR]), b"r1", 0.0)
    return view, view.watch(Watch(SENSOR, 1e8, 2e8, 100, 0))


def row(number: int) -> SpectrumRow:
    return SpectrumRow(SENSOR, 1, 1, 0.1, 1e8, 1e6, bytes(100), watch=number)


def test_a_watch_is_granted_at_once_and_renewed_while_rows_come() -> None:
    view, number = viewing()
    ((route, first),) = view.due(0.0)
    assert (route, first.credit, first.received, first.watch) == (b"r1", CREDIT, 0, number)
    assert view.due(0.1) == []
    for _ in range(CREDIT // 2):
        assert view.arrived(row(number), b"r1")
    grant = view.grant(number, 0.2)
    assert grant is not None
    assert grant[1].received == CREDIT // 2
    assert view.grant(number, 0.3) is None
    assert len(view.due(0.2 + RENEW_S)) == 1


def test_a_monitor_that_takes_nothing_never_grants_more_than_its_credit() -> None:
    """Memory bound: whatever the time, no more than CREDIT rows are on their way."""
    view, _ = viewing()
    site = Rows((SENSOR,))
    sent = 0
    for second in range(60):
        now = float(second)
        view.announced(Announce("school-3", [SENSOR]), b"r1", now)
        for _, watch in view.due(now):
            site.grant(watch, now)
        for watch in site.watches(now):
            site.offer(watch, row(0))
        while site.take() is not None:
            sent += 1
    assert sent == CREDIT


def test_a_new_connection_starts_its_count_anew() -> None:
    view, number = viewing()
    view.due(0.0)
    for _ in range(3):
        view.arrived(row(number), b"r1")
    assert view.announced(Announce("school-3", [SENSOR]), b"r2", 1.0)
    ((route, watch),) = view.due(1.0)
    assert (route, watch.received) == (b"r2", 0)


def test_rows_that_nobody_asked_for() -> None:
    view, number = viewing()
    assert not view.arrived(row(number + 1), b"r1")
    assert view.unwatch(number) == Watch(SENSOR, 1e8, 2e8, 100, 0, watch=number)
    assert not view.arrived(row(number), b"r1")
    assert view.counts["unasked"] == 2
    assert view.unwatch(number) is None


def test_a_row_comes_from_where_its_sensor_is() -> None:
    """Numbers of watches can be guessed: another site must not paint into this one's picture."""
    view, number = viewing()
    assert not view.arrived(row(number), b"r2")
    assert view.arrived(row(number), b"r1")


def test_a_silent_site_gets_no_grants() -> None:
    view, _ = viewing()
    view.due(0.0)
    assert view.due(100.0) == []


@pytest.mark.parametrize(
    ("relay", "said", "refused"),
    [
        (False, Announce("county", ["county/hall"]), 0),
        (False, Announce("county", ["school-9/hall"]), 1),
        (True, Announce("county", ["county/hall", "school-9/hall"]), 0),
        (True, Announce("county", ["school-3/hall"]), 1),  # it comes itself
        (True, Announce("school-9", ["school-9/hall"]), 1),
    ],
)
def test_who_may_announce_which_sensors(
    tmp_path: Path, relay: bool, said: Announce, refused: int
) -> None:
    ring, county, school = Keyring(tmp_path), make_keys(), make_keys()
    ring.allow("school-3", school.curve_public, school.verify_key, "test")
    ring.allow("county", county.curve_public, county.verify_key, "test", relay=relay)
    counts: Counter[str] = Counter()
    plane = LivePlane(Mock(), Viewing(), ring, counts, print, Mock())
    plane._one(Arrival(b"r", county.curve_public, encode(said), 0))
    assert counts["live_refused_site"] == refused
    ring.revoke("school-3", "test")
    plane._one(Arrival(b"r", county.curve_public, encode(said), 0))
    still = refused and said.sensors != ["school-3/hall"]
    assert counts["live_refused_site"] == refused + still
    ring.close()
