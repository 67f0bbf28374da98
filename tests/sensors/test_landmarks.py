"""A licensed station that vanishes is told once, and so is its return; keyed traffic may pause."""

import numpy as np

from dsp.baseline import Learner
from dsp.identity import Identity
from dsp.plan import Band, make_plan
from dsp.values import Dwell
from sensors.landmarks import Landmarks
from sensors.text import LANGS, say

PLAN = make_plan([Band("uhf", 408e6, 410e6, 1.0)])
(HOP,) = PLAN.hops
IDENTITY = Identity("1", "whip", 40.2, 2.4e6, 1024, "hann", PLAN.digest)


def dwell(rng, n, *, station=True, traffic=False, **more):
    mean = rng.gamma(176.0, 1e-6 / 176, HOP.grid.n_bins).astype(np.float32)
    if station:
        mean[HOP.grid.window(408.49e6, 408.51e6)] = 1e-3
    if traffic:
        mean[HOP.grid.window(409.49e6, 409.51e6)] = 1e-3
    peak = mean * np.float32(1.4)
    return Dwell(0, HOP.grid, mean, peak, 3515.0, n * 10**9, 0.04, 186, 8, **more)


def learnt(rng):
    learner = Learner(IDENTITY, PLAN)
    for n in range(60):
        learner.learn(dwell(rng, n, traffic=n % 4 != 0))
    return learner.freeze()


def test_a_station_vanishes_once_and_comes_back_once(rng):
    baseline, marks = learnt(rng), Landmarks()
    told = []
    for n in range(40):
        present = not 10 <= n < 25
        told += marks.update(dwell(rng, n, station=present), baseline)
    assert [note.id for note, _ in told] == ["station.vanished", "station.back"]
    assert [since_ns for _, since_ns in told] == [10 * 10**9, 25 * 10**9]
    for lang in LANGS:
        assert "408.500" in say(told[0][0].id, lang, **told[0][0].args)


def test_what_clips_or_lost_samples_is_no_evidence(rng):
    baseline, marks = learnt(rng), Landmarks()
    for n in range(20):
        lame = dwell(rng, n, station=False, clipped_fraction=0.01)
        assert marks.update(lame, baseline) == []
    assert marks.update(dwell(rng, 21, station=False), None) == []
