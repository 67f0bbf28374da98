"""Which hop one dongle visits next: its part of the plan, a hunt, or in a survey one by one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import cycle

from dsp.plan import Hop, Plan
from dsp.schedule import Schedule
from dsp.signals import Emitter
from dsp.values import Dwell
from sensors.hunter import Hunter
from sensors.survey_sweep import survey_sweep
from sensors.task import Stay, TakeHops, Task

CHANGED = 0.03
"""The schedule is computed anew when the measured hop time has changed by so much."""


class Route:
    """The way through the hops.

    Parameters
    ----------
    task : Task
    plan : Plan
    surveying : bool
        Learn all hops of the plan, its own most often; hunt nothing.
    """

    def __init__(self, task: Task, plan: Plan, *, surveying: bool) -> None:
        self._plan = plan
        self._surveying = surveying
        self._sweep = survey_sweep(plan.hops, task.place)
        self._hop_s = task.hop_s or task.dwell_s
        wanted = self._known(task.hops) or {
            hop.index: plan.bands[hop.band].max_revisit_s for hop in plan.hops
        }
        self._schedule = Schedule(plan, wanted, self._hop_s, task.seed)
        self._hunter = Hunter(self._schedule, task.hunt_share)
        self._stay: cycle[Hop] | None = None
        self._stay_until_s = 0.0

    def next(self, now_s: float, hop_s: float | None) -> Hop:
        """Choose; the measured hop time, where there is one, goes into the schedule."""
        if self._surveying:
            return next(self._sweep)
        if hop_s is not None and abs(hop_s / self._hop_s - 1) > CHANGED:
            self._hop_s = hop_s
            self._schedule.set_hop_time(hop_s)
        if self._stay is not None and now_s < self._stay_until_s:
            hop = next(self._stay)
            self._schedule.visited(hop.index, now_s)
            return hop
        self._stay = None
        return self._hunter.hop(now_s) or self._schedule.next(now_s)

    def begin(self) -> None:
        """The survey is over: watch."""
        self._surveying = False
        self._hunter.forget()

    def take(self, order: TakeHops, now_s: float) -> None:
        """Visit other hops from now on; a dongle without work helps with everything."""
        wanted = self._known(order.hops) or dict.fromkeys(range(len(self._plan.hops)), 1.0)
        self._schedule.assign(wanted, self._hop_s, now_s)
        self._sweep = survey_sweep(self._plan.hops, order.place, begun=True)

    def stay(self, order: Stay, now_s: float) -> None:
        """Visit only these hops for a while; nothing is hunted meanwhile."""
        hops = [self._plan.hops[hop] for hop in order.hops if hop < len(self._plan.hops)]
        self._stay = cycle(hops) if hops else None
        self._stay_until_s = now_s + order.seconds

    def follow(self, dwell: Dwell, emitters: Sequence[Emitter], now_s: float) -> bool:
        """Take in what a dwell showed; whether to stay there at once."""
        return (
            not self._surveying
            and self._stay is None
            and self._hunter.follow(dwell, emitters, now_s)
        )

    def put_back(self, hops: Iterable[Hop], now_s: float) -> None:
        """Have hops visited later that were called off."""
        for hop in hops:
            self._schedule.soon(hop.index, now_s)

    @property
    def may_stay(self) -> bool:
        """Whether there is time for a stay now."""
        return not self._surveying and self._hunter.ready

    def rhythms(self, emitters: Sequence[Emitter]) -> dict[int, float]:
        """Repeat periods of these emitters, where known."""
        known = self._hunter.rhythms
        return {e.number: known[e.number] for e in emitters if e.number in known}

    def _known(self, hops: dict[int, float]) -> dict[int, float]:
        """Hops that this plan has; a source's true rate may give it one fewer."""
        return {hop: revisit for hop, revisit in hops.items() if hop < len(self._plan.hops)}
