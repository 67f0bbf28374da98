"""What a survey saw come and go, and what changed between two surveys: lists for a person."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from .baseline import Baseline
from .counts import ACTIVE_RATIO, HopCounts
from .identity import BaselineMismatch
from .noise import local_floor
from .reference import TRAFFIC_QUANTILE
from .runs import Bools, Run, runs_with
from .units import from_db, ratio_db
from .values import Grid, Real

ALWAYS = 0.95
"""On in this share of the dwells or more: steady, part of the scenery."""

CHANGED_DB = 6.0
STEADY_DB = 6.0
"""A bin this far over the floor of its hop carries something steady."""

SMOOTH_K = 1000.0
"""Averages that a median over a survey is worth: its bins hardly scatter."""

Change = Literal["new", "gone", "stronger", "weaker"]

WITH_BOTH: dict[Literal["new", "gone"], Change] = {"new": "stronger", "gone": "weaker"}
"""What it is called where both surveys heard something."""


@dataclass(frozen=True, slots=True)
class SurveyEmitter:
    """Something that transmitted during a survey, but not all the time.

    Attributes
    ----------
    low_hz, high_hz, center_freq_hz : float
    peak_dbfs, excess_db : float
        Strongest burst look; the same over the bin's quietest dwell.
    occupancy : float
        Share of the dwells in which it was on.
    strongest_ns, first_ns, last_ns : int
        When it was strongest, first and last seen.
    hop : int
    """

    low_hz: float
    high_hz: float
    center_freq_hz: float
    peak_dbfs: float
    excess_db: float
    occupancy: float
    strongest_ns: int
    first_ns: int
    last_ns: int
    hop: int


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs between two surveys.

    Attributes
    ----------
    kind : {"new", "gone", "stronger", "weaker"}
    low_hz, high_hz : float
    old_dbfs, new_dbfs : float
        Level of its strongest bin (its traffic, or what is typical).
    """

    kind: Change
    low_hz: float
    high_hz: float
    old_dbfs: float
    new_dbfs: float


def survey_emitters(baseline: Baseline) -> list[SurveyEmitter]:
    """List what was on the air for a part of the survey, for a person to accept or refuse.

    Accepted ones stay excused by their bins' own traffic level; `Baseline.refuse` takes the excuse
    away.  An emitter in the overlap of two hops is listed once.
    """
    found: list[SurveyEmitter] = []
    for hop, counts in enumerate(baseline.counts):
        share = _active_share(counts)
        active = share > 0
        for first, last in _joined(runs_with(active, active)):
            if float(share[first : last + 1].max()) < ALWAYS:
                found.append(_survey_emitter(hop, counts, share, first, last))
    found.sort(key=lambda emitter: -emitter.peak_dbfs)
    kept: list[SurveyEmitter] = []
    for each in found:
        if not any(
            other.hop != each.hop and other.low_hz <= each.high_hz and each.low_hz <= other.high_hz
            for other in kept
        ):
            kept.append(each)
    return sorted(kept, key=lambda emitter: emitter.center_freq_hz)


def differences(old: Baseline, new: Baseline) -> list[Difference]:
    """What is new, gone, stronger or weaker in ``new``; the strongest changes first.

    Raises
    ------
    BaselineMismatch
        Learnt under different conditions, so that levels cannot be compared.
    """
    old.identity.require(new.identity)
    result: list[Difference] = []
    for before, after in zip(old.counts, new.counts, strict=True):
        if before.grid != after.grid:
            raise BaselineMismatch("grid", before.grid, after.grid)
        was, was_on = _level(before)
        now, now_on = _level(after)
        ratio = np.float32(from_db(CHANGED_DB))
        result += _changes(before.grid, (now > ratio * was) & now_on, was, now, was_on, "new")
        result += _changes(before.grid, (was > ratio * now) & was_on, was, now, now_on, "gone")
    result = _seams_closed(result)
    return sorted(result, key=lambda each: -abs(each.new_dbfs - each.old_dbfs))


