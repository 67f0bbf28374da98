"""Losses from arrival times: a simulated dongle with a wrong crystal before a host that is busy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from sdr.lateness import STARVED_S, WINDOW_S, Lateness

RATE_HZ = 2.4e6
TRANSFER = 4096
STEP_S = 250e-6
QUEUE_S = 64 * TRANSFER / RATE_HZ


def arrivals(
    rng: np.random.Generator,
    seconds: float,
    *,
    ppm: float = 0.0,
    busy: float = 0.0,
    drops: Sequence[tuple[float, int]] = (),
    transfer: int = TRANSFER,
) -> np.ndarray:
    """Times at which transfers reach us: shape (n,), seconds.

    Parameters
    ----------
    ppm : float
        The crystal is slow by so much.
    busy : float
        Share of the time for which the host does not let us run, in pieces of 1 to 60 ms.
    drops : list of (float, int)
        When how many samples vanish.
    """
    count = int(seconds * RATE_HZ / transfer)
    ready_s = 5.0 + np.arange(1, count + 1) * transfer / RATE_HZ * (1 + ppm * 1e-6)
    for at_s, lost in drops:
        ready_s[ready_s > 5.0 + at_s] += lost / RATE_HZ
    arrived_s = np.empty(count)
    free_s = blocked_s = 0.0
    for number, ready in enumerate(ready_s):
        while busy and blocked_s < ready:
            pause_s = rng.uniform(0.001, 0.06)
            if ready - blocked_s < pause_s:
                free_s = max(free_s, blocked_s + pause_s)
            blocked_s += pause_s + rng.exponential(0.03 * (1 - busy) / busy)
        free_s = max(free_s, ready + rng.exponential(30e-6)) + 30e-6
        arrived_s[number] = free_s
    return arrived_s


def count_losses(
    times_s: np.ndarray, lateness: Lateness | None = None, transfer: int = TRANSFER
) -> list[tuple[float, int]]:
    """When how many samples were found missing."""
    lateness = lateness or Lateness(RATE_HZ, STEP_S, QUEUE_S)
    count, found = 0, []
    for now_s in times_s:
        count += transfer
        if lost := lateness.arrive(now_s, transfer, count):
            count += lost
            found.append((now_s - 5.0, lost))
    return found


@pytest.mark.parametrize("ppm", [-80.0, -20.0, 0.0, 80.0])
@pytest.mark.parametrize("busy", [0.0, 0.3, 0.7, 0.9])
def test_nothing_lost_is_nothing_counted(rng, ppm, busy):
    assert count_losses(arrivals(rng, 60.0, ppm=ppm, busy=busy)) == []


@pytest.mark.parametrize("ppm", [-80.0, 0.0, 80.0])
@pytest.mark.parametrize("busy", [0.0, 0.5])
@pytest.mark.parametrize(
    ("every_s", "lost"), [(0.5, 1024), (0.5, 4096), (1.0, 1024), (2.0, 32768), (5.0, 1024)]
)
def test_what_is_lost_is_counted_to_two_per_cent(rng, ppm, busy, every_s, lost):
    drops = [(at_s, lost) for at_s in np.arange(10.0, 50.0, every_s)]
    found = count_losses(arrivals(rng, 55.0, ppm=ppm, busy=busy, drops=drops))
    total = sum(samples for _, samples in found)
    assert total == pytest.approx(len(drops) * lost, rel=0.02)


@pytest.mark.parametrize("ppm", [-80.0, 0.0, 80.0])
def test_losses_from_the_beginning_while_the_crystal_is_unknown(rng, ppm):
    drops = [(at_s, 2500) for at_s in np.arange(0.6, 29.0, 0.5)]
    found = count_losses(arrivals(rng, 30.0, ppm=ppm, drops=drops))
    assert sum(samples for _, samples in found) == pytest.approx(len(drops) * 2500, rel=0.03)


@pytest.mark.parametrize("at_s", [10.0, 10.06, 10.12, 10.2, 10.24])
def test_one_loss_is_found_within_a_second_with_its_size(rng, at_s):
    found = count_losses(arrivals(rng, 15.0, drops=[(at_s, 1024)]))
    assert len(found) == 1
    found_s, lost = found[0]
    assert at_s < found_s < at_s + 3 * WINDOW_S + 0.01
    assert lost == pytest.approx(1024, abs=150)


def test_a_pause_of_the_whole_host_is_counted_once(rng):
    """The queue keeps 109 ms of half a second; nothing runs meanwhile, then all of it comes."""
    times_s = arrivals(rng, 20.0)
    gone = (times_s > 15.0 + QUEUE_S) & (times_s < 15.5)
    times_s = np.where((times_s > 15.0) & (times_s < 15.5), 15.5, times_s)[~gone]
    found = count_losses(times_s)
    assert sum(lost for _, lost in found) == pytest.approx(gone.sum() * TRANSFER, abs=300)


def test_a_host_that_lets_us_run_ten_times_a_second_only(rng):
    """Each time all that waits is taken, and only the last of it is nearly in time."""
    times_s = arrivals(rng, 30.0)
    late = times_s > 15.0
    times_s[late] = 15.0 + np.ceil((times_s[late] - 15.0) / 0.1) * 0.1
    assert count_losses(times_s) == []


def test_a_host_that_never_catches_up_lost_what_its_queue_cannot_hold(rng):
    times_s = arrivals(rng, 20.0)
    later = times_s > 10.0
    times_s[later] = np.ceil(times_s[later] / 0.5) * 0.5 + 0.3
    found = count_losses(times_s)
    total_s = sum(lost for _, lost in found) / RATE_HZ
    assert 0.3 - QUEUE_S - 0.01 <= total_s <= 0.3 - QUEUE_S + 0.01
    assert found[0][0] < 5.0 + STARVED_S + 1.0


def test_the_crystal_is_learned(rng):
    lateness = Lateness(RATE_HZ, STEP_S, QUEUE_S)
    drops = [(at_s, 4096) for at_s in np.arange(15.0, 55.0, 1.0)]
    count_losses(arrivals(rng, 60.0, ppm=43.0, busy=0.3, drops=drops), lateness)
    assert lateness.slope == pytest.approx(43e-6, abs=3e-6)


def test_short_transfers_are_transfers(rng):
    drops = [(at_s, 2500) for at_s in np.arange(5.0, 15.0, 0.5)]
    times_s = arrivals(rng, 17.0, drops=drops, busy=0.2, transfer=512)
    found = count_losses(times_s, transfer=512)
    assert sum(lost for _, lost in found) == pytest.approx(20 * 2500, rel=0.02)


def test_a_corrected_rate_is_learned_anew(rng):
    lateness = Lateness(RATE_HZ, STEP_S, QUEUE_S)
    before = arrivals(rng, 30.0)
    assert count_losses(before, lateness) == []
    zero_s = lateness.zero_s
    lateness.begin()
    assert lateness.zero_s == zero_s
    after = before[-1] - 5.0 + arrivals(rng, 30.0, ppm=300.0)
    # The positions go on from those before.
    count, found = before.shape[0] * TRANSFER, 0
    for now_s in after:
        count += TRANSFER
        lost = lateness.arrive(now_s, TRANSFER, count)
        count, found = count + lost, found + lost
    assert found == 0
