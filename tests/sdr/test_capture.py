"""The pre-trigger ring: bounded, exact at its edges, honest about what it no longer has."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.values import IQBlock
from sdr.capture import Ring, cut, stop_ns

T0 = 1_780_000_000_000_000_000
RATE = 2.4e6


def block(index, num_samples=24_000, center_freq_hz=100e6, dropped=0):
    """Samples whose values tell where they are in the stream."""
    counter = np.arange(index, index + num_samples, dtype=np.int64)
    raw = np.empty(2 * num_samples, dtype=np.int16)
    raw[0::2], raw[1::2] = counter % 30_011, counter // 30_011
    time_ns = T0 + round(index / RATE * 1e9)
    return IQBlock(raw, "ci16", center_freq_hz, RATE, time_ns, index, dropped)


def indices(blocks):
    """Stream positions that the values say."""
    parts = [b.raw[1::2].astype(np.int64) * 30_011 + b.raw[0::2] for b in blocks]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def test_time_and_bytes_are_bounded_and_the_oldest_goes_first():
    ring = Ring(seconds=0.1, max_bytes=10 << 20)
    for n in range(100):
        ring.push(block(n * 24_000))
    held = ring.extract(0, 2 * T0)
    assert ring.num_samples == 11 * 24_000  # those that ended at most 0.1 s ago, and the newest
    assert indices(held)[0] == 89 * 24_000
    assert ring.short_blocks == 0


def test_a_source_faster_than_expected_meets_the_byte_bound_and_it_is_counted():
    ring = Ring(seconds=60, max_bytes=500_000)
    for n in range(100):
        ring.push(block(n * 24_000))
        assert ring.num_bytes <= 500_000
    assert ring.short_blocks == 95


def test_a_block_larger_than_the_bound_keeps_its_end():
    ring = Ring(max_bytes=4_000)
    ring.push(block(0))
    held = ring.extract(0, 2 * T0)
    assert indices(held).tolist() == list(range(23_000, 24_000))
    assert held[0].sample_index == 23_000
    assert ring.short_blocks == 1


@given(st.integers(0, 50_000), st.integers(1, 50_000))
def test_extract_is_exact_to_the_sample(first, count):
    ring = Ring()
    for n in range(10):
        ring.push(block(n * 12_345, 12_345))
    a, b = (T0 + round(i / RATE * 1e9) for i in (first, first + count))
    found = ring.extract(a, b)
    assert indices(found).tolist() == list(range(first, first + count))
    assert all(one.sample_index == indices([one])[0] for one in found)
    assert all(abs(one.time_ns - T0 - one.sample_index / RATE * 1e9) <= 1 for one in found)


def test_extract_can_be_of_one_centre():
    ring = Ring()
    for n in range(6):
        ring.push(block(n * 1000, 1000, center_freq_hz=100e6 + (n % 2) * 2e6))
    found = ring.extract(0, 2 * T0, center_freq_hz=102e6)
    assert [b.sample_index for b in found] == [1000, 3000, 5000]


def test_samples_survive_a_source_that_reuses_its_buffer():
    ring = Ring()
    one = block(0, 1000)
    ring.push(one)
    one.raw[:] = 0
    assert indices(ring.extract(0, 2 * T0)).tolist() == list(range(1000))


def test_losses_stay_with_the_first_sample():
    one = block(100, 1000, dropped=7)
    assert cut(one, 0, 10).dropped_samples == 7
    assert cut(one, 1, 10).dropped_samples == 0
    assert cut(one, 0, 1000) is one
    assert stop_ns(one) == one.time_ns + round(1000 / RATE * 1e9)


def test_clear_forgets_everything():
    ring = Ring()
    ring.push(block(0))
    ring.clear()
    assert (ring.num_bytes, ring.num_samples, ring.extract(0, 2 * T0)) == (0, 0, [])


@pytest.mark.parametrize("rate", [2.4e6, 1.024e6, 2.56e6])
def test_nothing_comes_twice_and_nothing_is_missing_between_two_extracts(rate):
    ring = Ring()
    raw = np.zeros(2 * 50_000, dtype=np.uint8)
    ring.push(IQBlock(raw, "cu8", 1e8, rate, T0, 0))
    middle = T0 + 12_345_678
    parts = ring.extract(0, middle) + ring.extract(middle, 2 * T0)
    assert sum(b.num_samples for b in parts) == 50_000
