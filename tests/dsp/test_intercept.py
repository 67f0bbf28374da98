"""The exact intercept probability against closed forms and against brute force."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.intercept import covered_s, heard_share, longest_gap_s, slices, union

times = st.lists(
    st.tuples(st.floats(0, 50), st.floats(0.001, 5)).map(lambda t: (t[0], t[0] + t[1])),
    min_size=1,
    max_size=12,
)


def arrays(visits):
    return np.array([a for a, _ in visits]), np.array([b for _, b in visits])


@pytest.mark.parametrize("message_s", [0.2, 0.5, 1.0])
def test_regular_visits_follow_the_formula(message_s):
    """(T + d - 2 touch) / T_revisit, domain 5.5, with the touch taken off at both ends."""
    starts = np.arange(-10.0, 1010.0, 2.0)
    share = heard_share(starts, starts + 0.04, message_s, 0.0, 1000.0 + message_s)
    assert share == pytest.approx((message_s + 0.04 - 0.01) / 2.0, abs=1e-6)


def test_a_message_longer_than_the_revisit_time_is_always_heard():
    starts = np.arange(-10.0, 110.0, 1.9)
    assert heard_share(starts, starts + 0.04, 2.0, 0.0, 100.0) == 1.0


def test_nothing_is_heard_without_visits_or_by_a_too_short_one():
    none = np.empty(0)
    assert heard_share(none, none, 2.0, 0.0, 100.0) == 0.0
    assert heard_share(np.array([50.0]), np.array([50.004]), 2.0, 0.0, 100.0) == 0.0


def test_a_window_shorter_than_the_message_has_no_answer():
    assert np.isnan(heard_share(np.array([0.0]), np.array([1.0]), 2.0, 0.0, 1.0))


@given(times, st.floats(0.01, 6))
def test_against_brute_force(visits, message_s):
    """Every start on a fine raster, judged one by one."""
    low, high, touch_s = 0.0, 60.0, 0.005
    starts, stops = arrays(visits)
    # Overlapping visits of two receivers do not add up to one touch: judge them one by one.
    raster = np.linspace(low, high - message_s, 4001)
    need = min(touch_s, message_s)
    overlap = np.minimum(stops[:, None], raster + message_s) - np.maximum(starts[:, None], raster)
    short = (stops - starts) < need
    wanted = (overlap[~short] >= need - 1e-12).any(axis=0)
    assert heard_share(starts, stops, message_s, low, high, touch_s) == pytest.approx(
        wanted.mean(), abs=2e-3 * len(visits)
    )


@given(times)
def test_union_is_disjoint_and_keeps_the_measure(visits):
    starts, stops = union(*arrays(visits))
    assert (starts[1:] > stops[:-1]).all()
    raster = np.linspace(0, 60, 20001)
    inside = np.zeros(raster.shape, dtype=bool)
    for a, b in visits:
        inside |= (raster >= a) & (raster < b)
    assert covered_s(*arrays(visits), 0.0, 60.0) == pytest.approx(inside.mean() * 60, abs=0.1)


def test_longest_gap_counts_the_edges_of_the_window():
    starts, stops = np.array([4.0, 5.0]), np.array([4.5, 5.5])
    assert longest_gap_s(starts, stops, 0.0, 10.0) == 4.5
    assert longest_gap_s(starts, stops, 4.0, 5.5) == 0.5
    assert longest_gap_s(np.empty(0), np.empty(0), 0.0, 10.0) == 10.0


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 10)), max_size=8))
def test_slices_tile_the_band_and_name_every_cover(raw):
    spans = [(float(a), float(a + w)) for a, w in raw]
    parts = slices(5.0, 25.0, spans)
    assert parts[0][0] == 5.0
    assert parts[-1][1] == 25.0
    assert all(a[1] == b[0] for a, b in pairwise(parts))
    for low, high, indices in parts:
        middle = (low + high) / 2
        assert indices == [i for i, (a, b) in enumerate(spans) if a <= middle <= b]
