"""Where one dongle stays or comes back: fresh emitters, and the next burst of a known rhythm."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from dsp.plan import Hop
from dsp.rhythm import MEMORY, Rhythm, find_rhythm
from dsp.schedule import Schedule
from dsp.signals import Emitter
from dsp.values import Dwell

HUNT_S = 2.0
"""Longest stay."""

QUIET_S = 0.25
"""A signal that was not seen for so long is over."""

HUNTS_EACH = 4
"""Stays for one emitter when it comes back; then its rhythm must be known or it is left alone."""

LEAD_S = 0.15
"""Back so long before an expected burst: two dwells and a retune."""

MAX_KNOWN = 256
"""Emitters whose times are remembered; the oldest goes first."""


@dataclass(slots=True)
class _Known:
    """When one emitter was seen to start."""

    hop: int
    sightings: int = 0
    hunts: int = 0
    starts_s: list[float] = field(default_factory=list)
    rhythm: Rhythm | None = None
    expected_s: float = float("inf")


@dataclass(slots=True)
class _Hunt:
    hop: int
    until_s: float
    heard_s: float


class Hunter:
    """Decides when to leave the plan and stay.  Told the time by the samples, it has no clock.

    Parameters
    ----------
    schedule : Schedule
        Told of every visit.
    share : float
        Of the time at most, over a few seconds: the other bands are waiting.  0: never stay.

    Attributes
    ----------
    hunts : int
        Stays so far.
    spent_s : float
        Time in them.
    """

    def __init__(self, schedule: Schedule, share: float = 0.3) -> None:
        self.hunts = 0
        self.spent_s = 0.0
        self._schedule = schedule
        self._known: OrderedDict[int, _Known] = OrderedDict()
        self._hunt: _Hunt | None = None
        self._share = share
        self._budget_s = HUNT_S if share > 0 else 0.0
        self._now_s = float("nan")

    @property
    def rhythms(self) -> dict[int, float]:
        """Repeat periods by emitter number, where known."""
        return {n: one.rhythm.period_s for n, one in self._known.items() if one.rhythm is not None}

    @property
    def ready(self) -> bool:
        """Whether a stay could begin now."""
        return self._hunt is None and self._budget_s > LEAD_S

    def follow(self, dwell: Dwell, emitters: Sequence[Emitter], now_s: float) -> bool:
        """Take in what a dwell showed.

        Parameters
        ----------
        dwell : Dwell
        emitters : sequence of Emitter
            Those that it changed.
        now_s : float
            Clock of the samples, at the dwell's end.

        Returns
        -------
        bool
            Whether a stay begins: what was asked for already must wait.
        """
        self._pay(dwell, now_s)
        heard = [e for e in emitters if e.phase != "gone" and e.last_seen_ns >= dwell.time_ns]
        fresh = [self._sight(e, dwell, now_s) for e in heard]
        if self._hunt is not None:
            if self._hunt.hop == dwell.hop and heard:
                self._hunt.heard_s = now_s
            return False
        if not any(fresh) or self._budget_s < dwell.duration_s:
            return False
        self._begin(dwell.hop, now_s, now_s + HUNT_S)
        return True

    def hop(self, now_s: float) -> Hop | None:
        """Where to stay now; None: go on with the plan."""
        hunt = self._hunt
        if hunt is not None:
            over = now_s >= hunt.until_s or now_s - hunt.heard_s > QUIET_S
            if not over and self._budget_s > 0:
                self._schedule.visited(hunt.hop, now_s)
                return self._schedule.plan.hops[hunt.hop]
            self._hunt = None
        for one in self._known.values():
            if one.rhythm is None or now_s < one.expected_s - LEAD_S:
                continue
            late_s = one.expected_s + one.rhythm.spread_s
            one.expected_s = one.rhythm.next_s(max(now_s, late_s))
            if now_s <= late_s and self._budget_s > 2 * LEAD_S:
                self._begin(one.hop, late_s, late_s + HUNT_S)
                return self._schedule.plan.hops[one.hop]
        return None

    def forget(self) -> None:
        """The tracker counts anew."""
        self._known.clear()
        self._hunt = None

    def _begin(self, hop: int, heard_s: float, until_s: float) -> None:
        self.hunts += 1
        self._hunt = _Hunt(hop, until_s, heard_s)

    def _pay(self, dwell: Dwell, now_s: float) -> None:
        """Earn and spend time."""
        passed_s = now_s - self._now_s
        self._now_s = now_s
        if not passed_s > 0:
            return
        self._budget_s = min(self._budget_s + self._share * passed_s, HUNT_S)
        if self._hunt is not None and self._hunt.hop == dwell.hop:
            self.spent_s += passed_s
            self._budget_s -= passed_s

    def _sight(self, emitter: Emitter, dwell: Dwell, now_s: float) -> bool:
        """Note a new burst of an emitter; whether it is worth a stay."""
        one = self._known.get(emitter.number)
        if one is None:
            one = self._known[emitter.number] = _Known(dwell.hop)
            while len(self._known) > MAX_KNOWN:
                self._known.popitem(last=False)
        if emitter.sightings <= one.sightings:
            return False
        one.sightings = emitter.sightings
        one.hop = dwell.hop
        one.starts_s = [*one.starts_s, now_s - dwell.duration_s][-MEMORY:]
        one.rhythm = find_rhythm(one.starts_s)
        if one.rhythm is not None:
            one.expected_s = one.rhythm.next_s(now_s)
        if one.hunts >= HUNTS_EACH:
            return False
        one.hunts += 1
        return True
