"""What is claimed about a band follows from the visits that took place."""

import pytest

from dsp.plan import Band
from sensors.coverage import Coverage

BAND = Band("b", 167e6, 171e6, 1.0)
SPANS = [(167e6, 169.1e6), (168.9e6, 171e6)]


def visited(spans, revisit_s=1.0, until_s=50):
    coverage = Coverage((BAND,), spans)
    for n in range(int(until_s / revisit_s)):
        for hop in range(len(spans)):
            coverage.visit(hop, round((n + hop / len(spans)) * revisit_s * 1e9), 0.04)
    return coverage


@pytest.mark.parametrize(("revisit_s", "chance"), [(1.0, 1.0), (2.0, 1.0), (4.0, 2.03 / 4)])
def test_regular_visits_follow_the_formula(revisit_s, chance):
    now = visited([(167e6, 171e6)], revisit_s, 60).watches(round(60e9))[0]
    assert now.p_2s == pytest.approx(chance, abs=0.02)
    assert now.revisit_s == pytest.approx(revisit_s, abs=0.05)


def test_a_band_loses_its_probability_when_nobody_comes_any_more():
    coverage = visited(SPANS)
    assert coverage.watches(round(50e9))[0].p_2s == pytest.approx(1.0, abs=0.01)
    later = coverage.watches(round(90e9))[0]
    assert later.p_2s < 0.4
    assert later.revisit_s > 38


def test_parts_that_no_hop_covers_are_not_claimed():
    assert visited([(167e6, 169e6)]).watches(round(50e9))[0].p_2s == pytest.approx(0.5, abs=0.01)


def test_nothing_is_claimed_before_anything_was_heard():
    watch = Coverage((BAND,), SPANS).watches(10**9)[0]
    assert watch.p_2s == 0.0
    assert watch.revisit_s == 60.0
