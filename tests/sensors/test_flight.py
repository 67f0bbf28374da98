"""The window of records in flight: its bounds, what lands, going back."""

from __future__ import annotations

from collections.abc import Sequence

from sensors.flight import SIGNATURE_BYTES, WINDOW, WINDOW_BYTES, Flight
from sensors.messages import Signed
from sensors.outbox_record import Stored


class Records:
    """Records of given sizes, numbered from 1."""

    def __init__(self, *sizes: int) -> None:
        self.stored = [
            Stored(seq, 0, b"", Signed(bytes(size), bytes(64))) for seq, size in enumerate(sizes, 1)
        ]
        self.epoch, self.head, self.first = b"e", b"h", 1
        self.last, self.acked = len(sizes), 0

    def after(self, seq: int, limit: int) -> Sequence[Stored]:
        return self.stored[seq : seq + limit]

    def hash_of(self, seq: int) -> bytes | None:
        return None

    def ack(self, seq: int) -> None:
        self.acked = seq


def fly(flight: Flight, now_s: float = 0.0) -> list[tuple[int, bool]]:
    """Send all that may go: number, and whether it had gone before."""
    went = []
    while (record := flight.next()) is not None:
        went.append((record.seq, flight.took_off(record, now_s)))
    return went


def test_a_window_of_records_flies_and_no_more() -> None:
    flight = Flight(Records(*[10] * (WINDOW + 5)))
    assert fly(flight) == [(seq, False) for seq in range(1, WINDOW + 1)]
    flight.landed(3, 1.0)
    assert [seq for seq, _ in fly(flight)] == [WINDOW + 1, WINDOW + 2, WINDOW + 3]
    assert len(flight) == WINDOW


def test_bytes_are_bounded_to_the_last_one() -> None:
    half = WINDOW_BYTES // 2 - SIGNATURE_BYTES
    assert len(fly(Flight(Records(half, half, 1)))) == 2
    assert len(fly(Flight(Records(half, half + 1)))) == 1


def test_one_record_may_always_go() -> None:
    flight = Flight(Records(2 * WINDOW_BYTES, 1))
    assert fly(flight) == [(1, False)]
    flight.landed(1, 0.0)
    assert fly(flight) == [(2, False)]


def test_what_was_sent_again_measures_no_round_trip() -> None:
    flight = Flight(Records(10, 10, 10))
    fly(flight, 1.0)
    assert flight.landed(1, 1.25) == 0.25
    flight.go_back(1)
    assert (len(flight), flight.cursor, flight.high) == (0, 1, 3)
    assert fly(flight, 2.0) == [(2, True), (3, True)]
    assert flight.landed(3, 2.5) is None
    assert len(flight) == 0


def test_only_the_record_that_is_acknowledged_itself_is_a_measure() -> None:
    """An acknowledgement counts for all before it, but says nothing of when they arrived."""
    flight = Flight(Records(10, 10))
    for sent_s in (1.0, 3.0):
        record = flight.next()
        assert record is not None
        flight.took_off(record, sent_s)
    assert flight.landed(2, 3.5) == 0.5
