from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.alarms import MAX_PARTS_PER_SENSOR, Alarm, open_alarm
from dashboard.desk import Desk
from dashboard.fuse import REJOIN_S, Surroundings, Weights, context_of, gate_hz
from tests.dashboard.conftest import SECOND, START_NS, emitter_event

AROUND = Surroundings(
    live_sites=3,
    live_sensors={"school-3": 4},
    positions={"school-3/hall": "hall", "school-3/fence": "fence", "school-3/gate": "gate"},
)


class Table:
    """A desk with names for its alarms."""

    def __init__(self) -> None:
        self.desk = Desk(Weights(), lambda: AROUND)
        self.count = 0

    def hears(self, **changes: Any) -> str:
        self.count += 1
        with self.desk.attempt():
            return self.desk.fold(emitter_event(**changes), f"a{self.count}", START_NS).id


@pytest.fixture
def table() -> Table:
    return Table()


def test_two_sensors_with_different_crystals_hear_one_transmission(table: Table) -> None:
    first = table.hears()
    assert table.hears(sensor="school-3/fence", center_freq_hz=169.5009e6) == first


def test_neighbouring_channels_stay_two(table: Table) -> None:
    first = table.hears()
    assert table.hears(sensor="school-3/fence", center_freq_hz=169.5125e6) != first


def test_a_handheld_beside_a_broadband_source_stays_two(table: Table) -> None:
    wide = table.hears(center_freq_hz=409.5e6, bandwidth_hz=2e6, snr_db=8)
    assert table.hears(sensor="school-3/fence", center_freq_hz=409.8e6) != wide


def test_what_one_sensor_hears_beside_each_other_is_two(table: Table) -> None:
    first = table.hears()
    assert table.hears(emitter="e2", center_freq_hz=169.503e6) != first


def test_the_nearest_of_two_alarms_gets_the_emitter(table: Table) -> None:
    table.hears()
    second = table.hears(emitter="e2", center_freq_hz=169.507e6)
    assert table.hears(sensor="school-3/fence", center_freq_hz=169.5065e6) == second


@pytest.mark.parametrize(
    ("later_s", "same"), [(360, True), (REJOIN_S - 1, True), (REJOIN_S + 60, False)]
)
def test_an_emitter_that_returns_is_the_same_alarm_for_a_while(
    table: Table, later_s: float, same: bool
) -> None:
    first = table.hears(phase="close")
    start = START_NS + round(later_s * SECOND)
    again = table.hears(emitter="e2", first_seen_ns=start, last_seen_ns=start + SECOND)
    assert (again == first) is same


def test_a_transmitter_that_flickers_for_two_hours_is_one_alarm_of_bounded_size(
    table: Table,
) -> None:
    """Two sensors lose and find it every twenty seconds, each time as a new emitter."""
    rng = random.Random(4)
    ids = set()
    for turn in range(360):
        start = START_NS + 20 * turn * SECOND
        for sensor in ("school-3/hall", "school-3/fence"):
            heard = {
                "sensor": sensor,
                "emitter": f"e{turn}",
                "center_freq_hz": 169.5e6 + rng.uniform(-1500, 1500),
                "snr_db": rng.uniform(6, 20),
                "first_seen_ns": start + rng.randrange(SECOND),
                "last_seen_ns": start + 4 * SECOND,
            }
            ids |= {table.hears(**heard, phase="open"), table.hears(**heard, phase="close")}
    assert len(ids) == 1
    (alarm,) = table.desk.alarms.values()
    assert (alarm.state, alarm.raised_ns, alarm.on_air) == ("new", START_NS, False)
    assert len(alarm.parts) <= 2 * MAX_PARTS_PER_SENSOR
    assert alarm.sightings()[0] == 360 * emitter_event().sightings


def test_other_sites_have_alarms_of_their_own(table: Table) -> None:
    first = table.hears()
    other = table.hears(site="school-4", sensor="school-4/hall")
    assert other != first
    notes = {n.id for a in table.desk.alarms.values() for n in a.context}
    assert "reason.also_elsewhere" in notes and "reason.only_here" not in notes


def test_alarms_join_when_the_measurements_come_together(table: Table) -> None:
    """The first look at a burst of two tones saw one of them."""
    first = table.hears(center_freq_hz=169.478e6, bandwidth_hz=2.4e3)
    second = table.hears(sensor="school-3/fence")
    assert first != second
    assert table.hears(phase="update", snr_db=30, center_freq_hz=169.5002e6) == first
    assert list(table.desk.alarms) == [first]
    assert set(table.desk.alarms[first].sensors()) == {"school-3/hall", "school-3/fence"}
    assert table.hears(sensor="school-3/fence", phase="close") == first


