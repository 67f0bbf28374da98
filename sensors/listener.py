"""What the site knows about one of its dongles: the fold of everything its process reports."""

from __future__ import annotations

import time
from collections import deque

import msgspec
import numpy as np

from dsp.baseline import Baseline, Learner
from dsp.division import parts_of
from dsp.health import Health, HealthWatch
from dsp.identity import Identity
from dsp.noise import across_frequency
from dsp.plan import Plan, touched
from dsp.rule import Rule, thresholds
from dsp.signals import Emitter
from dsp.units import ratio_db
from dsp.values import Dwell, Reference
from sdr.source import Settings
from sensors.bandplan import band_plan
from sensors.coverage import MESSAGE_S, Coverage
from sensors.follow import Follow
from sensors.hops import identity_of, plan_for
from sensors.messages import (
    BandWatch,
    EmitterEvent,
    Note,
    SensorHealth,
    State,
)
from sensors.reports import StartReport
from sensors.task import Task
from sensors.trouble import trouble_note
from sensors.worker import rule_for

SILENT_S = 3.0
"""Without a dwell for so long a sensor is silent, whatever its process says."""

DEPTH_NS = 5_000_000_000
"""How long a hop's threshold counts as known; a baseline's never moves, the floor across frequency
moves slowly."""

RECENT_DWELLS = 64
"""Over which rate and clipping are averaged."""


