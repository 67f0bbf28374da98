"""Which hop next: earliest deadline first, with jitter so that nothing stays in the shadow."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

from .plan import JITTER, Hop, Plan


class Schedule:
    """Earliest-deadline-first order of one dongle's hops; it is told the time, it has no clock.

    A strictly periodic sweep can miss a periodic burst for ever.  Each visit therefore draws a new
    deadline around one revisit time later, from a seeded generator, and never beyond the time that
    the band was promised.

    Parameters
    ----------
    plan : Plan
    revisit_s : mapping of int to float
        Hop index -> how soon it comes again (`dsp.division.divide`).
    hop_time_s : float
        Measured: tuning, settling, dwell and overhead.  All revisits are stretched alike so that
        they use the whole time, no more and no less.
    seed : int

    Attributes
    ----------
    late : int
        Visits that began after their deadline.
    """

    def __init__(
        self, plan: Plan, revisit_s: Mapping[int, float], hop_time_s: float, seed: int = 0
    ) -> None:
        if not revisit_s:
            raise ValueError("no hop to visit")
        self.plan = plan
        self.late = 0
        self._random = random.Random(seed)  # noqa: S311 - jitter, not a secret
        self._wanted_s = dict(revisit_s)
        self._revisit_s: dict[int, float] = {}
        self._due_s: dict[int, float] = {}
        self.set_hop_time(hop_time_s)
        for hop, revisit in self._revisit_s.items():
            self._due_s[hop] = self._random.random() * revisit

    def set_hop_time(self, hop_time_s: float) -> None:
        """Compute the revisits anew from what a hop really takes."""
        load = sum(hop_time_s / revisit for revisit in self._wanted_s.values())
        self._revisit_s = {hop: revisit * load for hop, revisit in self._wanted_s.items()}

    def assign(self, revisit_s: Mapping[int, float], hop_time_s: float, now_s: float) -> None:
        """Visit other hops from now on; those that are new are due at once."""
        if not revisit_s:
            raise ValueError("no hop to visit")
        self._wanted_s = dict(revisit_s)
        self.set_hop_time(hop_time_s)
        self._due_s = {hop: self._due_s.get(hop, now_s) for hop in self._wanted_s}

    def next(self, now_s: float) -> Hop:
        """Choose the hop to visit now and set its next deadline."""
        index = min(self._due_s, key=self._due_s.__getitem__)
        self.late += now_s > self._due_s[index] + 1e-9
        self.visited(index, now_s)
        return self.plan.hops[index]

    def visited(self, index: int, now_s: float) -> None:
        """Note a visit that somebody else decided on (a hunt)."""
        if index not in self._due_s:
            return
        revisit_s = self._revisit_s[index]
        wait_s = revisit_s * (1 + JITTER * (self._random.random() - 0.5))
        promised_s = self.plan.bands[self.plan.hops[index].band].max_revisit_s
        if revisit_s <= promised_s:
            wait_s = min(wait_s, promised_s)
        self._due_s[index] = now_s + wait_s

    def soon(self, index: int, at_s: float) -> None:
        """Have a hop visited by then: it was called off, or something is expected there."""
        if index in self._due_s:
            self._due_s[index] = min(self._due_s[index], at_s)


def sweep_order(plan: Plan, seed: int) -> Iterator[Hop]:
    """One sweep: every hop once, in an order that depends on the seed only."""
    hops = list(plan.hops)
    random.Random(seed).shuffle(hops)  # noqa: S311 - jitter, not a secret
    return iter(hops)
