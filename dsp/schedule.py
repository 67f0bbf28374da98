"""Which hop next: earliest deadline first, with jitter so that nothing stays in the shadow."""

from __future__ import annotations

import random
from collections.abc import Iterator

from .plan import Hop, Plan

JITTER = 0.25
"""Deadlines are brought forward by up to this share of the revisit time."""


class Schedule:
    """Earliest-deadline-first order of one dongle's hops; it is told the time, it has no clock.

    A strictly periodic sweep can miss a periodic burst for ever.  Each visit therefore draws a new
    deadline between ``(1 - JITTER)`` and 1 revisit times later, from a seeded generator.

    Parameters
    ----------
    plan : Plan
    hop_time_s : float
        Measured: tuning, settling, dwell and overhead.
    seed : int

    Attributes
    ----------
    late : int
        Visits that began after their deadline.
    """

    def __init__(self, plan: Plan, hop_time_s: float, seed: int = 0) -> None:
        self.plan = plan
        self.late = 0
        self._random = random.Random(seed)  # noqa: S311 - jitter, not a secret
        shares = plan.shares(hop_time_s)
        self._revisit_s = [shares[hop.band].revisit_s for hop in plan.hops]
        self._due_s = [self._random.random() * revisit for revisit in self._revisit_s]

    def next(self, now_s: float) -> Hop:
        """Choose the hop to visit now and set its next deadline."""
        index = min(range(len(self._due_s)), key=self._due_s.__getitem__)
        self.late += now_s > self._due_s[index] + 1e-9
        self.visited(index, now_s)
        return self.plan.hops[index]

    def visited(self, index: int, now_s: float) -> None:
        """Note a visit that somebody else decided on (a hunt)."""
        early = 1 - JITTER * self._random.random()
        self._due_s[index] = now_s + early * self._revisit_s[index]


def sweep_order(plan: Plan, seed: int) -> Iterator[Hop]:
    """One sweep: every hop once, in an order that depends on the seed only."""
    hops = list(plan.hops)
    random.Random(seed).shuffle(hops)  # noqa: S311 - jitter, not a secret
    return iter(hops)
