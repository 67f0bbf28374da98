"""A second look at what stood out in one block: exactly when it was on, what it summed up to."""

from __future__ import annotations

import numpy as np
from scipy import fft

from dsp.blobs import Blob
from dsp.classify import CUT_SAMPLES, Shape, shape
from dsp.edges import Run, are_pulses, course, group_runs, on_runs
from dsp.floor import Floor
from dsp.segment import Segment, Sums
from dsp.tiles import Tiles
from dsp.values import IQ, Real
from dsp.window import Window

LOOK_S = 0.05
"""Looked at from each end of a long emission for its exact edges and its keying."""

TRAIN_GAP_S = 0.0135
"""Longest pause inside one keyed train; longer pauses part two packets."""

PULSE_HZ = 500e3
PULSE_GAP_S = 20e-6
PULSE_RANGE_DB = 30.0
SHORTEST_PULSE_S = 15e-6
"""Wide short pulses (ADS-B, radar) are told apart at a finer scale: one emission per reply."""

CLIPPED_QUANTILE = 0.9
"""Of its rows: a keyed transmission clips while it is on."""

CUTS = 32
"""Segments of a block whose kind is looked at; a band full of pulses has thousands."""


class Closeup:
    """Look at the blobs of one block.

    Parameters
    ----------
    samples : complex64, shape (n,)
    tile : Tiles
        Of these samples.
    floor : Floor
    gain : float32, shape (n_rows,)
        From `dsp.blobs.row_gain`.
    clipped : float32, shape (n_rows,)
        From `dsp.iq.clipped_rows`.
    window : Window
        Of the tiles.
    sample_rate_hz : float
    position : int
        Of the first sample in the recording.
    """

    def __init__(
        self,
        samples: IQ,
        tile: Tiles,
        floor: Floor,
        gain: Real,
        clipped: Real,
        window: Window,
        sample_rate_hz: float,
        position: int,
    ) -> None:
        self.samples, self.tile, self.floor, self.gain = samples, tile, floor, gain
        self.clipped = clipped
        self.window, self.sample_rate_hz, self.position = window, sample_rate_hz, position
        self._span = tile.group * window.nfft // 2
        self._cuts_left = CUTS

    def segments(self, blob: Blob) -> list[Segment]:
        """Measure one blob's edges in time and cut it at its long pauses."""
        nfft, rate = self.window.nfft, self.sample_rate_hz
        pad = 2 * nfft
        first = max(0, blob.first_row * self._span - pad)
        stop = min(len(self.samples), (blob.last_row + 1) * self._span + nfft + pad)
        around = self.samples[first:stop]
        bins = slice(blob.low_bin, blob.high_bin + 1)
        low, high = self._band(blob)
        noise = float(self.floor.level[bins].sum()) / self.window.enbw_bins
        steady = bool(self.floor.steady[bins].mean() > 0.5)
        wide = (high - low) * rate >= PULSE_HZ
        dense = bool(blob.rows.all()) and (steady or not wide)
        look = round(LOOK_S * rate) if dense else None
        went, envelope = course(around, low, high, nfft // 2, noise, look)
        if wide and not steady and went.runs and are_pulses(went.runs, rate):
            return self._pulses(blob, around, first, on_runs(envelope, noise, PULSE_RANGE_DB)[0])
        groups = group_runs(went.runs, round(TRAIN_GAP_S * rate))
        found = []
        for runs in groups:
            segment = self._segment(blob, runs, first, around)
            segment.top, segment.steady = went.top, steady
            if look is not None and len(groups) == 1:
                segment.on = round(went.duty * segment.length)
                segment.runs = max(1, round(went.density * segment.length))
            found.append(segment)
        return found

    def _pulses(self, blob: Blob, around: IQ, first: int, runs: list[Run]) -> list[Segment]:
        """One segment for each pulse that is long enough."""
        found = []
        for pulse in group_runs(runs, round(PULSE_GAP_S * self.sample_rate_hz)):
            on = sum(r.stop - r.start for r in pulse)
            if on < SHORTEST_PULSE_S * self.sample_rate_hz:
                continue
            segment = self._segment(blob, pulse, first, around)
            segment.pulse = True
            segment.top = sum(r.power * (r.stop - r.start) for r in pulse) / on
            if segment.length <= self.window.nfft:
                segment.power = self._own_spectrum(around[max(0, pulse[0].start) : pulse[-1].stop])
                segment.noise, segment.rows = self.floor.level.astype(np.float64), 1
            found.append(segment)
        return found

    def _segment(self, blob: Blob, runs: list[Run], first: int, around: IQ) -> Segment:
        """Sum up the rows in which these runs were on.

        Parameters
        ----------
        runs : list of Run
            Positions relative to ``around``, which begins with sample ``first`` of the block.
        """
        start, stop = first + runs[0].start, first + runs[-1].stop
        a = max(0, min(start // self._span, len(self.tile.mean) - 1))
        b = max(a + 1, min(-(-stop // self._span), len(self.tile.mean)))
        return Segment(
            start=self.position + start,
            stop=self.position + stop,
            low_bin=blob.low_bin,
            high_bin=blob.high_bin,
            head=blob.head,
            tail=blob.tail,
            power=self.tile.mean[a:b].sum(axis=0, dtype=np.float64),
            noise=self.floor.level * self.gain[a:b].sum(dtype=np.float64),
            rows=b - a,
            peak=float(self.tile.peak[a:b, blob.low_bin : blob.high_bin + 1].max()),
            top=0.0,
            on=sum(r.stop - r.start for r in runs),
            runs=len(runs),
            longest=max(r.stop - r.start for r in runs),
            part=self._part(runs, first),
            clipped=float(np.quantile(self.clipped[a:b], CLIPPED_QUANTILE)),
        )

    def _own_spectrum(self, samples: IQ) -> Sums:
        """Spectrum of something shorter than a frame, on the scale of the tiles."""
        nfft = self.window.nfft
        power = np.abs(fft.fftshift(fft.fft(samples, nfft))) ** 2
        scale = self.window.enbw_bins / (nfft * max(1, len(samples)))
        return np.asarray(power * scale, dtype=np.float64)

    def _part(self, runs: list[Run], first: int) -> tuple[int, int]:
        """Where to look for the kind: the longest run, or all of them where each is short."""
        long = max(runs, key=lambda r: r.stop - r.start)
        several = len(runs) > 8 and long.stop - long.start < CUT_SAMPLES // 8
        begin, end = (runs[0].start, runs[-1].stop) if several else (long.start, long.stop)
        return max(0, first + begin), min(max(0, first + end), first + begin + CUT_SAMPLES)

    def cut(self, segment: Segment) -> Shape:
        """Features by which its kind is told, for the first `CUTS` segments asked about."""
        if self._cuts_left == 0:
            return Shape()
        self._cuts_left -= 1
        return shape(self.samples[slice(*segment.part)], *self._band(segment))

    def _band(self, blob: Blob | Segment) -> tuple[float, float]:
        """Edges of its bins in cycles per sample."""
        nfft = self.window.nfft
        return blob.low_bin / nfft - 0.5, (blob.high_bin + 1) / nfft - 0.5
