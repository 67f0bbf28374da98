"""A dongle at work: visits to hops, and the second look that tells signals from ghosts."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from dsp.confirm import SHIFT_HZ, Verdict, confirm
from dsp.dc import LEAST_HOPS, DcEstimate
from dsp.detect import CLIPPING, detect
from dsp.dwell import Resolution, look
from dsp.noise import across_frequency
from dsp.plan import Hop, Plan
from dsp.refine import refine
from dsp.rule import Rule
from dsp.values import Detection, Dwell, Grid, IQBlock, Reference
from sdr.source import Source, TunerNotLocked

REAL_FOR_S = 60.0
GHOST_FOR_S = 30.0
"""How long a verdict holds after the last time that the detection was seen."""

LOUDER_DB = 6.0
"""A ghost's frequency is judged again when something this much stronger appears there."""

GAIN_FALLS_DB = (10.0, 20.0, 30.0)
"""Tried one after the other until nothing clips any more."""

CAUSE_DBFS = -10.0
"""A signal that drives the converter into clipping reads at least this, even as a short burst."""

PRODUCT_DB = 20.0
"""What is known to be real is believed in a clipped dwell down to this under the strongest."""

SLACK_DB = 6.0
"""A signal falls with the gain, to within this; a product of clipping falls much more."""

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
        self._dc = DcEstimate()
        self._warm = False
        self._block: IQBlock | None = None

    def visit(self, hop: Hop) -> Dwell | None:
        """Tune, settle, read and look; None when a recording's last samples are too few.

        What the receiver itself adds at the centre of every hop is subtracted.

        Raises
        ------
        TunerNotLocked, DeviceLost, EndOfRecording
            As `Source.tune` and `Source.read`.
        """
        if not self._warm:
            self._warm = True
            self._learn_dc()
        return self._look(hop)

    def measure(
        self, dwell: Dwell, detections: list[Detection], reference: Reference | None
    ) -> list[Detection]:
        """Measure what the latest visit's dwell showed in finer bins, from the same samples."""
        hop = self._plan.hops[dwell.hop]
        if not detections or self._block is None or self._block.time_ns != dwell.time_ns:
            return detections
        known = reference or across_frequency(dwell)
        return refine(self._block, hop, detections, known, dc=self._dc.value)

    def _look(self, hop: Hop) -> Dwell | None:
        if self._tuned_hz != hop.center_freq_hz:
            self._tuned_hz = float("nan")
            self._source.tune(hop.center_freq_hz)
            self._tuned_hz = hop.center_freq_hz
        self._block = self._source.read(self._num_samples)
        if self._block.num_samples < self._resolution.nfft:
            return None
        dwell = look(self._block, hop, self._resolution, dc=self._dc.value)
        if hop == self._plan.hops[hop.index]:
            self._dc.add(hop.center_freq_hz, dwell.dc)
        return dwell

    def _learn_dc(self) -> None:
        """Look at enough hops, so that no spike is in the first dwells that are reported."""
        if len(self._plan.hops) < LEAST_HOPS or not self._source.info.tunable:
            return
        for hop in self._plan.hops:
            with suppress(TunerNotLocked):  # its own visit will tell
                self._look(hop)
            if self._dc.value:
                return

    def sift(self, dwell: Dwell, detections: list[Detection]) -> list[Detection]:
        """Leave out what the receiver has made itself; look twice where that is not known yet.

        A recording cannot be looked at twice: everything stands.
        """
        if not detections or not self._source.info.tunable:
            return detections
        oldest_ns = dwell.time_ns - round(REAL_FOR_S * 1e9)
        self._judged = [one for one in self._judged if one.seen_ns >= oldest_ns]
        hop = self._plan.hops[dwell.hop]
        if dwell.clipped_fraction > CLIPPING:
            return self._sift_overloaded(hop, detections)
        unknown = [one for one in detections if self._known(one) is None]
        if unknown:
            self._judge(hop, unknown)
        return [one for one in detections if not self._is_ghost(one)]

    def _sift_overloaded(self, hop: Hop, detections: list[Detection]) -> list[Detection]:
        """Believe only the strongest of a dwell that clipped, and what a quieter look shows too.

        Clipping makes images and odd-order products all over the hop, up to 10 dB under the signal
        that causes them.  The cause itself nearly fills the converter; where nothing visible does,
        it lies beyond the kept edge and everything here is its product.
        """
        unknown = [one for one in detections if self._known(one) is None]
        strongest = max(detections, key=lambda one: one.power_dbfs)
        clean = self._look_quieter(hop, unknown) if unknown else {}
        standing: list[Detection] = []
        for one in detections:
            if id(one) in clean:
                self._remember(one, ghost=False)
                standing.append(clean[id(one)])
            elif one is strongest and one.power_dbfs > CAUSE_DBFS:
                if one in unknown:
                    self._remember(one, ghost=False)
                standing.append(one)
            elif one not in unknown and one.power_dbfs > strongest.power_dbfs - PRODUCT_DB:
                standing += [] if self._is_ghost(one) else [one]
            else:
                self.ghosts += 1
        return standing

    def _is_ghost(self, detection: Detection) -> bool:
        judged = self._known(detection)
        if judged is None:
            return False
        judged.seen_ns = detection.time_ns
        self.ghosts += judged.ghost
        return judged.ghost

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

    def _judge(self, hop: Hop, unknown: list[Detection]) -> None:
        """Spend one more dwell with the oscillator moved."""
        rate_hz = self._source.settings.sample_rate_hz
        moved = shifted_hop(hop, min(shift_for(one, hop, rate_hz) for one in unknown), rate_hz)
        second = self.visit(moved)
        if second is None:
            return
        for one in unknown:
            verdict = _verdict(one, hop, second)
            # A transmission that was over stands for now, unless its mirror was on the air too.
            if verdict != "unseen" or "image" in one.doubts:
                self._remember(one, ghost=verdict != "real")

    def _look_quieter(self, hop: Hop, unknown: list[Detection]) -> dict[int, Detection]:
        """Lower the gain until nothing clips: what is still there is real, and measured cleanly.

        Returns
        -------
        dict
            By ``id`` of the distorted detection: the same signal without distortion.
        """
        second, fall_db = self._quieter(hop)
        found = detect(second, None, self._rule) if second is not None else []
        clean: dict[int, Detection] = {}
        for one in unknown:
            same = [f for f in found if f.low_hz <= one.high_hz and f.high_hz >= one.low_hz]
            best = max(same, key=lambda f: f.power_dbfs, default=None)
            if best is not None and one.power_dbfs - best.power_dbfs < fall_db + SLACK_DB:
                clean[id(one)] = replace(
                    best,
                    snr_db=max(one.snr_db, best.snr_db),
                    time_ns=one.time_ns,
                    duration_s=one.duration_s,
                )
        return clean

    def _quieter(self, hop: Hop) -> tuple[Dwell | None, float]:
        """Look with as little gain as it takes not to clip; how much less that was."""
        usual_db = self._source.settings.gain_db
        steps = [gain for gain in self._source.info.gains_db if usual_db and gain < usual_db]
        dwell, fall_db = None, 0.0
        try:
            for less_db in GAIN_FALLS_DB:
                lower = [gain for gain in steps if usual_db and gain <= usual_db - less_db]
                if not lower or usual_db is None:
                    break
                actual_db = self._source.configure(gain_db=lower[-1]).gain_db
                fall_db = usual_db - (actual_db if actual_db is not None else usual_db)
                dwell = self.visit(hop)
                if dwell is None or dwell.clipped_fraction <= CLIPPING:
                    break
        finally:
            if usual_db is not None and fall_db:
                self._source.configure(gain_db=usual_db)
        return dwell, fall_db

    def _remember(self, detection: Detection, *, ghost: bool) -> None:
        self._judged.append(
            _Judged(
                detection.low_hz,
                detection.high_hz,
                detection.peak_dbfs,
                ghost,
                detection.time_ns,
            )
        )
        del self._judged[:-MAX_VERDICTS]


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
