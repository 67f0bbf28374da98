"""The alarms that may still change, in memory: events in, changed alarms out, or nothing at all."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import msgspec

from dashboard.alarms import Alarm, absorb, explain, hear, open_alarm
from dashboard.fuse import (
    REJOIN_S,
    Surroundings,
    Weights,
    context_of,
    gate_hz,
    home_of,
    twin_of,
)
from sensors.messages import EmitterEvent

BUCKET_HZ = 50e3
"""Alarms are looked up by frequency in buckets of this width: 1000 at once stay cheap."""


def alarm_id(peer: str, epoch: str, seq: int) -> str:
    """Name an alarm after the record that opened it, so that a replay gives the same names."""
    digest = hashlib.sha256(f"{peer}/{epoch}/{seq}".encode()).digest()
    return base64.b32encode(digest[:10]).decode().lower()


class Desk:
    """Live alarms by id, by emitter and by frequency.

    Parameters
    ----------
    weights : Weights
    surroundings : callable
        Asked at every event what is known about sites and positions now.

    Attributes
    ----------
    alarms : dict
        By id.
    explains : callable
        Number of the known emitter that an alarm is, 0 for none: see `dashboard.known`.
    joined : dict
        Alarms that became part of another one in the current attempt: gone -> kept.
    """

    def __init__(self, weights: Weights, surroundings: Callable[[], Surroundings]) -> None:
        self.alarms: dict[str, Alarm] = {}
        self._weights = weights
        self._surroundings = surroundings
        self._by_emitter: dict[tuple[str, str], str] = {}
        self._buckets: dict[int, set[str]] = {}
        self._before: dict[str, Alarm | None] | None = None
        self.joined: dict[str, str] = {}
        self.explains: Callable[[Alarm, int], int] = lambda alarm, now_ns: 0

    def put(self, alarm: Alarm) -> None:
        """Take an alarm as it is now."""
        if self._before is not None:
            self._before.setdefault(alarm.id, self.alarms.get(alarm.id))
        self.load(alarm)

    def load(self, alarm: Alarm) -> None:
        """Take an alarm that the store already holds like this."""
        if (old := self.alarms.get(alarm.id)) is not None:
            self._forget(old)
        self.alarms[alarm.id] = alarm
        self._buckets.setdefault(_bucket(alarm.center_freq_hz), set()).add(alarm.id)
        for part in alarm.parts:
            if part.emitter:
                self._by_emitter[part.sensor, part.emitter] = alarm.id

    def drop(self, alarm: Alarm) -> None:
        """Remove it from memory; it stays in the store."""
        if self.alarms.pop(alarm.id, None) is not None:
            self._forget(alarm)

    @contextmanager
    def attempt(self) -> Iterator[dict[str, Alarm | None]]:
        """Undo everything when the block raises: memory never knows more than the disk.

        Yields
        ------
        before : dict
            Every alarm touched so far as it was before; None for a new one.
        """
        self._before = {}
        self.joined = {}
        try:
            yield self._before
        except BaseException:
            for key, old in self._before.items():
                if key in self.alarms:
                    self.drop(self.alarms[key])
                if old is not None:
                    self.load(old)
            raise
        finally:
            self._before = None

    def fold(self, event: EmitterEvent, new_id: str, now_ns: int) -> Alarm:
        """Take one event of an emitter.

        Parameters
        ----------
        event : EmitterEvent
        new_id : str
            Name of the alarm, should this event open one.
        now_ns : int
            Monitor's clock.

        Returns
        -------
        Alarm
            The alarm that the event now belongs to.
        """
        known = self._by_emitter.get((event.sensor, event.emitter))
        near = list(self.near(event.center_freq_hz, event.bandwidth_hz))
        home = self.alarms[known] if known else home_of(event, near)
        alarm = open_alarm(new_id, event, now_ns) if home is None else hear(home, event, now_ns)
        twin = twin_of(alarm, near) if home is not None else None
        if twin is not None:
            alarm = self._join(alarm, twin, now_ns)
        around = self._surroundings()
        elsewhere = [other for other in near if other.site != alarm.site]
        context = context_of(alarm, elsewhere, around, self._weights)
        alarm = msgspec.structs.replace(alarm, context=context)
        alarm = explain(alarm, self.explains(alarm, now_ns))
        self.put(alarm)
        if home is None:
            self._tell(elsewhere, around, now_ns)
        return alarm

    def near(self, center_freq_hz: float, bandwidth_hz: float) -> Iterator[Alarm]:
        """Alarms that may be the same transmission, and a few more."""
        reach = math.ceil(gate_hz(center_freq_hz, bandwidth_hz, bandwidth_hz) / BUCKET_HZ)
        middle = _bucket(center_freq_hz)
        for bucket in range(middle - reach, middle + reach + 1):
            for key in self._buckets.get(bucket, ()):
                yield self.alarms[key]

    def home(self, event: EmitterEvent) -> Alarm | None:
        """The alarm in memory that the event's emitter is part of."""
        return self.alarms.get(self._by_emitter.get((event.sensor, event.emitter), ""))

    def expire(self, now_ns: int) -> None:
        """Drop the alarms that no new emitter can join any more."""
        for alarm in list(self.alarms.values()):
            if not alarm.on_air and (now_ns - alarm.changed_ns) / 1e9 > 2 * REJOIN_S:
                self.drop(alarm)

    def _join(self, alarm: Alarm, twin: Alarm, now_ns: int) -> Alarm:
        """Two alarms become one: the one that somebody has in hand, else the older one."""
        kept, gone = sorted((alarm, twin), key=lambda a: (a.state == "new", a.opened_ns, a.id))
        assert self._before is not None
        for each in (kept, gone):
            self._before.setdefault(each.id, self.alarms[each.id])
        self.drop(self.alarms[gone.id])
        self.joined[gone.id] = kept.id
        return absorb(kept, gone, now_ns)

    def _tell(self, others: Iterable[Alarm], around: Surroundings, now_ns: int) -> None:
        """Alarms of other sites at this frequency are no longer heard at one site only."""
        for other in others:
            near = [a for a in self.near(other.center_freq_hz, other.bandwidth_hz) if a != other]
            context = context_of(other, near, around, self._weights)
            if context != other.context:
                self.put(msgspec.structs.replace(other, context=context, changed_ns=now_ns))

    def _forget(self, alarm: Alarm) -> None:
        bucket = _bucket(alarm.center_freq_hz)
        self._buckets[bucket].discard(alarm.id)
        if not self._buckets[bucket]:
            del self._buckets[bucket]
        for part in alarm.parts:
            self._by_emitter.pop((part.sensor, part.emitter), None)


def _bucket(center_freq_hz: float) -> int:
    return math.floor(center_freq_hz / BUCKET_HZ)
