import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.division import divide
from dsp.intercept import heard_share
from dsp.plan import CENTER_GUARD_HZ, Band, Share, make_plan
from dsp.schedule import Schedule, sweep_order

GUARDS = (137e6, 167e6, 175e6, 223e6, 235e6, 403e6, 423.5e6, 430e6, 440e6, 470e6)


@given(
    start=st.floats(24e6, 1700e6),
    width=st.floats(1e3, 60e6),
    nfft=st.sampled_from([512, 1024, 2048]),
)
def test_hops_cover_a_band_without_gaps_on_one_raster(start, width, nfft):
    band = Band("b", start, start + width, 1.0)
    plan = make_plan([band], nfft=nfft)
    step = plan.bin_width_hz
    assert plan.hops[0].grid.low_hz <= band.start_hz
    assert plan.hops[-1].grid.high_hz >= band.stop_hz
    for left, right in zip(plan.hops, plan.hops[1:], strict=False):
        assert left.grid.high_hz - right.grid.low_hz >= 25e3 - 1e-3
    for hop in plan.hops:
        place = hop.grid.start_hz / step
        assert abs(place - round(place)) < 1e-6
        assert abs(hop.center_freq_hz / step - round(hop.center_freq_hz / step)) < 1e-6
        assert hop.grid.low_hz >= hop.center_freq_hz - 0.43 * 2.4e6
        assert hop.grid.high_hz <= hop.center_freq_hz + 0.43 * 2.4e6


@pytest.mark.parametrize(
    ("band", "hops"),
    [((167e6, 175e6), 4), ((175e6, 223e6), 24), ((430e6, 440e6), 5), ((403e6, 423.5e6), 11)],
)
def test_the_guard_bands_take_the_stated_number_of_hops(band, hops):
    assert len(make_plan([Band("b", *band, 1.0)]).hops) == hops


def test_every_frequency_is_heard_and_a_seam_twice():
    plan = make_plan([Band("b", 167e6, 175e6, 1.0)])
    for freq_hz in np.arange(167e6, 175e6, 1e3):
        assert plan.hops_at(freq_hz)
    seam = plan.hops[1].grid.low_hz + 10e3
    assert [hop.index for hop in plan.hops_at(seam)] == [0, 1]
    assert plan.hops_at(400e6) == ()


@pytest.mark.parametrize("watched", [[169e6], [169.0e6, 171.0e6, 173.0e6], [168.9875e6, 170e6]])
def test_watched_frequencies_are_neither_centre_nor_seam(watched):
    plan = make_plan([Band("b", 167e6, 175e6, 1.0)], watched_hz=watched)
    for freq_hz in watched:
        hops = plan.hops_at(freq_hz)
        assert len(hops) == 1
        assert abs(hops[0].center_freq_hz - freq_hz) >= CENTER_GUARD_HZ
    assert len(plan.hops) <= 5


def test_without_the_guard_one_of_them_would_be_the_centre():
    plan = make_plan([Band("b", 167e6, 175e6, 1.0)])
    center = plan.hops[1].center_freq_hz
    moved = make_plan([Band("b", 167e6, 175e6, 1.0)], watched_hz=[center])
    assert min(abs(h.center_freq_hz - center) for h in moved.hops) >= CENTER_GUARD_HZ


def test_the_digest_names_exactly_these_hops():
    band = Band("b", 167e6, 175e6, 1.0)
    assert make_plan([band]).digest == make_plan([band]).digest
    assert make_plan([band]).digest != make_plan([Band("b", 167e6, 176e6, 1.0)]).digest
    assert make_plan([band]).digest != make_plan([band], nfft=2048).digest


BANDS = [
    Band("tv3-low", 167e6, 175e6, 0.5, "stare", 1),
    Band("vhf", 175e6, 223e6, 2.0, "sweep", 1),
    Band("uhf", 470e6, 566e6, 4.0, "sweep", 2),
    Band("fm", 87e6, 108e6, 30.0, "sweep", 3),
]


def test_intercept_is_heard_time_over_revisit():
    share = Share(BANDS[0], 4, 2.0, 2.0, 0.5, True)
    assert share.intercept(0.47, 0.04) == pytest.approx(0.25)
    assert share.intercept(5.0, 0.04) == 1.0
    # As long as the revisit: some visits are farther apart, some nearer.
    assert 0.96 < share.intercept(1.97, 0.04) < 1.0


