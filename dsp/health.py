"""Whether a receiver still hears: from the shape of its noise, its known carriers, its clipping.

A dongle that went deaf gives samples like a healthy one on a quiet day.  So every dwell is asked
for signs of illness, and a `HealthWatch` decides from the dwells of the last seconds: what is true
of nearly all of them is the receiver's own trouble ("blind" where nothing can be detected), what is
true of some hops only is a degraded part of the spectrum.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Literal

from .signs import BLIND_CLIPPED, Ailment, HopReference, Signs, signs
from .values import Dwell, Real, Reference

State = Literal["go", "degraded", "blind"]

BLIND_DROWNED_DB = 15.0
"""A floor that rose by this hides nearly everything."""

WINDOW_S = 4.0
MIN_DWELLS = 3
NEARLY_ALL = 0.8
LEARN_DWELLS = 8

FORGET_S = 60.0
"""Carriers that a hop learned by itself and that are gone for so long, while others are heard,
belonged to a long conversation.  Those of a baseline stay missing until a person decides."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One ailment that lasts.

    Attributes
    ----------
    ailment : Ailment
    state : {"degraded", "blind"}
        What it makes of the sensor.
    value : float
        Median over the dwells that have it: decibels of the floor's change, share of lost
        carriers, roughness or clipped fraction.
    low_hz, high_hz : float
        Outermost edges of the hops that have it.
    hops : int
    everywhere : bool
        True where nearly every dwell has it.
    """

    ailment: Ailment
    state: Literal["degraded", "blind"]
    value: float
    low_hz: float
    high_hz: float
    hops: int
    everywhere: bool


@dataclass(frozen=True, slots=True)
class Health:
    """State of a receiver with its reasons, gravest first."""

    state: State
    troubles: tuple[Trouble, ...] = ()


@dataclass(slots=True)
class _Hop:
    reference: HopReference | None
    young: list[Dwell]
    before: Real | None = None
    last: Signs | None = None
    earlier: frozenset[Ailment] = frozenset()
    low_hz: float = 0.0
    high_hz: float = 0.0
    self_taught: bool = False
    lost_ns: int | None = None


class HealthWatch:
    """The health of one receiver, dwell by dwell.

    Dwells with another gain than the usual (a hunter's confirmation) must be left out: they would
    look deaf.

    Parameters
    ----------
    references : dict of int to Reference, optional
        The baseline of each hop.  A hop without one learns from its own first dwells.
    """

    def __init__(self, references: dict[int, Reference] | None = None) -> None:
        self._hops = {
            hop: _Hop(HopReference.of_baseline(one), []) for hop, one in (references or {}).items()
        }
        self._recent: deque[tuple[int, Signs]] = deque()

    def see(self, dwell: Dwell) -> Health:
        """Take one dwell into account and say how the receiver is."""
        hop = self._hops.setdefault(dwell.hop, _Hop(None, []))
        found = signs(dwell, hop.reference, hop.before)
        hop.earlier = hop.last.ailments if hop.last else frozenset()
        hop.before, hop.last = dwell.mean, found
        hop.low_hz, hop.high_hz = dwell.grid.low_hz, dwell.grid.high_hz
        if hop.reference is None and not found.ailments:
            hop.young.append(dwell)
            if len(hop.young) >= LEARN_DWELLS:
                hop.reference = HopReference.of_dwells(hop.young)
                hop.young, hop.self_taught = [], True
        self._forget(hop, dwell.time_ns)
        self._recent.append((dwell.time_ns, found))
        oldest_ns = dwell.time_ns - round(WINDOW_S * 1e9)
        while len(self._recent) > MIN_DWELLS and self._recent[0][0] < oldest_ns:
            self._recent.popleft()
        return self.health()

    def _forget(self, hop: _Hop, now_ns: int) -> None:
        """Take carriers that ended for good out of what a hop learned by itself."""
        if hop.last is None or "lost_carriers" not in hop.last.ailments:
            hop.lost_ns = None
            return
        hop.lost_ns = now_ns if hop.lost_ns is None else hop.lost_ns
        others = any(
            one.last is not None and one.last.lost_share < 0.5 for one in self._hops.values()
        )
        alone = not any(
            one is not hop and one.reference is not None and one.reference.carriers.shape[0]
            for one in self._hops.values()
        )
        long = now_ns - hop.lost_ns > FORGET_S * 1e9
        if hop.self_taught and hop.reference is not None and long and (others or alone):
            hop.reference = hop.reference.without_carriers()

    def health(self) -> Health:
        """Judge the dwells of the last seconds."""
        if len(self._recent) < MIN_DWELLS:
            return Health("go")
        kinds = {kind for _, one in self._recent for kind in one.ailments}
        lasting = {kind for hop in self._hops.values() if hop.last for kind in hop.last.ailments}
        troubles = [t for kind in sorted(kinds | lasting) if (t := self._trouble(kind))]
        troubles.sort(key=lambda t: (t.state != "blind", -t.hops))
        if not troubles:
            return Health("go")
        return Health(troubles[0].state, tuple(troubles))

    def _trouble(self, kind: Ailment) -> Trouble | None:
        """The lasting part of an ailment, if there is one."""
        if kind == "lost_carriers":
            # Few hops know carriers, and only they can miss them: each votes with its last dwell.
            voters = [
                hop.last
                for hop in self._hops.values()
                if hop.last is not None and not math.isnan(hop.last.lost_share)
            ]
            enough = 2  # one station may leave the air; all of them at once is the antenna
        else:
            voters = [one for _, one in self._recent]
            enough = MIN_DWELLS
        having = sum(kind in one.ailments for one in voters)
        everywhere = len(voters) >= enough and having >= NEARLY_ALL * len(voters)
        hops = [
            hop
            for hop in self._hops.values()
            if hop.last is not None
            and kind in hop.last.ailments
            and (everywhere or kind in hop.earlier)
        ]
        if not hops:
            return None
        values = sorted(_value(kind, hop.last) for hop in hops if hop.last is not None)
        value = values[len(values) // 2]
        grave = {
            "stuck": True,
            "garbage": True,
            "overload": value > BLIND_CLIPPED,
            "deaf": True,
            "lost_carriers": True,
            "drowned": value > BLIND_DROWNED_DB,
        }[kind]
        return Trouble(
            ailment=kind,
            state="blind" if everywhere and grave else "degraded",
            value=value,
            low_hz=min(hop.low_hz for hop in hops),
            high_hz=max(hop.high_hz for hop in hops),
            hops=len(hops),
            everywhere=everywhere,
        )


def _value(kind: Ailment, found: Signs) -> float:
    if kind in ("deaf", "drowned"):
        return found.floor_change_db
    if kind == "lost_carriers":
        return found.lost_share
    return found.clipped_fraction if kind == "overload" else found.roughness
