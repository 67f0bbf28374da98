"""An over of a digital hand-held is one emission; packets at another pace stay packets."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.burst import BurstFinder
from dsp.programme import fsk4
from dsp.synth import carrier, noise, seeded

RATE = 1_000_000


def find(bursts, seconds):
    """4FSK bursts (start, length in seconds, hertz) in noise."""
    samples = noise(seeded(1), round(seconds * RATE), -40.0)
    for start_s, length_s, offset_hz in bursts:
        at = np.arange(round(length_s * RATE)) / RATE
        turns = fsk4(2, 3, 4000, 4800.0).turns(at + start_s) * 1944.0 + offset_hz * at
        first = round(start_s * RATE)
        samples[first : first + len(at)] += carrier(turns) * np.float32(10**-1.7)
    finder = BurstFinder(RATE)
    values = samples.view(np.float32)
    found = []
    for first in range(0, len(values), 500_000):
        found += finder.feed(values[first : first + 500_000])
    return sorted(found + finder.finish(), key=lambda e: (e.start_s, e.center_freq_hz))


def test_an_over_in_one_slot_is_one_emission_from_first_to_last_burst():
    (found,) = find([(0.3 + 0.06 * n, 0.0275, 120e3) for n in range(25)], 2.2)
    assert found.start_s == pytest.approx(0.3, abs=1e-3)
    assert found.stop_s == pytest.approx(0.3 + 0.06 * 24 + 0.0275, abs=1e-3)
    assert found.label in ("fm", "fsk")
    assert found.bandwidth_hz < 12e3


def test_both_slots_of_two_channels_are_two():
    first = [(0.2 + 0.06 * n, 0.0275, -200e3) for n in range(12)]
    second = [(0.23 + 0.06 * n, 0.0275, 100e3) for n in range(12)]
    assert [round(e.center_freq_hz / 1e5) for e in find(first + second, 1.3)] == [-2, 1]


@pytest.mark.parametrize("period_s", [0.045, 0.075, 0.12])
def test_packets_at_another_pace_stay_packets(period_s):
    assert len(find([(0.2 + period_s * n, 0.028, 120e3) for n in range(6)], 1.2)) == 6


def test_two_packets_may_be_chance():
    assert len(find([(0.2, 0.0275, 120e3), (0.26, 0.0275, 120e3)], 0.8)) == 2
