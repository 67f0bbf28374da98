"""From emitters to events: each gets a name and reasons, and is told while it is on the air."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from dsp.signals import Emitter
from sensors.bandplan import BandPlan
from sensors.bands import GuardBand
from sensors.messages import EmitterEvent
from sensors.reasons import weigh

Phase = Literal["open", "update", "close"]

UPDATE_NS = 2_000_000_000
"""An emitter on the air is told again this often: state, repeated while true."""

MAX_UPDATES_PER_S = 20
"""Updates beyond this rate are left out and counted, so that a jammer cannot flood the centre.

Openings and closings always go out."""


MAX_NAMES = 1024
"""Emitters whose names are remembered; the one silent longest is forgotten first."""


@dataclass(slots=True)
class _Told:
    """An emitter's name on the wire and what was last said of it."""

    name: str
    on_air: bool = False
    at_ns: int = 0
    last: EmitterEvent | None = None


class Follow:
    """Says what the centre must know about the emitters of one sensor.

    Parameters
    ----------
    site, sensor : str
    bands : sequence of GuardBand
    plan : BandPlan, optional
        Says who normally lives where.

    Attributes
    ----------
    held_back : int
        Updates left out because there were too many.
    """

    def __init__(
        self, site: str, sensor: str, bands: Sequence[GuardBand], plan: BandPlan | None = None
    ) -> None:
        self.held_back = 0
        self._site = site
        self._sensor = sensor
        self._bands = bands
        self._plan = plan
        self._life = uuid.uuid4()
        self._told: dict[int, _Told] = {}
        self._second = 0
        self._updates_in_second = 0

    @property
    def active(self) -> int:
        """Emitters on the air."""
        return sum(told.on_air for told in self._told.values())

    @property
    def known_hz(self) -> list[float]:
        """Where something was heard since the dongle started."""
        return [told.last.center_freq_hz for told in self._told.values() if told.last is not None]

    def name(self, number: int) -> str:
        """Name on the wire of the emitter with this number in the dongle's present life."""
        return uuid.uuid5(self._life, str(number)).hex

    def update(
        self,
        emitters: Sequence[Emitter],
        *,
        has_baseline: bool,
        freq_error_hz: float,
        now_ns: int,
        rhythms: Mapping[int, float] | None = None,
    ) -> list[EmitterEvent]:
        """Take in what one dwell changed.

        Parameters
        ----------
        emitters : sequence of Emitter
        has_baseline : bool
        freq_error_hz : float
            How well frequencies are known.
        now_ns : int
        rhythms : mapping of int to float, optional
            Repeat periods in seconds by the emitter's number, where known.

        Returns
        -------
        list of EmitterEvent
            Openings, closings, and updates of what was not told for a while.  An emitter that
            comes back keeps its name.
        """
        events: list[EmitterEvent] = []
        for emitter in emitters:
            told = self._told.pop(emitter.number, None) or _Told(self.name(emitter.number))
            self._told[emitter.number] = told  # now the youngest
            phase: Phase = "update" if told.on_air else "open"
            if emitter.phase == "gone":
                phase = "close"
            if phase == "update" and not self._due(told, now_ns):
                continue
            told.on_air = phase != "close"
            told.at_ns = now_ns
            period_s = (rhythms or {}).get(emitter.number)
            told.last = self._event(
                emitter, told.name, phase, has_baseline, freq_error_hz, period_s
            )
            events.append(told.last)
        while len(self._told) > MAX_NAMES:
            events += self._close(self._told.pop(next(iter(self._told))))
        return events

    def end(self) -> list[EmitterEvent]:
        """Close everything: the sensor begins anew and counts its emitters from 1 again."""
        told, self._told = self._told, {}
        self._life = uuid.uuid4()
        return [event for one in told.values() for event in self._close(one)]

    @staticmethod
    def _close(told: _Told) -> list[EmitterEvent]:
        if not told.on_air or told.last is None:
            return []
        return [replace(told.last, phase="close")]

    def _due(self, told: _Told, now_ns: int) -> bool:
        if now_ns - told.at_ns < UPDATE_NS:
            return False
        second = now_ns // 1_000_000_000
        if second != self._second:
            self._second, self._updates_in_second = second, 0
        self._updates_in_second += 1
        if self._updates_in_second > MAX_UPDATES_PER_S:
            self.held_back += 1
            return False
        return True

    def _event(
        self,
        emitter: Emitter,
        name: str,
        phase: Phase,
        has_baseline: bool,
        freq_error_hz: float,
        period_s: float | None,
    ) -> EmitterEvent:
        verdict = weigh(
            emitter,
            self._band_of(emitter),
            has_baseline=has_baseline,
            freq_error_hz=freq_error_hz,
            period_s=period_s,
            service=self._plan.at(emitter.center_freq_hz) if self._plan is not None else None,
        )
        return EmitterEvent(
            site=self._site,
            sensor=self._sensor,
            emitter=name,
            phase=phase,
            center_freq_hz=emitter.center_freq_hz,
            bandwidth_hz=emitter.bandwidth_hz,
            snr_db=emitter.snr_db,
            excess_db=emitter.excess_db,
            peak_dbfs=emitter.peak_dbfs,
            first_seen_ns=emitter.first_seen_ns,
            last_seen_ns=emitter.last_seen_ns,
            sightings=emitter.sightings,
            on_s=emitter.on_s,
            suspicion=verdict.suspicion,
            reasons=list(verdict.reasons),
        )

    def _band_of(self, emitter: Emitter) -> GuardBand | None:
        for band in self._bands:
            if band.start_hz <= emitter.center_freq_hz <= band.stop_hz:
                return band
        return None
