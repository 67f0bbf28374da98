import numpy as np
import pytest

from dsp.signals import Detection
from dsp.track import Following, Tracker
from dsp.values import Grid

GRID = Grid(168e6, 2500.0, 800)
NEXT = Grid(169.975e6, 2500.0, 800)
SECOND = 10**9


def seen(center, second, *, width=8e3, excess=20.0, power=-50.0, hop=0, doubts=(), look="mean"):
    return Detection(
        center,
        width,
        center - width / 2,
        center + width / 2,
        excess - 2,
        excess,
        power,
        power,
        -70.0,
        round(second * SECOND),
        0.04,
        look,
        1.0,
        hop,
        doubts,
    )


def feed(tracker, second, *detections, hop=0, grid=GRID):
    return tracker.update(detections, hop=hop, grid=grid, time_ns=round(second * SECOND))


def test_a_strong_transmission_is_new_then_active_then_gone():
    tracker = Tracker()
    (new,) = feed(tracker, 1, seen(169e6, 1))
    assert (new.phase, new.number, new.dwells, new.sightings) == ("new", 1, 1, 1)
    (active,) = feed(tracker, 2, seen(169e6, 2, excess=25))
    assert (active.phase, active.number, active.excess_db) == ("active", 1, 25)
    assert active.on_s == pytest.approx(1.04)
    assert feed(tracker, 4) == []
    (gone,) = feed(tracker, 8)
    assert (gone.phase, gone.number, gone.last_seen_ns) == ("gone", 1, 2_040_000_000)
    assert feed(tracker, 9) == []


def test_it_is_not_gone_while_nobody_looked():
    tracker = Tracker()
    feed(tracker, 1, seen(169e6, 1))
    assert feed(tracker, 60, hop=1, grid=NEXT) == []
    (active,) = feed(tracker, 61, seen(169e6, 61))
    assert (active.phase, active.sightings) == ("active", 1)
    assert active.on_s == pytest.approx(60.04)


def test_a_keyed_train_is_one_emitter_and_its_messages_are_counted():
    tracker = Tracker()
    phases = []
    for start in (10, 20, 30):
        for second in np.arange(start, start + 3, 0.25):
            phases += [e.phase for e in feed(tracker, second, seen(169e6, second))]
        for second in np.arange(start + 3, start + 10, 0.25):
            phases += [e.phase for e in feed(tracker, second)]
    assert phases.count("new") == 1
    assert phases.count("gone") == 3
    (last,) = feed(tracker, 40, seen(169e6, 40))
    assert (last.number, last.sightings) == (1, 4)
    assert last.on_s == pytest.approx(3 * 2.79 + 0.04, abs=0.1)


def test_a_short_pause_is_keying():
    tracker = Tracker()
    for second in (1.0, 1.25, 2.0, 2.25):
        if second == 2.0:
            feed(tracker, 1.5)
        events = feed(tracker, second, seen(169e6, second))
    assert events[0].sightings == 1


def test_a_weak_one_needs_two_looks_of_four():
    tracker = Tracker()
    assert feed(tracker, 1, seen(169e6, 1, excess=7)) == []
    assert feed(tracker, 2) == []
    (new,) = feed(tracker, 3, seen(169e6, 3, excess=7))
    assert new.phase == "new"
    assert new.first_seen_ns == SECOND
    other = Tracker()
    feed(other, 1, seen(169e6, 1, excess=7))
    for second in range(2, 8):
        feed(other, second)
    assert feed(other, 9, seen(169e6, 9, excess=7)) == []


def test_a_drifting_carrier_stays_one_and_is_reported_where_it_is():
    tracker = Tracker()
    for k in range(100):
        (emitter,) = feed(tracker, k, seen(169e6 + 400.0 * k, k, width=2.5e3))
    assert emitter.number == 1
    assert emitter.center_freq_hz == pytest.approx(169e6 + 400.0 * 99, abs=2e3)


def test_two_channels_are_two_and_wide_ones_gate_by_their_width():
    tracker = Tracker()
    events = feed(tracker, 1, seen(169e6, 1), seen(169.0125e6, 1))
    assert [e.number for e in events] == [1, 2]
    events = feed(tracker, 2, seen(169.0005e6, 2), seen(169.012e6, 2))
    assert sorted(e.number for e in events) == [1, 2]
    wide = Tracker()
    feed(wide, 1, seen(168.7e6, 1, width=150e3))
    # A silent moment of the programme: carrier and pilot are left, inside the station's band.
    events = feed(wide, 2, seen(168.7e6, 2, width=5e3), seen(168.719e6, 2, width=5e3, power=-60))
    assert [e.number for e in events] == [1]


def test_a_signal_on_the_seam_of_two_hops_is_one():
    tracker = Tracker()
    feed(tracker, 1, seen(169.98e6, 1))
    (event,) = feed(tracker, 1.05, seen(169.98e6, 1.05, hop=1), hop=1, grid=NEXT)
    assert (event.number, event.phase) == (1, "active")


def test_a_block_over_three_hops_is_one_with_its_outer_edges():
    tracker = Tracker()
    grids = [Grid(168e6 + 1.975e6 * k, 2500.0, 800) for k in range(3)]
    for round_ in range(3):
        for hop, grid in enumerate(grids):
            low = 168.5e6 if hop == 0 else grid.low_hz
            high = 173.0e6 if hop == 2 else grid.high_hz
            second = round_ + hop * 0.05
            piece = seen((low + high) / 2, second, width=high - low, hop=hop, doubts=("edge",))
            events = feed(tracker, second, piece, hop=hop, grid=grid)
            # A piece cut at both ends waits for a second look.
            assert [e.number for e in events] == ([] if (round_, hop) == (0, 0) else [1])
    assert events[0].bandwidth_hz == pytest.approx(4.5e6, rel=0.1)
    assert events[0].center_freq_hz == pytest.approx(170.75e6, abs=0.2e6)


