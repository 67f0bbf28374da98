"""The drill of a running site: begun when its dongles are ready, marked, and told at its end."""

from __future__ import annotations

import time
from collections.abc import Mapping

import structlog
from msgspec.structs import replace

from dsp.compare import survey_emitters
from dsp.values import Dwell
from sensors.config import Site
from sensors.crew import Crew
from sensors.drill import Drill
from sensors.drill_result import keep, notes, table
from sensors.herald import Herald
from sensors.link import Link
from sensors.listener import Listener
from sensors.messages import Note, SensorHealth
from sensors.task import Inject

RBW_BINS = 1.5
"""Of the Hann window."""

PATIENCE_S = 30.0
"""A dongle that has no threshold by then takes no part."""

MOST_MINUTES = 60.0

SAID_NS = 1_400_000_000
"""Until what was heard last is on the disk, and at the centre ..."""

LATEST_NS = 20_000_000_000
"""... where the computer keeps up; else it is waited for, but for no longer than this."""

log = structlog.get_logger()


class Rehearsal:
    """Runs drills, one at a time.

    Parameters
    ----------
    site : Site
    listeners : mapping of str to Listener
    crew : Crew
    herald : Herald
        Marks what belongs to the drill.
    link : Link or None
        Says what the centre has.

    Attributes
    ----------
    running : Drill or None
        The drill that is under way.
    last : Drill or None
        The latest that has ended.
    """

    def __init__(
        self,
        site: Site,
        listeners: Mapping[str, Listener],
        crew: Crew,
        herald: Herald,
        link: Link | None,
    ) -> None:
        self.last: Drill | None = None
        self._site = site
        self._listeners = listeners
        self._crew = crew
        self._herald = herald
        self._link = link
        self.running: Drill | None = None
        self._minutes = 0.0
        self._asked_s = 0.0
        self._orders: dict[str, Inject] = {}

    def ask(self, minutes: float) -> None:
        """Begin one as soon as the dongles are ready."""
        self._minutes = minutes
        self._asked_s = time.monotonic()

    def step(self, now_ns: int) -> None:
        """Do what is due: begin, end."""
        drill = self.running
        if drill is None:
            if self._minutes and self._ready():
                self._begin(now_ns)
            return
        if self._link is not None:
            drill.acknowledged(self._link.outbox.acked, now_ns)
        if now_ns >= drill.stop_ns + SAID_NS and (
            self._caught_up(drill.stop_ns) or now_ns >= drill.stop_ns + LATEST_NS
        ):
            self._end(drill)

    def started(self, sensor: str) -> None:
        """Let a dongle that has come back take part again."""
        if self.running is not None and sensor in self._orders:
            self._crew.tell(sensor, self._orders[sensor])

    def dwell(self, sensor: str, dwell: Dwell) -> None:
        """Note where a dongle that takes part was while a drill runs."""
        if self.running is not None and sensor in self._orders:
            stop_ns = dwell.time_ns + round(dwell.duration_s * 1e9)
            self.running.visited(dwell.grid.low_hz, dwell.grid.high_hz, dwell.time_ns, stop_ns)

    def health(self, health: SensorHealth) -> SensorHealth:
        """Say in a sensor's state that a drill runs; what is worse is still said first."""
        if self.running is None:
            return health
        state = "drill" if health.state in {"go", "degraded"} else health.state
        return replace(health, state=state, notes=[*health.notes, Note("health.drill")])

    def _ready(self) -> bool:
        """All dongles know their threshold against what they are to be compared with."""
        depths = [
            one.depth_dbfs is not None and one.learner is None for one in self._listeners.values()
        ]
        late = time.monotonic() - self._asked_s > PATIENCE_S
        surveying = any(one.learner is not None for one in self._listeners.values())
        return not surveying and (all(depths) or (late and any(depths)))

    def _caught_up(self, until_ns: int) -> bool:
        """Whether every dongle that works has said what it heard up to then.

        A busy computer computes dwells seconds after they were received: to end by the clock
        would count as missed what is heard a moment later.
        """
        return all(
            one.fault is not None or one.newest_ns >= until_ns for one in self._listeners.values()
        )

    def _begin(self, now_ns: int) -> None:
        taken_hz: list[float] = []
        for listener in self._listeners.values():
            taken_hz += listener.follow.known_hz
            if listener.baseline is not None:
                taken_hz += [one.center_freq_hz for one in survey_emitters(listener.baseline)]
        bands = self._site.bands
        drill = Drill(bands, taken_hz, self._minutes, now_ns, seed=now_ns)
        self._minutes = 0.0
        self.running = self._herald.drill = drill
        self._orders.clear()
        for sensor, listener in self._listeners.items():
            depth, settings = listener.depth_dbfs, listener.settings
            if depth is None or settings is None:
                continue
            rbw_hz = RBW_BINS * settings.sample_rate_hz / listener.task.nfft
            self._orders[sensor] = drill.order(depth, rbw_hz, settings.gain_db)
            self._crew.tell(sensor, self._orders[sensor])
            note = Note("drill.begun", {"count": len(drill.results)})
            self._herald.notice(sensor, "info", note, now_ns)
        log.info("drill_begun", transmissions=len(drill.results))

    def _end(self, drill: Drill) -> None:
        self.running, self.last = None, drill
        for sensor in self._listeners:
            self._crew.tell(sensor, Inject([], 0, 0.0, None))
        first = next(iter(self._listeners))
        for passed, note in notes(drill.results):
            self._herald.notice(
                first, "info" if passed else "warning", note, drill.start_ns, drill.stop_ns
            )
        try:
            keep(drill.results, drill.start_ns, self._site.data, self._site.file.site.id)
        except OSError as error:
            log.error("drill_unkept", why=str(error))
        for line in table(drill.results):
            log.info("drill_band", **line)
