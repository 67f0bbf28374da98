"""Scenes whose every emission is known: found once, at the right place, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.burst import BurstFinder
from dsp.iq import FULL_SCALE, OFFSET, SAMPLE_TYPES
from dsp.signals import Emission

RATE = 1_000_000.0
NOISE_DENSITY = 1e-9
"""Power per hertz: -90 dBFS/Hz, so that 1 MHz of noise is -30 dBFS."""


def raw(samples, sample_format="cf32"):
    """Interleaved values as a receiver of this format gives them."""
    values = samples.astype(np.complex64).view(np.float32)
    if sample_format == "cf32":
        return values
    low, high = np.iinfo(SAMPLE_TYPES[sample_format]).min, np.iinfo(SAMPLE_TYPES[sample_format]).max
    codes = np.round(values * FULL_SCALE[sample_format] + OFFSET[sample_format])
    return np.clip(codes, low, high).astype(SAMPLE_TYPES[sample_format])


class Scene:
    """Noise of a stated density, and emissions of a stated SNR in their own bandwidth."""

    def __init__(self, rng, seconds=1.0, rate=RATE, density=NOISE_DENSITY):
        self.rng, self.rate, self.density = rng, rate, density
        count = round(seconds * rate)
        power = density * rate
        self.samples = self._gauss(count) * np.sqrt(power / 2)

    def _gauss(self, count):
        return self.rng.standard_normal(count) + 1j * self.rng.standard_normal(count)

    def add(self, shape, start_s, offset_hz, bandwidth_hz, snr_db):
        first = round(start_s * self.rate)
        when = np.arange(len(shape)) + first
        level = np.sqrt(10 ** (snr_db / 10) * self.density * bandwidth_hz)
        moved = shape * np.exp(2j * np.pi * offset_hz / self.rate * when) * level
        self.samples[first : first + len(shape)] += moved

    def time(self, seconds):
        return np.arange(round(seconds * self.rate)) / self.rate

    def fsk(self, seconds, baud, deviation_hz):
        per_symbol = round(self.rate / baud)
        symbols = self.rng.choice([-1.0, 1.0], round(seconds * baud) + 1)
        tone = np.repeat(symbols, per_symbol)[: round(seconds * self.rate)]
        return np.exp(2j * np.pi * np.cumsum(deviation_hz * tone) / self.rate)

    def voice(self, seconds, deviation_hz=1500.0):
        spectrum = np.fft.rfft(self.rng.standard_normal(round(seconds * self.rate)))
        spectrum[round(3000 * seconds) :] = 0
        audio = np.fft.irfft(spectrum, round(seconds * self.rate))
        return np.exp(2j * np.pi * np.cumsum(deviation_hz * audio / audio.std()) / self.rate)

    def keyed(self, bits, baud):
        return np.repeat(np.asarray(bits, dtype=float), round(self.rate / baud)).astype(complex)

    def block(self, seconds, bandwidth_hz):
        spectrum = np.fft.fft(self._gauss(round(seconds * self.rate)))
        spectrum[np.abs(np.fft.fftfreq(len(spectrum), 1 / self.rate)) > bandwidth_hz / 2] = 0
        made = np.fft.ifft(spectrum)
        return made / np.sqrt(np.mean(np.abs(made) ** 2))

    def find(self, step=None, **options):
        values = raw(self.samples, **options)
        finder = BurstFinder(self.rate, **options)
        step = 2 * step if step else len(values)
        found: list[Emission] = []
        for first in range(0, len(values), step):
            found += finder.feed(values[first : first + step])
        return sorted(found + finder.finish(), key=lambda e: (e.start_s, e.center_freq_hz))


def test_noise_alone_gives_nothing(rng):
    for rate in (192e3, 1e6, 2.4e6):
        assert Scene(rng, 1.2, rate=rate).find() == []


def test_an_fsk_burst_is_found_where_and_when_it_was(rng):
    scene = Scene(rng)
    scene.add(scene.fsk(0.050, 10_000, 20_000), 0.412, 123e3, 50e3, 25)
    (found,) = scene.find()
    assert found.start_s == pytest.approx(0.412, abs=1e-3)
    assert found.stop_s == pytest.approx(0.462, abs=1e-3)
    assert found.center_freq_hz == pytest.approx(123e3, abs=1e3)
    assert found.bandwidth_hz == pytest.approx(50e3, rel=0.2)
    assert found.label == "fsk"


def test_snr_is_that_of_the_occupied_band(rng):
    scene = Scene(rng)
    scene.add(scene.block(0.1, 100e3), 0.3, -200e3, 100e3, 20)
    (found,) = scene.find()
    assert found.snr_db == pytest.approx(20, abs=1)


@pytest.mark.parametrize("start_s", [0.2, 0.4983, 0.501])
def test_a_five_millisecond_burst_at_15_db(rng, start_s):
    scene = Scene(rng)
    scene.add(scene.fsk(0.005, 4800, 2400), start_s, -310e3, 9.6e3, 15)
    (found,) = scene.find()
    assert found.start_s == pytest.approx(start_s, abs=2e-3)
    assert found.stop_s == pytest.approx(start_s + 0.005, abs=2e-3)


def test_a_keyed_train_is_one_and_packets_far_apart_are_two(rng):
    scene = Scene(rng)
    train = scene.keyed([1, 1, 0, 1, 0, 0, 0, 0, 1, 1, 0, 1] * 4, 1000)
    scene.add(train, 0.1, 50e3, 5e3, 40)
    scene.add(train, 0.1 + 0.048 + 0.030, 50e3, 5e3, 40)
    found = scene.find()
    assert [(round(e.start_s, 2), round(e.stop_s, 2)) for e in found] == [(0.1, 0.15), (0.18, 0.23)]
    assert {e.label for e in found} == {"ook"}
    assert found[0].duty == pytest.approx(0.5, abs=0.1)


def test_two_carriers_25_khz_apart_are_two(rng):
    scene = Scene(rng)
    scene.add(scene.voice(0.4), 0.2, 100e3, 12.5e3, 25)
    scene.add(scene.voice(0.5), 0.3, 125e3, 12.5e3, 25)
    assert [round(e.center_freq_hz / 12.5e3) for e in scene.find()] == [8, 10]


def test_a_drifting_carrier_stays_one(rng):
    scene = Scene(rng, 2.0)
    when = scene.time(1.5)
    scene.add(np.exp(1j * np.pi * 20e3 * when**2), 0.25, -150e3, 1e3, 25)
    (found,) = scene.find()
    assert found.stop_s - found.start_s == pytest.approx(1.5, abs=0.01)
    assert found.bandwidth_hz == pytest.approx(30e3, rel=0.1)


def test_an_emission_across_block_borders_is_one(rng):
    scene = Scene(rng, 3.0)
    scene.add(scene.voice(2.2), 0.4, 222e3, 12.5e3, 20)
    (found,) = scene.find()
    assert (found.start_s, found.stop_s) == pytest.approx((0.4, 2.6), abs=2e-3)


def test_what_never_pauses_is_found_by_its_edges(rng):
    scene = Scene(rng, 1.5)
    scene.add(scene.block(1.5, 200e3), 0.0, 250e3, 200e3, 15)
    (found,) = scene.find()
    assert found.bandwidth_hz == pytest.approx(200e3, rel=0.05)
    assert (found.start_s, found.stop_s) == pytest.approx((0.0, 1.5), abs=2e-3)


def test_dc_spike_and_steady_lines_are_not_emissions(rng):
    scene = Scene(rng, 1.5)
    scene.samples += 0.05
    for offset in (-333_300.0, 81_000.0, 250_400.0):
        scene.add(np.ones(len(scene.samples), dtype=complex), 0.0, offset, 1e3, 20)
    assert scene.find() == []


def test_a_burst_on_the_dc_spike_is_found(rng):
    scene = Scene(rng)
    scene.samples += 0.02
    scene.add(scene.fsk(0.1, 4800, 2400), 0.6, 0.0, 9.6e3, 30)
    (found,) = scene.find()
    assert found.center_freq_hz == pytest.approx(0, abs=1e3)


def test_the_image_of_a_strong_burst_is_not_boxed(rng):
    scene = Scene(rng)
    scene.add(scene.fsk(0.1, 4800, 2400), 0.3, 200e3, 9.6e3, 50)
    scene.samples += 0.03 * np.conj(scene.samples)
    (found,) = scene.find()
    assert found.center_freq_hz == pytest.approx(200e3, abs=1e3)


def test_a_weak_burst_beside_a_steady_strong_one_is_not_lost(rng):
    scene = Scene(rng, 1.5)
    scene.add(scene.block(1.5, 150e3), 0.0, -300e3, 150e3, 45)
    scene.add(scene.fsk(0.1, 4800, 2400), 0.7, 300e3, 9.6e3, 15)
    assert [round(e.center_freq_hz / 1e5) for e in scene.find()] == [-3, 3]


def test_a_receiver_that_breathes_is_not_an_emission(rng):
    scene = Scene(rng, 1.5)
    when = np.arange(len(scene.samples)) / RATE
    scene.samples *= 1.0 + 0.6 * (np.sin(2 * np.pi * 35 * when) > 0.6)
    assert scene.find() == []


def test_wide_pulses_are_one_emission_each(rng):
    scene = Scene(rng, 0.4, rate=2e6)
    starts = np.cumsum(rng.uniform(1e-3, 8e-3, 40)) + 0.01
    starts = starts[starts < 0.39]
    for start in starts:
        bits = rng.choice([0.0, 1.0], 112)
        chips = np.stack([bits, 1 - bits], axis=1).ravel()
        scene.add(chips.astype(complex), start, 0.0, 2e6, 20)
    found = scene.find()
    assert len(found) == len(starts)
    assert [e.start_s for e in found] == pytest.approx(starts, abs=20e-6)
    assert {e.label for e in found} == {"pulse"}


def test_bursts_with_pauses_of_a_frame_are_one_steady_emission(rng):
    scene = Scene(rng, 0.5, rate=4e6)
    shape = scene.block(0.5, 2e6) * (np.arange(2_000_000) % 20_000 < 14_000)
    scene.add(shape, 0.0, 0.3e6, 2e6, 20)
    (found,) = scene.find()
    assert found.bandwidth_hz == pytest.approx(2e6, rel=0.05)


def filled(scene):
    """Scale to -4 dBFS: more than any gain would give."""
    scene.samples *= np.sqrt(0.4 / np.mean(np.abs(scene.samples) ** 2))


def test_a_filled_band_is_said_only_where_full_scale_means_something(rng):
    scene = Scene(rng, 0.6)
    frames = np.arange(len(scene.samples)) % 10_000 < 7_000  # as a cell with pauses
    scene.samples *= np.where(frames, 1.0, 0.5)
    filled(scene)
    (found,) = scene.find(sample_format="ci16")
    assert found.bandwidth_hz > 0.95 * RATE
    assert scene.find() == []


def test_white_noise_of_any_level_is_nobodys_emission(rng):
    scene = Scene(rng, 0.6)
    filled(scene)
    assert scene.find(sample_format="ci16") == []


@pytest.mark.parametrize("count", [9_600, 48_000, 3_000_000])
def test_random_bytes_are_nobodys_emission(rng, count):
    finder = BurstFinder(2.4e6, sample_format="cu8")
    raw = rng.integers(0, 256, 2 * count, dtype=np.uint8)
    assert [*finder.feed(raw), *finder.finish()] == []


def test_two_voices_12_5_khz_apart_are_two_of_their_own_width(rng):
    scene = Scene(rng, 1.6)
    scene.add(scene.voice(1.0), 0.3, 100e3, 7e3, 30)
    scene.add(scene.voice(0.8), 0.5, 112.5e3, 7e3, 22)
    found = scene.find()
    assert [e.center_freq_hz for e in found] == pytest.approx([100e3, 112.5e3], abs=1e3)
    assert all(e.bandwidth_hz < 12e3 for e in found)
    assert [e.start_s for e in found] == pytest.approx([0.3, 0.5], abs=2e-3)


def test_a_weaker_neighbour_25_khz_away_is_not_its_splatter(rng):
    scene = Scene(rng, 1.6)
    scene.add(scene.voice(1.1), 0.3, 100e3, 7e3, 35)
    scene.add(scene.fsk(0.6, 1200, 1500), 0.5, 125e3, 5e3, 15)
    assert [round(e.center_freq_hz / 1e3) for e in scene.find()] == [100, 125]


def test_the_two_tones_of_a_weak_wide_fsk_are_one(rng):
    scene = Scene(rng, 1.5)
    scene.add(scene.fsk(0.7, 600, 4500), 0.4, -200e3, 10e3, 9)
    (found,) = scene.find()
    assert found.center_freq_hz == pytest.approx(-200e3, abs=1e3)
    assert (found.start_s, found.stop_s) == pytest.approx((0.4, 1.1), abs=3e-3)


@pytest.mark.parametrize("snr_db", [75, 85])
def test_a_converter_far_beyond_its_end_stops_shows_one_emission(rng, snr_db):
    scene = Scene(rng, 1.3)
    scene.add(scene.fsk(0.5, 1200, 4500), 0.4, 130e3, 10e3, snr_db)
    scene.samples *= 0.02 / np.sqrt(NOISE_DENSITY * RATE / 2)  # noise of 2.5 steps
    (found,) = scene.find(sample_format="cu8")
    assert found.center_freq_hz == pytest.approx(130e3, abs=2e3)
    assert (found.start_s, found.stop_s) == pytest.approx((0.4, 0.9), abs=2e-3)


@pytest.mark.parametrize("step", [997, 65_521, 499_979])
def test_the_result_does_not_depend_on_the_chunks(rng, step):
    scene = Scene(rng, 2.2)
    scene.add(scene.voice(1.1), 0.3, 222e3, 12.5e3, 20)
    scene.add(scene.fsk(0.030, 10_000, 20_000), 0.49, -123e3, 50e3, 25)
    scene.add(scene.keyed([1, 0, 1, 1, 0] * 20, 1000), 1.45, 10e3, 5e3, 30)
    whole = scene.find()
    assert len(whole) == 3
    assert scene.find(step) == whole


def test_priming_reveals_what_was_on_from_the_first_sample(rng):
    scene = Scene(rng, 2.0)
    scene.add(np.ones(round(0.9 * RATE), dtype=complex), 0.0, 150e3, 1e3, 30)
    samples = raw(scene.samples)
    blind, primed = BurstFinder(RATE), BurstFinder(RATE)
    primed.prime(samples[-120_000:])
    (late,) = blind.feed(samples) + blind.finish()
    assert late.start_s > 0.4
    (found,) = primed.feed(samples) + primed.finish()
    assert (found.start_s, found.stop_s) == pytest.approx((0.0, 0.9), abs=2e-3)


@pytest.mark.parametrize("pieces", [0, 4, 16])
def test_the_noise_density_is_unbiased_however_it_was_learned(rng, pieces):
    samples = raw(Scene(rng, 1.5).samples)
    finder = BurstFinder(RATE)
    for first in range(pieces):
        finder.prime(samples[first * 120_000 :][:120_000])
    assert finder.feed(samples) + finder.finish() == []
    assert finder.noise_dbfs_per_hz == pytest.approx(-90.0, abs=0.2)


def test_mostly_zeros(rng):
    """A floor of a third of a step: most samples are the same code."""
    scene = Scene(rng, 1.0)
    scene.samples *= (0.35 / 127.5) / np.sqrt(np.mean(np.abs(scene.samples) ** 2) / 2)
    scene.density = 2 * (0.35 / 127.5) ** 2 / RATE
    scene.add(scene.fsk(0.1, 4800, 2400), 0.4, -210e3, 9.6e3, 25)
    parts = scene.samples.view(np.float64) * 127.5
    scene.samples = (np.round(parts) / 127.5).view(np.complex128)
    (found,) = scene.find()
    assert found.center_freq_hz == pytest.approx(-210e3, abs=1e3)


def test_shorter_than_a_frame_and_nothing_at_all():
    finder = BurstFinder(RATE)
    assert finder.finish() == []
    finder = BurstFinder(RATE)
    assert finder.feed(np.zeros(200, dtype=np.float32)) == []
    assert finder.finish() == []


def test_digital_silence_is_survived():
    finder = BurstFinder(RATE)
    silence = np.zeros(1_200_000, dtype=np.float32)
    assert finder.feed(silence) + finder.finish() == []
