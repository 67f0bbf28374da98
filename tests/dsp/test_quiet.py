"""The quiet level of a recording: white bytes are nobody's, a clipped row says nothing."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.iq import clipped_rows
from dsp.quiet import Quiet, is_white
from dsp.synth import noise, seeded
from dsp.tiles import tiles
from dsp.window import window

WINDOW = window("hann", 1024)


def tile(samples):
    return tiles(samples.view(np.float32), WINDOW)


@pytest.mark.parametrize("count", [4096, 65_536, 500_000])
def test_white_noise_is_white_however_short(count):
    dead = np.zeros(1024, dtype=np.bool_)
    assert all(is_white(tile(noise(seeded(n, count), count, -3.0)), dead) for n in range(10))


@pytest.mark.parametrize("change", ["edges", "frames"])
def test_what_fills_a_receivers_band_is_not_white(change):
    samples = noise(seeded(1), 500_000, -3.0)
    if change == "edges":
        gain = 1 - 0.4 * (np.abs(np.fft.fftfreq(500_000)) > 0.45)
        samples = np.fft.ifft(np.fft.fft(samples) * gain).astype(np.complex64)
    else:
        samples *= np.where(np.arange(500_000) % 50_000 < 30_000, 1.0, 0.8).astype(np.float32)
    assert not is_white(tile(samples), np.zeros(1024, dtype=np.bool_))


def test_a_row_that_clips_does_not_lower_the_floor():
    clean = tile(noise(seeded(2), 300_000, -40.0))
    deaf = tile(noise(seeded(3), 300_000, -52.0))
    quiet = Quiet(WINDOW, 1000.0, full_scale=True)
    quiet.prime(deaf, np.full(len(deaf.mean), 0.4, dtype=np.float32))
    assert quiet.empty
    half = np.zeros(len(clean.mean), dtype=np.float32)
    half[::2] = 0.4
    clean.mean[::2] *= 0.1
    floor = quiet.learn(clean, half, [])
    expected = 10**-4 / 1024 * WINDOW.enbw_bins
    assert np.median(floor.noise) == pytest.approx(expected, rel=0.05)


def test_clipped_rows_are_counted_one_by_one():
    raw = np.full(40, 100, dtype=np.uint8)
    raw[[12, 13, 39]] = 255, 0, 255
    assert clipped_rows(raw, "cu8", 5, 4).tolist() == pytest.approx([0.0, 0.2, 0.0, 0.1])
    assert not clipped_rows(np.full(40, 2.0, dtype=np.float32), "cf32", 5, 4).any()
