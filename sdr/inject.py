"""Transmitters of a drill, added to the samples of a real receiver: no radio is sent.

What is added follows the tuning and the gain as a signal from the antenna does, so that everything
behind the antenna, second looks included, is put to the test.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from dsp.iq import FULL_SCALE
from dsp.synth import seeded
from dsp.values import IQ, IQBlock
from sdr.air import BLOCK, FULL_SCALE_DBM, Air, Tuning
from sdr.hall import Scene, Sensor, Transmitter
from sdr.source import Settings, Source, SourceInfo


class Injected(Source):
    """A source with transmitters added while a drill runs; as it is at all other times.

    Parameters
    ----------
    source : Source
        Open; closed with this one.

    Attributes
    ----------
    changed_samples : int
        Samples to which something was added.
    """

    def __init__(self, source: Source) -> None:
        self.changed_samples = 0
        self._source = source
        self._wanted: tuple[Scene, int] | None = None
        self._given: tuple[Scene, int] | None = None
        self._air: Air | None = None
        self._tuned: Tuning | None = None
        self._anchor: tuple[int, int] | None = None

    @property
    def info(self) -> SourceInfo:
        """Of the receiver."""
        return self._source.info

    @property
    def settings(self) -> Settings:
        """Of the receiver."""
        return self._source.settings

    def configure(
        self,
        *,
        sample_rate_hz: float | None = None,
        gain_db: float | None = None,
        ppm: float | None = None,
    ) -> Settings:
        """Set the receiver."""
        return self._source.configure(sample_rate_hz=sample_rate_hz, gain_db=gain_db, ppm=ppm)

    def tune(self, center_freq_hz: float) -> float:
        """Tune the receiver."""
        return self._source.tune(center_freq_hz)

    def inject(self, transmitters: tuple[Transmitter, ...], epoch_ns: int) -> None:
        """Add these from now on; none ends it.

        Parameters
        ----------
        transmitters : tuple of Transmitter
            With the level in dBFS at the present gain: `level_of`.
        epoch_ns : int
            UTC of second 0 of their times.
        """
        # One assignment: the source may be read in another thread meanwhile.
        self._wanted = (Scene("drill", transmitters), epoch_ns) if transmitters else None

    def read(self, num_samples: int) -> IQBlock:
        """Read the receiver and add what is on the air in this time and band."""
        return self._with_drill(self._source.read(num_samples))

    def begin(
        self, num_samples: int, enough: threading.Event | None = None
    ) -> Callable[[], IQBlock]:
        """Have the receiver hear, and add when its samples are there."""
        finish = self._source.begin(num_samples, enough)
        return lambda: self._with_drill(finish())

    def _with_drill(self, block: IQBlock) -> IQBlock:
        """Add what is on the air in this block's time and band."""
        wanted = self._wanted
        if wanted is None:
            return block
        if wanted is not self._given:
            self._given, self._tuned = wanted, None
        first = self._place(block, *wanted)
        assert self._air is not None
        added = np.zeros(0, dtype=np.complex64)
        for number in range(first // BLOCK, (first + block.num_samples - 1) // BLOCK + 1):
            if self._air.silent(number):
                continue
            if not added.shape[0]:
                added = np.zeros(block.num_samples, dtype=np.complex64)
            samples = np.zeros(BLOCK, dtype=np.complex64)
            self._air.add(samples, number)
            begin = number * BLOCK - first
            low, high = max(0, begin), min(block.num_samples, begin + BLOCK)
            added[low:high] = samples[low - begin : high - begin]
        if not added.any():
            return block
        self.changed_samples += int(np.count_nonzero(added))
        return _sum(block, added)

    def close(self) -> None:
        """Close the receiver."""
        self._source.close()

    def _place(self, block: IQBlock, scene: Scene, epoch_ns: int) -> int:
        """Number of the block's first sample since the epoch: by count within one tuning.

        Time stamps jitter by more than a cycle; the phase of a carrier must not.
        """
        tuning = Tuning(
            block.center_freq_hz, block.sample_rate_hz, self.settings.gain_db or 0.0, 0.0
        )
        if tuning != self._tuned or self._anchor is None:
            self._tuned = tuning
            self._air = Air(scene, Sensor(), tuning, seed=1)
            first = round((block.time_ns - epoch_ns) * 1e-9 * block.sample_rate_hz)
            self._anchor = first, block.sample_index
        return self._anchor[0] + block.sample_index - self._anchor[1]


def level_of(level_dbfs: float, gain_db: float | None) -> float:
    """``Transmitter.power_dbm`` that reads this level at this gain.

    Examples
    --------
    >>> round(level_of(-40.0, 40.2), 1)
    -105.6
    """
    return level_dbfs - (gain_db or 0.0) - FULL_SCALE_DBM


def _sum(block: IQBlock, added: IQ) -> IQBlock:
    """Add to the converter's codes, saturating at its end stops.

    The codes are whole already: without dither of one step a signal weaker than half a step would
    vanish in the rounding, where in a real receiver the noise carries it.
    """
    scale = np.float32(FULL_SCALE[block.sample_format])
    values = added.view(np.float32) * scale
    touched = values != 0
    if block.sample_format == "cf32":
        return replace(block, raw=block.raw + values)
    dither = seeded(block.sample_index).random(values.shape[0], dtype=np.float32)
    total = np.floor(block.raw.astype(np.float32) + values + dither)
    stops = np.iinfo(block.raw.dtype)
    raw = np.clip(total, stops.min, stops.max).astype(block.raw.dtype)
    return replace(block, raw=np.where(touched, raw, block.raw))
