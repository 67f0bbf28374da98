"""A receiver with a known roll-off: its response is learnt, and what is flat reads flat."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import fft

from dsp.baseline import Baseline, Learner
from dsp.detect import detect
from dsp.dwell import look
from dsp.identity import Identity
from dsp.plan import Band, make_plan
from dsp.response import band_response
from dsp.rule import Rule, thresholds
from dsp.synth import quantise_cu8, seeded, shaped_noise, tone
from dsp.units import db, from_db
from dsp.values import IQBlock

RATE_HZ = 2.4e6
COUNT = 48_000
PLAN = make_plan([Band("tv3", 167e6, 183e6, 2.0)])
IDENTITY = Identity("1", "whip", 40.2, RATE_HZ, 1024, "hann", PLAN.digest)
STATIONS = ((168.2e6, 40e3, 25.0), (174.5e6, 900e3, 12.0), (181.0e6, 150e3, 35.0))
"""Steady, by centre, width and decibels over the noise: one fills half a hop."""


def filter_db(place):
    """4.5 dB down at the lower kept edge, 3 at the upper, a bump of half a decibel between."""
    edge = np.clip((np.abs(place) - 0.28) / 0.14, 0.0, 1.2)
    return -np.where(place < 0, 4.5, 3.0) * edge**2 + 0.5 * np.exp(-(((place - 0.2) / 0.08) ** 2))


def block(hop, seed, *, rolled=True, carrier=None):
    """Noise, stations, perhaps one carrier (hertz, dBFS), through the filter, as bytes."""
    place = fft.fftfreq(COUNT)
    freqs = hop.center_freq_hz + place * RATE_HZ
    density = np.full(COUNT, from_db(-34.0) / COUNT)
    for center_hz, width_hz, over_db in STATIONS:
        density[np.abs(freqs - center_hz) < width_hz / 2] *= from_db(over_db)
    gain = from_db(filter_db(place)) if rolled else np.ones(COUNT)
    samples = shaped_noise(seeded(seed, hop.index), density * gain)
    if carrier is not None:
        offset = (carrier[0] - hop.center_freq_hz) / RATE_HZ
        loss = float(filter_db(np.array(offset))) if rolled else 0.0
        samples += tone(COUNT, offset, carrier[1] + loss)
    raw = quantise_cu8(samples)
    return IQBlock(raw, "cu8", hop.center_freq_hz, RATE_HZ, 1 + seed * 10**9, 0)


@pytest.fixture(scope="module")
def baseline():
    learner = Learner(IDENTITY, PLAN)
    for seed in range(25):
        for hop in PLAN.hops:
            learner.learn(look(block(hop, seed), hop))
    return learner.freeze()


def quiet(hop):
    """Bins that no station reaches, nor the skirts that a wide one is allowed."""
    freqs = hop.grid.freqs_hz()
    away = [np.abs(freqs - f) > width + 30e3 for f, width, _ in STATIONS]
    return np.all(away, axis=0) & (np.abs(freqs - hop.center_freq_hz) > 10e3)


def test_the_response_is_that_of_the_filter(baseline):
    place = np.arange(1024) / 1024 - 0.5
    kept = np.abs(place) < PLAN.hops[0].grid.n_bins / 2 / 1024 - 2 / 1024
    error_db = (db(baseline.response) - filter_db(place))[kept]
    assert np.abs(error_db).max() < 0.3


def test_floors_and_thresholds_are_flat_to_the_edge(baseline):
    for hop in PLAN.hops:
        reference = baseline.at(hop.index)
        limit = thresholds(look(block(hop, 99), hop, response=baseline.response), reference, Rule())
        for level in (reference.typical_mean, limit.mean_on, limit.burst_on):
            free = db(level)[quiet(hop)]
            smooth = np.convolve(free, np.ones(24) / 24, mode="valid")
            assert np.abs(smooth - np.median(smooth)).max() < 0.3


def test_a_carrier_reads_the_same_in_the_middle_and_at_the_edge(baseline):
    hop = PLAN.hops[2]
    edge = hop.grid.n_bins // 2 - 12
    for offset in (-edge, -200, 100, 330, edge):
        freq_hz = hop.center_freq_hz + offset * hop.grid.bin_width_hz
        seen = look(block(hop, 50, carrier=(freq_hz, -40.0)), hop, response=baseline.response)
        (found,) = detect(seen, baseline.at(hop.index), Rule())
        assert found.peak_dbfs == pytest.approx(-40.0, abs=0.35)


def test_nothing_alarms_because_of_the_slope(baseline):
    for hop in PLAN.hops:
        seen = look(block(hop, 77), hop, response=baseline.response)
        assert detect(seen, baseline.at(hop.index), Rule()) == []


def test_the_disk_keeps_it_and_an_older_file_has_none(baseline):
    arrays = {name: array.copy() for name, array in baseline.arrays()}
    again = Baseline.from_arrays(arrays)
    assert np.array_equal(again.response, baseline.response)
    assert again.hash == baseline.hash
    for counts in again.counts:
        counts.center_freq_hz = None
    older = Baseline(again.identity, again.counts)
    assert older.response is None
    assert older.at(0).typical_mean[0] < 0.5 * baseline.at(0).typical_mean[0]


def test_one_hop_alone_says_nothing_of_the_filter(baseline):
    known = [(one.center_freq_hz, one.grid, one.hist_mean.quantile(0.5)) for one in baseline.counts]
    assert band_response(known[:1], 1024) is None
    assert band_response(known[:3], 1024) is None
