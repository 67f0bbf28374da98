"""One process per dongle: hop, dwell, detect, report.  Started by `sensors.crew`.

The walk from antenna to detection is `watch`, one screen long.
"""

from __future__ import annotations

import io
import os
import queue
import signal
import threading
import time
from collections.abc import Iterator
from itertools import cycle

import zmq
from msgspec import json

from dsp.detect import detect
from dsp.plan import Plan
from dsp.rule import Rule
from dsp.schedule import Schedule
from dsp.track import Tracker
from dsp.values import Dwell
from sdr.source import BadSource, EndOfRecording, Source, SourceError, TunerNotLocked, UserError
from sdr.uri import open_source
from sensors.ear import Ear
from sensors.hops import identity_of, plan_for
from sensors.judge import Judge
from sensors.reports import (
    DwellReport,
    EndReport,
    FaultReport,
    MissedHop,
    Report,
    StartReport,
    encode,
)
from sensors.survey import load_baseline
from sensors.task import Order, Task, UseBaseline

REPORT_QUEUE = 256
"""Reports waiting for a supervisor that is busy; then dwells wait, and lose time, not order."""

SEND_PATIENCE_S = 2.0
"""A supervisor that takes nothing for so long is gone."""

TUNE_GUESS_S = 0.02
"""Retune time before it has been measured; the tuner of an R820T takes about this."""


class Supervisor:
    """The worker's end of the line: reports out, orders in.

    Orders arrive on stdin; when it closes, the site is stopping or has died, and so do we.
    """

    def __init__(self, endpoint: str, *, surveying: bool) -> None:
        self.stop = threading.Event()
        self.surveying = surveying
        self._orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.PUSH)
        self._socket.setsockopt(zmq.SNDHWM, REPORT_QUEUE)
        self._socket.setsockopt(zmq.SNDTIMEO, round(SEND_PATIENCE_S * 1e3))
        self._socket.setsockopt(zmq.LINGER, 1000)
        self._socket.connect(endpoint)
        threading.Thread(target=self._listen, daemon=True).start()

    def report(self, report: Report) -> None:
        """Hand a report over; end when nobody takes it."""
        try:
            self._socket.send(encode(report))
        except zmq.Again:
            self.stop.set()

    def orders(self) -> Iterator[Order]:
        """Orders that have come since last asked."""
        while not self._orders.empty():
            yield self._orders.get()

    def close(self) -> None:
        """Let the last reports go out."""
        self._socket.close()
        zmq.Context.instance().term()

    def _listen(self) -> None:
        for line in stdin_unbuffered():
            self._orders.put(json.decode(line, type=Order))
        self.stop.set()


def watch(task: Task, source: Source, site: Supervisor) -> None:
    """Hop, dwell, detect and report until told to stop."""
    settings = source.configure(
        sample_rate_hz=task.sample_rate_hz if source.info.tunable else None,
        gain_db=task.gain_db if source.info.gains_db else None,
        ppm=task.ppm if source.info.tunable else None,
    )
    plan, resolution = plan_for(task.bands, source.info, settings, task.nfft)
    identity = identity_of(source.info, settings, plan, resolution, task.antenna)
    site.report(StartReport(task.sensor, source.info, settings, time.time_ns()))
    baseline = load_baseline(task.baseline, task.sensor, identity) if task.baseline else None
    rule = rule_for(task, plan)
    ear = Ear(source, plan, resolution, task.dwell_s)
    judge = Judge(ear, rule)
    tracker = Tracker()

    for dwell in dwells(task, ear, plan, site):
        for order in site.orders():
            if isinstance(order, UseBaseline):
                site.surveying = False
                baseline = load_baseline(order.path, task.sensor, identity)
                tracker = Tracker()
        reference = baseline.at(dwell.hop, dwell.time_ns) if baseline is not None else None
        detections = detect(dwell, reference, rule, followed_hz=tracker.on_air_hz(dwell.grid))
        confirmed = judge.sift(dwell, ear.measure(dwell, detections, reference))
        emitters = tracker.update(confirmed, hop=dwell.hop, grid=dwell.grid, time_ns=dwell.time_ns)
        judged_by = baseline.hash if baseline is not None else ""
        site.report(DwellReport.of(task.sensor, dwell, confirmed, emitters, judged_by))


def dwells(task: Task, ear: Ear, plan: Plan, site: Supervisor) -> Iterator[Dwell]:
    """Visit hop after hop in the order of their deadlines; in a survey all equally often."""
    schedule = Schedule(plan, task.dwell_s + TUNE_GUESS_S, task.seed)
    sweep = cycle(plan.hops)
    while not site.stop.is_set():
        hop = next(sweep) if site.surveying else schedule.next(time.monotonic())
        try:
            dwell = ear.visit(hop)
        except TunerNotLocked as fault:
            fields = {key: str(value) for key, value in fault.fields.items()}
            site.report(MissedHop(task.sensor, hop.index, fault.message_id, fields, time.time_ns()))
            continue
        if dwell is not None:
            yield dwell


def rule_for(task: Task, plan: Plan) -> Rule:
    """Thresholds for the wanted number of false alarms in an exam of the task's length."""
    bins = sum(hop.grid.n_bins for hop in plan.hops)
    visits = task.exam_s / (len(plan.hops) * (task.dwell_s + TUNE_GUESS_S))
    return Rule.for_exam(
        task.false_alarms,
        bins=bins,
        dwells=visits,
        rule=Rule(on_db=task.on_db, off_db=task.off_db),
    )


def run(task: Task) -> int:
    """Open the source and watch; tell the supervisor why it ended."""
    site = Supervisor(task.endpoint, surveying=task.survey)
    try:
        with open_source(task.source) as source:
            watch(task, source, site)
    except EndOfRecording:
        site.report(EndReport(task.sensor, time.time_ns()))
    except UserError as fault:
        fields = {key: str(value) for key, value in fault.fields.items()}
        # What is wrong in a file or a setting stays wrong; a dongle may come (back).
        retry = isinstance(fault, SourceError) and not isinstance(fault, BadSource)
        site.report(
            FaultReport(
                task.sensor, fault.message_id, fields, retry, fault.exit_code, time.time_ns()
            )
        )
        return fault.exit_code
    finally:
        site.close()
    return 0


def stdin_unbuffered() -> io.FileIO:
    """Stdin without Python's buffer, whose lock a waiting thread holds: the end would abort."""
    return io.FileIO(0, closefd=False)


def main() -> None:
    """Read the task from stdin and do it."""
    # Ctrl-C goes to the whole terminal; only the supervisor decides when we stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    task = json.decode(stdin_unbuffered().readline(), type=Task)
    # Threads of the FFT library would fight over the few cores of a small computer.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    raise SystemExit(run(task))


if __name__ == "__main__":
    main()
