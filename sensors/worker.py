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
import traceback
from collections.abc import Iterator
from pathlib import Path

import zmq
from msgspec import json

from dsp.detect import detect
from dsp.plan import Plan
from dsp.rule import Rule
from dsp.track import Tracker
from dsp.values import Dwell
from sdr.inject import Injected
from sdr.source import (
    BadSource,
    DeviceBusy,
    DeviceNotFound,
    EndOfRecording,
    Source,
    SourceError,
    TunerNotLocked,
    UserError,
)
from sdr.uri import open_source
from sensors.calibration import calibrations
from sensors.clipper import Clipper
from sensors.drill import transmitters_of
from sensors.ear import Ear
from sensors.foresight import Foresight
from sensors.hops import identity_of, plan_for
from sensors.judge import Judge
from sensors.reports import (
    DwellReport,
    EndReport,
    FaultReport,
    MissedHop,
    PauseReport,
    Report,
    StartReport,
    encode,
)
from sensors.route import Route
from sensors.survey import load_baseline
from sensors.task import Inject, KeepSamples, Order, Stay, TakeHops, Task

REPORT_QUEUE = 256
"""Reports waiting for a supervisor that is busy; then dwells wait, and lose time, not order."""

SEND_PATIENCE_S = 2.0
"""A supervisor that takes nothing for so long is gone."""

ABSENT_S = 0.5
"""A dongle that is not there is looked for this often; starting a process each time is slow."""


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
    settle(task, source)
    recording, source = source, (injected := Injected(source))
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
    grids = [hop.grid for hop in plan.hops]
    tracker = Tracker(grids=grids)

    with (
        Ear(source, plan, resolution, task.dwell_s) as ear,
        Foresight(recording) as foresight,
        Clipper(task, source.info, settings, baseline, site.report) as clipper,
    ):
        ear.response = baseline.response if baseline is not None else None
        judge = Judge(ear, rule)
        route = Route(task, plan, surveying=site.surveying)
        for dwell in dwells(task, ear, route, site):
            for order in site.orders():
                if isinstance(order, TakeHops):
                    route.take(order, ear.clock_s)
                elif isinstance(order, Inject):
                    injected.inject(transmitters_of(order), order.epoch_ns)
                    clipper.drill(on=bool(order.shots))
                elif isinstance(order, Stay):
                    route.stay(order, ear.clock_s)
                elif isinstance(order, KeepSamples):
                    clipper.keep(order)
                else:
                    baseline = load_baseline(order.path, task.sensor, identity)
                    ear.response = baseline.response
                    tracker = Tracker(grids=grids)
                    route.begin()
                    clipper.begin(baseline)
                    site.report(PauseReport(task.sensor, "ledger.gap_baseline", time.time_ns()))
            reference = baseline.at(dwell.hop, dwell.time_ns) if baseline is not None else None
            followed = tracker.on_air_hz(dwell.grid)
            detections = detect(dwell, reference, rule, followed_hz=followed)
            block = ear.block
            measured = ear.measure(dwell, detections, reference)
            confirmed = judge.sift(dwell, measured, stay=route.may_stay)
            if baseline is None and block is not None and not injected.changed_samples:
                confirmed = foresight.sift(block, dwell, confirmed)
            emitters = tracker.update(
                confirmed, hop=dwell.hop, grid=dwell.grid, time_ns=dwell.time_ns
            )
            if route.follow(dwell, emitters, ear.clock_s):
                route.put_back(ear.recall(), ear.clock_s)
            clipper.follow(block, emitters, dwell)
            judged_by = baseline.hash if baseline is not None else ""
            site.report(
                DwellReport.of(
                    task.sensor,
                    dwell,
                    confirmed,
                    emitters,
                    judged_by,
                    hop_s=ear.hop_s or 0.0,
                    rhythms=route.rhythms(emitters),
                )
            )


def dwells(task: Task, ear: Ear, route: Route, site: Supervisor) -> Iterator[Dwell]:
    """Visit hop after hop as the route says; the next is tuned while this one is computed."""
    while not site.stop.is_set():
        while ear.room:
            ear.ask(route.next(ear.clock_s, ear.hop_s))
        try:
            dwell = ear.hear()
        except TunerNotLocked as fault:
            fields = {key: str(value) for key, value in fault.fields.items()}
            hop = ear.hop.index if ear.hop is not None else 0
            site.report(MissedHop(task.sensor, hop, fault.message_id, fields, time.time_ns()))
            continue
        if dwell is not None:
            yield dwell


def settle(task: Task, source: Source) -> None:
    """Discard after a retune what this very dongle needs, where ``doctor`` has measured it."""
    known = calibrations(Path(task.data)).get(source.info.serial) if task.data else None
    if known is not None and known.discard_s is not None and hasattr(source, "settle_s"):
        source.settle_s = known.discard_s


def rule_for(task: Task, plan: Plan) -> Rule:
    """Thresholds for the wanted number of false alarms in an exam of the task's length."""
    bins = sum(hop.grid.n_bins for hop in plan.hops)
    hop_s = task.hop_s or task.dwell_s
    visits = task.exam_s / (len(plan.hops) * hop_s)
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
        with open_patiently(task, site) as source:
            watch(task, source, site)
    except EndOfRecording:
        site.report(EndReport(task.sensor, time.time_ns()))
    except UserError as fault:
        # A dongle that is still absent when we stop is no news.
        if not site.stop.is_set():
            site.report(fault_report(task, fault))
        return fault.exit_code
    except Exception as error:
        # A mistake of ours: the log gets all of it, the centre one line.
        traceback.print_exc()
        fields = {"reason": f"{type(error).__name__}: {error}"[:200]}
        site.report(FaultReport(task.sensor, "worker.crashed", fields, True, 3, time.time_ns()))
        return 3
    finally:
        site.close()
    return 0


def open_patiently(task: Task, site: Supervisor) -> Source:
    """Open the source; one that is only absent is looked for until it comes or we stop.

    Raises
    ------
    UserError
        It cannot be opened, and waiting does not help; or it was never there.
    """
    told = ""
    while True:
        try:
            return open_source(task.source)
        except (DeviceNotFound, DeviceBusy) as fault:
            if fault.message_id != told:
                told = fault.message_id
                site.report(fault_report(task, fault))
            if site.stop.wait(ABSENT_S):
                raise


def fault_report(task: Task, fault: UserError) -> FaultReport:
    """Tell why it does not go on, and whether trying again may help."""
    fields = {key: str(value) for key, value in fault.fields.items()}
    # What is wrong in a file or a setting stays wrong; a dongle may come (back).
    retry = isinstance(fault, SourceError) and not isinstance(fault, BadSource)
    return FaultReport(
        task.sensor, fault.message_id, fields, retry, fault.exit_code, time.time_ns()
    )


def stdin_unbuffered() -> io.FileIO:
    """Stdin without Python's buffer, whose lock a waiting thread holds: the end would abort."""
    return io.FileIO(0, closefd=False)


def main() -> None:
    """Read the task from stdin and do it."""
    # Ctrl-C goes to the whole terminal; only the supervisor decides when we stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    line = stdin_unbuffered().readline()
    if not line:  # a spare one that was not needed
        raise SystemExit(0)
    task = json.decode(line, type=Task)
    # Threads of the FFT library would fight over the few cores of a small computer.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    raise SystemExit(run(task))


if __name__ == "__main__":
    main()
