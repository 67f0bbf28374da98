"""The ring between receiver and reader: nothing torn, the oldest dropped, time from arrivals."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdr import stream as stream_module
from sdr.stream import Ended, SampleStream, Silent

RATE_HZ = 1e6


class Clock:
    """A monotonic clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s

    def monotonic_ns(self) -> int:
        return round(self.now_s * 1e9)

    def time_ns(self) -> int:
        return round((self.now_s + 1e9) * 1e9)


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(stream_module, "time", made)
    return made


def counting(first: int, count: int) -> np.ndarray:
    return (np.arange(first, first + count) % 251).astype(np.uint8)


@settings(max_examples=60, deadline=None)
@given(
    puts=st.lists(st.integers(1, 700), min_size=1, max_size=30),
    wants=st.lists(st.integers(1, 300), min_size=1, max_size=30),
)
def test_what_comes_out_is_what_went_in_from_the_told_position(puts, wants):
    ring = SampleStream(RATE_HZ, 0.0005, gap_s=1.0)  # 500 samples
    written = position = 0
    for number, size in enumerate(puts):
        ring.put(counting(written, size))
        written += size
        want = wants[number % len(wants)]
        available = written - 2 * max(position, (written - 1000 + 1) // 2)
        if 2 * want > available:
            continue
        raw, first, dropped = ring.read(want, 0.0)
        assert first == position + dropped
        assert np.array_equal(raw, counting(2 * first, 2 * want))
        position = first + want


def test_a_put_longer_than_the_ring_keeps_its_end():
    ring = SampleStream(RATE_HZ, 0.0001, gap_s=1.0)  # 100 samples
    ring.put(counting(0, 1000))
    raw, position, dropped = ring.read(100, 0.0)
    assert (position, dropped) == (400, 400)
    assert np.array_equal(raw, counting(800, 200))


def test_a_reader_waits_for_the_last_sample():
    ring = SampleStream(RATE_HZ, 0.01, gap_s=1.0)
    ring.put(np.zeros(100, np.uint8))
    timer = threading.Timer(0.1, ring.put, [np.ones(100, np.uint8)])
    timer.start()
    started = time.monotonic()
    raw, _, _ = ring.read(100, 2.0)
    assert time.monotonic() - started > 0.05
    assert raw.sum() == 100
    timer.join()


def test_silence_and_end():
    ring = SampleStream(RATE_HZ, 0.01, gap_s=1.0)
    ring.put(np.zeros(100, np.uint8))
    with pytest.raises(Silent):
        ring.read(51, 0.05)
    ring.end("unplugged")
    assert ring.read(50, 0.05)[1] == 0  # what had arrived is still given
    with pytest.raises(Ended, match="unplugged"):
        ring.read(1, 0.05)


def test_time_follows_the_earliest_arrivals(clock):
    ring = SampleStream(RATE_HZ, 1.0, gap_s=0.1)
    delays_s = np.random.default_rng(1).exponential(0.004, 400)
    delays_s[::20] = 0.0
    for number, delay_s in enumerate(delays_s):
        clock.now_s = 1000.0 + (number + 1) * 0.01 + delay_s
        ring.put(np.zeros(20_000, np.uint8))  # 10 ms
    # Sample 0 was on the air at second 1000, which is UTC 1000 + 1e9.
    assert ring.time_ns(0) == pytest.approx((1e9 + 1000.0) * 1e9, abs=1e5)
    assert ring.time_ns(1_000_000) == pytest.approx((1e9 + 1001.0) * 1e9, abs=1e5)


def test_a_slow_crystal_is_followed_and_nothing_counts_as_lost(clock):
    ring = SampleStream(RATE_HZ, 1.0, gap_s=0.1)
    for number in range(2000):
        clock.now_s = 1000.0 + (number + 1) * 0.01 * (1 + 100e-6)
        ring.put(np.zeros(20_000, np.uint8))
    assert ring.count == 2000 * 10_000
    late_s = clock.now_s - (ring.time_ns(ring.count) / 1e9 - 1e9)
    assert abs(late_s) < 2e-4


def test_skipping_leaves_out_what_is_under_way(clock):
    ring = SampleStream(RATE_HZ, 1.0, gap_s=0.1)
    for number in range(10):
        clock.now_s = 1000.0 + (number + 1) * 0.01
        ring.put(np.zeros(20_000, np.uint8))
    clock.now_s += 0.007  # 7 ms of the transfer under way are old already
    ring.skip_to(0.002)
    clock.now_s = 1000.0 + 0.11
    ring.put(np.zeros(20_000, np.uint8))
    _, position, dropped = ring.read(100, 0.0)
    assert position == 100_000 + 9000
    assert dropped == 0


def test_a_late_callback_does_not_let_old_samples_through(clock):
    """Three transfers wait in the system when the tuner moves; none of them may be given."""
    ring = SampleStream(RATE_HZ, 1.0, gap_s=0.1)
    for number in range(10):
        clock.now_s = 1000.0 + (number + 1) * 0.01
        ring.put(np.zeros(20_000, np.uint8))
    clock.now_s = 1000.0 + 0.13
    ring.skip_to(0.0)
    for _ in range(3):
        ring.put(np.zeros(20_000, np.uint8))
    clock.now_s += 0.01
    ring.put(np.ones(20_000, np.uint8))
    raw, position, _ = ring.read(1000, 0.0)
    assert position == 130_000
    assert raw.all()


def test_lost_samples_are_counted_and_keep_their_place_in_time(clock):
    ring = SampleStream(RATE_HZ, 10.0, gap_s=0.1)
    lost = 0
    dropped_in_all = 0
    for number in range(400):
        if number == 200:
            lost = 300_000
        clock.now_s = 1000.0 + (number + 1) * 0.01 + lost / RATE_HZ
        ring.put(np.zeros(20_000, np.uint8))
        _, position, dropped = ring.read(10_000, 0.0)
        dropped_in_all += dropped
    assert dropped_in_all == pytest.approx(300_000, abs=10)
    assert position == pytest.approx(399 * 10_000 + 300_000, abs=10)
    sent_s = 1000.0 + 399 * 0.01 + 0.3
    assert ring.time_ns(position) == pytest.approx((1e9 + sent_s) * 1e9, abs=1e6)


def test_a_loss_before_a_retune_is_told_after_it(clock):
    ring = SampleStream(RATE_HZ, 1.0, gap_s=0.1, step_s=250e-6)
    told = 0
    for number in range(300):
        lost = 2000 if number >= 100 else 0
        clock.now_s = 1000.0 + (number + 1) * 0.01 + lost / RATE_HZ
        ring.put(np.zeros(20_000, np.uint8))
        if number % 10 == 9:  # a hop of 100 ms, of which the first half is skipped
            _, _, dropped = ring.read(1000, 0.0)
            told += dropped
            ring.skip_to(0.05)
    assert told == pytest.approx(2000, abs=2)
    assert ring.untold == 0
    assert ring.count == pytest.approx(300 * 10_000 + 2000, abs=2)


def test_a_loss_that_nobody_has_read_is_not_forgotten(clock):
    ring = SampleStream(RATE_HZ, 1.0, gap_s=0.1, step_s=250e-6)
    for number in range(300):
        lost = 2000 if number >= 100 else 0
        clock.now_s = 1000.0 + (number + 1) * 0.01 + lost / RATE_HZ
        ring.put(np.zeros(20_000, np.uint8))
    assert ring.untold == pytest.approx(2000, abs=2)


def test_a_host_that_stood_still_does_not_blame_the_dongle(monkeypatch):
    """Time passes, but the reader was not there to see that nothing came."""
    ring = SampleStream(RATE_HZ, 0.01, gap_s=1.0)
    waits = []

    def stand_still(seconds):
        waits.append(seconds)
        if len(waits) == 3:
            ring.put(np.zeros(100, np.uint8))
            return True
        return False

    monkeypatch.setattr(ring._changed, "wait", stand_still)
    assert ring.read(50, 1.0)[1] == 0
    with pytest.raises(Silent):
        ring.read(50, 1.0)
    assert sum(waits[3:]) == pytest.approx(1.0)


def test_a_corrected_clock_is_followed_at_the_next_skip(clock, monkeypatch):
    ring = SampleStream(RATE_HZ, 1.0, gap_s=0.1)
    clock.now_s += 0.01
    ring.put(np.zeros(20_000, np.uint8))
    before_ns = ring.time_ns(0)
    monkeypatch.setattr(clock, "time_ns", lambda: round((clock.now_s + 1e9 + 5) * 1e9))
    assert ring.time_ns(0) == before_ns
    ring.skip_to(0.0)
    assert ring.time_ns(0) - before_ns == pytest.approx(5e9, abs=10)


def test_utc_is_followed_by_a_reader_that_stays(clock, monkeypatch):
    monkeypatch.setattr(clock, "time_ns", lambda: round((clock.now_s * (1 + 50e-6) + 1e9) * 1e9))
    ring = SampleStream(RATE_HZ, 1.0, gap_s=0.1)
    for number in range(10_000):
        clock.now_s = 1000.0 + (number + 1) * 0.01
        ring.put(np.zeros(20_000, np.uint8))
    # 100 s at 50 ppm are 5 ms; the last second's share is not known yet.
    assert abs(ring.time_ns(ring.count) - clock.time_ns()) < 0.1e6
    assert clock.time_ns() - round((clock.now_s + 1e9) * 1e9) > 5e6


def test_what_was_claimed_stays_claimed_whatever_is_skipped(clock):
    ring = SampleStream(RATE_HZ, 1.0, gap_s=0.1)
    first = ring.claim(1000)
    ring.put(counting(0, 1000))
    clock.now_s += 0.001
    ring.skip_to(0.0)
    ring.put(counting(1000, 3000))
    raw, position, _ = ring.take(first, 1000, 0.0)
    assert position == 0
    assert np.array_equal(raw, counting(0, 2000))
    assert ring.read(100, 0.0)[1] == 1500


def test_a_claim_that_was_overwritten_is_short_and_says_so():
    ring = SampleStream(RATE_HZ, 0.001, gap_s=1.0)  # 1000 samples
    first = ring.claim(800)
    ring.put(counting(0, 2600))
    raw, position, dropped = ring.take(first, 800, 0.0)
    assert (position, dropped) == (300, 300)
    assert np.array_equal(raw, counting(600, 1000))
    ring.put(counting(2600, 2000))
    assert ring.take(ring.claim(100), 100, 0.0)[2] == 500  # nobody had claimed those


def in_time(clock, ring, transfers, size=1000):
    """Let transfers arrive when their last sample has been on the air."""
    for _ in range(transfers):
        clock.now_s += size / RATE_HZ
        ring.put(np.zeros(2 * size, np.uint8))


class Enough:
    """An event that is never set; notes how long it was waited for."""

    def __init__(self):
        self.waits = []

    def wait(self, seconds):
        self.waits.append(seconds)

    def is_set(self):
        return False


def test_the_wait_is_over_when_the_last_sample_was_on_the_air(clock):
    ring = SampleStream(RATE_HZ, 1.0, gap_s=0.1)
    in_time(clock, ring, 50)
    first, enough = ring.claim(50_400), Enough()
    assert ring.wait_on_air(first + 50_400, 1000, 0.0, enough) == 50_000
    assert enough.waits == [pytest.approx(0.4e-3, abs=1e-6)]


def test_nobody_waits_for_what_is_not_wanted_any_more():
    ring = SampleStream(RATE_HZ, 1.0, gap_s=0.1)
    ring.put(np.zeros(2000, np.uint8))
    enough = threading.Event()
    threading.Timer(0.05, enough.set).start()
    started = time.monotonic()
    ring.wait_on_air(round(60 * RATE_HZ), 1000, 60.0, enough)
    assert time.monotonic() - started < 5.0


def test_where_too_much_is_missing_the_wait_is_for_the_samples(clock):
    ring = SampleStream(RATE_HZ, 1.0, gap_s=0.1)
    in_time(clock, ring, 50)
    clock.now_s += 0.01  # ten transfers late: nobody knows whether they will ever come
    with pytest.raises(Silent):
        ring.wait_on_air(55_000, lag=1000, patience_s=0.01)


@pytest.mark.parametrize(("late_s", "taken"), [(0.2e-3, 51_000), (5e-3, 50_000)])
def test_an_end_that_came_late_is_left_out(clock, late_s, taken):
    """Samples lost in it would be made up by samples from after the retune."""
    ring = SampleStream(RATE_HZ, 1.0, gap_s=0.1)
    first = ring.claim(51_000)
    in_time(clock, ring, 50)
    clock.now_s += 1e-3 + late_s
    ring.put(np.zeros(2000, np.uint8))
    raw, _, _ = ring.take(first, 51_000, 0.0, sure=50_000)
    assert raw.shape[0] == 2 * taken


def test_after_a_freeze_nothing_is_waited_for_longer_than_the_queue(clock):
    """What did not fit into the queue meanwhile is lost; it is not under way."""
    queue_s = 0.1
    ring = SampleStream(RATE_HZ, 1.0, gap_s=queue_s)
    in_time(clock, ring, 500)
    clock.now_s += 10.0
    ring.put(np.zeros(2 * round(queue_s * RATE_HZ), np.uint8))
    arrived, before = ring.count, ring.claim(1000)
    ring.skip_to(0.005)
    first = ring.claim(1000)
    assert first - arrived == pytest.approx((queue_s + 0.005) * RATE_HZ, abs=2)
    # What was claimed before keeps its time and tells the loss; what comes now has the right time.
    began_s = 1000.0 + 1e9
    _, position, dropped = ring.take(before, 1000, 0.0)
    assert ring.time_ns(position) == pytest.approx(began_s * 1e9, abs=1e4)
    assert dropped == pytest.approx((10.0 - 2 * queue_s) * RATE_HZ, abs=2)
    clock.now_s += 0.01
    ring.put(np.zeros(2 * round((queue_s + 0.01) * RATE_HZ), np.uint8))
    _, position, dropped = ring.take(first, 1000, 0.0)
    assert ring.time_ns(position) == pytest.approx((began_s + 10.505) * 1e9, abs=1e4)
    assert dropped == 0
