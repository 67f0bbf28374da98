"""Transmitters of a drill in a receiver's samples: calibrated, tuned like real ones, saturating."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from dsp.iq import SAMPLE_TYPES, to_complex
from dsp.synth import noise, quantise_cu8
from dsp.values import IQBlock, SampleFormat
from sdr.hall import Transmitter
from sdr.inject import Injected, level_of
from sdr.source import Settings, Source, SourceInfo

RATE_HZ = 2.4e6
EPOCH_NS = 1_800_000_000 * 10**9


class Quiet(Source):
    """A receiver that hears a little noise, one LSB rms."""

    def __init__(self, sample_format: SampleFormat = "cu8") -> None:
        self.center_hz, self.gain_db, self.count = 170e6, 40.2, 0
        self.sample_format = sample_format

    @property
    def info(self) -> SourceInfo:
        return SourceInfo("quiet:", "rtl", "1", "R820T", self.sample_format, True, 24e6, 1.7e9)

    @property
    def settings(self) -> Settings:
        return Settings(RATE_HZ, self.gain_db, 0.0, 0.0)

    def configure(
        self,
        *,
        sample_rate_hz: float | None = None,
        gain_db: float | None = None,
        ppm: float | None = None,
    ) -> Settings:
        self.gain_db = self.gain_db if gain_db is None else gain_db
        return self.settings

    def tune(self, center_freq_hz: float) -> float:
        self.center_hz = center_freq_hz
        return center_freq_hz

    def read(self, num_samples: int) -> IQBlock:
        rng = np.random.default_rng(self.count)
        samples = noise(rng, num_samples, -39.1)
        if self.sample_format == "cu8":
            raw = quantise_cu8(samples)
        elif self.sample_format == "cf32":
            raw = samples.view(np.float32)
        else:
            scale = 128 if self.sample_format == "cs8" else 32768
            raw = np.rint(samples.view(np.float32) * scale).astype(SAMPLE_TYPES[self.sample_format])
        first = self.count
        self.count += num_samples
        stamp_ns = EPOCH_NS + round(first / RATE_HZ * 1e9)
        return IQBlock(raw, self.sample_format, self.center_hz, RATE_HZ, stamp_ns, first)

    def close(self) -> None:
        pass


def tone(level_dbfs: float, start_s: float = 0.0, stop_s: float = 9.0) -> Transmitter:
    power_dbm = level_of(level_dbfs, 40.2)
    return Transmitter("t", 170.3e6, "cw", power_dbm=power_dbm, start_s=start_s, stop_s=stop_s)


def level_at(block: IQBlock, freq_hz: float) -> float:
    samples = to_complex(block.raw, block.sample_format).astype(np.complex128)
    turns = np.arange(samples.shape[0]) * (freq_hz - block.center_freq_hz) / RATE_HZ
    return float(20 * np.log10(abs(np.mean(samples * np.exp(-2j * np.pi * turns)))))


@pytest.mark.parametrize(
    "sample_format",
    get_args(SampleFormat.__value__ if hasattr(SampleFormat, "__value__") else SampleFormat),
)
@pytest.mark.parametrize("level_dbfs", [-20.0, -50.0])
def test_the_level_is_as_stated(sample_format: SampleFormat, level_dbfs: float) -> None:
    """-50 dBFS is 0.4 of an 8-bit step: only dither brings it through."""
    source = Injected(Quiet(sample_format))
    source.inject((tone(level_dbfs),), EPOCH_NS)
    assert level_at(source.read(480_000), 170.3e6) == pytest.approx(level_dbfs, abs=0.3)


def test_it_follows_tuning_and_gain() -> None:
    source = Injected(Quiet())
    source.inject((tone(-20.0),), EPOCH_NS)
    source.tune(170.05e6)
    assert level_at(source.read(240_000), 170.3e6) == pytest.approx(-20.0, abs=0.2)
    source.configure(gain_db=30.2)
    assert level_at(source.read(240_000), 170.3e6) == pytest.approx(-30.0, abs=0.2)
    source.tune(175e6)
    block = source.read(240_000)
    assert level_at(block, 175.3e6) < -60


def test_pieces_are_the_whole() -> None:
    """The phase goes on from read to read, whatever the time stamps say."""
    whole, pieces = Injected(Quiet("cf32")), Injected(Quiet("cf32"))
    silent = [Quiet("cf32") for _ in range(2)]
    for source in (whole, pieces):
        source.inject((tone(-20.0),), EPOCH_NS)
    together = whole.read(90_000).raw - silent[0].read(90_000).raw
    parts = [pieces.read(n).raw - silent[1].read(n).raw for n in (10_001, 29_999, 50_000)]
    np.testing.assert_allclose(np.concatenate(parts), together, atol=1e-5)


def test_only_while_it_is_on_the_air() -> None:
    """Elsewhere not one bit is changed."""
    source, bare = Injected(Quiet()), Quiet()
    source.inject((tone(-20.0, 0.05, 0.06),), EPOCH_NS)
    before, on, after = (source.read(96_000) for _ in range(3))
    same = [np.array_equal(one.raw, bare.read(96_000).raw) for one in (before, on, after)]
    assert same == [True, False, True]
    assert source.changed_samples == pytest.approx(0.01 * RATE_HZ, rel=0.01)
    source.inject((), 0)
    source.inject((tone(-20.0),), EPOCH_NS)
    source.inject((), 0)
    assert np.array_equal(source.read(96_000).raw, bare.read(96_000).raw)


def test_it_saturates_like_a_converter() -> None:
    source = Injected(Quiet())
    loud = replace(tone(6.0), freq_hz=170.2871e6)
    source.inject((loud,), EPOCH_NS)
    raw = source.read(48_000).raw
    assert raw.min() == 0
    assert raw.max() == 255
    assert np.mean((raw == 0) | (raw == 255)) == pytest.approx(2 / 3, abs=0.02)
