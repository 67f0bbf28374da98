import numpy as np
import pytest

from dsp.measure import measure, own_width
from dsp.psd import dwell_power
from dsp.synth import noise, seeded, shaped_noise, tone
from dsp.values import Grid
from dsp.window import window

GRID = Grid(0.0, 1000.0, 256)
HANN = window("hann", 256)


def flat(n_bins=256, level=1.0):
    return np.full(n_bins, level, dtype=np.float32)


def figures(power, first=0, last=255, k_eff=1000.0):
    quiet = flat()
    return measure(power, quiet, GRID, first, last, noise=quiet, taps=HANN, k_eff=k_eff)


def test_a_flat_block_has_its_width_centre_level_and_snr():
    power = flat()
    power[100:140] += 99.0
    got = figures(power)
    assert got.bandwidth_hz == pytest.approx(0.99 * 40e3, rel=0.01)
    assert got.center_freq_hz == pytest.approx(119.5e3, abs=10)
    assert got.power == pytest.approx(0.99 * 40 * 99 / 1.5, rel=0.01)
    assert got.snr_db == pytest.approx(10 * np.log10(99.0), abs=0.1)
    assert got.bandwidth_26db_hz == pytest.approx(40e3, rel=0.05)


@pytest.mark.parametrize("offset", [0.0, 0.25, 0.5])
@pytest.mark.parametrize("name", ["hann", "blackman_harris"])
def test_a_tone_reads_its_level_and_place_and_the_least_width(offset, name):
    w = window(name, 256)
    samples = tone(256 * 40, (20 + offset) / 256, -30.0)
    power = dwell_power(samples.view(np.float32), w, 128, 1).mean() + np.float32(1e-9)
    quiet = flat(level=1e-9)
    got = measure(power, quiet, GRID, 140, 156, noise=quiet, taps=w, k_eff=60)
    assert got.center_freq_hz == pytest.approx((148 + offset) * 1e3, abs=100)
    assert got.bandwidth_hz <= 2e3
    assert 10 * np.log10(got.power) == pytest.approx(-30.0, abs=0.15)


def test_noise_does_not_widen_a_signal():
    rng = seeded(1)
    shares = np.zeros(256 * 64)
    shares[64 * 30 : 64 * 50] = 1.0 / (64 * 20)
    widths, errors = [], []
    for _ in range(40):
        samples = shaped_noise(rng, shares) + noise(rng, 256 * 64, -8.0)
        power = dwell_power(samples.view(np.float32), HANN, 128, 1).mean()
        quiet = flat(level=10**-0.8 * HANN.enbw_bins / 256)
        got = measure(power, quiet, GRID, 148, 188, noise=quiet, taps=HANN, k_eff=120)
        widths.append(got.bandwidth_hz)
        errors.append(got.bandwidth_error_hz)
    assert np.mean(widths) == pytest.approx(19.8e3, rel=0.06)
    assert 0.3 < np.std(widths) / np.mean(errors) < 3


def test_nothing_but_noise_gives_finite_figures():
    got = figures(flat())
    assert np.isfinite([got.center_freq_hz, got.bandwidth_hz, got.snr_db]).all()


def test_26_db_under_a_weak_signal_cannot_be_seen():
    power = flat()
    power[120] += 3.0
    assert np.isnan(figures(power, 110, 130, k_eff=100).bandwidth_26db_hz)


def test_a_windows_own_width_is_that_of_its_main_lobe():
    assert 2.5 < own_width("hann") < 3.3
    assert own_width("hann") < own_width("blackman_harris") < own_width("flat_top")
