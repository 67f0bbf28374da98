"""Repeat periods are found through misses and late sightings, and not in random times."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.rhythm import Rhythm, find_rhythm


@given(st.floats(1.5, 600), st.floats(0, 1e6), st.integers(0, 2**32 - 1))
def test_a_period_is_found_though_bursts_were_missed_and_seen_late(period_s, start_s, seed):
    rng = np.random.default_rng(seed)
    beats = np.cumsum(rng.integers(1, 4, 12))
    late = rng.uniform(0, 0.05 * period_s, 12)
    rhythm = find_rhythm((start_s + beats * period_s + late).tolist())
    assert rhythm is not None
    common = np.gcd.reduce(np.diff(beats))
    assert rhythm.period_s == pytest.approx(common * period_s, rel=0.02)
    after_s = start_s + float(beats[-1]) * period_s + 0.5 * period_s
    turn = (rhythm.next_s(after_s) - start_s) / period_s
    assert abs(turn - round(turn)) < 0.1


def test_random_times_have_no_rhythm():
    rng = np.random.default_rng(1)
    found = sum(
        find_rhythm(np.cumsum(rng.exponential(20.0, n) + 0.5).tolist()) is not None
        for n in rng.integers(4, 20, 600)
    )
    assert found <= 3


def test_a_button_pressed_irregularly_has_none_and_its_jittered_cousin_has():
    rng = np.random.default_rng(2)
    irregular = np.arange(20) * 3.0 + rng.uniform(0, 2.5, 20)
    assert find_rhythm(irregular.tolist()) is None
    steady = np.arange(20) * 3.0 + rng.uniform(0, 0.3, 20)
    assert find_rhythm(steady.tolist()).period_s == pytest.approx(3.0, rel=0.01)


@pytest.mark.parametrize("starts", [[], [1.0], [1.0, 2.0, 3.0], [0.0, 0.3, 0.6, 0.9, 1.2]])
def test_too_few_or_too_fast_is_no_rhythm(starts):
    assert find_rhythm(starts) is None


def test_a_changed_rhythm_is_learnt_again():
    first = np.arange(30) * 10.0
    second = first[-1] + 7.0 + np.arange(30) * 17.0
    assert find_rhythm([*first, *second]).period_s == pytest.approx(17.0)


def test_the_next_beat_lies_after_now():
    rhythm = Rhythm(10.0, 3.0, 0.1, 4)
    assert [rhythm.next_s(t) for t in (-20.0, 2.9, 3.0, 14.0)] == [-17.0, 3.0, 13.0, 23.0]
