import itertools

import numpy as np
import pytest
from scipy import signal

from dsp.iq import to_complex
from dsp.psd import dwell_power, frame_power, num_frames
from dsp.window import COSINES, window


def noise(rng, n, power=1.0):
    scale = np.sqrt(power / 2)
    parts = rng.standard_normal(2 * n, dtype=np.float32) * np.float32(scale)
    return parts.view(np.complex64)


def tone(n, cycles_per_sample, power=1.0):
    phase = 2j * np.pi * cycles_per_sample * np.arange(n)
    return (np.sqrt(power) * np.exp(phase)).astype(np.complex64)


@pytest.mark.parametrize("name", list(COSINES))
@pytest.mark.parametrize("nfft", [440, 1024, 1200, 1023])
def test_noise_reads_density_times_rbw_in_every_bin(rng, name, nfft):
    w = window(name, nfft)
    power = 3e-4
    segments = 6000
    samples = noise(rng, nfft + (segments - 1) * (nfft // 2), power)
    mean = dwell_power(samples.view(np.float32), w, nfft // 2, 8).mean()
    expected = power * w.enbw_bins / nfft
    assert np.max(np.abs(10 * np.log10(mean / expected))) < 0.5


@pytest.mark.parametrize("name", list(COSINES))
@pytest.mark.parametrize("nfft", [440, 1024, 1023])
@pytest.mark.parametrize("offset", [-100, -1, 0, 1, 99])
def test_a_full_scale_tone_reads_0_dbfs_in_its_bin(name, nfft, offset):
    mean = dwell_power(
        tone(5 * nfft, offset / nfft).view(np.float32), window(name, nfft), nfft // 2, 2
    ).mean()
    assert mean.argmax() == nfft // 2 + offset
    assert 10 * np.log10(mean.max()) == pytest.approx(0.0, abs=1e-3)


def test_frames_are_those_of_a_plain_loop(rng):
    for nfft in (64, 65):
        w = window("hann", nfft)
        samples = noise(rng, 1117)
        expected = [
            np.abs(np.fft.fftshift(np.fft.fft(w.taps * samples[i : i + nfft]))) ** 2
            for i in range(0, 1117 - nfft + 1, nfft // 2)
        ]
        np.testing.assert_allclose(
            frame_power(samples, w, nfft // 2), np.array(expected), rtol=2e-4, atol=1e-9
        )


def test_the_mean_is_scipy_welch(rng):
    samples = noise(rng, 96_000)
    mean = dwell_power(samples.view(np.float32), window("hann", 1024), 512, 8).mean()
    _, reference = signal.welch(
        samples, nperseg=1024, scaling="spectrum", return_onesided=False, detrend=False
    )
    np.testing.assert_allclose(mean, np.fft.fftshift(reference), rtol=1e-4)


@pytest.mark.parametrize("num_blocks", [1, 3, 7, 8, 186, 500])
def test_every_segment_is_counted_once_in_any_split(rng, num_blocks):
    samples = noise(rng, 96_000)
    w = window("hann", 1024)
    frames = frame_power(samples, w, 512)
    blocks = dwell_power(samples.view(np.float32), w, 512, num_blocks)
    assert blocks.num_segments == len(frames) == 186
    assert np.ptp(blocks.counts) <= 1
    edges = np.concatenate([[0], np.cumsum(blocks.counts)])
    expected = [frames[a:b].mean(axis=0) for a, b in itertools.pairwise(edges)]
    np.testing.assert_allclose(blocks.means, expected, rtol=1e-4)
    np.testing.assert_allclose(blocks.peak(), np.max(expected, axis=0), rtol=1e-4)
    np.testing.assert_allclose(blocks.mean(), frames.mean(axis=0), rtol=1e-4)


def test_the_samples_are_not_changed_and_may_be_read_only(rng):
    samples = noise(rng, 10_000)
    before = samples.copy()
    samples.setflags(write=False)
    frame_power(samples, window("hann", 256), 128)
    dwell_power(samples.view(np.float32), window("hann", 256), 128, 4)
    np.testing.assert_array_equal(samples, before)


def test_too_short_or_of_another_type_is_refused(rng):
    with pytest.raises(ValueError, match="fewer than one segment"):
        dwell_power(noise(rng, 100).view(np.float32), window("hann", 256), 128, 1)
    with pytest.raises(ValueError, match="complex64"):
        frame_power(noise(rng, 1000).astype(np.complex128), window("hann", 256), 128)
    with pytest.raises(ValueError, match="complex64"):
        frame_power(noise(rng, 1000)[::2], window("hann", 256), 128)
    assert num_frames(255, 256, 128) == 0
    assert num_frames(256, 256, 128) == 1


@pytest.mark.parametrize("name", list(COSINES))
@pytest.mark.parametrize("nfft", [440, 1024])
def test_raw_bytes_read_as_their_converted_samples(rng, name, nfft):
    raw = rng.integers(100, 160, 2 * 20_000, dtype=np.uint8)
    w = window(name, nfft)
    dc = 0.003 - 0.002j
    direct = dwell_power(
        raw, w, nfft // 2, 4, scale=127.5, offset=complex(127.5, 127.5) + dc * 127.5
    )
    samples = to_complex(raw, "cu8") - np.complex64(dc)
    converted = dwell_power(samples.view(np.float32), w, nfft // 2, 4)
    np.testing.assert_allclose(direct.means, converted.means, rtol=1e-3, atol=1e-10)
    assert direct.center == pytest.approx(samples.mean(), abs=1e-3)


def test_a_row_that_is_not_contiguous_is_refused(rng):
    with pytest.raises(ValueError, match="contiguous"):
        dwell_power(np.zeros(4000, dtype=np.uint8)[::2], window("hann", 256), 128, 1)
