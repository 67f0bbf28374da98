"""A dongle at work: dwells of the hops that it is sent to, and second looks at them."""

from __future__ import annotations

from contextlib import suppress
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
from dsp.values import Dwell, Grid, IQBlock, Real, Reference
from sdr.source import Source, TunerNotLocked
from sensors.hand import Hand

GAIN_FALLS_DB = (10.0, 20.0, 30.0)
"""Tried one after the other until nothing clips any more."""

ROOM_BINS = 4
"""What a line takes on either side of it: rounding, and the bins where `confirm` looks for it."""

REACH = 0.48
"""Of the sample rate: how far from the oscillator a bin may lie to be trusted in a second look."""


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
    response : float32, shape (nfft,), or None
        What every look is flattened with, from the baseline in use.
    """

    def __init__(self, source: Source, plan: Plan, resolution: Resolution, dwell_s: float) -> None:
        self.plan = plan
        self.tunable = source.info.tunable
        self.block: IQBlock | None = None
        self.response: Real | None = None
        self._source = source
        self._resolution = resolution
        self._hand = Hand(source, round(dwell_s * source.settings.sample_rate_hz))
        self._dc = DcEstimate()
        self._warm = False

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
        self._hand.close()

    @property
    def clock_s(self) -> float:
        """End of the latest visit on the clock of the samples, which nobody sets."""
        return self._hand.clock_s

    @property
    def hop(self) -> Hop | None:
        """Of the latest visit, heard or not."""
        return self._hand.hop

    @property
    def room(self) -> int:
        """Visits that can be asked for now."""
        return self._hand.room

    @property
    def hop_s(self) -> float | None:
        """Seconds from one visit to the next, tuning and all; None before it was measured."""
        return self._hand.hop_s

    def ask(self, hop: Hop) -> None:
        """Have a hop visited after those asked for before."""
        if not self._warm:
            self._warm = True
            self._learn_dc()
        self._hand.ask(hop)

    def recall(self) -> list[Hop]:
        """Call off the visits whose end is far; return their hops."""
        return self._hand.recall()

    def hear(self) -> Dwell | None:
        """Wait for the oldest visit asked for.

        What the receiver itself adds at the centre of every hop is subtracted.

        Returns
        -------
        Dwell or None
            None where too few samples came: at a recording's end, and where they were overwritten
            before anybody took them.

        Raises
        ------
        TunerNotLocked, DeviceLost, EndOfRecording
            As `Source.tune` and `Source.read`.
        """
        block = self._hand.hear()
        assert self._hand.hop is not None
        return self._dwell(self._hand.hop, block)

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
        return refine(self.block, hop, detections, known, self.response, self._dc.value)

    def _dwell(self, hop: Hop, block: IQBlock) -> Dwell | None:
        self.block = block
        if block.num_samples < self._resolution.nfft:
            return None
        dwell = look(block, hop, self._resolution, self.response, self._dc.value)
        if hop == self.plan.hops[hop.index]:
            self._dc.add(hop.center_freq_hz, dwell.dc)
        return dwell

    def _learn_dc(self) -> None:
        """Look at enough hops, so that no spike is in the first dwells that are reported."""
        if len(self.plan.hops) < LEAST_HOPS or not self._source.info.tunable:
            return
        for hop in self.plan.hops:
            with suppress(TunerNotLocked):  # its own visit will tell
                self._dwell(hop, self._hand.look(hop))
            if self._dc.value:
                return

    def beside(self, hop: Hop, detections: list[Detection], *, stay: bool) -> Dwell | None:
        """Look with the oscillator moved, these detections and their images still inside.

        Parameters
        ----------
        hop : Hop
        detections : list of Detection
        stay : bool
            Visit the hop again right after it: most of what is new is real and will be stayed
            with, and to wait for the verdict would cost a retune.
        """
        rate_hz = self._source.settings.sample_rate_hz
        shift_hz = min(shift_for(one, hop, rate_hz) for one in detections)
        shifted = shifted_hop(hop, shift_hz, rate_hz)
        return self._dwell(shifted, self._hand.look(shifted, [hop] if stay else []))

    def quieter(self, hop: Hop, *, stay: bool) -> tuple[Dwell | None, float]:
        """Look with as little gain as it takes not to clip; how much less that was."""
        usual_db = self._source.settings.gain_db
        steps = [gain for gain in self._source.info.gains_db if usual_db and gain < usual_db]
        dwell, fall_db = None, 0.0
        # Nothing that is asked for may be read with another gain than the usual one.
        waiting = self._hand.recall(leave=stay)
        try:
            for less_db in GAIN_FALLS_DB:
                lower = [gain for gain in steps if usual_db and gain <= usual_db - less_db]
                if not lower or usual_db is None:
                    break
                actual_db = self._hand.set_gain(lower[-1])
                fall_db = usual_db - (actual_db if actual_db is not None else usual_db)
                dwell = self._dwell(hop, self._hand.look(hop))
                if dwell is None or dwell.clipped_fraction <= CLIPPING:
                    break
        finally:
            if usual_db is not None and fall_db:
                self._hand.set_gain(usual_db)
            self._hand.ask(*([hop] if stay else []), *waiting)
        return dwell, fall_db


def shift_for(detection: Detection, hop: Hop, sample_rate_hz: float) -> float:
    """Return how far to move the oscillator: signal and image must both stay inside the band."""
    offset_hz = abs(detection.center_freq_hz - hop.center_freq_hz)
    width_hz = hop.grid.bin_width_hz
    half_hz = max(detection.bandwidth_hz / 2, ROOM_BINS * width_hz)
    room_hz = REACH * sample_rate_hz - offset_hz - half_hz
    return max(min(SHIFT_HZ, room_hz), 16 * width_hz)


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
