"""When a dongle stays, for how long, and when it is back for the next burst."""

import numpy as np
import pytest

from dsp.division import divide
from dsp.plan import Band, make_plan
from dsp.schedule import Schedule
from dsp.signals import Emitter
from dsp.values import Dwell
from sensors.hunter import HUNT_S, HUNTS_EACH, LEAD_S, QUIET_S, Hunter

PLAN = make_plan([Band("tv3", 167e6, 223e6, 2.0)])
DWELL_S, HOP_S = 0.04, 0.07
FREQ_HZ = 180.3e6
(TARGET,) = PLAN.hops_at(FREQ_HZ)


class Air:
    """A receiver that follows the hunter's advice, and one emitter that is on at given times."""

    def __init__(self, on_air, share=0.3):
        revisit = dict(enumerate(divide(PLAN, [HOP_S]).revisit_s))
        self.schedule = Schedule(PLAN, revisit, HOP_S, seed=1)
        self.hunter = Hunter(self.schedule, share)
        self.on_air, self.now_s, self.last = on_air, 100.0, None
        self.sightings, self.dwells, self.missed = 0, 0, True
        self.visits = []

    def run(self, seconds):
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            hop = self.hunter.hop(self.now_s) or self.schedule.next(self.now_s)
            start_s = self.now_s + (0.0 if hop is self.last else HOP_S - DWELL_S)
            self.now_s, self.last = start_s + DWELL_S, hop
            self.visits.append((hop.index, start_s))
            time_ns = round(start_s * 1e9)
            dwell = Dwell(
                hop.index, hop.grid, np.zeros(0), np.zeros(0), 1.0, time_ns, DWELL_S, 1, 1
            )
            heard = hop is TARGET and self.on_air(start_s)
            self.missed |= hop is TARGET and not heard
            self.hunter.follow(dwell, [self.emitter(start_s)] if heard else [], self.now_s)

    def emitter(self, start_s):
        self.sightings += self.missed
        self.missed = False
        self.dwells += 1
        phase = "new" if self.dwells == 1 else "active"
        first_ns, last_ns = round(start_s * 1e9), round((start_s + DWELL_S) * 1e9)
        return Emitter(
            1, phase, FREQ_HZ, 1e4, 30, 30, -40, first_ns, last_ns, self.sightings, self.dwells, 1.0
        )

    def stays(self):
        """Visits of the target that follow one another without a hop between."""
        return [
            start
            for (a, _), (b, start) in zip(self.visits, self.visits[1:], strict=False)
            if a == b == TARGET.index
        ]


def test_it_stays_while_the_signal_lasts_and_no_longer():
    air = Air(lambda t: 103.0 <= t < 104.2)
    air.run(10.0)
    stays = air.stays()
    assert air.hunter.hunts == 1
    assert max(stays) == pytest.approx(104.2 + QUIET_S, abs=0.15)
    assert np.diff(stays).max() < 2 * DWELL_S


def test_a_stay_is_bounded_and_a_carrier_is_not_hunted_again():
    air = Air(lambda t: t > 102.0)
    air.run(30.0)
    assert air.hunter.hunts == 1
    assert air.hunter.spent_s == pytest.approx(HUNT_S, abs=0.2)


def test_many_bursts_cost_their_share_of_the_time_at_most():
    air = Air(lambda t: t % 2.0 < 1.0)
    air.run(200.0)
    assert air.hunter.spent_s < 0.3 * 200 + HUNT_S
    visited = {hop for hop, _ in air.visits}
    assert visited == set(range(len(PLAN.hops)))


def test_it_is_ready_for_a_stay_while_it_has_time_and_does_not_stay_already():
    air = Air(lambda t: t > 102.0)
    assert air.hunter.ready
    while air.hunter.hunts == 0:
        air.run(HOP_S)
    assert not air.hunter.ready
    air.run(HUNT_S + 0.3)
    assert air.hunter.ready


def test_without_a_share_it_never_stays():
    air = Air(lambda t: t > 102.0, share=0.0)
    air.run(20.0)
    assert air.hunter.hunts == 0
    assert air.stays() == []
    assert not air.hunter.ready


def test_it_is_back_before_the_next_burst_of_a_rhythm():
    period_s, on_s = 23.0, 0.7
    air = Air(lambda t: t > 100 and (t - 110.0) % period_s < on_s)
    air.run(60 * period_s)
    assert air.hunter.rhythms[1] == pytest.approx(period_s, rel=0.02)
    heard = 0
    for number in range(40, 59):
        beat_s = 110.0 + number * period_s
        before = any(
            hop == TARGET.index and beat_s - 3 * LEAD_S < start <= beat_s + DWELL_S
            for hop, start in air.visits
        )
        heard += before
    assert heard >= 17  # of 19; by the plan alone one in three
    assert air.hunter.hunts > HUNTS_EACH


def test_it_forgets_when_emitters_are_counted_anew():
    air = Air(lambda t: t % 5.0 < 1.0)
    air.run(100.0)
    assert air.hunter.rhythms
    air.hunter.forget()
    assert air.hunter.rhythms == {}
