"""Every emission of a stream of samples: start, stop and band, as a person would box them.

`BurstFinder` is fed samples of any length and gives emissions back as they end.  Inside it works
in blocks at fixed places of the stream, so that the result does not depend on how it was fed.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

import numpy as np
from scipy import fft, special

from dsp.artefact import Geometry, is_comb, made_by_another
from dsp.blobs import Blob, Mask, blobs, crest, mark, row_gain
from dsp.classify import CUT_SAMPLES, Shape, classify, shape
from dsp.edges import Run, are_pulses, course, group_runs, on_runs
from dsp.floor import Floor, quiet_level, receiver_floor
from dsp.segment import Band, Segment, occupied_band
from dsp.signals import Emission
from dsp.tiles import GROUP, Tiles, frame_window, tiles
from dsp.units import ratio_db
from dsp.values import IQ, Real

BLOCK_S = 0.5
BLOCK_SAMPLES = 1 << 22
LOOK_S = 0.05
"""Looked at from each end of a long emission for its exact edges and its keying."""

TRAIN_GAP_S = 0.0135
"""Longest pause inside one keyed train; longer pauses part two packets."""

SAME_RATIO = 100.0
"""Pieces more than 20 dB apart are two emissions: a packet and what lay beneath it."""

PULSE_HZ = 500e3
PULSE_GAP_S = 20e-6
PULSE_RANGE_DB = 30.0
SHORTEST_PULSE_S = 15e-6
"""Wide short pulses (ADS-B, radar) are told apart at a finer scale: one emission per reply."""

PULSE_CREST = 4.0
LIFTED = 1.3
FILLED_DBFS = -9.0
"""No gain that anybody would choose gives that much noise: the band is filled or jammed."""

MIN_SNR_DB = 3.0
MIN_WORTH_DB = 20.0
PULSE_WORTH_DB = 14.0
"""SNR plus half the time-bandwidth product in dB: what integrating the burst would give."""

NARROW_BINS = 5.5
NARROW_S = 0.05
NARROW_SNR_DB = 20.0
KEYED_HZ = 70.0
"""Weak unmodulated blips are spurs of a computer or charger far more often than transmissions,
unless they are keyed as fast as data is."""

CUTS_PER_BLOCK = 32
HISTORY_BLOCKS = 64
FLOOR_ROWS = 128


Watch = Callable[[Tiles, Floor, int, int], None]


class BurstFinder:
    """Find emissions in a stream of samples.

    Parameters
    ----------
    sample_rate_hz : float
    center_freq_hz : float
        Added to every frequency.
    integer_samples : bool
        Whether 1.0 is a converter's end stop; only then a level says that the band is filled.
    watch : callable, optional
        Called with the tiles of each block, their floor, the position of their first sample and
        the samples in a row: for a waterfall.
    """

    def __init__(
        self,
        sample_rate_hz: float,
        center_freq_hz: float = 0.0,
        *,
        integer_samples: bool = False,
        watch: Watch | None = None,
    ) -> None:
        self.integer_samples = integer_samples
        self._watch = watch
        self.sample_rate_hz = sample_rate_hz
        self.center_freq_hz = center_freq_hz
        self.window = frame_window(sample_rate_hz)
        self._bin_hz = sample_rate_hz / self.window.nfft
        self._hop = self.window.nfft // 2
        frames = max(GROUP, round(min(BLOCK_S * sample_rate_hz, BLOCK_SAMPLES) / self._hop))
        self._block = frames // GROUP * GROUP * self._hop
        self._pending: list[IQ] = []
        self._held = 0
        self._position = 0
        self._cuts_left = 0
        self._history: deque[Real] = deque(maxlen=HISTORY_BLOCKS)
        self._sigma_db = 1.0
        self._open: list[Segment] = []
        self._recent: deque[Segment] = deque(maxlen=64)
        self.floor: Floor | None = None

    @property
    def noise_dbfs_per_hz(self) -> float:
        """Median floor over the bins; NaN before the first block."""
        if self.floor is None:
            return math.nan
        level = float(np.median(self.floor.noise[~self.floor.dead]))
        return ratio_db(level / (self._bin_hz * self.window.enbw_bins))

    def prime(self, samples: IQ) -> None:
        """Learn the quiet level from a piece of the recording before feeding its beginning.

        What is on from the first sample then stands out as soon as any piece is without it.

        Parameters
        ----------
        samples : complex64, shape (n,)
            At least one window.
        """
        tile = tiles(samples, self.window, 2)
        quiet, self._sigma_db = quiet_level(tile.mean, tile.k_eff)
        self._history.append(quiet)

    def feed(self, samples: IQ) -> list[Emission]:
        """Take the next samples; return the emissions that ended.

        Parameters
        ----------
        samples : complex64, shape (n,)
        """
        self._pending.append(samples)
        self._held += len(samples)
        ended: list[Emission] = []
        need = self._block + self.window.nfft - self._hop
        if self._held >= need:
            whole = np.concatenate(self._pending)
            first = 0
            while len(whole) - first >= need:
                ended += self._analyze(whole[first : first + need], GROUP, last=False)
                first += self._block
            self._pending = [whole[first:].copy()]
            self._held = len(whole) - first
        return ended

    def finish(self) -> list[Emission]:
        """Analyze what is left and end everything."""
        ended: list[Emission] = []
        if self._held >= self.window.nfft:
            rest = np.concatenate(self._pending)
            frames = len(rest) // self._hop
            group = GROUP
            if not self._history:
                group = GROUP if frames >= 64 * GROUP else 2 if frames >= 128 else 1
            ended += self._analyze(rest, group, last=True)
        self._pending, self._held = [], 0
        ended += self._close(self._position + (1 << 62))
        return ended

    def _analyze(self, samples: IQ, group: int, last: bool) -> list[Emission]:
        """Find the segments of one block and join them to the open ones."""
        tile = tiles(samples, self.window, group)
        self.floor = self._learn(tile)
        if self._watch is not None:
            self._watch(tile, self.floor, self._position, group * self._hop)
        gain, pulsed = self._breathing(samples, tile)
        marked = mark(tile, self.floor, gain, pulsed)
        self._cuts_left = CUTS_PER_BLOCK
        found: list[Segment] = []
        for blob in blobs(marked, tile, self.floor):
            found += self._segments(samples, tile, blob, gain)
        end = self._position + (len(samples) if last else self._block)
        scale = self._geometry(self._position, end)
        for segment in sorted(found, key=lambda s: s.start):
            inside = self._position + self._hop < segment.start and segment.stop < end - self._hop
            if not (inside and made_by_another(segment, found, scale)):
                self._join(segment)
        self._position = end
        return self._close(self._position)

    def _breathing(self, samples: IQ, tile: Tiles) -> tuple[Real, Mask]:
        """Gain of each row, and the rows that pulses lift instead of the receiver."""
        assert self.floor is not None
        gain = row_gain(tile.mean, self.floor.level, tile.k_eff)
        pulsed = gain > LIFTED
        # Beside a wide steady emission it is that one's own pattern which comes and goes.
        pulsed &= bool(self.floor.steady.mean() < 0.1)
        if pulsed.any():
            pulsed &= crest(samples, tile.group * self._hop, len(tile.mean)) > PULSE_CREST
            gain[pulsed] = 1.0
        return gain, pulsed

    def _learn(self, tile: Tiles) -> Floor:
        """Update the quiet level; what is on now does not become floor."""
        step = max(1, len(tile.mean) // FLOOR_ROWS)
        if len(tile.mean) >= 16 or not self._history:
            quiet, self._sigma_db = quiet_level(tile.mean[::step], tile.k_eff)
            if self._history:
                for segment in self._open:
                    if segment.width < 0.8 * self.window.nfft:
                        inside = slice(max(0, segment.low_bin - 4), segment.high_bin + 5)
                        quiet[inside] = np.minimum(quiet[inside], self._history[-1][inside])
            self._history.append(quiet)
        stacked = np.stack(self._history)
        rank = len(stacked) // 16
        level = np.partition(stacked, rank, axis=0)[rank]
        # Among many blocks the lowest is low by chance; undo what normal scores expect.
        score = special.ndtri((rank + 0.6) / (len(stacked) + 0.2))
        level = level * np.float32(10.0 ** (-score * self._sigma_db / 10.0))
        floor = receiver_floor(level, self._sigma_db, self._bin_hz)
        filled = float(floor.noise.sum()) / self.window.enbw_bins > 10.0 ** (FILLED_DBFS / 10.0)
        filled = filled and self.integer_samples and not floor.steady.any()
        return floor.beneath_all() if filled else floor

    def _segments(self, samples: IQ, tile: Tiles, blob: Blob, gain: Real) -> list[Segment]:
        """Measure one blob's edges in time and cut it at its long pauses."""
        assert self.floor is not None
        nfft, hop = self.window.nfft, self._hop
        span = tile.group * hop
        pad = 2 * nfft
        first = max(0, blob.first_row * span - pad)
        stop = min(len(samples), (blob.last_row + 1) * span + nfft + pad)
        low, high = blob.low_bin / nfft - 0.5, (blob.high_bin + 1) / nfft - 0.5
        noise = float(self.floor.level[blob.low_bin : blob.high_bin + 1].sum())
        noise /= self.window.enbw_bins
        steady = bool(self.floor.steady[blob.low_bin : blob.high_bin + 1].mean() > 0.5)
        wide = (high - low) * self.sample_rate_hz >= PULSE_HZ
        dense = bool(blob.rows.all()) and (steady or not wide)
        look = round(LOOK_S * self.sample_rate_hz) if dense else None
        went, shape_ = course(samples[first:stop], low, high, nfft // 2, noise, look)
        runs, top = went.runs, went.top
        gap = TRAIN_GAP_S
        pulse = bool(runs) and wide and not steady and are_pulses(runs, self.sample_rate_hz)
        if pulse:
            gap = PULSE_GAP_S
            runs, _ = on_runs(shape_, noise, PULSE_RANGE_DB)
        found = []
        for runs_ in group_runs(runs, round(gap * self.sample_rate_hz)):
            start = first + runs_[0].start
            end = first + runs_[-1].stop
            on = sum(r.stop - r.start for r in runs_)
            count = len(runs_)
            if look is not None and len(runs_) == len(runs):
                on = round(went.duty * (end - start))
                count = max(1, round(went.density * (end - start)))
            if pulse:
                if on < SHORTEST_PULSE_S * self.sample_rate_hz:
                    continue
                top = sum(r.power * (r.stop - r.start) for r in runs_) / on
            a = max(0, min(start // span, len(tile.mean) - 1))
            b = max(a + 1, min(-(-end // span), len(tile.mean)))
            rows, floor = tile.mean[a:b], self.floor.level * gain[a:b, None]
            if pulse and end - start <= nfft:
                rows, floor = self._own_spectrum(samples[start:end]), self.floor.level[None]
            cells = tile.peak[a:b, blob.low_bin : blob.high_bin + 1]
            found.append(
                Segment(
                    start=self._position + start,
                    stop=self._position + end,
                    low_bin=blob.low_bin,
                    high_bin=blob.high_bin,
                    head=blob.head,
                    tail=blob.tail,
                    power=rows.sum(axis=0, dtype=np.float64),
                    noise=floor.sum(axis=0, dtype=np.float64),
                    rows=len(rows),
                    peak=float(cells.max()),
                    top=top,
                    on=on,
                    runs=count,
                    longest=max(r.stop - r.start for r in runs_),
                    steady=steady,
                    pulse=pulse,
                    cut=self._cut(samples[first:stop], runs_, low, high),
                )
            )
        return found

    def _own_spectrum(self, samples: IQ) -> Real:
        """Spectrum of something shorter than a frame, on the scale of the tiles; one row."""
        nfft = self.window.nfft
        power = np.abs(fft.fftshift(fft.fft(samples, nfft))) ** 2
        scale = self.window.enbw_bins / (nfft * max(1, len(samples)))
        return np.asarray(power * scale, dtype=np.float32)[None]

    def _cut(self, samples: IQ, runs: list[Run], low: float, high: float) -> Shape:
        """Features of the longest run, for the first `CUTS_PER_BLOCK` segments of a block."""
        if self._cuts_left == 0:
            return Shape()
        self._cuts_left -= 1
        long = max(runs, key=lambda r: r.stop - r.start)
        several = len(runs) > 8 and long.stop - long.start < CUT_SAMPLES // 8
        begin, end = (runs[0].start, runs[-1].stop) if several else (long.start, long.stop)
        return shape(samples[max(0, begin) : max(0, end)], low, high)

    def _join(self, segment: Segment) -> None:
        """Append to the open emission it continues, or open a new one."""
        gap = PULSE_GAP_S if segment.pulse else TRAIN_GAP_S
        reach = round(gap * self.sample_rate_hz)
        for other in self._open:
            alike = 1.0 / SAME_RATIO < segment.top / other.top < SAME_RATIO
            alike &= other.pulse == segment.pulse
            apart = max(segment.start - other.stop, other.start - segment.stop)
            touching = apart <= 2 * self.window.nfft and segment.continues(other)
            if alike and apart <= reach and (touching or _same_band(segment, other)):
                other.absorb(segment)
                return
        self._open.append(segment)

    def _close(self, position: int) -> list[Emission]:
        """End what has been silent for longer than a train's pause."""
        reach = round(TRAIN_GAP_S * self.sample_rate_hz)
        ended = [s for s in self._open if s.stop + reach < position]
        around = [*self._open, *self._recent]
        self._open = [s for s in self._open if s.stop + reach >= position]
        self._recent.extend(ended)
        scale = self._geometry(0, min(position, self._position))
        kept = [
            s
            for s in sorted(ended, key=lambda s: s.start)
            if not made_by_another(s, around, scale) and not is_comb(s, around, scale)
        ]
        return [e for s in kept if (e := self._emission(s)) is not None]

    def _geometry(self, begin: int, end: int) -> Geometry:
        """Scales for the question what the receiver made itself."""
        return Geometry(self.sample_rate_hz, self._bin_hz, self.window.nfft, begin, end)

    def _emission(self, segment: Segment) -> Emission | None:
        """Turn the sums into figures; None for what a person would not box."""
        rate, nfft = self.sample_rate_hz, self.window.nfft
        assert self.floor is not None
        band = occupied_band(segment, self.floor.line, self._bin_hz)
        duty = min(1.0, segment.on / max(1, segment.length))
        width = (band.high - band.low) * rate / nfft
        middle = ((band.high + band.low) / 2 - 0.5 - nfft / 2) * rate / nfft
        snr_db = ratio_db(band.signal / max(duty, 0.05) / max(self._noise(band), 1e-20))
        narrow = min(band.high - band.low, segment.width + 2) < NARROW_BINS
        seconds = segment.length / rate
        blip = seconds < NARROW_S or (duty < 0.9 and segment.runs < KEYED_HZ * seconds)
        if segment.pulse:
            snr_db = ratio_db(segment.top * self.window.enbw_bins / self._noise(band))
        product = max(1.0, segment.on / rate * width)
        worth_db = snr_db + 5.0 * math.log10(product)
        if snr_db < MIN_SNR_DB or worth_db < (PULSE_WORTH_DB if segment.pulse else MIN_WORTH_DB):
            return None
        if narrow and blip and snr_db < NARROW_SNR_DB:
            return None
        label = classify(
            segment.cut,
            bandwidth_hz=width,
            duration_s=segment.length / rate,
            duty=duty,
            runs=segment.runs,
            snr_db=snr_db,
            rbw_hz=self._bin_hz * self.window.enbw_bins,
            pulse=segment.pulse,
        )
        return Emission(
            start_s=segment.start / rate,
            stop_s=segment.stop / rate,
            center_freq_hz=self.center_freq_hz + middle,
            bandwidth_hz=width,
            snr_db=snr_db,
            peak_dbfs=ratio_db(segment.peak),
            duty=duty,
            label=label.kind,
            label_confidence=label.confidence,
        )

    def _noise(self, band: Band) -> float:
        """Receiver noise between two edges, its lines left out."""
        assert self.floor is not None
        inside = slice(int(band.low), max(int(band.low) + 1, math.ceil(band.high)))
        return float(self.floor.noise[inside].sum())


def _same_band(segment: Segment, other: Segment) -> bool:
    """Whether two pieces lie in the same place and are of like width."""
    shared = min(segment.high_bin, other.high_bin) - max(segment.low_bin, other.low_bin) + 1
    narrow, wide = sorted((segment.width, other.width))
    return shared >= 0.3 * narrow and wide <= 12 * narrow