def test_numbers_are_never_reused_and_a_forgotten_frequency_is_new():
    tracker = Tracker(Following(forget_s=60.0))
    feed(tracker, 1, seen(169e6, 1))
    for second in range(2, 70):
        feed(tracker, second)
    (again,) = feed(tracker, 70, seen(169e6, 70))
    assert (again.number, again.phase) == (2, "new")


def test_too_many_are_bounded_and_counted():
    tracker = Tracker(Following(most=10))
    for k in range(50):
        feed(tracker, k, seen(168.1e6 + 30e3 * k, k))
    assert tracker.dropped == 40
    assert len(tracker.on_air_hz(GRID)) <= 10


def test_candidates_make_room_before_emitters_do():
    tracker = Tracker(Following(most=3))
    feed(tracker, 1, seen(168.1e6, 1))
    for k in range(2, 20):
        feed(tracker, k, seen(168.1e6 + 30e3 * k, k, excess=7))
    (event,) = feed(tracker, 20, seen(168.1e6, 20))
    assert (event.number, event.phase) == (1, "active")


def test_bands_on_the_air_are_told_for_the_hop_that_sees_them():
    tracker = Tracker()
    feed(tracker, 1, seen(169e6, 1))
    ((low, high),) = tracker.on_air_hz(GRID)
    assert low < 169e6 < high
    assert tracker.on_air_hz(Grid(175e6, 2500.0, 800)) == []
    for second in range(2, 12):
        feed(tracker, second)
    assert tracker.on_air_hz(GRID) == []


def test_splatter_that_only_comes_with_something_much_stronger_is_no_emitter():
    tracker = Tracker()
    for second in range(1, 30):
        strong, splatter = seen(169e6, second), seen(169.2e6, second, power=-75.0)
        assert [one.number for one in feed(tracker, second, strong, splatter)] == [1]


def test_a_weaker_emitter_counts_as_soon_as_it_is_seen_alone_or_far_away():
    tracker = Tracker()
    feed(tracker, 1, seen(169e6, 1), seen(169.2e6, 1, power=-75.0))
    (alone,) = feed(tracker, 2, seen(169.2e6, 2, power=-75.0))
    assert (alone.phase, alone.first_seen_ns) == ("new", SECOND)
    far = seen(169.8e6, 3, power=-75.0)
    assert len(feed(tracker, 3, seen(169e6, 3), far)) == 2


def test_the_skirt_in_the_next_hop_belongs_to_the_signal_seen_whole():
    tracker = Tracker()
    skirt = seen(169.99e6, 1, width=30e3, power=-80.0, hop=1, doubts=("edge",))
    assert feed(tracker, 1, skirt, hop=1, grid=NEXT) == []  # waits for the hop that sees it whole
    (whole,) = feed(tracker, 1.1, seen(169.96e6, 1.1, width=40e3))
    assert (whole.phase, round(whole.center_freq_hz)) == ("new", 169_960_000)
    (same,) = feed(tracker, 1.2, skirt, hop=1, grid=NEXT)
    assert same.number == whole.number
    assert same.bandwidth_hz == pytest.approx(40e3)


def test_a_rest_at_a_seam_waits_for_the_hop_that_sees_the_whole():
    """A stay brings the same hop again before the next one is looked at."""
    tracker = Tracker(grids=[GRID, NEXT])
    for second in (1.0, 1.05, 1.1):
        rest = seen(169.984e6, second, width=25e3, power=-43.0, doubts=("edge",))
        assert feed(tracker, second, rest) == []
    strong = seen(169.997e6, 1.2, width=12e3, power=-20.0, hop=1)
    (whole,) = feed(tracker, 1.2, strong, hop=1, grid=NEXT)
    assert (whole.phase, whole.center_freq_hz) == ("new", 169.997e6)
    rest = seen(169.984e6, 1.3, width=25e3, power=-43.0, doubts=("edge",))
    assert [one.number for one in feed(tracker, 1.3, rest)] == [whole.number]


def test_a_rest_that_nothing_explains_is_an_emitter_when_the_next_hop_was_looked_at():
    tracker = Tracker(grids=[GRID, NEXT])
    for second in (1.0, 1.05):
        rest = seen(169.984e6, second, width=25e3, doubts=("edge",))
        assert feed(tracker, second, rest) == []
    (new,) = feed(tracker, 1.1, hop=1, grid=NEXT)
    assert (new.phase, new.center_freq_hz) == ("new", pytest.approx(169.984e6))


def test_a_rest_waits_a_second_for_a_hop_that_nobody_visits():
    tracker = Tracker(grids=[GRID, NEXT])
    news = []
    for step in range(30):
        second = 1.0 + step * 0.05
        news += feed(tracker, second, seen(169.984e6, second, width=25e3, doubts=("edge",)))
    assert news[0].phase == "new"
    assert news[0].last_seen_ns / SECOND == pytest.approx(2.04, abs=0.06)


def test_a_rest_at_the_end_of_all_bands_waits_for_nobody():
    tracker = Tracker(grids=[GRID])
    feed(tracker, 1.0, seen(169.984e6, 1.0, width=25e3, doubts=("edge",)))
    (new,) = feed(tracker, 1.05, seen(169.984e6, 1.05, width=25e3, doubts=("edge",)))
    assert new.phase == "new"
