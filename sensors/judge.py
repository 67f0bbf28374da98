"""Signal or ghost: what the receiver makes itself is told by a second look and left out."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dsp.confirm import Verdict, confirm
from dsp.detect import CLIPPING, detect
from dsp.plan import Hop
from dsp.rule import Rule
from dsp.signals import Detection
from dsp.values import Dwell
from sensors.ear import Ear

REAL_FOR_S = 60.0
GHOST_FOR_S = 30.0
"""How long a verdict holds after the last time that the detection was seen."""

LOUDER_DB = 6.0
"""A ghost's frequency is judged again when something this much stronger appears there."""

CAUSE_DBFS = -7.0
"""A signal that drives the converter into clipping reads at least this; its strongest product, the
third order at 9.5 dB under it, does not."""

PRODUCT_DB = 20.0
"""What is known to be real is believed in a clipped dwell down to this under the strongest."""

SLACK_DB = 6.0
"""A signal falls with the gain, to within this; a product of clipping falls much more."""

FILLS = 0.9
"""Signals that take so much of a hop are its new floor: a jammer, told by the health watch as
"drowned" with its frequencies.  Only bands watched for wide signals take them for emitters."""

FLOOD_HZ = 1e6

UNSEEN_TRIES = 3
"""What was over at so many second looks in a row is believed: short bursts, and aliases too; else
they would cost a second look each time."""

QUIETER_EVERY_S = 1.0
"""A hop that clips is looked at with less gain so often.  Its products are others in each dwell,
and looking each time would leave a stay with it a fifth of its samples."""

MAX_VERDICTS = 256
"""Oldest are forgotten first, and judged again when they are needed."""


@dataclass(slots=True)
class _Judged:
    """A frequency that was looked at twice."""

    low_hz: float
    high_hz: float
    peak_dbfs: float
    ghost: bool
    seen_ns: int
    unseen: int = 0  # second looks in a row that showed nothing


class Judge:
    """Looks twice at what is new on one dongle.

    Parameters
    ----------
    ear : Ear
        For the second looks.
    rule : Rule

    Attributes
    ----------
    ghosts : int
        Detections that a second look has refused.
    floods : int
        Detections that together filled a whole hop.
    """

    def __init__(self, ear: Ear, rule: Rule) -> None:
        self.ghosts = self.floods = 0
        self._ear = ear
        self._rule = rule
        self._judged: list[_Judged] = []
        self._quieter_ns: dict[int, int] = {}  # latest quieter look, by hop

    def sift(
        self, dwell: Dwell, detections: list[Detection], *, stay: bool = False
    ) -> list[Detection]:
        """Leave out what the receiver has made itself; look twice where that is not known yet.

        A recording cannot be looked at twice: everything stands.

        Parameters
        ----------
        dwell : Dwell
        detections : list of Detection
        stay : bool
            Visit the hop once more after a second look, without waiting for what it shows.
        """
        detections = self._without_floods(dwell, detections)
        if not detections or not self._ear.tunable:
            return detections
        oldest_ns = dwell.time_ns - round(REAL_FOR_S * 1e9)
        self._judged = [one for one in self._judged if one.seen_ns >= oldest_ns]
        hop = self._ear.plan.hops[dwell.hop]
        if dwell.clipped_fraction > CLIPPING:
            return self._sift_overloaded(hop, detections, stay=stay)
        unknown = [one for one in detections if self._known(one) is None]
        if unknown:
            self._judge(hop, unknown, stay=stay)
        return [one for one in detections if not self._is_ghost(one)]

    def _without_floods(self, dwell: Dwell, detections: list[Detection]) -> list[Detection]:
        """Leave out what fills the hop, unless the band is watched for wide signals.

        Known traffic may cut a jammer into pieces; together they fill the hop all the same, and
        nothing else can be told apart in it.
        """
        plan = self._ear.plan
        if not self._ear.tunable or plan.bands[plan.hops[dwell.hop].band].mode == "wide":
            return detections
        filled_hz = sum(one.high_hz - one.low_hz for one in detections)
        # A guard band of a few channels is filled by any voice.
        if filled_hz < max(FILLS * dwell.grid.n_bins * dwell.grid.bin_width_hz, FLOOD_HZ):
            return detections
        self.floods += len(detections)
        return []

    def _sift_overloaded(
        self, hop: Hop, detections: list[Detection], *, stay: bool
    ) -> list[Detection]:
        """Believe only the strongest of a dwell that clipped, and what a quieter look shows too.

        Clipping makes images and odd-order products all over the hop, up to 10 dB under the signal
        that causes them.  The cause itself nearly fills the converter; where nothing visible does,
        it lies beyond the kept edge and everything here is its product.
        """
        unknown = [one for one in detections if self._known(one) is None]
        strongest = max(detections, key=lambda one: one.power_dbfs)
        due = hop.index not in self._quieter_ns or (
            strongest.time_ns - self._quieter_ns[hop.index] > QUIETER_EVERY_S * 1e9
        )
        clean = {}
        if unknown and due:
            self._quieter_ns[hop.index] = strongest.time_ns
            clean = self._look_quieter(hop, unknown, stay=stay)
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
        """Verdict on a detection's frequency; None where it must be looked at twice."""
        one = self._found(detection)
        return None if one is None or 0 < one.unseen < UNSEEN_TRIES else one

    def _found(self, detection: Detection) -> _Judged | None:
        for one in self._judged:
            if one.low_hz <= detection.high_hz and one.high_hz >= detection.low_hz:
                louder = detection.peak_dbfs > one.peak_dbfs + LOUDER_DB
                stale_ns = detection.time_ns - one.seen_ns
                if one.ghost and (louder or stale_ns > GHOST_FOR_S * 1e9):
                    self._judged.remove(one)
                    return None
                return one
        return None

    def _judge(self, hop: Hop, unknown: list[Detection], *, stay: bool) -> None:
        """Spend one more dwell with the oscillator moved."""
        second = self._ear.beside(hop, unknown, stay=stay)
        if second is None:
            return
        for one in unknown:
            verdict = _verdict(one, hop, second)
            before = self._found(one)
            if before is not None:
                self._judged.remove(before)
            # A transmission that was over stands for now, unless its mirror was on the air too.
            over = verdict == "unseen" and "image" not in one.doubts
            unseen = 1 + (before.unseen if before is not None else 0) if over else 0
            self._remember(one, ghost=not over and verdict != "real", unseen=unseen)

    def _look_quieter(
        self, hop: Hop, unknown: list[Detection], *, stay: bool
    ) -> dict[int, Detection]:
        """Lower the gain until nothing clips: what is still there is real, and measured cleanly.

        Returns
        -------
        dict
            By ``id`` of the distorted detection: the same signal without distortion.
        """
        second, fall_db = self._ear.quieter(hop, stay=stay)
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

    def _remember(self, detection: Detection, *, ghost: bool, unseen: int = 0) -> None:
        self._judged.append(
            _Judged(
                detection.low_hz,
                detection.high_hz,
                detection.peak_dbfs,
                ghost,
                detection.time_ns,
                unseen,
            )
        )
        del self._judged[:-MAX_VERDICTS]


def _verdict(detection: Detection, hop: Hop, second: Dwell) -> Verdict:
    """Judge by the shifted look; a signal too wide to be told apart is taken for real."""
    try:
        return confirm(detection, hop.center_freq_hz, second)
    except ValueError:
        return "real"
