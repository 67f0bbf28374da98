from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.actions import ALL_STATES, STEPS, Wish, act
from dashboard.alarms import (
    MAX_PARTS_PER_SENSOR,
    OPEN_STATES,
    Alarm,
    hear,
    open_alarm,
)
from dashboard.cards import Card, card
from dashboard.errors import Refused
from dashboard.tending import left_air
from sensors.messages import Note
from tests.dashboard.conftest import SECOND, START_NS, emitter_event

NOW = START_NS + 3 * SECOND


def alarm_of(*events: Any) -> Alarm:
    alarm = open_alarm("a", events[0], NOW)
    for event in events[1:]:
        alarm = hear(alarm, event, NOW)
    return alarm


def burst(index: int, every_s: float, on_s: float = 2.0, **changes: Any) -> Any:
    start = START_NS + round(index * every_s * SECOND)
    values = {
        "emitter": f"e{index}",
        "phase": "close",
        "first_seen_ns": start,
        "last_seen_ns": start + round(on_s * SECOND),
        "on_s": on_s,
    }
    return emitter_event(**{**values, **changes})


def test_the_sensor_with_the_best_signal_measures() -> None:
    alarm = alarm_of(
        emitter_event(snr_db=10, center_freq_hz=169.501e6, bandwidth_hz=9e3),
        emitter_event(sensor="school-3/fence", snr_db=30, center_freq_hz=169.5e6),
    )
    shown = card(alarm)
    assert (shown.center_freq_hz, shown.bandwidth_hz, shown.snr_db) == (169.5e6, 12e3, 30)
    assert shown.sensors == ["school-3/fence", "school-3/hall"]


def test_sensors_count_the_same_transmissions_once() -> None:
    alarm = alarm_of(
        emitter_event(sightings=3, on_s=6.0),
        emitter_event(sensor="school-3/fence", sightings=2, on_s=4.0),
    )
    assert alarm.sightings() == (3, 6.0)


def test_returning_emitters_add_up_and_stay_bounded() -> None:
    alarm = alarm_of(*(burst(i, 360, snr_db=10 + i) for i in range(100)))
    assert alarm.sightings() == (100, 200.0)
    assert len(alarm.parts) <= MAX_PARTS_PER_SENSOR
    assert alarm.first_seen_ns == START_NS
    assert alarm.last_seen_ns == START_NS + (99 * 360 + 2) * SECOND
    assert alarm.loudest.snr_db == 109
    assert not alarm.on_air


@given(st.permutations(range(6)))
def test_order_of_emitters_does_not_matter(order: list[int]) -> None:
    alarm = alarm_of(*(burst(i, 60) for i in order))
    assert alarm.sightings() == (6, 12.0)
    assert card(alarm).sentence[0].args["every_s"] == 60


def test_an_update_replaces_what_the_emitter_said_before() -> None:
    alarm = alarm_of(
        emitter_event(),
        emitter_event(phase="update", sightings=4),
        emitter_event(phase="close", sightings=5),
    )
    assert (alarm.sightings()[0], alarm.on_air, len(alarm.parts)) == (5, False, 1)


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([burst(i, 360) for i in range(4)], ("sentence.bursts_min", {"every_min": 6, "on_s": 2.0})),
        ([burst(i, 20) for i in range(4)], ("sentence.bursts_s", {"every_s": 20})),
        ([burst(i, 20) for i in range(2)], ("sentence.bursts", {"count": 2})),
        ([emitter_event(on_s=62.4, phase="update")], ("sentence.steady", {"on_s": 62})),
        ([emitter_event(on_s=422.0, phase="update")], ("sentence.steady_min", {"on_min": 7.0})),
        ([emitter_event(on_s=422.0, phase="close")], ("sentence.heard_min", {"on_min": 7.0})),
        ([burst(0, 1)], ("sentence.heard", {"on_s": 2.0, "freq_mhz": 169.5})),
    ],
)
def test_the_card_begins_with_what_it_is(events: list[Any], words: tuple[str, Any]) -> None:
    first = card(alarm_of(*events)).sentence[0]
    assert first.id == words[0]
    assert {key: first.args[key] for key in words[1]} == words[1]


def test_reasons_of_all_sensors_once_and_the_weightiest_first() -> None:
    alarm = alarm_of(
        emitter_event(reasons=[Note("reason.new", weight=30), Note("reason.brief", weight=-5)]),
        emitter_event(
            sensor="school-3/fence",
            reasons=[Note("reason.new", weight=30), Note("reason.bursts", weight=15)],
        ),
    )
    alarm = msgspec.structs.replace(alarm, context=[Note("reason.only_here", weight=20)])
    assert [note.id for note in card(alarm).reasons] == [
        "reason.new",
        "reason.only_here",
        "reason.bursts",
        "reason.brief",
    ]
    assert alarm.suspicion == 60


