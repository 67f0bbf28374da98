"""A dongle at work: visits to hops one after the other without a pause, and second looks at them.

The source lives in a thread of its own: while one dwell is computed the next hop is tuned and read.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Self

from dsp.confirm import SHIFT_HZ
from dsp.dc import LEAST_HOPS, DcEstimate
from dsp.detect import CLIPPING
from dsp.dwell import Resolution, look
from dsp.noise import across_frequency
from dsp.plan import Hop, Plan
from dsp.refine import refine
from dsp.signals import Detection
from dsp.values import Dwell, Grid, IQBlock, Reference
from sdr.source import Source, TunerNotLocked

AHEAD = 2
"""Visits asked for at a time: one is being read while one waits, so that the dongle never does."""

GAIN_FALLS_DB = (10.0, 20.0, 30.0)
"""Tried one after the other until nothing clips any more."""

REACH = 0.48
"""Of the sample rate: how far from the oscillator a bin may lie to be trusted in a second look."""

HOP_TIMES = 32
"""Latest hops whose time is known; the median is told."""


class Ear:
    """Tunes only when it must, and can look again: from beside, or with less gain.

    Ask for visits with `ask`, take them in that order with `hear`.  A context manager.

    Parameters
    ----------
    source : Source
        Open and configured.
    plan : Plan
    resolution : Resolution
    dwell_s : float

    Attributes
    ----------
    plan : Plan
    tunable : bool
        False for a recording: it cannot be looked at again.
    block : IQBlock or None
        Samples of the latest look.
    hop : Hop or None
        Of the latest visit, heard or not.
    clock_s : float
        End of the latest visit on the clock of the samples, which nobody sets.
    """

    def __init__(self, source: Source, plan: Plan, resolution: Resolution, dwell_s: float) -> None:
        self.plan = plan
        self.tunable = source.info.tunable
        self.block: IQBlock | None = None
        self.hop: Hop | None = None
        self.clock_s = 0.0
        self._source = source
        self._resolution = resolution
        self._num_samples = round(dwell_s * source.settings.sample_rate_hz)
        self._tuned_hz = float("nan")
        self._dc = DcEstimate()
        self._warm = False
        self._hand = ThreadPoolExecutor(1, "source")
        self._asked: deque[tuple[Hop, Future[IQBlock]]] = deque()
        self._hop_s: deque[float] = deque(maxlen=HOP_TIMES)
        self._following = False
        self._unheard = 0  # samples whose loss a second look was told; the next visit tells it

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Finish the read under way and touch the source no more."""
        self._hand.shutdown(cancel_futures=True)

    @property
    def room(self) -> int:
        """Visits that can be asked for now."""
        return AHEAD - len(self._asked)

    @property
    def hop_s(self) -> float | None:
        """Seconds from one visit to the next, tuning and all; None before it was measured."""
        if len(self._hop_s) < HOP_TIMES // 4:
            return None
        return sorted(self._hop_s)[len(self._hop_s) // 2]

    def ask(self, hop: Hop) -> None:
        """Have a hop visited after those asked for before."""
        if not self._warm:
            self._warm = True
            self._learn_dc()
        self._asked.append((hop, self._hand.submit(self._read, hop)))

    def recall(self) -> list[Hop]:
        """Call off the visits that have not begun; return their hops."""
        off = [hop for hop, future in self._asked if future.cancel()]
        self._asked = deque(one for one in self._asked if not one[1].cancelled())
        return off

    def hear(self) -> Dwell | None:
        """Wait for the oldest visit asked for; None when a recording's last samples are too few.

        What the receiver itself adds at the centre of every hop is subtracted.

        Raises
        ------
        TunerNotLocked, DeviceLost, EndOfRecording
            As `Source.tune` and `Source.read`.
        """
        hop, future = self._asked.popleft()
        before_s, before, self.hop = self.clock_s, self.hop, hop
        following, self._following = self._following, False
        block = future.result()
        self.clock_s = (block.sample_index + block.num_samples) / block.sample_rate_hz
        if following and before is not None and hop.index != before.index:
            self._hop_s.append(self.clock_s - before_s)
        self._following = bool(self._asked)
        lost, self._unheard = block.dropped_samples + self._unheard, 0
        return self._dwell(hop, replace(block, dropped_samples=lost))

    def visit(self, hop: Hop) -> Dwell | None:
        """Visit one hop now."""
        self.ask(hop)
        return self.hear()

    def measure(
        self, dwell: Dwell, detections: list[Detection], reference: Reference | None
    ) -> list[Detection]:
        """Measure what the latest visit's dwell showed in finer bins, from the same samples."""
        hop = self.plan.hops[dwell.hop]
        if not detections or self.block is None or self.block.time_ns != dwell.time_ns:
            return detections
        known = reference or across_frequency(dwell)
        return refine(self.block, hop, detections, known, dc=self._dc.value)

    def _look(self, hop: Hop) -> Dwell | None:
        """Look at once, after what has begun already."""
        waiting = self.recall()
        block = self._hand.submit(self._read, hop).result()
        self._unheard += block.dropped_samples
        for other in waiting:
            self._asked.append((other, self._hand.submit(self._read, other)))
        return self._dwell(hop, block)

    def _read(self, hop: Hop) -> IQBlock:
        """Tune and read; in the source's thread."""
        if self._tuned_hz != hop.center_freq_hz:
            self._tuned_hz = float("nan")
            self._source.tune(hop.center_freq_hz)
            self._tuned_hz = hop.center_freq_hz
        return self._source.read(self._num_samples)

    def _dwell(self, hop: Hop, block: IQBlock) -> Dwell | None:
        self.block = block
        if block.num_samples < self._resolution.nfft:
            return None
        dwell = look(block, hop, self._resolution, dc=self._dc.value)
        if hop == self.plan.hops[hop.index]:
            self._dc.add(hop.center_freq_hz, dwell.dc)
        return dwell

    def _learn_dc(self) -> None:
        """Look at enough hops, so that no spike is in the first dwells that are reported."""
        if len(self.plan.hops) < LEAST_HOPS or not self._source.info.tunable:
            return
        for hop in self.plan.hops:
            with suppress(TunerNotLocked):  # its own visit will tell
                self._look(hop)
            if self._dc.value:
                return

    def beside(self, hop: Hop, detections: list[Detection]) -> Dwell | None:
        """Look with the oscillator moved, these detections and their images still inside."""
        rate_hz = self._source.settings.sample_rate_hz
        shift_hz = min(shift_for(one, hop, rate_hz) for one in detections)
        return self._look(shifted_hop(hop, shift_hz, rate_hz))

    def quieter(self, hop: Hop) -> tuple[Dwell | None, float]:
        """Look with as little gain as it takes not to clip; how much less that was."""
        usual_db = self._source.settings.gain_db
        steps = [gain for gain in self._source.info.gains_db if usual_db and gain < usual_db]
        dwell, fall_db = None, 0.0
        # Nothing that is asked for may be read with another gain than the usual one.
        waiting = self.recall()
        try:
            for less_db in GAIN_FALLS_DB:
                lower = [gain for gain in steps if usual_db and gain <= usual_db - less_db]
                if not lower or usual_db is None:
                    break
                actual_db = self._set_gain(lower[-1])
                fall_db = usual_db - (actual_db if actual_db is not None else usual_db)
                dwell = self._look(hop)
                if dwell is None or dwell.clipped_fraction <= CLIPPING:
                    break
        finally:
            if usual_db is not None and fall_db:
                self._set_gain(usual_db)
            for other in waiting:
                self._asked.append((other, self._hand.submit(self._read, other)))
        return dwell, fall_db

    def _set_gain(self, gain_db: float) -> float | None:
        return self._hand.submit(self._source.configure, gain_db=gain_db).result().gain_db


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
