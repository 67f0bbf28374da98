"""Emitters reported in half an hour of quiet, of legal traffic, and of a jammer switched on.

Simulated air as fast as it computes, through a worker's whole walk: tuning, second looks, tracker,
stays.  A survey first, then the watch against its baseline; time is the samples' own.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from dsp.baseline import Learner
from sdr.uri import open_source
from sensors.benches import Metric, Skip
from sensors.config import load_site
from sensors.hops import identity_of, plan_for
from sensors.reports import DwellReport, Report, StartReport
from sensors.survey import Survey, save_survey
from sensors.task import Order, Task, UseBaseline, tasks_of
from sensors.worker import watch

ALWAYS = """
tx id=tv        freq_hz=514M   type=wide bw_hz=7.6M power_dbm=-74
tx id=crystal-1 freq_hz=172.8M type=cw power_dbm=-113
tx id=supply    freq_hz=153.47M type=am tone_hz=100 depth=0.5 power_dbm=-116
"""
LEGAL = """
tx id=grid     freq_hz=230.525M type=fsk2 baud=4800 dev_hz=2400 power_dbm=-86 period_s=1 on_s=0.5
tx id=paging   freq_hz=152.65M  type=fsk2 baud=1200 dev_hz=4500 power_dbm=-86 period_s=3 on_s=2
tx id=trunking freq_hz=407.05M  type=dmr power_dbm=-88
tx id=guards   freq_hz=409.9125M type=nfm power_dbm=-80 period_s=4 on_s=2.5 jitter_s=1
tx id=taxi     freq_hz=416.2M   type=nfm power_dbm=-90 period_s=11 on_s=5 jitter_s=4
tx id=button   freq_hz=433.92M  type=ook baud=2000 power_dbm=-80 period_s=3 on_s=0.12 jitter_s=2.5
"""
JAMMER = "tx id=jammer freq_hz=420M type=wide bw_hz=40M power_dbm=-70 start_s={on_s}\n"
SCENES = {"quiet": ALWAYS, "busy, legal": ALWAYS + LEGAL, "jammer": ALWAYS + LEGAL + JAMMER}
SITE = """
[site]
id = "bench"
[[dongle]]
source = "scene:{scene}?pace=0"
[scan]
dwell_s = 0.02
[evidence]
keep = false
[[band]]
name = "vhf-pmr"
[[band]]
name = "tv3-low"
[[band]]
name = "data-230"
[[band]]
name = "uhf-403"
[[band]]
name = "srd-433"
"""


class Desk:
    """Takes a worker's reports in the supervisor's place; learns, then counts.

    Parameters
    ----------
    task : Task
    folder : Path
    survey_s, watch_s : float
        Of the samples' own time.
    """

    def __init__(self, task: Task, folder: Path, survey_s: float, watch_s: float) -> None:
        self.stop = threading.Event()
        self.surveying = True
        self.opened: list[tuple[float, float, float]] = []
        self.dwells = 0
        self._task, self._folder = task, folder
        self._survey_ns, self._watch_ns = round(survey_s * 1e9), round(watch_s * 1e9)
        self._learner: Learner | None = None
        self._begin_ns = 0
        self._orders: list[Order] = []

    def orders(self) -> Iterator[Order]:
        """The baseline, once it is frozen."""
        while self._orders:
            yield self._orders.pop()

    def report(self, report: Report) -> None:
        """Take one report."""
        if isinstance(report, StartReport):
            task = self._task
            plan, resolution = plan_for(task.bands, report.info, report.settings, task.nfft)
            identity = identity_of(report.info, report.settings, plan, resolution, task.antenna)
            self._learner = Learner(identity, plan)
        if not isinstance(report, DwellReport):
            return
        self._begin_ns = self._begin_ns or report.time_ns
        passed_ns = report.time_ns - self._begin_ns
        if self._learner is not None:
            self._learner.learn(report.dwell())
            if passed_ns > self._survey_ns:
                self._freeze(report.time_ns)
            return
        if not report.baseline:
            return
        self.dwells += 1
        self.opened += [
            (passed_ns / 1e9, e.center_freq_hz, e.bandwidth_hz)
            for e in report.emitters
            if e.phase == "new"
        ]
        if passed_ns > self._survey_ns + self._watch_ns:
            self.stop.set()

    def _freeze(self, now_ns: int) -> None:
        assert self._learner is not None
        path = self._folder / "baseline.npz"
        baselines = {self._task.sensor: self._learner.freeze()}
        save_survey(path, Survey("bench", self._begin_ns, now_ns, baselines))
        self._learner, self.surveying = None, False
        self._orders.append(UseBaseline(str(path)))


def watched(
    name: str, minutes: float, survey_minutes: float
) -> tuple[int, float, list[tuple[float, float, float]]]:
    """Survey and watch one scene: dwells, seconds that it took, emitters reported."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        on_s = 60 * (survey_minutes + minutes / 3)
        (folder / "air.scene").write_text(SCENES[name].format(on_s=on_s))
        (folder / "site.toml").write_text(SITE.format(scene=folder / "air.scene"))
        [task] = tasks_of(load_site(folder / "site.toml"), "", survey=True)
        desk = Desk(task, folder, 60 * survey_minutes, 60 * minutes)
        start_s = time.monotonic()
        with open_source(task.source) as source:
            watch(task, source, desk)  # type: ignore[arg-type]
        return desk.dwells, time.monotonic() - start_s, desk.opened


def run(
    minutes: float = 30.0, survey_minutes: float = 10.0, only: str = ""
) -> Iterator[Metric | Skip]:
    """Watch each scene (or ``only`` one) for so long, in its own time; the scenes side by side."""
    names = [name for name in SCENES if only in ("", name)]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("fork")) as pool:
        jobs = {name: pool.submit(watched, name, minutes, survey_minutes) for name in names}
        for name, job in jobs.items():
            yield from judge(name, *job.result(), 60 * (minutes + survey_minutes))


def judge(
    name: str, dwells: int, took_s: float, opened: list[tuple[float, float, float]], scene_s: float
) -> Iterator[Metric]:
    """Nobody sent anything new but the jammer: every emitter is a false alarm."""
    yield Metric(f"{name}: dwells against the baseline", dwells, "")
    yield Metric(f"{name}: pace", scene_s / took_s, "x real time")
    if name == "jammer":
        # The jammer itself is new and wide: it may be told, once, and nothing else.
        wide = [one for one in opened if one[2] > 1e6]
        yield Metric("jammer: told as wide emitters", len(wide), "")
        others = [one for one in opened if one[2] <= 1e6]
        yield Metric.of("jammer: false emitters", len(others), "", at_most=0)
    else:
        yield Metric.of(f"{name}: false emitters", len(opened), "", at_most=0)
    for at_s, freq, width in opened[:10]:
        yield Metric(f"{name}: emitter after {at_s:.0f} s, {width / 1e3:.1f} kHz", freq, "Hz")
