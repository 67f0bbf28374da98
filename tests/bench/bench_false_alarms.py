"""Measured over nominal false alarms of both looks at 1e-6, on a billion noise cells.

A cell is one bin of one 40 ms dwell, from 8-bit samples through the shipped code.  Drawing fresh
noise for a billion cells takes hours, so the samples are sums of two stretches taken at random
places out of two pools of noise: every dwell is a new one, and the two pools together hold enough
independent noise for an error of the ratio of about 6 %.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from dsp.baseline import Learner
from dsp.dwell import look
from dsp.identity import Identity
from dsp.plan import Band, Plan, make_plan
from dsp.rule import Rule, thresholds
from dsp.values import Dwell, IQBlock
from sensors.benches import Metric, Skip

SAMPLE_RATE_HZ = 2.4e6
NUM_SAMPLES = 96_000
POOL_SAMPLES = 1 << 24
P_FA = 1e-6
SHORT, LONG = 30, 1000
"""Dwells of the two surveys."""

DWELLS_PER_SURVEY = 1200


def make_pool(seed: int) -> np.ndarray:
    """Half of the noise, 8-bit: the sum of two is 1.5 steps rms around the middle of the scale."""
    rng = np.random.Generator(np.random.SFC64(seed))
    pool = np.empty(2 * POOL_SAMPLES, dtype=np.uint8)
    for part in np.split(pool, 32):
        part[:] = np.rint(63.75 + 1.06 * rng.standard_normal(part.size, dtype=np.float32))
    return pool


class Noise:
    """Dwells of noise, one after the other."""

    def __init__(self, seed: int, plan: Plan) -> None:
        self.rng = np.random.default_rng(seed)
        self.pools = make_pool(2 * seed + 1), make_pool(2 * seed + 2)
        self.hop = plan.hops[0]

    def dwell(self) -> Dwell:
        """The next one."""
        first, second = self.rng.integers(0, POOL_SAMPLES - NUM_SAMPLES, 2)
        raw = (
            self.pools[0][2 * first : 2 * (first + NUM_SAMPLES)]
            + self.pools[1][2 * second : 2 * (second + NUM_SAMPLES)]
        )
        return look(IQBlock(raw, "cu8", self.hop.center_freq_hz, SAMPLE_RATE_HZ, 1, 0), self.hop)


def count(seed: int, cells: float, p_fa: float) -> np.ndarray:
    """False alarms of one process: cells, then mean and burst look for each survey."""
    plan = make_plan([Band("bench", 168e6, 170.02e6, 1.0)])
    identity = Identity("bench", "none", None, SAMPLE_RATE_HZ, 1024, "hann", plan.digest)
    source = Noise(seed, plan)
    rule = Rule(p_fa=p_fa, on_db=0.0, off_db=0.0)
    off_center = np.ones(plan.hops[0].grid.n_bins, dtype=bool)
    off_center[plan.hops[0].grid.index(plan.hops[0].center_freq_hz) + np.arange(-1, 2)] = False
    learner = Learner(identity, plan)
    for _ in range(LONG):
        learner.learn(source.dwell())
    long_survey = learner.freeze().at(0)
    totals = np.zeros(5)
    while totals[0] < cells:
        learner = Learner(identity, plan)
        for _ in range(SHORT):
            learner.learn(source.dwell())
        references = (long_survey, learner.freeze().at(0))
        for _ in range(DWELLS_PER_SURVEY):
            dwell = source.dwell()
            totals[0] += off_center.sum()
            for index, reference in enumerate(references):
                limits = thresholds(dwell, reference, rule)
                totals[1 + 2 * index] += np.sum((dwell.mean > limits.mean_on)[off_center])
                totals[2 + 2 * index] += np.sum((dwell.peak > limits.burst_on)[off_center])
    return totals


def run(cells: float = 1e9, p_fa: float = P_FA, processes: int = 0) -> Iterator[Metric | Skip]:
    """Share the cells out over processes and add up."""
    workers = processes or os.cpu_count() or 1
    start = time.monotonic()
    with ProcessPoolExecutor(workers, mp_context=get_context("fork")) as pool:
        jobs = [pool.submit(count, seed, cells / workers, p_fa) for seed in range(workers)]
        totals = sum(job.result() for job in jobs)
    yield Metric.of("noise cells", totals[0], "cells", at_least=cells)
    nominal = p_fa * totals[0]
    names = [
        f"{look}, survey of {n}" for n in (LONG, SHORT) for look in ("mean look", "burst look")
    ]
    for name, alarms in zip(names, totals[1:], strict=True):
        yield Metric.of(
            f"false alarms, {name}",
            float(alarms),
            "alarms",
            reference=nominal,
            ratio=float(alarms / nominal),
            at_least=0.5,
            at_most=2.0,
            on="ratio",
        )
    yield Metric.of("time", time.monotonic() - start, "s")