@given(st.integers(0, 100), st.integers(-100, 100))
def test_suspicion_stays_in_its_range(base: int, points: int) -> None:
    alarm = alarm_of(emitter_event(suspicion=base))
    alarm = msgspec.structs.replace(alarm, context=[Note("reason.only_here", weight=points)])
    assert alarm.suspicion == min(max(base + points, 0), 100)


def test_a_closed_alarm_opens_again_when_the_emitter_returns() -> None:
    alarm = msgspec.structs.replace(alarm_of(burst(0, 360)), state="closed")
    assert hear(alarm, burst(0, 360, sightings=2), NOW).state == "closed"
    assert hear(alarm, burst(1, 360, phase="open"), NOW).state == "reopened"


def test_a_dismissed_alarm_stays_dismissed() -> None:
    alarm = msgspec.structs.replace(alarm_of(burst(0, 360)), state="dismissed")
    assert hear(alarm, burst(1, 360, phase="open"), NOW).state == "dismissed"


def test_only_alarms_of_drills_alone_are_drills() -> None:
    assert alarm_of(emitter_event(drill=True)).drill
    mixed = alarm_of(emitter_event(drill=True), emitter_event(sensor="school-3/fence"))
    assert not mixed.drill


def test_a_site_with_a_wrong_clock_stays_on_the_air() -> None:
    hour = 3600 * SECOND
    alarm = alarm_of(emitter_event(first_seen_ns=START_NS - hour, last_seen_ns=START_NS - hour))
    assert left_air(alarm, NOW + 60 * SECOND) is alarm


def test_what_is_no_longer_repeated_leaves_the_air() -> None:
    alarm = alarm_of(emitter_event())
    assert left_air(alarm, NOW + 500 * SECOND) is alarm
    assert not left_air(alarm, NOW + 700 * SECOND).on_air


@pytest.mark.parametrize("state", sorted(ALL_STATES))
@pytest.mark.parametrize("action", sorted(STEPS))
def test_every_action_from_every_state(state: Any, action: Any) -> None:
    alarm = msgspec.structs.replace(alarm_of(emitter_event()), state=state)
    wish = Wish(action=action, reason="licensed", note="n", owner="wang")
    if state not in STEPS[action].sources:
        with pytest.raises(Refused) as caught:
            act(alarm, wish, "li", NOW)
        assert caught.value.status == 409
        return
    changed, done = act(alarm, wish, "li", NOW)
    assert (done.state_before, done.state_after) == (state, changed.state)
    assert done.author == "li"
    if action in ("dismiss", "close"):
        assert changed.state not in OPEN_STATES


def test_new_alarms_are_not_closed_unseen() -> None:
    with pytest.raises(Refused, match=r"alarm\.not_from"):
        act(alarm_of(emitter_event()), Wish(action="close", reason="gone"), "li", NOW)


@pytest.mark.parametrize(
    ("wish", "message_id"),
    [
        (Wish(action="dismiss"), "alarm.reason_needed"),
        (Wish(action="dismiss", reason="other", note=" "), "alarm.note_needed"),
        (Wish(action="note"), "alarm.note_needed"),
        (Wish(action="hand_over"), "alarm.receiver_needed"),
    ],
)
def test_what_an_action_needs(wish: Wish, message_id: str) -> None:
    with pytest.raises(Refused) as caught:
        act(alarm_of(emitter_event()), wish, "li", NOW)
    assert (caught.value.message_id, caught.value.status) == (message_id, 409)


def test_who_acknowledges_has_it_in_hand_until_it_is_handed_over() -> None:
    alarm, _ = act(alarm_of(emitter_event()), Wish(action="acknowledge"), "li", NOW)
    assert alarm.owner == "li"
    alarm, _ = act(alarm, Wish(action="investigate"), "wang", NOW)
    assert alarm.owner == "li"
    alarm, _ = act(alarm, Wish(action="hand_over", owner="radio office"), "li", NOW)
    assert (alarm.owner, alarm.state) == ("radio office", "handed_over")


def test_the_form_that_scripts_rely_on() -> None:
    promised = [
        *("id", "site", "sensors", "state", "center_freq_hz", "bandwidth_hz", "first_seen_ns"),
        *("last_seen_ns", "snr_db", "sightings", "label", "suspicion", "reasons"),
    ]
    assert list(Card.__struct_fields__[: len(promised)]) == promised
