"""Live rows: one slot per watch, credit, lapse, skipped ones counted."""

from __future__ import annotations

from sensors.messages import SpectrumReference, SpectrumRow, Watch
from sensors.rows import LAPSE_S, MAX_WATCHES, Rows

SENSOR = "school-3/hall"


def watch(number: int = 1, credit: int = 4, **changes: object) -> Watch:
    values: dict[str, object] = {"sensor": SENSOR, "start_hz": 1e8, "stop_hz": 2e8, "n_bins": 100}
    return Watch(**(values | {"credit": credit, "watch": number} | changes))  # type: ignore[arg-type]


def row(seq: int) -> SpectrumRow:
    return SpectrumRow(SENSOR, seq, seq, 0.1, 1e8, 1e6, bytes(100))


def drain(rows: Rows) -> list[int]:
    taken = []
    while (message := rows.take()) is not None:
        assert isinstance(message, SpectrumRow)
        taken.append(message.seq)
    return taken


def test_nobody_watching_nothing_kept() -> None:
    rows = Rows((SENSOR,))
    rows.offer(watch(), row(1))
    assert rows.take() is None
    assert rows.watches(0.0) == ()


def test_the_newest_wins_and_says_how_many_were_skipped() -> None:
    rows = Rows((SENSOR,))
    rows.grant(watch(credit=1), 0.0)
    for seq in range(5):
        rows.offer(watch(), row(seq))
    taken = rows.take()
    assert isinstance(taken, SpectrumRow)
    assert (taken.seq, taken.skipped, taken.watch) == (4, 4, 1)
    assert rows.counts["skipped"] == 4


def test_credit_is_spent_and_renewed() -> None:
    rows = Rows((SENSOR,))
    rows.grant(watch(credit=2), 0.0)
    sent = []
    for seq in range(5):
        rows.offer(watch(), row(seq))
        sent += drain(rows)
    assert sent == [0, 1]
    rows.grant(watch(credit=2, received=0), 1.0)
    assert drain(rows) == []  # both are still on their way: no new credit for them
    rows.grant(watch(credit=2, received=1), 1.0)
    assert drain(rows) == [4]  # the one that waited
    rows.offer(watch(), row(5))
    assert drain(rows) == []
    rows.grant(watch(credit=2, received=3), 1.0)
    assert drain(rows) == [5]


def test_a_row_that_the_socket_did_not_take_gives_its_credit_back() -> None:
    rows = Rows((SENSOR,))
    rows.grant(watch(credit=1), 0.0)
    rows.offer(watch(), row(0))
    first = rows.take()
    assert first is not None
    rows.unsent(first)
    rows.offer(watch(), row(1))
    second = rows.take()
    assert isinstance(second, SpectrumRow)
    assert (second.seq, second.skipped) == (1, 1)


def test_watches_share_fairly() -> None:
    rows = Rows((SENSOR,))
    for number in (1, 2):
        rows.grant(watch(number, credit=64), 0.0)
    order = []
    for seq in range(3):
        for number in (1, 2):
            rows.offer(watch(number), row(seq))
        while (message := rows.take()) is not None:
            order.append(message.watch)
    assert sorted(order) == [1, 1, 1, 2, 2, 2]
    assert order[:2] == [1, 2]


def test_a_watch_lapses_ends_and_moves() -> None:
    rows = Rows((SENSOR,))
    rows.grant(watch(), 0.0)
    rows.grant(watch(start_hz=1.5e8), 1.0)
    assert [w.start_hz for w in rows.watches(1.0)] == [1.5e8]
    assert rows.watches(1.0 + LAPSE_S + 0.1) == ()
    rows.grant(watch(), 20.0)
    rows.grant(watch(credit=0), 20.0)
    assert rows.watches(20.0) == ()


def test_references_need_no_credit() -> None:
    rows = Rows((SENSOR,))
    rows.grant(watch(credit=1), 0.0)
    rows.offer(watch(), SpectrumReference(SENSOR, 1e8, 1e6, bytes(100), bytes(100)))
    rows.offer(watch(), row(0))
    assert [type(rows.take()) for _ in range(3)] == [
        SpectrumReference,
        SpectrumRow,
        type(None),
    ]


def test_foreign_sensors_and_too_many_watches_are_refused() -> None:
    rows = Rows((SENSOR,))
    rows.grant(watch(sensor="school-4/hall"), 0.0)
    rows.grant(watch(start_hz=2e8, stop_hz=2e8), 0.0)
    for number in range(1, MAX_WATCHES + 10):
        rows.grant(watch(number), 0.0)
    assert len(rows.watches(0.0)) == MAX_WATCHES
    assert rows.counts["refused"] == 11
