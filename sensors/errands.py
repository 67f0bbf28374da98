"""What the centre asks of a running site: done or declined at once, and told where it costs cover.

Each command has a lease: a dongle that was taken off its plan goes back by itself, whatever became
of the centre meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import structlog
from msgspec.structs import replace

from dsp.plan import Hop
from sensors.backlog import SUFFIXES
from sensors.config import Site
from sensors.crew import Crew
from sensors.herald import Herald
from sensors.link import Link
from sensors.listener import Listener
from sensors.messages import Answer, Command, Note, SensorHealth
from sensors.orders import ASKS, LONGEST_STAY_S, Drill, Fetch, Record, Retask
from sensors.rehearsal import Rehearsal
from sensors.task import KeepSamples, Stay

LONGEST_RECORD_NS = 30 * 1_000_000_000
MAX_TEXT = 200
"""Of an argument on the wire."""

log = structlog.get_logger()


class Declined(Exception):
    """A command that is not carried out; the note says why."""

    def __init__(self, message_id: str, /, **args: str | float | int) -> None:
        super().__init__(message_id)
        self.note = Note(message_id, args)


class Errands:
    """Carries out the commands of the centre.

    Parameters
    ----------
    site : Site
    listeners : mapping of str to Listener
    crew : Crew
    herald : Herald
    link : Link or None
        Brings the commands; None: nobody asks.

    Attributes
    ----------
    rehearsal : Rehearsal
        Runs the drills that are asked for.
    """

    def __init__(
        self,
        site: Site,
        listeners: Mapping[str, Listener],
        crew: Crew,
        herald: Herald,
        link: Link | None,
    ) -> None:
        self.rehearsal = Rehearsal(site, listeners, crew, herald, link)
        self._evidence = site.data / "evidence"
        self._listeners = listeners
        self._crew = crew
        self._herald = herald
        self._link = link
        self._stays: dict[str, tuple[int, Note]] = {}
        self._do: dict[str, Callable[[Command, Any, int], Note]] = {
            "drill": self._drill,
            "retask": self._retask,
            "cost": self._cost,
            "fetch": self._fetch,
            "record": self._record,
        }

    def step(self, now_ns: int) -> None:
        """Carry out what has come, answer each, and go on with what was begun."""
        while self._link is not None and (command := self._link.orders.take()) is not None:
            try:
                note, accepted = self._carry_out(command, now_ns), True
            except Declined as declined:
                note, accepted = declined.note, False
            log.info("command", order=command.name, accepted=accepted, note=note.id, args=note.args)
            self._link.answer(Answer(command.number, accepted, note))
        self.rehearsal.step(now_ns)

    def health(self, health: SensorHealth) -> SensorHealth:
        """Say in a sensor's state what it does instead of its plan, and what that costs."""
        health = self.rehearsal.health(health)
        until_ns, note = self._stays.get(health.sensor, (0, Note("")))
        if time.time_ns() >= until_ns:
            return health
        state = "degraded" if health.state == "go" else health.state
        return replace(health, state=state, notes=[*health.notes, note])

    def _carry_out(self, command: Command, now_ns: int) -> Note:
        if command.name not in ASKS:
            raise Declined("command.unknown")
        try:
            asked = msgspec.convert(command.args, ASKS[command.name])
        except msgspec.ValidationError as error:
            raise Declined("command.wrong", why=str(error)[:MAX_TEXT]) from None
        return self._do[command.name](command, asked, now_ns)

    def _drill(self, command: Command, asked: Drill, now_ns: int) -> Note:
        if self.rehearsal.running is not None:
            raise Declined("drill.refused")
        self.rehearsal.ask(asked.minutes)
        return Note("drill.accepted")

    def _retask(self, command: Command, asked: Retask, now_ns: int) -> Note:
        stay, args = self._stay(command, asked)
        until_ns = now_ns + round(float(args["seconds"]) * 1e9)
        self._crew.tell(asked.sensor, Stay([hop.index for hop in stay], float(args["seconds"])))
        self._stays[asked.sensor] = (until_ns, Note("retask.stays", args))
        self._herald.notice(asked.sensor, "warning", Note("retask.stays", args), now_ns, until_ns)
        return Note("retask.stays", args)

    def _cost(self, command: Command, asked: Retask, now_ns: int) -> Note:
        return Note("retask.would", self._stay(command, asked)[1])

    def _stay(
        self, command: Command, asked: Retask
    ) -> tuple[list[Hop], dict[str, str | float | int]]:
        """Hops to stay at, and in words what is not watched meanwhile."""
        listener = self._listener(asked.sensor)
        plan = listener.plan
        if plan is None or listener.learner is not None:
            raise Declined("retask.not_ready", sensor=asked.sensor)
        stay = [hop for hop in plan.hops if _overlap(hop, asked.start_hz, asked.stop_hz)]
        if not stay:
            raise Declined("retask.outside", sensor=asked.sensor)
        own = listener.hops or range(len(plan.hops))
        lost = [plan.hops[index] for index in own if plan.hops[index] not in stay]
        bands = dict.fromkeys(plan.bands[hop.band].name for hop in lost)
        return stay, {
            "sensor": asked.sensor,
            "seconds": round(min(command.lease_s, LONGEST_STAY_S), 1),
            "start_mhz": round(asked.start_hz / 1e6, 3),
            "stop_mhz": round(asked.stop_hz / 1e6, 3),
            "bands": (", ".join(bands) or "-")[:MAX_TEXT],
            "lost": len(lost),
            "hops": len(own),
        }

    def _record(self, command: Command, asked: Record, now_ns: int) -> Note:
        listener = self._listener(asked.sensor)
        length_ns = asked.stop_ns - asked.start_ns
        if not 0 < length_ns <= LONGEST_RECORD_NS or asked.stop_ns > now_ns + LONGEST_RECORD_NS:
            raise Declined("record.window", seconds=LONGEST_RECORD_NS // 10**9)
        if listener.learner is not None:
            raise Declined("retask.not_ready", sensor=asked.sensor)
        plan = listener.plan
        half_hz = 1.0
        if plan is None or not any(
            _overlap(hop, asked.freq_hz - half_hz, asked.freq_hz + half_hz) for hop in plan.hops
        ):
            raise Declined("retask.outside", sensor=asked.sensor)
        if not listener.task.evidence_s:
            raise Declined("record.keeps_nothing", sensor=asked.sensor)
        name = asked.emitter or f"asked-{command.number}"
        self._crew.tell(
            asked.sensor,
            KeepSamples(command.number, asked.freq_hz, asked.start_ns, asked.stop_ns, name),
        )
        return Note("record.begun", {"sensor": asked.sensor, "emitter": name})

    def _fetch(self, command: Command, asked: Fetch, now_ns: int) -> Note:
        assert self._link is not None
        base = asked.file
        for suffix in SUFFIXES:
            base = base.removesuffix(suffix)
        found = [path for path in self._evidence.glob(f"*/{base}.*") if path.suffix in SUFFIXES]
        if not found:
            raise Declined("fetch.unknown", file=asked.file)
        if len(found) < len(SUFFIXES):
            raise Declined("fetch.gone", file=asked.file)
        try:
            for path in found:
                self._link.clips.offer(path, asked=True)
        except OSError as error:
            raise Declined("fetch.unreadable", why=str(error)[:MAX_TEXT]) from None
        size = sum(path.stat().st_size for path in found)
        return Note("fetch.offered", {"file": base, "mb": round(size / 1e6, 2)})

    def _listener(self, sensor: str) -> Listener:
        listener = self._listeners.get(sensor)
        if listener is None:
            raise Declined("command.no_sensor", sensor=sensor)
        if listener.fault is not None:
            raise Declined("command.sensor_down", sensor=sensor)
        return listener


def _overlap(hop: Hop, start_hz: float, stop_hz: float) -> bool:
    return hop.grid.low_hz < stop_hz and hop.grid.high_hz > start_hz
