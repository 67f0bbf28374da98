"""Round trip, offset and timeout of a site's line, against hand-worked times."""

from __future__ import annotations

import pytest

from sensors.messages import Pulse
from sensors.timing import RTO_MAX_S, RTO_MIN_S, Timing

MS = 1_000_000


def test_an_echo_measures_round_trip_and_offset() -> None:
    """The site is 5 ms ahead; 20 ms there, 7 ms held, 20 ms back."""
    timing = Timing()
    pulse = Pulse(echo_ns=1000 * MS, received_ns=1015 * MS, sent_ns=1022 * MS)
    assert timing.echoed(pulse, 1047 * MS)
    assert timing.round_trip_s == pytest.approx(0.040)
    assert timing.offset_ns == 5 * MS


@pytest.mark.parametrize(
    ("received_ms", "sent_ms", "back_ms"),
    [(1015, 1010, 1047), (1000, 1100, 1047), (1015, 1022, 900), (1015, 1022, 62_000)],
    ids=["held less than nothing", "held longer than away", "back before sent", "too late"],
)
def test_an_echo_across_a_set_clock_measures_nothing(
    received_ms: int, sent_ms: int, back_ms: int
) -> None:
    timing = Timing()
    pulse = Pulse(echo_ns=1000 * MS, received_ns=received_ms * MS, sent_ns=sent_ms * MS)
    assert not timing.echoed(pulse, back_ms * MS)
    assert (timing.round_trip_s, timing.offset_ns) == (0.0, None)


def test_round_trips_are_smoothed_by_an_eighth() -> None:
    timing = Timing()
    timing.took(0.8)
    timing.took(1.6)
    assert timing.round_trip_s == pytest.approx(0.9)


def test_the_timeout_doubles_up_to_its_bound_and_comes_back() -> None:
    timing = Timing()
    waits = []
    for _ in range(7):
        waits.append(timing.rto_s)
        timing.timed_out()
    assert waits == [RTO_MIN_S, 2.0, 4.0, 8.0, 16.0, RTO_MAX_S, RTO_MAX_S]
    timing.progressed()
    assert timing.rto_s == RTO_MIN_S


def test_the_timeout_is_four_round_trips_of_a_slow_line() -> None:
    timing = Timing()
    timing.took(1.5)
    assert timing.rto_s == pytest.approx(6.0)
