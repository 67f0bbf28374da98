"""The supervisor of a site: reports of the dongles in; events, heartbeats and rows out.

A dongle's process reports to its `Listener`; what that says becomes events in the outbox and goes
to the centre.  Beside it the ledger notes every visit and viewers get their rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import structlog
import zmq

from dsp.compare import survey_emitters
from sensors.bookkeeper import Bookkeeper
from sensors.config import Site
from sensors.crew import Crew, Ended
from sensors.errands import Errands
from sensors.freeze import freeze
from sensors.herald import Herald
from sensors.landmarks import Landmarks
from sensors.link import Link
from sensors.listener import Listener
from sensors.messages import Heartbeat, Note
from sensors.notify_systemd import notify, watchdog_s
from sensors.relief import Relief
from sensors.reports import (
    ClipReport,
    DwellReport,
    EndReport,
    FaultReport,
    MissedHop,
    PauseReport,
    Report,
    SiteFault,
    StartReport,
    decode,
)
from sensors.roster import Roster
from sensors.survey import load_survey
from sensors.task import UseBaseline, tasks_of
from sensors.team import teams_of
from sensors.viewers import Viewers

HEARTBEAT_S = 1.0
POLL_MS = 50
REPORTS_AT_ONCE = 256
SURVEY_LATE_S = 60.0
"""So much longer a survey takes on a slow computer, until every hop was heard once."""

log = structlog.get_logger()


class Station:
    """One site at work.

    Parameters
    ----------
    site : Site
    link : Link or None
        To the centre and to viewers here; None keeps everything on this machine.
    survey_s : float
        Learn a baseline for so long before watching; 0 watches at once.
    survey_path : Path, optional
        Write the baseline there and end; without it, watch against it.
    version : str
        Told to the centre.
    show : callable, optional
        Given every heartbeat, for a person at this machine.

    Attributes
    ----------
    listeners : dict
        `Listener` by sensor id.
    surveyed : Path or None
        The baseline that this run has made.
    """

    def __init__(
        self,
        site: Site,
        link: Link | None,
        *,
        survey_s: float = 0.0,
        survey_path: Path | None = None,
        version: str = "",
        show: Callable[[Heartbeat], None] | None = None,
    ) -> None:
        self.site = site
        self.surveyed: Path | None = None
        self._link = link
        self._herald = Herald(site.file.site.id, link)
        self._survey_for_s = survey_s
        self._survey_path = survey_path
        self._version = version
        self._show = show
        self._started_ns = time.time_ns()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._inbox = self._context.socket(zmq.PULL)
        self._inbox.setsockopt(zmq.RCVHWM, 1024)
        port = self._inbox.bind_to_random_port("tcp://127.0.0.1")
        tasks = tasks_of(site, f"tcp://127.0.0.1:{port}", survey=survey_s > 0)
        teams = teams_of(site)
        coverage = {sensor: team.coverage for team in teams for sensor in team.sensors}
        self.listeners = {
            task.sensor: Listener(site.file.site.id, task, coverage.get(task.sensor))
            for task in tasks
        }
        if site.baseline is not None and not survey_s:
            survey = load_survey(site.baseline)
            for sensor, listener in self.listeners.items():
                listener.use(survey.baselines.get(sensor))
        self._viewers = Viewers(link, self.listeners) if link is not None else None
        self._landmarks = {task.sensor: Landmarks() for task in tasks}
        self._crew = Crew(tasks)
        self._relief = Relief(Roster(teams), self._crew, self.listeners, self._herald)
        self.errands = Errands(site, self.listeners, self._crew, self._herald, link)
        self._books = Bookkeeper(site, self._started_ns)
        self._survey_due_s = float("inf")
        self._heartbeat_due_s = self._watchdog_due_s = 0.0
        self._watchdog_s = watchdog_s()

    def run(self, stopped: Callable[[], bool]) -> None:
        """Work until told to stop, until every recording has ended or the survey is done.

        Raises
        ------
        UserError
            No dongle can work: the reason of the last one; or the survey cannot be saved.
        """
        notify("READY=1")
        try:
            while not stopped() and self._crew.working():
                if self._survey_path and self.surveyed:
                    break
                for ended in self._crew.tend(time.monotonic()):
                    self._ended(ended)
                self._take_reports(POLL_MS)
                self._duties(time.monotonic())
        finally:
            self._close()

    @property
    def survey_left_s(self) -> float:
        """Seconds until the survey ends; the whole time before all dongles have begun."""
        return min(self._survey_due_s - time.monotonic(), self._survey_for_s)

    def heartbeat(self) -> Heartbeat:
        """State of the whole site now."""
        now_ns = time.time_ns()
        return Heartbeat(
            site=self.site.file.site.id,
            site_name=self.site.file.site.name or self.site.file.site.id,
            time_ns=now_ns,
            started_ns=self._started_ns,
            sensors=[self.errands.health(one.health(now_ns)) for one in self.listeners.values()],
            version=self._version,
        )

    def _close(self) -> None:
        """Stop the dongles, take their last words, close what is open."""
        notify("STOPPING=1")
        self._crew.stop()
        while self._inbox.poll(POLL_MS):
            self._take_reports(0)
        for listener in self.listeners.values():
            self._herald.tell(listener.follow.end())
        self._books.close()
        self._inbox.close(0)
        self._context.term()

    def _take_reports(self, wait_ms: int) -> None:
        for _ in range(REPORTS_AT_ONCE):
            if not self._inbox.poll(wait_ms):
                return
            wait_ms = 0
            self._take(decode(self._inbox.recv()))

    def _take(self, report: Report) -> None:
        listener = self.listeners[report.sensor]
        self._crew.heard(report.sensor, time.monotonic())
        if isinstance(report, DwellReport):
            self._dwell(listener, report)
        elif isinstance(report, StartReport):
            self._start(listener, report)
        elif isinstance(report, MissedHop):
            listener.missed(report.hop, Note(report.message_id, dict(report.fields)))
            self._books.silent(report)
        elif isinstance(report, FaultReport):
            self._fault(listener, report)
        elif isinstance(report, ClipReport):
            self._herald.clip(listener, report)
        elif isinstance(report, PauseReport):
            self._books.silent(report)
        elif isinstance(report, EndReport):
            self._crew.dismiss(report.sensor)  # a recording has been read to its end

    def _start(self, listener: Listener, report: StartReport) -> None:
        fault = listener.fault
        self._herald.tell(listener.start(report))
        log.info(
            "sensor_started",
            sensor=report.sensor,
            serial=report.info.serial,
            tuner=report.info.tuner,
            **asdict(report.settings),
        )
        if fault is not None:
            self._herald.notice(listener.task.sensor, "info", Note("notice.back"), report.time_ns)
        self._relief.come(report.sensor, report.time_ns)
        self.errands.rehearsal.started(report.sensor)
        if self._survey_for_s and self.surveyed is None and listener.learner is None:
            listener.survey()
            if all(other.learner is not None for other in self.listeners.values()):
                self._survey_due_s = time.monotonic() + self._survey_for_s

    def _dwell(self, listener: Listener, report: DwellReport) -> None:
        dwell = report.dwell()
        self._relief.heard(report.sensor, report.hop_s, report.time_ns)
        self._herald.tell(listener.dwell(dwell, report.emitters, report.baseline, report.rhythms))
        self.errands.rehearsal.dwell(report.sensor, dwell)
        for note, since_ns in self._landmarks[report.sensor].update(dwell, listener.baseline):
            self._herald.notice(report.sensor, "info", note, since_ns)
        if self._viewers is not None:
            self._viewers.dwell(report.sensor, dwell)
        if (gap := self._books.dwell(listener, dwell)) is not None:
            self._herald.gap(gap)

    def _fault(self, listener: Listener, report: FaultReport) -> None:
        note = Note(report.message_id, {key: value[:200] for key, value in report.fields.items()})
        known = listener.fault == note
        listener.fault = note
        if not report.retry:
            self._crew.dismiss(report.sensor)
        never_worked = all(
            other.settings is None and other.fault is not None for other in self.listeners.values()
        )
        if not self._crew.working() or never_worked:
            raise SiteFault(report)
        self._books.silent(report)
        if not known:
            log.error("sensor_fault", sensor=report.sensor, fault=note.id, **report.fields)
            self._herald.notice(listener.task.sensor, "alarm", note, report.time_ns)
        self._relief.leave(report.sensor, report.time_ns)

    def _ended(self, ended: Ended) -> None:
        """A process is gone; when it could not say why, we say what we saw."""
        log.warning("worker_ended", sensor=ended.sensor, how=ended.how)
        self._take_reports(POLL_MS)  # its last words may still be under way
        listener = self.listeners[ended.sensor]
        if ended.exit_code and listener.fault is None:
            message_id, fields = ended.reason(listener.silent_s())
            report = FaultReport(ended.sensor, message_id, fields, True, 3, time.time_ns())
            self._fault(listener, report)

    def _duties(self, now_s: float) -> None:
        """Do what the clock asks for."""
        if self._watchdog_s is not None and now_s >= self._watchdog_due_s:
            self._watchdog_due_s = now_s + self._watchdog_s
            notify("WATCHDOG=1")
        self._relief.check(time.time_ns())
        self.errands.step(time.time_ns())
        late_s = now_s - self._survey_due_s
        if late_s >= SURVEY_LATE_S or (late_s >= 0.0 and self._heard_every_hop()):
            self._survey_due_s = float("inf")
            self._freeze()
        self._books.step(now_s)
        if self._link is None or self._viewers is None:
            return
        if now_s >= self._heartbeat_due_s:
            self._heartbeat_due_s = now_s + HEARTBEAT_S
            beat = self._link.heartbeat(self.heartbeat())
            self._herald.trouble(beat.link_notes)
            if self._show is not None:
                self._show(beat)
        self._viewers.send(now_s)

    def _heard_every_hop(self) -> bool:
        """Whether each dongle that learns has visited each of its hops."""
        learners = [listener.learner for listener in self.listeners.values()]
        return all(learner is None or learner.scans for learner in learners)

    def _freeze(self) -> None:
        """End the survey: everybody detects against what was learnt from now on."""
        stop_ns = time.time_ns()
        path = self._survey_path or self.site.data / f"baseline-{stop_ns // 10**9}.npz"
        freeze(path, self.site.file.site.id, self.listeners, self._survey_for_s, stop_ns)
        self.surveyed = path
        for sensor, listener in self.listeners.items():
            if listener.baseline is not None:
                self._herald.learnt(sensor, survey_emitters(listener.baseline))
        self._crew.order(UseBaseline(str(path)))
