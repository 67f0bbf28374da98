"""Hops divided among dongles: all of them, once, evenly, the important ones first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.division import divide, dongles_needed, parts_of
from dsp.plan import Band, make_plan

BANDS = [
    Band("tv3-low", 167e6, 175e6, 0.25, "stare", 1),
    Band("tv3-high", 175e6, 223e6, 2.0, "sweep", 1),
    Band("uhf-403", 403e6, 423.5e6, 1.0, "sweep", 1),
    Band("uhf-566", 566e6, 606e6, 8.0, "sweep", 2),
]
PLAN = make_plan(BANDS)

hop_times = st.lists(st.floats(0.02, 0.1), min_size=1, max_size=6)


@given(hop_times)
def test_every_hop_has_one_dongle_and_every_dongle_one_stretch(times):
    division = divide(PLAN, times)
    assert sorted(i for piece in division.hops for i in piece) == list(range(len(PLAN.hops)))
    for piece in division.hops:
        assert list(piece) == sorted(piece)
        if piece:
            assert list(piece) == list(range(piece[0], piece[-1] + 1))


@given(hop_times)
def test_every_dongle_is_busy_all_the_time_and_never_more(times):
    division = divide(PLAN, times)
    for piece, hop_s in zip(division.hops, times, strict=True):
        load = sum(hop_s / division.revisit_s[i] for i in piece)
        assert load == pytest.approx(1.0) or not piece


@given(hop_times)
def test_the_stated_revisit_is_the_worst_of_the_bands_hops(times):
    division = divide(PLAN, times)
    for number, share in enumerate(division.shares):
        worst = max(division.revisit_s[hop.index] for hop in PLAN.hops_of(number))
        assert share.revisit_s == worst
        assert share.met == (worst <= share.wanted_revisit_s * (1 + 1e-9))


def test_without_enough_time_the_last_priority_loses():
    tight = divide(PLAN, [0.04] * 3)
    assert 1 < tight.utilisation * 3 < 3
    assert not tight.losers
    one = divide(PLAN, [0.04])
    assert one.utilisation == pytest.approx(PLAN.utilisation(0.04))
    assert one.utilisation > 1
    lost = {share.band.name: share.revisit_s / share.wanted_revisit_s for share in one.losers}
    assert lost["uhf-566"] == max(lost.values())


def test_a_lost_dongle_costs_time_not_hops():
    three, two = divide(PLAN, [0.05] * 3), divide(PLAN, [0.05] * 2)
    assert sum(map(len, two.hops)) == sum(map(len, three.hops))
    for before, after in zip(three.shares, two.shares, strict=True):
        assert after.revisit_s > before.revisit_s


@pytest.mark.parametrize("hop_s", [0.03, 0.0425, 0.052, 0.072])
def test_so_many_dongles_are_enough_and_one_fewer_is_not(hop_s):
    count = dongles_needed(PLAN, hop_s)
    assert not divide(PLAN, [hop_s] * count).losers
    assert count == 1 or divide(PLAN, [hop_s] * (count - 1)).losers


def test_parts_tell_which_piece_of_a_band_a_dongle_has():
    everything = parts_of(PLAN, range(len(PLAN.hops)))
    assert [(p.name, p.start_hz, p.stop_hz) for p in everything] == [
        (b.name, b.start_hz, b.stop_hz) for b in BANDS
    ]
    left, right = parts_of(PLAN, range(10)), parts_of(PLAN, range(10, len(PLAN.hops)))
    assert [p.name for p in left] == ["tv3-low", "tv3-high"]
    assert left[-1].stop_hz == right[0].start_hz
    assert right[0].name == "tv3-high"
    assert parts_of(PLAN, [4, 6])[1].start_hz > parts_of(PLAN, [4, 6])[0].stop_hz


@pytest.mark.parametrize("times", [[], [0.0], [0.04, -1.0]])
def test_no_dongle_or_no_time_is_refused(times):
    with pytest.raises(ValueError, match="hop_times_s"):
        divide(PLAN, times)
