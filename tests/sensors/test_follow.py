"""Every emitter is opened, repeated while it lasts, closed, and keeps its name when it returns."""

from dataclasses import replace
from pathlib import Path

from dsp.signals import Emitter
from sensors.bands import BandSection, settle_bands
from sensors.follow import MAX_UPDATES_PER_S, Follow

BANDS = settle_bands([BandSection("tv3-high")], Path("site.toml"))
S = 1_000_000_000
VOICE = Emitter(
    number=1,
    phase="new",
    center_freq_hz=210.3e6,
    bandwidth_hz=9e3,
    snr_db=35.0,
    excess_db=34.0,
    peak_dbfs=-30.0,
    first_seen_ns=S,
    last_seen_ns=S,
    sightings=1,
    dwells=1,
    on_s=0.04,
)


def say(follow, emitters, at_s):
    return follow.update(emitters, has_baseline=True, freq_error_hz=1200.0, now_ns=round(at_s * S))


def phases(events):
    return [event.phase for event in events]


def test_open_update_close_and_return_under_one_name():
    follow = Follow("s", "s/hall", BANDS)
    opened = say(follow, [VOICE], 1)
    active = replace(VOICE, phase="active")
    assert phases(opened) == ["open"]
    assert say(follow, [active], 1.5) == []
    assert phases(say(follow, [active], 3.1)) == ["update"]
    assert phases(say(follow, [replace(VOICE, phase="gone")], 9)) == ["close"]
    assert follow.active == 0
    again = say(follow, [active], 40)
    assert phases(again) == ["open"]
    assert again[0].emitter == opened[0].emitter


def test_the_end_of_a_sensor_closes_what_was_open_and_begins_new_names():
    follow = Follow("s", "s/hall", BANDS)
    first = say(follow, [VOICE], 1)
    gone = replace(VOICE, number=2, phase="gone")
    say(follow, [replace(gone, phase="new")], 1)
    say(follow, [gone], 2)
    ended = follow.end()
    assert [(event.phase, event.emitter) for event in ended] == [("close", first[0].emitter)]
    assert say(follow, [VOICE], 5)[0].emitter != first[0].emitter


def test_a_jammer_cannot_flood_the_centre_with_updates_but_every_opening_is_told():
    follow = Follow("s", "s/hall", BANDS)
    crowd = [replace(VOICE, number=n, center_freq_hz=210e6 + 30e3 * n) for n in range(1, 101)]
    assert phases(say(follow, crowd, 1)) == ["open"] * 100
    active = [replace(one, phase="active") for one in crowd]
    assert len(say(follow, active, 4)) == MAX_UPDATES_PER_S
    assert follow.held_back == 100 - MAX_UPDATES_PER_S
    assert (
        phases(say(follow, [replace(one, phase="gone") for one in crowd], 4.1)) == ["close"] * 100
    )


def test_reasons_travel_with_the_event_and_add_up():
    event = say(Follow("s", "s/hall", BANDS), [VOICE], 1)[0]
    ids = [note.id for note in event.reasons]
    assert ids[:2] == ["reason.new", "reason.case_band"]
    assert event.suspicion == sum(note.weight for note in event.reasons)
