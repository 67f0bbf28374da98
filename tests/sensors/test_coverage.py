"""What is claimed about a band follows from the visits that took place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.bands import GuardBand
from sensors.coverage import Coverage, heard_share

BAND = GuardBand("b", 167e6, 171e6, 1.0, "sweep", 1, None)


@pytest.mark.parametrize(
    ("revisit_s", "message_s", "expected"), [(2.0, 0.46, 0.25), (8.0, 1.96, 0.25), (2.0, 2.0, 1.0)]
)
def test_regular_visits_follow_the_formula(revisit_s, message_s, expected):
    starts = [revisit_s * n for n in range(20)]
    share = heard_share(starts, 0.04, message_s, starts[-1])
    assert share == pytest.approx(expected)


@given(st.lists(st.floats(0.05, 20), min_size=1, max_size=40), st.floats(0.05, 8))
def test_share_is_what_a_simulation_hears(gaps, message_s):
    starts = np.cumsum(gaps).tolist()
    dwell_s = 0.04
    times = np.random.default_rng(5).uniform(starts[0], starts[-1] + 1e-9, 4000)
    following = np.array([*starts, np.inf])[np.searchsorted(starts, times)]
    previous = np.array([-np.inf, *starts])[np.searchsorted(starts, times)]
    heard = (following - times < message_s) | (times - previous < dwell_s)
    # the last visit has no interval after it, as the simulation has no time after it
    assert heard_share(starts, dwell_s, message_s, starts[-1]) == pytest.approx(
        heard.mean() if len(starts) > 1 else 1.0, abs=0.05
    )


def test_a_band_loses_its_probability_when_nobody_comes_any_more():
    coverage = Coverage((BAND,), [(167e6, 169e6), (169e6, 171e6)])
    for n in range(50):
        for hop in (0, 1):
            coverage.visit(hop, round((n + hop / 2) * 1e9), 0.04)
    now = coverage.watches(round(50 * 1e9))[0]
    assert now.p_2s == pytest.approx(1.0)
    assert now.revisit_s == pytest.approx(1.0)
    later = coverage.watches(round(90 * 1e9))[0]
    assert later.p_2s < 0.7
    assert later.revisit_s > 39


def test_parts_that_no_hop_covers_are_not_claimed():
    coverage = Coverage((BAND,), [(167e6, 169e6)])
    for n in range(50):
        coverage.visit(0, round(n * 1e9), 0.04)
    assert coverage.watches(round(49.5e9))[0].p_2s == pytest.approx(0.5)
    assert Coverage((BAND,), [(167e6, 169e6)]).watches(10**9)[0].p_2s == 0.0
