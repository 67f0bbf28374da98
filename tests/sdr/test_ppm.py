"""The crystal's error from synthetic stations whose truth is known."""

import math

import numpy as np
import pytest

from dsp.values import IQBlock
from sdr.ppm import StationError, combine, station_error

RATE = 960e3


def station(freq_hz, crystal_ppm, *, pilot=True, carrier_off_hz=0.0, seed=1, seconds=1.0):
    """A station as a dongle with this crystal error receives it, 250 kHz below the centre."""
    rng = np.random.default_rng(seed)
    fast = 1 + crystal_ppm * 1e-6
    n = round(seconds * RATE)
    t = np.arange(n) / (RATE * fast)  # true time of each sample
    center_hz = freq_hz + 0.25e6
    music = np.zeros(n)
    for tone_hz in rng.uniform(60, 9000, 12):
        music += rng.uniform(0.02, 0.09) * np.sin(2 * np.pi * tone_hz * t + rng.uniform(0, 7))
    message = 75e3 * music + (7500 * np.sin(2 * np.pi * 19e3 * t) if pilot else 0.0)
    phase = 2 * np.pi * np.cumsum(message) / (RATE * fast)
    offset_hz = freq_hz + carrier_off_hz - center_hz * fast
    x = 0.3 * np.exp(1j * (2 * np.pi * offset_hz * t + phase))
    x += 0.01 * (rng.standard_normal(n) + 1j * rng.standard_normal(n))
    raw = np.empty(2 * n, dtype=np.float32)
    raw[0::2], raw[1::2] = x.real, x.imag
    return IQBlock(raw, "cf32", center_hz, RATE, 0, 0)


@pytest.mark.parametrize("ppm", [-80.0, 0.0, 0.4, 37.0, 150.0])
def test_carrier_and_pilot_tell_the_crystal(ppm):
    found = station_error(station(98.8e6, ppm), 98.8e6)
    assert found.carrier_ppm == pytest.approx(ppm, abs=0.7)
    assert found.pilot_ppm == pytest.approx(ppm, abs=0.3)


def test_without_a_pilot_only_the_carrier_speaks():
    found = station_error(station(98.8e6, 10.0, pilot=False), 98.8e6)
    assert math.isnan(found.pilot_ppm)
    assert found.carrier_ppm == pytest.approx(10.0, abs=0.7)


def test_noise_has_no_pilot_and_what_lies_far_off_is_another_station():
    silence = station(98.8e6, 0.0)
    noise = np.random.default_rng(3).standard_normal(silence.raw.shape[0]).astype(np.float32)
    block = IQBlock(noise * 0.1, "cf32", 99.05e6, RATE, 0, 0)
    assert math.isnan(station_error(block, 98.8e6).pilot_ppm)
    far = station_error(station(98.8e6, 0.0, carrier_off_hz=60e3), 98.8e6)
    assert math.isnan(far.carrier_ppm)


def test_medians_outvote_a_bad_transmitter():
    stations = [
        StationError(f, 20.0 + d, 20.0 - d) for f, d in [(9e7, 0.2), (9.5e7, 0), (1e8, 0.1)]
    ]
    stations.append(StationError(1.05e8, 90.0, -60.0))
    found = combine(stations)
    assert found.ppm == pytest.approx(20.0, abs=0.3)
    assert found.sigma_ppm < 1.0
    assert (found.carriers, found.pilots) == (4, 4)


def test_uncertainty_is_honest_about_one_station_and_about_disagreement():
    one = combine([StationError(9e7, 20.0, math.nan)])
    assert one.sigma_ppm == 5.0
    torn = combine([StationError(9e7, 0.0, 40.0)])
    assert torn.sigma_ppm > 5.0
    assert combine([StationError(9e7, math.nan, math.nan)]) is None
    assert combine([]) is None
