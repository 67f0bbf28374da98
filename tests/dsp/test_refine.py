from dataclasses import replace

import numpy as np
import pytest

from dsp.baseline import Learner
from dsp.detect import detect
from dsp.dwell import look
from dsp.identity import Identity
from dsp.plan import Band, make_plan
from dsp.programme import fsk2
from dsp.refine import refine
from dsp.rule import Rule
from dsp.synth import band_power, carrier, noise, quantise_cu8, seeded, shaped_noise
from dsp.values import IQBlock

RATE_HZ = 2.4e6
COUNT = 96_000
PLAN = make_plan([Band("b", 168e6, 170e6, 1.0)])
HOP = PLAN.hops[0]


def block(seed, wave=0.0):
    samples = noise(seeded(seed), COUNT, -36.0) + np.asarray(wave, dtype=np.complex64)
    return IQBlock(quantise_cu8(samples), "cu8", HOP.center_freq_hz, RATE_HZ, 1, 0)


@pytest.fixture(scope="module")
def reference():
    learner = Learner(Identity("0", "", None, RATE_HZ, 1024, "hann", PLAN.digest), PLAN)
    for seed in range(30):
        learner.learn(look(block(seed), HOP))
    return learner.freeze().at(0)


def fsk(level_dbfs, offset_hz, keyed=slice(None)):
    seconds = np.arange(COUNT) / RATE_HZ
    wave = carrier(fsk2(1, 0, 4000, 1200.0).turns(seconds + 0.2) * 4500 + offset_hz * seconds)
    on = np.zeros(COUNT, dtype=np.float32)
    on[keyed] = 10 ** (level_dbfs / 20)
    return wave * on


def true_bandwidth_hz(wave):
    power = np.abs(np.fft.fftshift(np.fft.fft(wave * np.hanning(COUNT)))) ** 2
    share = np.cumsum(power) / power.sum()
    low, high = np.searchsorted(share, [0.005, 0.995])
    return (high - low) * RATE_HZ / COUNT


def test_a_narrow_signal_is_measured_finer_than_its_bins(reference):
    errors = []
    for seed in range(20):
        offset_hz = -5e5 + 5.1e4 * seed
        samples = block(100 + seed, fsk(-45.0, offset_hz))
        (coarse,) = detect(look(samples, HOP), reference, Rule())
        (fine,) = refine(samples, HOP, [coarse], reference)
        errors.append(fine.bandwidth_hz)
        assert abs(fine.center_freq_hz - HOP.center_freq_hz - offset_hz) < 600
        assert fine.power_dbfs == pytest.approx(-45.0, abs=0.5)
        assert (fine.threshold_dbfs, fine.peak_dbfs) == (coarse.threshold_dbfs, coarse.peak_dbfs)
    assert np.median(errors) == pytest.approx(true_bandwidth_hz(fsk(-45.0, 0.0)), rel=0.05)


def test_a_burst_is_measured_in_its_burst(reference):
    samples = block(200, fsk(-40.0, 3e5, slice(40_000, 52_000)))
    (coarse,) = detect(look(samples, HOP), reference, Rule())
    assert coarse.duty < 0.5
    (fine,) = refine(samples, HOP, [coarse], reference)
    assert abs(fine.center_freq_hz - HOP.center_freq_hz - 3e5) < 1200
    assert fine.bandwidth_hz == pytest.approx(12.5e3, rel=0.25)


def test_a_wide_signal_is_left_as_it_is(reference):
    share = band_power(COUNT, 0.1, 0.3)
    wide = shaped_noise(seeded(3), share / share.sum() * 1e-2)
    samples = block(300, wide)
    (coarse,) = detect(look(samples, HOP), reference, Rule())
    assert refine(samples, HOP, [coarse], reference)[0] is coarse


def test_the_receivers_response_is_taken_out_of_the_finer_bins_too(reference):
    response = np.full(1024, 0.8, dtype=np.float32)
    samples = block(400, fsk(-30.0, 2e5))
    (coarse,) = detect(look(samples, HOP, response=response), reference, Rule())
    (fine,) = refine(samples, HOP, [coarse], reference, response)
    assert fine.power_dbfs == pytest.approx(-29.03, abs=0.2)


def test_a_detection_weaker_than_its_neighbour_is_measured_where_it_is(reference):
    strong = fsk(-10.0, 0.0)
    found = detect(look(block(3, strong), HOP), reference, Rule())
    (one,) = found
    beside = replace(
        one,
        low_hz=one.high_hz + 3 * HOP.grid.bin_width_hz,
        high_hz=one.high_hz + 5 * HOP.grid.bin_width_hz,
        bandwidth_hz=5e3,
    )
    (measured,) = refine(block(3, strong), HOP, [beside], reference)
    assert measured.bandwidth_hz > 0
