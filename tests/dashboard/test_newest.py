"""Hashes of the newest records, against a dictionary of everything."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dashboard.newest import NewestHashes
from sensors.wire import record_hash


def _digest(number: int) -> bytes:
    return record_hash(str(number).encode())


@given(st.lists(st.integers(-3, 12), max_size=200))
def test_what_is_remembered_is_right_and_the_newest_are(steps: list[int]) -> None:
    newest, known = NewestHashes(8), dict[int, bytes]()
    seq = 100
    for number, step in enumerate(steps):
        seq += step if step in (-3, 12) else 1  # now and then back, or some left out
        if seq - 1 not in known:
            known.clear()
        known = {old: digest for old, digest in known.items() if old < seq}
        known[seq] = _digest(number)
        newest.put(seq, known[seq])
    for old in range(seq - 8, seq + 2):
        if seq - 8 < old <= seq or newest.get(old) is not None:
            assert newest.get(old) == known.get(old)


def test_what_was_forgotten_or_never_came_is_unknown() -> None:
    newest = NewestHashes(4)
    assert newest.get(0) is None
    for seq in range(1, 1000):
        newest.put(seq, _digest(seq))
    assert newest.get(999) == _digest(999)
    assert newest.get(996) == _digest(996)
    assert newest.get(1000) is None
    assert newest.get(900) is None
