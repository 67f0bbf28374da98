"""N dongles learn a place together: own hops often, the others' enough, each at least once."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest

from dsp.plan import Band, make_plan
from sensors.survey_sweep import OTHERS, survey_sweep

PLAN = make_plan([Band("tv3", 167e6, 223e6, 2.0), Band("uhf", 400e6, 470e6, 4.0)])
HOP_S = 0.045


def visits(place, seconds):
    sweep = survey_sweep(PLAN.hops, place)
    return Counter(hop.index for hop in islice(sweep, int(seconds / HOP_S)))


@pytest.mark.parametrize("dongles", [2, 3, 4])
def test_n_dongles_learn_together_what_one_learns_in_n_times_the_time(dongles):
    alone = min(visits((0, 1), 600).values())
    together = [visits((number, dongles), 600) for number in range(dongles)]
    for hop in range(len(PLAN.hops)):
        seen = sorted(one[hop] for one in together)
        assert seen[-1] > 0.9 * dongles * (1 - OTHERS) * alone
        assert seen[0] > 0.2 * alone


def test_a_short_survey_has_seen_everything_once():
    one_sweep = visits((1, 4), len(PLAN.hops) * HOP_S + 1e-6)
    assert len(one_sweep) == len(PLAN.hops) and set(one_sweep.values()) == {1}


def test_one_dongle_alone_sweeps_evenly():
    seen = visits((0, 1), 100)
    assert max(seen.values()) - min(seen.values()) <= 1


def test_more_dongles_than_hops_all_have_work():
    hops = PLAN.hops[:3]
    for number in range(5):
        sweep = survey_sweep(hops, (number, 5), begun=True)
        assert {hop.index for hop in islice(sweep, 30)} == {0, 1, 2}


def test_a_new_count_goes_on_at_once_with_its_own():
    half = len(PLAN.hops) // 2
    assert next(survey_sweep(PLAN.hops, (1, 2), begun=True)).index == half
