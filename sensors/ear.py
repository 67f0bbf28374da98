"""A dongle at work: visits to hops, and second looks at them."""

from __future__ import annotations

from contextlib import suppress

from dsp.confirm import SHIFT_HZ
from dsp.dc import LEAST_HOPS, DcEstimate
from dsp.detect import CLIPPING
from dsp.dwell import Resolution, look
from dsp.noise import across_frequency
from dsp.plan import Hop, Plan
from dsp.refine import refine
from dsp.values import Detection, Dwell, Grid, IQBlock, Reference
from sdr.source import Source, TunerNotLocked

GAIN_FALLS_DB = (10.0, 20.0, 30.0)
"""Tried one after the other until nothing clips any more."""

REACH = 0.48
"""Of the sample rate: how far from the oscillator a bin may lie to be trusted in a second look."""


class Ear:
    """Tunes only when it must, and can look again: from beside, or with less gain.

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
    """

    def __init__(self, source: Source, plan: Plan, resolution: Resolution, dwell_s: float) -> None:
        self.plan = plan
        self.tunable = source.info.tunable
        self._source = source
        self._resolution = resolution
        self._num_samples = round(dwell_s * source.settings.sample_rate_hz)
        self._tuned_hz = float("nan")
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
        hop = self.plan.hops[dwell.hop]
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
        try:
            for less_db in GAIN_FALLS_DB:
                lower = [gain for gain in steps if usual_db and gain <= usual_db - less_db]
                if not lower or usual_db is None:
                    break
                actual_db = self._source.configure(gain_db=lower[-1]).gain_db
                fall_db = usual_db - (actual_db if actual_db is not None else usual_db)
                dwell = self._look(hop)
                if dwell is None or dwell.clipped_fraction <= CLIPPING:
                    break
        finally:
            if usual_db is not None and fall_db:
                self._source.configure(gain_db=usual_db)
        return dwell, fall_db


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
