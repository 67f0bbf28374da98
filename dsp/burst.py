"""Every emission of a stream of samples: start, stop and band, as a person would box them.

`BurstFinder` is fed samples of any length and gives emissions back as they end.  Inside it works
in blocks at fixed places of the stream, so that the result does not depend on how it was fed.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

import numpy as np

from dsp.artefact import Geometry, is_comb, made_by_another
from dsp.blobs import blobs
from dsp.box import box
from dsp.closeup import PULSE_GAP_S, TRAIN_GAP_S, Closeup
from dsp.floor import Floor
from dsp.iq import FULL_SCALE, OFFSET, clipped_rows, to_complex
from dsp.marks import Mask, crest, mark, row_gain
from dsp.parts import with_their_tones
from dsp.quiet import Quiet
from dsp.segment import Segment, keep_apart
from dsp.signals import Emission
from dsp.slots import TimeSlots
from dsp.tiles import GROUP, Tiles, frame_window, tiles
from dsp.units import ratio_db
from dsp.values import Raw, Real, SampleFormat

BLOCK_S = 0.5
BLOCK_SAMPLES = 1 << 22
SAME_RATIO = 100.0
"""Pieces more than 20 dB apart are two emissions: a packet and what lay beneath it."""

NEIGHBOUR_HZ = 30e3
"""Of two emissions farther apart none is taken for a part of the other."""

PULSE_CREST = 4.0
LIFTED = 1.3

Watch = Callable[[Tiles, Floor, int, int], None]


class BurstFinder:
    """Find emissions in a stream of samples.

    Parameters
    ----------
    sample_rate_hz : float
    center_freq_hz : float
        Added to every frequency.
    sample_format : SampleFormat
        Of what is fed.  Where 1.0 is a converter's end stop, a level says that the band is filled.
    known : float32, shape (nfft,), optional
        What a baseline knows of each bin, from `dsp.known.known_level`; marks what is new.
    watch : callable, optional
        Called with the tiles of each block, their floor, the position of their first sample and
        the samples in a row: for a waterfall.
    """

    def __init__(
        self,
        sample_rate_hz: float,
        center_freq_hz: float = 0.0,
        *,
        sample_format: SampleFormat = "cf32",
        known: Real | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.known = known
        self.sample_format = sample_format
        zero, self._full_scale = OFFSET[sample_format], FULL_SCALE[sample_format]
        self._zero = complex(zero, zero)
        self._watch = watch
        self.sample_rate_hz = sample_rate_hz
        self.center_freq_hz = center_freq_hz
        self.window = frame_window(sample_rate_hz)
        self._bin_hz = sample_rate_hz / self.window.nfft
        self._hop = self.window.nfft // 2
        frames = max(GROUP, round(min(BLOCK_S * sample_rate_hz, BLOCK_SAMPLES) / self._hop))
        self._block = frames // GROUP * GROUP * self._hop
        self._pending: list[Raw] = []
        self._held = 0
        self._position = 0
        self._quiet = Quiet(self.window, self._bin_hz, full_scale=sample_format != "cf32")
        self._slots = TimeSlots(sample_rate_hz, self._bin_hz)
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

    def prime(self, raw: Raw) -> None:
        """Learn the quiet level from a piece of the recording before feeding its beginning.

        What is on from the first sample then stands out as soon as any piece is without it.

        Parameters
        ----------
        raw : ndarray, shape (2 * n,)
            Interleaved I and Q in ``sample_format``; at least one window.
        """
        tile = self._tiles(raw, 2)
        self._quiet.prime(tile, self._clipped(raw, tile))

    def feed(self, raw: Raw) -> list[Emission]:
        """Take the next samples; return the emissions that ended.

        Parameters
        ----------
        raw : ndarray, shape (2 * n,)
            Interleaved I and Q in ``sample_format``.  Kept until the next call: not to be changed.
        """
        self._pending.append(raw)
        self._held += len(raw) // 2
        ended: list[Emission] = []
        need = self._block + self.window.nfft - self._hop
        if self._held >= need:
            whole = np.concatenate(self._pending)
            first = 0
            while self._held >= need:
                ended += self._analyze(whole[2 * first : 2 * (first + need)], GROUP, last=False)
                first += self._block
                self._held -= self._block
            self._pending = [whole[2 * first :].copy()]
        return ended

    def finish(self) -> list[Emission]:
        """Analyze what is left and end everything."""
        ended: list[Emission] = []
        if self._held >= self.window.nfft:
            rest = np.concatenate(self._pending)
            frames = self._held // self._hop
            group = GROUP
            if self._quiet.empty:
                group = GROUP if frames >= 64 * GROUP else 2 if frames >= 128 else 1
            ended += self._analyze(rest, group, last=True)
        self._pending, self._held = [], 0
        ended += self._close(self._position + (1 << 62))
        return ended

    def ongoing(self) -> list[Emission]:
        """What is on at the end of what was analyzed, as far as it is known."""
        scale = self._geometry(0, self._position)
        around = [*self._open, *self._recent]
        return self._boxed([*self._real(self._open, around, scale), *self._slots.held])

    def _tiles(self, raw: Raw, group: int) -> Tiles:
        """Straight from the receiver's values, which need not become complex numbers for it."""
        return tiles(raw, self.window, group, scale=self._full_scale, offset=self._zero)

    def _analyze(self, raw: Raw, group: int, last: bool) -> list[Emission]:
        """Find the segments of one block and join them to the open ones."""
        tile = self._tiles(raw, group)
        clipped = self._clipped(raw, tile)
        self.floor = self._quiet.learn(tile, clipped, self._open)
        if self._watch is not None:
            self._watch(tile, self.floor, self._position, group * self._hop)
        gain, pulsed = self._breathing(raw, tile)
        outlined = blobs(mark(tile, self.floor, gain, pulsed), tile, self.floor)
        # Most blocks of most recordings are quiet: only the others become complex numbers.
        samples = to_complex(raw if outlined else raw[:0], self.sample_format)
        row = tile.group * self._hop
        outlined = with_their_tones(outlined, samples, self.window.nfft, row, self._bin_hz)
        rate = self.sample_rate_hz
        closeup = Closeup(
            samples, tile, self.floor, gain, clipped, self.window, rate, self._position
        )
        found = [s for blob in outlined for s in closeup.segments(blob)]
        end = self._position + (len(raw) // 2 if last else self._block)
        scale = self._geometry(self._position, end)
        kept = [s for s in found if not (self._whole(s, end) and made_by_another(s, found, scale))]
        keep_apart(kept, round(NEIGHBOUR_HZ / self._bin_hz))
        for segment in sorted(kept, key=lambda s: s.start):
            segment.cut = closeup.cut(segment)
            self._join(segment)
        self._position = end
        return self._close(self._position)

    def _whole(self, segment: Segment, end: int) -> bool:
        """Whether it began and ended inside the block."""
        return self._position + self._hop < segment.start and segment.stop < end - self._hop

    def _breathing(self, raw: Raw, tile: Tiles) -> tuple[Real, Mask]:
        """Gain of each row, and the rows that pulses lift instead of the receiver."""
        assert self.floor is not None
        gain = row_gain(tile.mean, self.floor.level, tile.k_eff)
        pulsed = gain > LIFTED
        # Beside a wide steady emission it is that one's own pattern which comes and goes.
        pulsed &= bool(self.floor.steady.mean() < 0.1)
        if pulsed.any():
            span = tile.group * self._hop
            lifted = raw[: len(pulsed) * 2 * span].reshape(len(pulsed), -1)[pulsed].ravel()
            samples = to_complex(lifted, self.sample_format)
            pulsed[pulsed] = crest(samples, span, int(pulsed.sum())) > PULSE_CREST
            gain[pulsed] = 1.0
        return gain, pulsed

    def _clipped(self, raw: Raw, tile: Tiles) -> Real:
        """Share of clipped values in each row of a block."""
        return clipped_rows(raw, self.sample_format, tile.group * self._hop, len(tile.mean))

    def _join(self, segment: Segment) -> None:
        """Append to the open emission it continues, or open a new one."""
        gap = PULSE_GAP_S if segment.pulse else TRAIN_GAP_S
        reach = round(gap * self.sample_rate_hz)
        candidates: list[tuple[float, Segment]] = []
        for other in self._open:
            ratio = max(segment.top, 1e-20) / max(other.top, 1e-20)
            apart = max(segment.start - other.stop, other.start - segment.stop)
            touching = apart <= 2 * self.window.nfft and segment.continues(other)
            if (
                1.0 / SAME_RATIO < ratio < SAME_RATIO
                and other.pulse == segment.pulse
                and apart <= reach
                and (touching or _same_band(segment, other))
            ):
                candidates.append((abs(math.log(ratio)), other))
        if not candidates:
            self._open.append(segment)
            return
        # Of several the one of like level: a strong one's product may lie in the same band.
        min(candidates, key=lambda one: one[0])[1].absorb(segment)

    def _close(self, position: int) -> list[Emission]:
        """End what has been silent for longer than a train's pause."""
        reach = round(TRAIN_GAP_S * self.sample_rate_hz)
        ended = [s for s in self._open if s.stop + reach < position]
        around = [*self._open, *self._recent]
        self._open = [s for s in self._open if s.stop + reach >= position]
        self._recent.extend(ended)
        scale = self._geometry(0, min(position, self._position))
        return self._boxed(self._slots.take(self._real(ended, around, scale), position))

    def _real(
        self, segments: list[Segment], around: list[Segment], scale: Geometry
    ) -> list[Segment]:
        """Those that the receiver or a computer did not make."""
        return [
            s
            for s in segments
            if not made_by_another(s, around, scale) and not is_comb(s, around, scale)
        ]

    def _boxed(self, segments: list[Segment]) -> list[Emission]:
        """What a person would box of these, with the floor as it is known by now."""
        if not segments:
            return []
        assert self.floor is not None
        rate, center = self.sample_rate_hz, self.center_freq_hz
        boxed = [
            box(s, self.floor, self.window, rate, center, self.known)
            for s in sorted(segments, key=lambda s: s.start)
        ]
        return [e for e in boxed if e is not None]

    def _geometry(self, begin: int, end: int) -> Geometry:
        """Scales for the question what the receiver made itself."""
        return Geometry(self.sample_rate_hz, self._bin_hz, self.window.nfft, begin, end)


def _same_band(segment: Segment, other: Segment) -> bool:
    """Whether two pieces lie in the same place and are of like width."""
    shared = min(segment.high_bin, other.high_bin) - max(segment.low_bin, other.low_bin) + 1
    narrow, wide = sorted((segment.width, other.width))
    return shared >= 0.3 * narrow and wide <= 12 * narrow