@pytest.mark.parametrize("bands", [slice(0, 2), slice(1, 3), slice(0, 3)])
@pytest.mark.parametrize("of_revisit", [0.2, 0.8, 1.0, 1.2])
def test_the_printed_chance_is_what_the_schedule_makes_of_it(bands, of_revisit):
    plan, hop_time_s, dwell_s = make_plan(BANDS[bands]), 0.041, 0.02
    schedule = scheduled(plan, hop_time_s, seed=1)
    starts_s = {hop.index: [] for hop in plan.hops}
    for step in range(5000):
        starts_s[schedule.next(step * hop_time_s).index].append(step * hop_time_s)
    for share in divide(plan, [hop_time_s]).shares:
        message_s = of_revisit * share.revisit_s
        heard = [
            heard_share(starts, starts + dwell_s, message_s, 10.0, 200.0)
            for hop in plan.hops
            if plan.bands[hop.band] == share.band
            for starts in [np.array(starts_s[hop.index])]
        ]
        assert np.mean(heard) == pytest.approx(share.intercept(message_s, dwell_s), abs=0.04)


@pytest.mark.parametrize("bad", [(175e6, 167e6, 1.0), (0, 1e6, 1.0), (1e6, 2e6, 0.0)])
def test_impossible_bands_are_refused_by_name(bad):
    with pytest.raises(ValueError, match="band 'x'"):
        Band("x", *bad)


def scheduled(plan, hop_time_s, seed):
    return Schedule(plan, dict(enumerate(divide(plan, [hop_time_s]).revisit_s)), hop_time_s, seed)


def test_the_schedule_keeps_every_deadline_that_can_be_kept():
    plan = make_plan(BANDS[:2])
    hop_time_s = 0.02
    schedule = scheduled(plan, hop_time_s, seed=1)
    visits = {hop.index: [] for hop in plan.hops}
    now = 0.0
    while now < 60.0:
        visits[schedule.next(now).index].append(now)
        now += hop_time_s
    for hop in plan.hops:
        gaps = np.diff(visits[hop.index])
        assert gaps.max() <= plan.bands[hop.band].max_revisit_s
        assert np.ptp(gaps) > 0.05 * gaps.mean()  # jitter: nothing periodic stays in the shadow


@pytest.mark.parametrize("hop_time_s", [0.04, 0.1])
def test_the_schedule_spreads_what_time_there_is_as_the_plan_says(hop_time_s):
    plan = make_plan(BANDS)
    division = divide(plan, [hop_time_s])
    schedule = scheduled(plan, hop_time_s, seed=1)
    visits = {hop.index: [] for hop in plan.hops}
    for step in range(40_000):
        visits[schedule.next(step * hop_time_s).index].append(step * hop_time_s)
    for hop in plan.hops:
        mean_s = np.diff(visits[hop.index]).mean()
        assert mean_s == pytest.approx(division.revisit_s[hop.index], rel=0.06)


def test_the_schedule_is_the_same_for_the_same_seed_only():
    plan = make_plan(BANDS[:2])
    runs = []
    for seed in (1, 1, 2):
        schedule = scheduled(plan, 0.02, seed)
        runs.append([schedule.next(k * 0.02).index for k in range(200)])
    assert runs[0] == runs[1] != runs[2]


def test_an_overloaded_schedule_counts_late_visits_and_a_hunt_moves_the_deadline():
    plan = make_plan(BANDS[:2])
    schedule = scheduled(plan, 0.02, seed=3)
    for k in range(100):
        schedule.next(k * 0.5)
    assert schedule.late > 50
    schedule.visited(3, 100.0)
    assert schedule.next(100.0).index != 3


def test_a_hop_that_was_called_off_or_where_something_is_expected_comes_first():
    schedule = scheduled(make_plan(BANDS[:2]), 0.02, seed=3)
    hop = schedule.next(0.0)
    schedule.soon(hop.index, -1.0)
    assert schedule.next(0.0) == hop
    schedule.soon(10**6, 0.0)  # not ours: of no interest


def test_new_hops_are_due_at_once_and_the_old_keep_their_deadlines():
    plan = make_plan(BANDS[:2])
    schedule = Schedule(plan, {0: 0.5, 1: 0.5}, 0.02, seed=3)
    for k in range(50):
        assert schedule.next(k * 0.02).index < 2
    schedule.assign({1: 0.5, 7: 2.0}, 0.02, 1.0)
    assert {schedule.next(1.0 + k * 0.02).index for k in range(10)} == {1, 7}
    with pytest.raises(ValueError, match="no hop"):
        schedule.assign({}, 0.02, 1.0)


def test_a_slower_dongle_comes_less_often():
    plan = make_plan(BANDS[:2])
    schedule = Schedule(plan, {0: 0.5, 1: 0.5}, 0.25, seed=3)
    schedule.set_hop_time(0.5)
    at_s = [k * 0.5 for k in range(40) if schedule.next(k * 0.5).index == 0]
    assert np.diff(at_s).mean() == pytest.approx(1.0, rel=0.1)


def test_a_sweep_visits_every_hop_once_in_a_seeded_order():
    plan = make_plan(BANDS)
    first, again, other = ([hop.index for hop in sweep_order(plan, seed)] for seed in (1, 1, 2))
    assert sorted(first) == list(range(len(plan.hops)))
    assert first == again != other