def test_the_skirt_of_a_strong_burst_is_part_of_its_alarm(table: Table) -> None:
    strong = table.hears(snr_db=48)
    assert table.hears(emitter="e2", center_freq_hz=169.487e6, snr_db=8, bandwidth_hz=6e3) == strong
    assert table.desk.alarms[strong].center_freq_hz == 169.5e6


@pytest.mark.parametrize(
    "changes",
    [
        {"snr_db": 20},
        {"center_freq_hz": 169.475e6},
        {"sensor": "school-3/fence"},
        {"first_seen_ns": START_NS + 60 * SECOND, "last_seen_ns": START_NS + 61 * SECOND},
    ],
)
def test_what_may_be_a_second_transmitter_is_no_skirt(
    table: Table, changes: dict[str, Any]
) -> None:
    strong = table.hears(snr_db=48)
    weak = {"emitter": "e2", "center_freq_hz": 169.487e6, "snr_db": 8, "bandwidth_hz": 6e3}
    assert table.hears(**{**weak, **changes}) != strong


def test_a_skirt_that_was_seen_first_joins_its_cause(table: Table) -> None:
    weak = {"emitter": "e2", "center_freq_hz": 169.487e6, "snr_db": 8, "bandwidth_hz": 6e3}
    first = table.hears(**weak)
    table.hears(snr_db=48)
    table.hears(**weak, phase="update")
    assert list(table.desk.alarms) == [first]
    assert table.desk.alarms[first].center_freq_hz == 169.5e6


def test_frequencies_of_a_busy_band_keep_apart(table: Table) -> None:
    ids = {table.hears(emitter=f"e{i}", center_freq_hz=400e6 + i * 25e3) for i in range(200)}
    assert len(ids) == 200


def context(
    *parts: tuple[str, float], elsewhere: list[Alarm] | None = None, **around: Any
) -> set[str]:
    table = Table()
    for sensor, snr_db in parts:
        alarm_id = table.hears(sensor=f"school-3/{sensor}", snr_db=snr_db)
    where = Surroundings(**{**{"live_sites": 3, "positions": AROUND.positions}, **around})
    notes = context_of(table.desk.alarms[alarm_id], elsewhere or [], where, Weights())
    return {note.id for note in notes}


def test_what_the_place_says() -> None:
    assert context(("hall", 20)) == {"reason.only_here"}
    assert context(("hall", 20), live_sites=1) == set()
    assert context(("hall", 20), ("fence", 12)) == {
        "reason.only_here",
        "reason.several_sensors",
        "reason.stronger_inside",
    }
    assert "reason.stronger_outside" in context(("hall", 12), ("gate", 20))
    assert context(("hall", 20), ("fence", 18)) == {"reason.only_here", "reason.several_sensors"}


def test_heard_elsewhere_only_at_the_same_time() -> None:
    def other(later_s: float) -> Alarm:
        start = START_NS + round(later_s * SECOND)
        event = emitter_event(
            site="school-4", sensor="school-4/x", first_seen_ns=start, last_seen_ns=start + SECOND
        )
        return open_alarm("b", event, START_NS)

    assert "reason.also_elsewhere" in context(("hall", 20), elsewhere=[other(5)])
    assert "reason.only_here" in context(("hall", 20), elsewhere=[other(500)])


@given(st.floats(1e6, 1e9), st.floats(0, 1e6), st.floats(0, 1e6))
def test_the_gate_is_the_same_from_both_sides(freq: float, a: float, b: float) -> None:
    assert gate_hz(freq, a, b) == gate_hz(freq, b, a) >= 2500


def test_a_failed_attempt_leaves_nothing(table: Table) -> None:
    first = table.hears(center_freq_hz=169.478e6, bandwidth_hz=2.4e3)
    second = table.hears(sensor="school-3/fence")
    before = dict(table.desk.alarms)
    with pytest.raises(RuntimeError), table.desk.attempt():
        event = emitter_event(phase="update", snr_db=30, center_freq_hz=169.5002e6)
        table.desk.fold(event, "x", START_NS)
        assert len(table.desk.alarms) == 1
        table.desk.fold(emitter_event(emitter="e9", center_freq_hz=300e6), "y", START_NS)
        raise RuntimeError
    assert table.desk.alarms == before
    assert table.hears(phase="update", center_freq_hz=169.478e6, bandwidth_hz=2.4e3) == first
    assert table.hears(sensor="school-3/fence", phase="update") == second
    assert list(table.desk.near(300e6, 1e3)) == []
