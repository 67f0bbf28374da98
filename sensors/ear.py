"""A dongle at work: visits to hops, and the second look that tells signals from ghosts."""

from __future__ import annotations

from dataclasses import dataclass

from dsp.confirm import GHOST_ORDER, SHIFT_HZ, Verdict, confirm, level_at, product_order
from dsp.dwell import Resolution, look
from dsp.plan import Hop, Plan
from dsp.rule import Rule
from dsp.values import Detection, Dwell, Grid
from sdr.source import Source

REAL_FOR_S = 60.0
GHOST_FOR_S = 30.0
"""How long a verdict holds after the last time that the detection was seen."""

LOUDER_DB = 6.0
"""A ghost's frequency is judged again when something this much stronger appears there."""

GAIN_FALL_DB = 3.0
REACH = 0.48
"""Of the sample rate: how far from the oscillator a bin may lie to be trusted in a second look."""

MAX_VERDICTS = 256


@dataclass(slots=True)
class _Judged:
    """A frequency that was looked at twice."""

    low_hz: float
    high_hz: float
    peak_dbfs: float
    ghost: bool
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
            self._judge(dwell, unknown)
        standing: list[Detection] = []
        for detection in detections:
            judged = self._known(detection)
            if judged is not None:
                judged.seen_ns = dwell.time_ns
            if judged is not None and judged.ghost:
                self.ghosts += 1
            else:
                standing.append(detection)
        return standing

    def _known(self, detection: Detection) -> _Judged | None:
        for one in self._judged:
            if one.low_hz <= detection.high_hz and one.high_hz >= detection.low_hz:
                louder = detection.peak_dbfs > one.peak_dbfs + LOUDER_DB
                stale_ns = detection.time_ns - one.seen_ns
                if one.ghost and (louder or stale_ns > GHOST_FOR_S * 1e9):
                    self._judged.remove(one)
                    return None
                return one
        return None

    def _judge(self, dwell: Dwell, unknown: list[Detection]) -> None:
        """Spend one more dwell, and one with less gain where the receiver was overloaded."""
        hop = self._plan.hops[dwell.hop]
        rate_hz = self._source.settings.sample_rate_hz
        moved = shifted_hop(hop, min(shift_for(one, hop, rate_hz) for one in unknown), rate_hz)
        second = self.visit(moved)
        if second is None:
            return
        verdicts = [_verdict(one, hop, second) for one in unknown]
        ghosts = [verdict in ("image", "receiver") for verdict in verdicts]
        overloaded = [
            index
            for index, one in enumerate(unknown)
            if "overload" in one.doubts and verdicts[index] == "real"
        ]
        if overloaded:
            products = self._products(hop, [unknown[index] for index in overloaded])
            for index, product in zip(overloaded, products, strict=True):
                ghosts[index] = product
        for one, verdict, ghost in zip(unknown, verdicts, ghosts, strict=True):
            # A transmission that was over is not known to be either; it stands for now.
            if verdict != "unseen":
                self._judged.append(
                    _Judged(one.low_hz, one.high_hz, one.peak_dbfs, ghost, one.time_ns)
                )
        del self._judged[:-MAX_VERDICTS]

    def _products(self, hop: Hop, overloaded: list[Detection]) -> list[bool]:
        """Whether each falls faster than the gain: then the receiver has mixed it itself."""
        gain_db = self._source.settings.gain_db
        lower = [g for g in self._source.info.gains_db if gain_db and g <= gain_db - GAIN_FALL_DB]
        if gain_db is None or not lower:
            return [False] * len(overloaded)
        try:
            fall_db = gain_db - (self._source.configure(gain_db=lower[-1]).gain_db or gain_db)
            dwell = self.visit(hop)
        finally:
            self._source.configure(gain_db=gain_db)
        if dwell is None or fall_db <= 0:
            return [False] * len(overloaded)
        levels = [level_at(one, dwell) for one in overloaded]
        return [
            level is not None and product_order(one.power_dbfs, level, fall_db) > GHOST_ORDER
            for one, level in zip(overloaded, levels, strict=True)
        ]


def shift_for(detection: Detection, hop: Hop, sample_rate_hz: float) -> float:
    """Return how far to move the oscillator: signal and image must both stay inside the band."""
    offset_hz = abs(detection.center_freq_hz - hop.center_freq_hz)
    room_hz = REACH * sample_rate_hz - offset_hz - detection.bandwidth_hz / 2
    return max(min(SHIFT_HZ, room_hz), 16 * hop.grid.bin_width_hz)


def shifted_hop(hop: Hop, shift_hz: float, sample_rate_hz: float) -> Hop:
    """Make a hop tuned ``shift_hz`` higher that sees all it can of the whole sampled band.

    Its grid keeps the raster of the original one, so that bins can be compared one to one.
    """
    width = hop.grid.bin_width_hz
    center = hop.center_freq_hz + round(shift_hz / width) * width
    reach = int(REACH * sample_rate_hz / width)
    first = hop.grid.index(center) - reach
    grid = Grid(hop.grid.start_hz + first * width, width, 2 * reach + 1)
    return Hop(hop.index, center, grid, hop.band)


def _verdict(detection: Detection, hop: Hop, second: Dwell) -> Verdict:
    """Judge by the shifted look; a signal too wide to be told apart is taken for real."""
    try:
        return confirm(detection, hop.center_freq_hz, second)
    except ValueError:
        return "real"