def _seams_closed(found: list[Difference]) -> list[Difference]:
    """Changes that two hops share, once and with both parts of their band."""
    closed: list[Difference] = []
    for each in sorted(found, key=lambda each: (each.kind, each.low_hz)):
        last = closed[-1] if closed else None
        if last and last.kind == each.kind and each.low_hz <= last.high_hz:
            stronger = max(last, each, key=lambda one: max(one.old_dbfs, one.new_dbfs))
            high_hz = max(last.high_hz, each.high_hz)
            closed[-1] = replace(stronger, low_hz=last.low_hz, high_hz=high_hz)
        else:
            closed.append(each)
    return closed


def _level(counts: HopCounts) -> tuple[Real, Bools]:
    """Traffic level of every bin, and whether it stands out of the hop's floor."""
    level = np.minimum(counts.hist_peak.quantile(TRAFFIC_QUANTILE), counts.max_peak)
    quiet = local_floor(counts.hist_peak.quantile(0.5), SMOOTH_K)
    return level, level > np.float32(from_db(STEADY_DB)) * quiet


def _changes(
    grid: Grid, changed: Bools, was: Real, now: Real, other_on: Bools, kind: Literal["new", "gone"]
) -> list[Difference]:
    """Runs of changed bins; ``other_on`` is where the other survey heard something too."""
    found = []
    for first, last in _joined(runs_with(changed, changed)):
        bins = slice(first, last + 1)
        top = first + int(np.maximum(was, now)[bins].argmax())
        there = bool(other_on[bins].any())
        found.append(
            Difference(
                kind=WITH_BOTH[kind] if there else kind,
                low_hz=grid.start_hz + (first - 0.5) * grid.bin_width_hz,
                high_hz=grid.start_hz + (last + 0.5) * grid.bin_width_hz,
                old_dbfs=ratio_db(float(was[top])),
                new_dbfs=ratio_db(float(now[top])),
            )
        )
    return found


def _active_share(counts: HopCounts) -> npt.NDArray[np.float64]:
    """Share of the dwells in which each bin was active, from its histogram."""
    return counts.hist_peak.looks_over(ACTIVE_RATIO * counts.quiet) / max(1, counts.scans)


def _joined(runs: list[Run]) -> list[Run]:
    """Runs closer than two bins are one emitter whose middle was not resolved."""
    joined: list[Run] = []
    for run in runs:
        if joined and run[0] - joined[-1][1] <= 3:
            joined[-1] = (joined[-1][0], run[1])
        else:
            joined.append(run)
    return joined


def _survey_emitter(
    hop: int, counts: HopCounts, share: npt.NDArray[np.float64], first: int, last: int
) -> SurveyEmitter:
    """Figures of one run."""
    bins = slice(first, last + 1)
    grid = counts.grid
    top = first + int(counts.max_peak[bins].argmax())
    seen = counts.first_ns[bins]
    weight = np.maximum(counts.max_peak[bins] - counts.quiet[bins], 0).astype(np.float64)
    center = float(np.sum(grid.freqs_hz()[bins] * weight) / weight.sum())
    return SurveyEmitter(
        low_hz=grid.start_hz + (first - 0.5) * grid.bin_width_hz,
        high_hz=grid.start_hz + (last + 0.5) * grid.bin_width_hz,
        center_freq_hz=center,
        peak_dbfs=ratio_db(float(counts.max_peak[top])),
        excess_db=ratio_db(float(counts.max_peak[top] / counts.quiet[top])),
        occupancy=float(share[bins].max()),
        strongest_ns=int(counts.max_time_ns[top]),
        first_ns=int(seen[seen > 0].min()) if (seen > 0).any() else 0,
        last_ns=int(counts.last_ns[bins].max()),
        hop=hop,
    )