class Listener:
    """One dongle, from the supervisor's side.

    Parameters
    ----------
    site : str
    task : Task
        What its process was told.
    coverage : Coverage, optional
        Of the place, where several dongles share its hops.

    Attributes
    ----------
    plan : Plan or None
        None before its source was open, like ``settings``, ``identity`` and ``rule``.
    learner : Learner or None
        While a survey runs.
    baseline : Baseline or None
    fault : Note or None
        Why it does not work now.
    short : Note or None
        Somebody of its team is missing, and what that means.
    hops : tuple of int
        Those that are its own; empty: all of its plan.
    hop_s : float
        What a hop takes, as last measured; 0 before that.
    latest : dict
        Newest `Dwell` by hop.
    dropped_samples : int
        Lost since the site started.
    """

    def __init__(self, site: str, task: Task, coverage: Coverage | None = None) -> None:
        self.task = task
        self.hops = tuple(task.hops)
        self.hop_s = 0.0
        self.follow = Follow(site, task.sensor, task.bands, band_plan(task.band_plan))
        self.plan: Plan | None = None
        self.settings: Settings | None = None
        self.identity: Identity | None = None
        self.rule: Rule | None = None
        self.learner: Learner | None = None
        self.baseline: Baseline | None = None
        self.fault: Note | None = None
        self.short: Note | None = None
        self.dropped_samples = 0
        self.latest: dict[int, Dwell] = {}
        self._shared = coverage
        self._coverage: Coverage | None = None
        self._missed: dict[int, Note] = {}
        self._depth: dict[int, tuple[int, float]] = {}
        self._watch = HealthWatch()
        self._condition = Health("go")
        self._heard_s = time.monotonic()
        self._recent_s: deque[float] = deque(maxlen=RECENT_DWELLS)
        self._clipped: deque[float] = deque(maxlen=RECENT_DWELLS)

    def start(self, report: StartReport) -> list[EmitterEvent]:
        """Its source is open (again); the emitters of its last life are closed."""
        plan, resolution = plan_for(self.task.bands, report.info, report.settings, self.task.nfft)
        self.fault = None
        self._heard_s = time.monotonic()
        self.settings = report.settings
        self.identity = identity_of(
            report.info, report.settings, plan, resolution, self.task.antenna
        )
        if self.plan is None or plan.digest != self.plan.digest:
            spans = [(hop.grid.low_hz, hop.grid.high_hz) for hop in plan.hops]
            self._coverage = self._shared or Coverage(plan.bands, spans)
            self.latest.clear()
            self.rule = rule_for(self.task, plan)
        self.plan = plan
        return self.follow.end()

    def use(self, baseline: Baseline | None) -> None:
        """Compare with this baseline from now on."""
        self.baseline = baseline
        self.learner = None
        self._depth.clear()
        hops = range(len(baseline.counts)) if baseline is not None else ()
        self._watch = HealthWatch({hop: baseline.at(hop) for hop in hops if baseline is not None})

    def survey(self) -> None:
        """Begin to learn; what stood out until now is not told any more."""
        assert self.identity is not None and self.plan is not None
        self.learner = Learner(self.identity, self.plan)

    def take(self, hops: dict[int, float], hop_s: float) -> None:
        """It visits these hops from now on."""
        self.task = msgspec.structs.replace(self.task, hops=hops, hop_s=hop_s)
        self.hops = tuple(hops)
        self._missed = {hop: note for hop, note in self._missed.items() if hop in hops}

    def missed(self, hop: int, note: Note) -> None:
        """A hop could not be received although the dongle works."""
        self._missed[hop] = note

    def dwell(
        self,
        dwell: Dwell,
        emitters: list[Emitter],
        judged_by: str,
        rhythms: dict[int, float] | None = None,
    ) -> list[EmitterEvent]:
        """Take in one dwell and say what the centre must know.

        Parameters
        ----------
        dwell : Dwell
        emitters : list of Emitter
            Those that it changed.
        judged_by : str
            Hash of the baseline that the dongle's process used.  What it found before it had the
            present one is of no interest.
        rhythms : dict, optional
            Repeat periods of emitters, seconds by number.
        """
        assert self._coverage is not None
        self._heard_s = time.monotonic()
        self.latest[dwell.hop] = dwell
        self._missed.pop(dwell.hop, None)
        self._coverage.visit(dwell.hop, dwell.time_ns, dwell.duration_s)
        self._recent_s.append(self._heard_s)
        self._clipped.append(dwell.clipped_fraction)
        self._condition = self._watch.see(dwell)
        self.dropped_samples += dwell.dropped_samples
        if self.learner is not None:
            # A hop that clips is learned as it is: a strong station is always there.
            if not dwell.dropped_samples:
                self.learner.learn(dwell)
            return []
        if judged_by != (self.baseline.hash if self.baseline is not None else ""):
            return []
        return self.follow.update(
            emitters,
            has_baseline=self.baseline is not None,
            freq_error_hz=dwell.grid.bin_width_hz / 2,
            now_ns=dwell.time_ns,
            rhythms=rhythms,
        )

    @property
    def baseline_name(self) -> str:
        """Short hash of the baseline in use; empty without one."""
        return self.baseline.hash[:12] if self.baseline is not None else ""

    def threshold_dbfs(self, dwell: Dwell) -> float | None:
        """What a bin of this hop had to exceed, median over the bins; looked at now and then."""
        known = self._depth.get(dwell.hop)
        if known is None or dwell.time_ns - known[0] > DEPTH_NS:
            if self.rule is None:
                return None
            limit = thresholds(dwell, self.reference(dwell), self.rule).mean_on
            known = self._depth[dwell.hop] = (dwell.time_ns, ratio_db(float(np.median(limit))))
        return known[1]

    @property
    def depth_dbfs(self) -> float | None:
        """Median of the thresholds of its hops; None before there is any."""
        known = [level for _, level in self._depth.values()]
        return float(np.median(known)) if known else None

    @property
    def newest_ns(self) -> int:
        """UTC of its newest dwell; 0 before there is any."""
        return max((dwell.time_ns for dwell in self.latest.values()), default=0)

    def silent_s(self) -> float:
        """Seconds since its last dwell."""
        return time.monotonic() - self._heard_s

    def health(self, now_ns: int) -> SensorHealth:
        """Its part of the heartbeat."""
        state, notes = self._judge()
        rate = 0.0
        if len(self._recent_s) > 1 and state != "silent":
            rate = (len(self._recent_s) - 1) / max(self._recent_s[-1] - self._recent_s[0], 1e-3)
        return SensorHealth(
            sensor=self.task.sensor,
            position=self.task.position,
            source=self.task.source.partition("?")[0],
            state=state,
            notes=notes,
            bands=self._watches(now_ns),
            gain_db=self.settings.gain_db if self.settings is not None else None,
            baseline=self.baseline_name,
            dwells_per_s=round(rate, 1),
            dropped_samples=self.dropped_samples,
            clipped_fraction=float(np.mean(self._clipped)) if self._clipped else 0.0,
            noise_dbfs_per_hz=self._noise_dbfs_per_hz(),
            last_dwell_ns=self.newest_ns,
            emitters=self.follow.active,
        )

    def _watches(self, now_ns: int) -> list[BandWatch]:
        """Its bands, or its parts of them: what really happened beside what is planned."""
        if self._coverage is None or self.plan is None:
            return []
        if not self.hops:
            return self._coverage.watches(now_ns)
        truth = self._coverage.watches(now_ns, parts_of(self.plan, self.hops))
        planned = {
            self.plan.bands[self.plan.hops[hop].band].name: revisit_s
            for hop, revisit_s in self.task.hops.items()
            if hop < len(self.plan.hops)
        }
        dwell_s = self.task.dwell_s
        return [
            msgspec.structs.replace(
                watch,
                plan_revisit_s=planned[watch.name],
                plan_p_2s=touched(MESSAGE_S, dwell_s, planned[watch.name]),
            )
            for watch in truth
        ]

    def _judge(self) -> tuple[State, list[Note]]:
        """State with its reasons, the gravest first."""
        notes: list[Note] = []
        if self.fault is not None:
            notes.append(self.fault)
        if self.silent_s() > SILENT_S:
            seconds = round(self.silent_s())
            return "silent", [*notes, Note("health.no_samples", {"seconds": seconds})]
        if self.learner is not None:
            return "survey", [*notes, Note("health.survey", {"scans": self.learner.scans})]
        notes += [trouble_note(trouble) for trouble in self._condition.troubles]
        if self._condition.state == "blind":
            return "blind", notes
        if self.short is not None:
            notes.append(self.short)
        if self.baseline is None:
            notes.append(Note("health.no_baseline"))
        if self._missed and self.plan is not None:
            first = self.plan.hops[min(self._missed)].center_freq_hz / 1e6
            count = len(self._missed)
            notes.append(Note("health.missed_hops", {"count": count, "first_mhz": round(first, 3)}))
        return ("degraded" if notes else "go"), notes

    def _noise_dbfs_per_hz(self) -> float:
        """Median level of all bins, as a density."""
        if not self.latest:
            return -300.0
        medians = [float(np.median(d.mean)) / d.rbw_hz for d in self.latest.values()]
        return round(ratio_db(float(np.median(medians))), 1)

    def reference(self, dwell: Dwell) -> Reference:
        """What a dwell is compared with."""
        if self.baseline is not None:
            return self.baseline.at(dwell.hop, dwell.time_ns)
        return across_frequency(dwell)
