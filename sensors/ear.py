"""A dongle at work: visits to hops, and the second look that tells signals from ghosts."""

from __future__ import annotations

from dataclasses import dataclass

from dsp.confirm import Verdict, confirm_gain, confirm_shifted, shift_for, shifted_hop
from dsp.detect import detect
from dsp.dwell import Resolution, look
from dsp.plan import Hop, Plan
from dsp.rule import Rule
from dsp.values import Detection, Dwell
from sdr.source import Source

REAL_FOR_S = 60.0
GHOST_FOR_S = 30.0
"""How long a verdict holds after the last time that the detection was seen."""

LOUDER_DB = 6.0
"""A ghost's frequency is judged again when something this much stronger appears there."""

GAIN_FALL_DB = 3.0
MAX_VERDICTS = 256


@dataclass(slots=True)
class _Judged:
    """A frequency that was looked at twice."""

    low_hz: float
    high_hz: float
    peak_dbfs: float
    verdict: Verdict
    seen_ns: int


class Ear:
    """Tunes only when it must, and looks twice at what is new.

    Parameters
    ----------
    source : Source
        Open and configured.
    plan : Plan
    resolution : Resolution
    rule : Rule
    dwell_s : float

    Attributes
    ----------
    ghosts : int
        Detections that a second look has refused.
    """

    def __init__(
        self, source: Source, plan: Plan, resolution: Resolution, rule: Rule, dwell_s: float
    ) -> None:
        self.ghosts = 0
        self._source = source
        self._plan = plan
        self._resolution = resolution
        self._rule = rule
        self._num_samples = round(dwell_s * source.settings.sample_rate_hz)
        self._tuned_hz = float("nan")
        self._judged: list[_Judged] = []

    def visit(self, hop: Hop) -> Dwell | None:
        """Tune, settle, read and look; None when a recording's last samples are too few.

        Raises
        ------
        TunerNotLocked, DeviceLost, EndOfRecording
            As `Source.tune` and `Source.read`.
        """
        if self._tuned_hz != hop.center_freq_hz:
            self._tuned_hz = float("nan")
            self._source.tune(hop.center_freq_hz)
            self._tuned_hz = hop.center_freq_hz
        block = self._source.read(self._num_samples)
        if block.num_samples < self._resolution.nfft:
            return None
        return look(block, hop, self._resolution)

    def sift(self, dwell: Dwell, detections: list[Detection]) -> list[Detection]:
        """Leave out what the receiver has made itself; look twice where that is not known yet.

        A recording cannot be looked at twice: everything stands.
        """
        if not detections or not self._source.info.tunable:
            return detections
        oldest_ns = dwell.time_ns - round(REAL_FOR_S * 1e9)
        self._judged = [one for one in self._judged if one.seen_ns >= oldest_ns]
        unknown = [one for one in detections if self._known(one) is None]
        if unknown:
            self._judge(dwell, detections, unknown)
        standing: list[Detection] = []
        for detection in detections:
            judged = self._known(detection)
            if judged is not None:
                judged.seen_ns = dwell.time_ns
            if judged is not None and judged.verdict == "ghost":
                self.ghosts += 1
            else:
                standing.append(detection)
        return standing

    def _known(self, detection: Detection) -> _Judged | None:
        for one in self._judged:
            if one.low_hz <= detection.high_hz and one.high_hz >= detection.low_hz:
                louder = detection.peak_dbfs > one.peak_dbfs + LOUDER_DB
                stale_ns = detection.time_ns - one.seen_ns
                if one.verdict == "ghost" and (louder or stale_ns > GHOST_FOR_S * 1e9):
                    self._judged.remove(one)
                    return None
                return one
        return None

    def _judge(self, dwell: Dwell, first: list[Detection], unknown: list[Detection]) -> None:
        """Spend one more dwell, and one with less gain where the receiver was overloaded."""
        hop = self._plan.hops[dwell.hop]
        rate_hz = self._source.settings.sample_rate_hz
        shift_hz = min(shift_for(one, hop, rate_hz) for one in unknown)
        moved = shifted_hop(hop, shift_hz, rate_hz)
        second = self.visit(moved)
        if second is None:
            return
        found = detect(second, None, self._rule)
        moved_hz = moved.center_freq_hz - hop.center_freq_hz
        verdicts = {id(one): confirm_shifted(one, first, found, moved_hz) for one in unknown}
        overloaded = [
            one for one in unknown if "overload" in one.doubts and verdicts[id(one)] == "real"
        ]
        if overloaded:
            verdicts |= self._judge_by_gain(hop, overloaded)
        for one in unknown:
            if verdicts[id(one)] != "ended":
                self._judged.append(
                    _Judged(one.low_hz, one.high_hz, one.peak_dbfs, verdicts[id(one)], one.time_ns)
                )
        del self._judged[:-MAX_VERDICTS]

    def _judge_by_gain(self, hop: Hop, overloaded: list[Detection]) -> dict[int, Verdict]:
        gain_db = self._source.settings.gain_db
        lower = [g for g in self._source.info.gains_db if gain_db and g <= gain_db - GAIN_FALL_DB]
        if gain_db is None or not lower:
            return {}
        try:
            fall_db = gain_db - (self._source.configure(gain_db=lower[-1]).gain_db or gain_db)
            dwell = self.visit(hop)
        finally:
            self._source.configure(gain_db=gain_db)
        if dwell is None:
            return {}
        return {id(one): confirm_gain(one, dwell, fall_db) for one in overloaded}
